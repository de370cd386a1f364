// tm_module.h: module tm: transactions as scripts use them. The machines and the performer are the core's;
// this gives them their names, parameters and RPC.
#pragma once

#include <string>
#include <string_view>

#include "core/worker/module.h"
#include "core/worker/tm_settings.h"

namespace lockstep::tm {

// "forward" and so on, as scripts and parameters write it.
std::string_view policy_name(transaction::LatePolicy policy);

class TmModule final : public worker::Module {
 public:
  TmModule();
  const script::ModuleExports& exports() const override { return exports_; }
  Result<bool, std::string> start(worker::ServerHost& host) override;

 private:
  void add_relay_functions();
  void add_arming_functions();
  void add_state_functions();
  void add_policy_functions();
  void add_contact_functions();
  void add_variables();
  void add_parameters();
  void add_unserved_parameters();

  script::ModuleExports exports_;
  worker::TmSettings settings_;
  std::string contacts_avp_ = "tm_contacts";
};

}  // namespace lockstep::tm
