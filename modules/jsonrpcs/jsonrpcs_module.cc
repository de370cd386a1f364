#include "modules/jsonrpcs/jsonrpcs_module.h"

#include <fmt/core.h>

#include <utility>

#include "core/base/log.h"
#include "core/worker/export_helpers.h"

namespace lockstep::jsonrpcs {

namespace {

using script::ParameterSpec;
using script::Value;
using worker::ControlSettings;

constexpr std::int64_t kTransportAll = 15;
constexpr std::int64_t kTransportTcp = 8;

}  // namespace

JsonrpcsModule::JsonrpcsModule() {
  exports_.name = "jsonrpcs";
  exports_.doc = "JSON-RPC over a FIFO and a datagram socket.";
  add_number("pretty_format", "1 (default): indented answers, which kamctl needs. 0: one line.", 1,
             [](ControlSettings& settings, std::int64_t value) {
               settings.layout = value != 0 ? worker::JsonLayout::kPretty : worker::JsonLayout::kCompact;
             });
  add_number("transport", "Sum of 2 (FIFO) and 4 (datagram socket); default 6.", kTransportAll,
             [](ControlSettings& settings, std::int64_t value) {
               settings.transport = static_cast<unsigned>(value);
             });
  add_text("fifo_name", "Request FIFO, under the run directory unless absolute; empty: none.",
           &ControlSettings::fifo_name);
  add_mode("fifo_mode", "Its permissions, default 0660.", &ControlSettings::fifo_mode);
  add_text("fifo_user", "Its owner, name or number.", &ControlSettings::fifo_user);
  add_text("fifo_group", "Its group, name or number.", &ControlSettings::fifo_group);
  add_text("fifo_reply_dir", "Where clients make their reply FIFOs, default /tmp/.",
           &ControlSettings::fifo_reply_dir);
  add_text("dgram_socket", "Datagram socket: a path as fifo_name, or udp:ADDRESS:PORT; empty: none.",
           &ControlSettings::dgram_socket);
  add_mode("dgram_mode", "Its permissions, default 0660.", &ControlSettings::dgram_mode);
  add_text("dgram_user", "Its owner, name or number.", &ControlSettings::dgram_user);
  add_text("dgram_group", "Its group, name or number.", &ControlSettings::dgram_group);
  // One process serves all transports and waits for nobody, so there is nothing to tune.
  for (const char* const name : {"dgram_workers", "dgram_timeout", "tcp_socket"}) {
    exports_.parameters.push_back(worker::unserved_parameter(exports_.name, name));
  }
}

void JsonrpcsModule::add_text(std::string name, std::string doc, std::string ControlSettings::*field) {
  exports_.parameters.push_back({.name = std::move(name),
                                 .type = ParameterSpec::Type::kString,
                                 .doc = std::move(doc),
                                 .set = [this, field](const Value& value) -> std::string {
                                   changes_.push_back(
                                       [field, text = std::string(value.text())](ControlSettings& settings) {
                                         settings.*field = text;
                                       });
                                   return {};
                                 }});
}

void JsonrpcsModule::add_mode(std::string name, std::string doc, unsigned ControlSettings::*field) {
  add_number(std::move(name), std::move(doc), 0777, [field](ControlSettings& settings, std::int64_t value) {
    settings.*field = static_cast<unsigned>(value);
  });
}

void JsonrpcsModule::add_number(std::string name, std::string doc, std::int64_t max,
                                std::function<void(ControlSettings&, std::int64_t)> assign) {
  auto set = [this, max, assign = std::move(assign)](const Value& value) -> std::string {
    const auto number = value.try_int();
    if (!number || *number < 0 || *number > max) return fmt::format("must be from 0 to {}", max);
    changes_.push_back([assign, number = *number](ControlSettings& settings) { assign(settings, number); });
    return {};
  };
  exports_.parameters.push_back({.name = std::move(name),
                                 .type = ParameterSpec::Type::kInt,
                                 .doc = std::move(doc),
                                 .set = std::move(set)});
}

Result<bool, std::string> JsonrpcsModule::apply(ControlSettings& settings) const {
  for (const Change& change : changes_) change(settings);
  if (settings.fifo_reply_dir.empty() || settings.fifo_reply_dir.front() != '/') {
    return Failure{
        fmt::format("jsonrpcs: fifo_reply_dir must be an absolute path, not '{}'", settings.fifo_reply_dir)};
  }
  if (!settings.fifo_reply_dir.ends_with('/')) settings.fifo_reply_dir += '/';
  if ((settings.transport & ControlSettings::kTransportHttp) != 0) {
    LS_LOG(kNotice, "jsonrpcs", "transport 1 (HTTP) is not served; FIFO and datagram socket are");
  }
  if ((settings.transport & kTransportTcp) != 0) {
    LS_LOG(kNotice, "jsonrpcs", "transport 8 (TCP) is not served; FIFO and datagram socket are");
  }
  return true;
}

Result<bool, std::string> JsonrpcsModule::start(worker::ServerHost& host) { return apply(host.control); }

}  // namespace lockstep::jsonrpcs

LS_MODULE(lockstep::jsonrpcs::JsonrpcsModule)
