// pv_module.cc: module pv: the variables of a SIP message and its transformations. The language's own
// variables
// ($var, $rc, time) are in core/script; those of transactions ($T_...) in tm.
#include <fmt/format.h>

#include <unistd.h>

#include "core/base/log.h"
#include "modules/pv/pv_parts.h"

namespace lockstep::pv {

Value text_or_null(std::string_view text) { return text.empty() ? Value::null() : Value::of_string(text); }

Value hexadecimal(ScriptContext& context, std::uint32_t number) {
  fmt::memory_buffer digits;
  fmt::format_to(std::back_inserter(digits), "{:08X}", number);
  return context.make_string(std::string_view(digits.data(), digits.size()));
}

std::string_view transport_of(const sip::Uri& uri) {
  if (uri.scheme == sip::UriScheme::kSips) return "TLS";
  const auto param = uri.param("transport");
  if (!param.has_value() || param->value.empty()) return "UDP";
  const sip::Transport transport = sip::transport_of(param->value);
  return transport == sip::Transport::kOther ? param->value : sip::transport_name(transport);
}

namespace {

using script::Arguments;
using worker::answer;

int typeof_variable(ScriptContext& context, const Arguments& arguments) {
  const Value value = arguments.variable(0).get(context);
  const std::string_view type = arguments.string(1);
  if (type == "int") return answer(value.is_int());
  if (type == "str") return answer(value.is_string());
  if (type == "null") return answer(value.is_null());
  LS_LOG(kErr, "pv", "typeof: '{}' is not int, str or null", type);
  return -1;
}

class PvModule : public worker::Module {
 public:
  PvModule() {
    exports_.name = "pv";
    exports_.doc = "The variables of a SIP message, and transformations of URIs and lists.";
    add_message_variables(exports_);
    add_header_variables(exports_);
    add_request_variables(exports_);
    add_branch_variables(exports_);
    add_address_variables(exports_);
    add_avp_variables(exports_);
    add_uri_transformations(exports_);
    add_text_transformations(exports_);
    add_process_variables();
    add_functions();
    for (const char* name : {"shvset", "varset", "avp_aliases"}) {
      exports_.parameters.push_back(worker::unserved_parameter("pv", name));
    }
  }
  const script::ModuleExports& exports() const override { return exports_; }

  Result<bool, std::string> start(worker::ServerHost& host) override {
    counter_names_ = &host.counters;
    return true;
  }

 private:
  void add_process_variables() {
    add_variable(exports_, "pp", "the number of this process (pid)",
                 [](ScriptContext&, const VariableRef&) { return Value::of_int(getpid()); });
    add_variable(
        exports_, "stat", "a statistic: \"name\" or \"group:name\", the sum of all processes",
        [this](ScriptContext& context, const VariableRef& variable) { return statistic(context, variable); },
        {script::InnerName::kRequired, false});
  }

  void add_functions() {
    auto& list = exports_.functions;
    const auto add = [&list](const char* name, const char* doc, script::ParamSpec param, auto body) {
      list.push_back(worker::make_function(name, doc, script::kAnyRoute, {std::move(param)}, body));
    };
    const script::ParamSpec readable = worker::readable_variable_param("variable");
    add("pv_isset", "whether a variable has a value", readable,
        [](ScriptContext& context, const Arguments& arguments) {
          return answer(!arguments.variable(0).get(context).is_null());
        });
    add("not_empty", "whether a variable has a value that is not an empty text", readable,
        [](ScriptContext& context, const Arguments& arguments) {
          const Value value = arguments.variable(0).get(context);
          return answer(!value.is_null() && (value.is_int() || !value.text().empty()));
        });
    add("is_int", "whether a variable holds a number", readable,
        [](ScriptContext& context, const Arguments& arguments) {
          return answer(arguments.variable(0).get(context).try_int().has_value());
        });
    add("pv_unset", "takes the value of a variable away", worker::variable_param("variable"),
        [](ScriptContext& context, const Arguments& arguments) {
          return answer(arguments.variable(0).set(context, Value::null()));
        });
    list.push_back(worker::make_function("typeof", "whether a variable is of a type: int, str, null",
                                         script::kAnyRoute, {readable, worker::literal_param("type")},
                                         typeof_variable));
  }

  Value statistic(ScriptContext& context, const VariableRef& variable) const {
    if (counter_names_ == nullptr) return Value::null();
    std::string_view wanted = variable.inner(context);
    std::string_view group;
    if (const std::size_t colon = wanted.find(':'); colon != std::string_view::npos) {
      group = wanted.substr(0, colon);
      wanted = wanted.substr(colon + 1);
    }
    const auto& names = counter_names_->all();
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].name != wanted || (!group.empty() && names[i].group != group)) continue;
      shm::SharedState& state = context.process.state;
      std::uint64_t sum = 0;
      for (std::uint32_t id = 1; id <= state.worker_count + 1; ++id) {
        sum += state.areas[id]->counters.values[i].load(std::memory_order_relaxed);
      }
      return Value::of_int(static_cast<std::int64_t>(sum));
    }
    return Value::null();
  }

  const shm::CounterNames* counter_names_ = nullptr;
  script::ModuleExports exports_;
};

}  // namespace
}  // namespace lockstep::pv

LS_MODULE(lockstep::pv::PvModule)
