// jsonrpcs_module.h: the parameters of the control plane under their Kamailio names. The transports are
// core's (core/worker/control_server.h) and are served whether this module is loaded or not; loading it lets
// a configuration choose names, modes, owners and layout.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/script/registry.h"
#include "core/worker/control_settings.h"
#include "core/worker/module.h"

namespace lockstep::jsonrpcs {

class JsonrpcsModule final : public worker::Module {
 public:
  JsonrpcsModule();

  const script::ModuleExports& exports() const override { return exports_; }
  Result<bool, std::string> start(worker::ServerHost& host) override;

  // What start() does to the settings: only what the configuration named. Also for tests.
  Result<bool, std::string> apply(worker::ControlSettings& settings) const;

 private:
  using Change = std::function<void(worker::ControlSettings&)>;

  void add_text(std::string name, std::string doc, std::string worker::ControlSettings::*field);
  void add_mode(std::string name, std::string doc, unsigned worker::ControlSettings::*field);
  void add_number(std::string name, std::string doc, std::int64_t max,
                  std::function<void(worker::ControlSettings&, std::int64_t)> assign);

  script::ModuleExports exports_;
  std::vector<Change> changes_;  // In the order of the modparams: the last one wins.
};

}  // namespace lockstep::jsonrpcs
