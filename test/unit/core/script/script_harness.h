// script_harness.h: compiles small scripts against a made-up module and runs them. The module has functions
// that write down what they are given, variables and keywords with fixed values, so that a test compares
// text.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/script/globals.h"
#include "core/script/program.h"

namespace lockstep::script::test {

class FakeLoader : public ModuleLoader {
 public:
  Result<const ModuleExports*, std::string> load(std::string_view name, const Location&) override {
    loaded.emplace_back(name);
    for (const ModuleExports* exports : known) {
      if (name == exports->name || name == exports->name + ".so") return exports;
    }
    return Failure{"cannot load module '" + std::string(name) + "'"};
  }
  std::string nearest(std::string_view name) const override { return name == "tmm.so" ? "tm" : ""; }
  std::vector<const ModuleExports*> known;
  std::vector<std::string> loaded;
};

class ScriptHarness {
 public:
  ScriptHarness() {
    log_settings().level = -5;  // What scripts log is not what is tested.
    core_.name = "core";
    add_functions();
    add_variables();
    add_keywords();
    tm_.name = "tm";
    tm_.event_routes = {"tm:local-request", "tm:branch-failure:*"};
    add_parameters();
    loader.known = {&tm_};
    registry.add(core_);
    registry.set_is_myself([](Context&, std::string_view subject) {
      return subject.find("here.test") != std::string_view::npos || subject == "127.0.0.1";
    });
  }

  // A whole configuration. False if there are errors; `rendered` then holds what is shown.
  bool compile_text(std::string text, const LoadOptions& options = {}) {
    Diagnostics diagnostics;
    const ConfigTree tree = load_text("t.cfg", std::move(text), options, diagnostics);
    globals = read_globals(tree, registry, diagnostics);
    program = compile(tree, registry, loader, diagnostics,
                      {.while_loops_max = static_cast<std::uint32_t>(globals.max_while_loops)});
    state.reset();  // Each program has its own variables.
    rendered = diagnostics.render();
    warning_count = diagnostics.warning_count();
    error_count = diagnostics.error_count();
    return program != nullptr;
  }

  // The statements of a request_route; `more` stands behind it. What was said, or "ERROR " and the mistakes.
  std::string run(const std::string& statements, const std::string& more = {}) {
    if (!compile_text("request_route {\n" + statements + "\n}\n" + more)) return "ERROR " + rendered;
    return run_route(RouteKind::kRequest, {});
  }

  std::string run_route(RouteKind kind, std::string_view name, RouteMask extra_kinds = 0) {
    said.clear();
    if (state == nullptr) state = std::make_unique<ScriptState>(registry.variable_count());
    arena.reset();
    Context context(arena, *state);
    last_value = program->run(program->find_route(kind, name), context, extra_kinds);
    last_control = context.control();
    return said;
  }

  // The value of one expression as text: "7", "'abc'" or "null".
  std::string value_of(const std::string& expression) {
    return run("$store = " + expression + ";") + stored_;
  }
  bool is_true(const std::string& condition) {
    return run("if (" + condition + ") { say(\"yes\"); }") == "yes";
  }

  Registry registry;
  FakeLoader loader;
  Globals globals;
  std::unique_ptr<Program> program;
  std::unique_ptr<ScriptState> state;
  Arena arena{256 * 1024};
  std::string rendered;
  std::size_t warning_count = 0;
  std::size_t error_count = 0;
  std::string said;
  int last_value = 0;
  Control last_control = Control::kNone;
  std::vector<std::string> parameters_set;
  RouteIndex armed = kNoRoute;

 private:
  static std::string shown(const Value& value) {
    if (value.is_null()) return "null";
    return value.is_int() ? std::to_string(value.integer()) : "'" + std::string(value.text()) + "'";
  }

  void function(std::string name, std::vector<ParamSpec> params,
                std::function<int(Context&, const Arguments&)> body,
                std::optional<std::size_t> min_count = std::nullopt, RouteMask routes = kAnyRoute) {
    FunctionSpec spec;
    spec.name = std::move(name);
    spec.params = std::move(params);
    spec.min_count = min_count;
    spec.routes = routes;
    spec.body = std::move(body);
    core_.functions.push_back(std::move(spec));
  }

  void add_functions() {
    function("say", {{.type = ParamType::kFormat, .name = "text"}},
             [this](Context&, const Arguments& arguments) {
               said += arguments.printed(0);
               return 1;
             });
    function("returns", {{.type = ParamType::kInt, .name = "value"}},
             [this](Context&, const Arguments& arguments) {
               said += "r";
               return static_cast<int>(arguments.integer(0));
             });
    function("is_method", {{.type = ParamType::kLiteral, .name = "methods", .prepare = prepare_methods}},
             [](Context&, const Arguments& arguments) {
               const auto* methods = arguments.prepared<std::vector<std::string>>(0);
               for (const std::string& method : *methods) {
                 if (method == "INVITE") return 1;
               }
               return -1;
             });
    function("starts", {{.type = ParamType::kFormat, .name = "a"}, {.type = ParamType::kFormat, .name = "b"}},
             [](Context&, const Arguments& arguments) {
               return arguments.string(0).starts_with(arguments.string(1)) ? 1 : -1;
             });
    function("search", {{.type = ParamType::kRegex, .name = "pattern"}},
             [](Context& context, const Arguments& arguments) {
               return arguments.regex(0).matches("Subject: Hello", context.regex_scratch()) ? 1 : -1;
             });
    function("store",
             {{.type = ParamType::kVariable, .name = "target"}, {.type = ParamType::kInt, .name = "value"}},
             [](Context& context, const Arguments& arguments) {
               return arguments.variable(0).set(context, Value::of_int(arguments.integer(1))) ? 1 : -1;
             });
    function("t_on_failure",
             {{.type = ParamType::kRoute, .name = "route", .route_kind = RouteKind::kFailure}},
             [this](Context&, const Arguments& arguments) {
               armed = arguments.route(0);
               return 1;
             });
    function(
        "t_relay", {{.type = ParamType::kFormat, .name = "proxy"}},
        [](Context&, const Arguments&) { return 1; }, 0);
    function(
        "t_check_status", {{.type = ParamType::kRegex, .name = "status"}},
        [](Context&, const Arguments&) { return 1; }, std::nullopt,
        RouteKind::kFailure | RouteKind::kOnReply);
    function(
        "given", {{.type = ParamType::kFormat, .name = "a"}, {.type = ParamType::kFormat, .name = "b"}},
        [this](Context&, const Arguments& arguments) {
          said += arguments.is_given(0) ? "a" : "-";
          said += arguments.is_given(1) ? "b" : "-";
          return 1;
        },
        0);
  }

  static Result<Prepared, std::string> prepare_methods(std::string_view text) {
    std::vector<std::string> methods;
    while (!text.empty()) {
      const std::size_t bar = text.find('|');
      methods.emplace_back(text.substr(0, bar));
      if (methods.back().find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos) {
        return Failure{"'" + methods.back() + "' is no method"};
      }
      text = bar == std::string_view::npos ? std::string_view{} : text.substr(bar + 1);
    }
    return Prepared(std::make_shared<const std::vector<std::string>>(std::move(methods)));
  }

  void variable(std::string name, Value value) {
    VariableSpec spec;
    spec.name = std::move(name);
    spec.get = [value](Context&, const VariableRef&) { return value; };
    core_.variables.push_back(std::move(spec));
  }

  void add_variables() {
    variable("ru", Value::of_string("sip:bob@example.com"));
    variable("rU", Value::of_string("bob"));
    variable("rm", Value::of_string("INVITE"));
    variable("si", Value::of_string("10.1.2.3"));
    variable("sp", Value::of_int(5060));
    variable("nothing", Value::null());
    VariableSpec store;
    store.name = "store";
    store.get = [](Context&, const VariableRef&) { return Value::null(); };
    store.set = [this](Context&, const VariableRef&, const Value& value) {
      stored_ = shown(value);
      return true;
    };
    core_.variables.push_back(std::move(store));
    VariableSpec avp;
    avp.name = "avp";
    avp.inner = InnerName::kRequired;
    avp.index_allowed = true;
    avp.get = [this](Context& context, const VariableRef& ref) { return get_avp(context, ref); };
    avp.set = [this](Context& context, const VariableRef& ref, const Value& value) {
      std::vector<std::string>& values = avps_[std::string(ref.inner(context))];
      if (value.is_null())
        values.clear();
      else
        values.insert(values.begin(), std::string(context.text_of(value)));
      return true;
    };
    core_.variables.push_back(std::move(avp));
  }

  Value get_avp(Context& context, const VariableRef& ref) {
    const std::vector<std::string>& values = avps_[std::string(ref.inner(context))];
    const VariableIndex index = ref.index(context);
    if (index.kind == IndexKind::kAll) {
      std::string all;
      for (const std::string& value : values) all += (all.empty() ? "" : ",") + value;
      return context.make_string(all);
    }
    const std::int64_t at =
        index.number < 0 ? index.number + static_cast<std::int64_t>(values.size()) : index.number;
    if (at < 0 || at >= static_cast<std::int64_t>(values.size())) return Value::null();
    return context.make_string(values[static_cast<std::size_t>(at)]);
  }

  void keyword(std::string name, KeywordSpec::Type type, Value value) {
    core_.keywords.push_back({std::move(name), type, {}, [value](Context&) { return value; }});
  }

  void add_keywords() {
    keyword("uri", KeywordSpec::Type::kString, Value::of_string("sip:bob@here.test"));
    keyword("from_uri", KeywordSpec::Type::kString, Value::of_string("sip:al@far.test"));
    keyword("method", KeywordSpec::Type::kString, Value::of_string("INVITE"));
    keyword("status", KeywordSpec::Type::kString, Value::of_string("404"));
    keyword("proto", KeywordSpec::Type::kString, Value::of_string("udp"));
    keyword("src_ip", KeywordSpec::Type::kAddress, Value::of_string("10.1.2.3"));
    keyword("dst_ip", KeywordSpec::Type::kAddress, Value::of_string("2001:db8::7"));
    keyword("src_port", KeywordSpec::Type::kInt, Value::of_int(5060));
    keyword("msg:len", KeywordSpec::Type::kInt, Value::of_int(700));
    keyword("max_len", KeywordSpec::Type::kInt, Value::of_int(65535));
  }

  void add_parameters() {
    const auto note = [this](std::string name) {
      return [this, name](const Value& value) -> std::string {
        if (value.is_int() && value.integer() == 13) return "13 is refused";
        parameters_set.push_back(name + "=" + shown(value));
        return {};
      };
    };
    tm_.parameters.push_back({"fr_timer", ParameterSpec::Type::kInt, {}, note("fr_timer")});
    tm_.parameters.push_back({"text", ParameterSpec::Type::kString, {}, note("text")});
    tm_.parameters.push_back({"any", ParameterSpec::Type::kBoth, {}, note("any")});
  }

  ModuleExports core_;
  ModuleExports tm_;
  std::map<std::string, std::vector<std::string>> avps_;
  std::string stored_;
};

}  // namespace lockstep::script::test
