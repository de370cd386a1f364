// registry.h: everything a script may name: functions, variables, transformations, keywords and module
// parameters, of the core and of the modules loaded. Filled at start, read by the compiler, read-only
// after the fork. Exports are owned by their module, which outlives the registry.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/script/function.h"
#include "core/script/variable.h"

namespace lockstep::script {

// modparam("tm", "fr_timer", 30000).
struct ParameterSpec {
  enum class Type : std::uint8_t { kInt, kString, kBoth };
  std::string name;
  Type type = Type::kInt;
  std::string doc;
  // Called for each modparam in file order, after all modules are loaded, with an int or a string
  // whose bytes live only during the call. An int parameter also accepts a string of digits, a
  // string parameter an integer (as its digits). Returns "" or what is wrong.
  std::function<std::string(const Value&)> set;
};

// A core keyword in a condition: uri, src_ip, method. `get` yields its value now.
struct KeywordSpec {
  enum class Type : std::uint8_t {
    kString,  // Compared without regard to case, as Kamailio does: uri, from_uri, method, status.
    kInt,     // src_port, msg:len.
    kAddress  // src_ip, dst_ip: text of an address; also compared with address and network literals.
  };
  std::string name;
  Type type = Type::kString;
  std::string doc;
  std::function<Value(Context&)> get;
};

struct ModuleExports {
  std::string name;
  std::string doc;  // One line.
  std::vector<FunctionSpec> functions;
  std::vector<VariableSpec> variables;
  std::vector<TransformationSpec> transformations;
  std::vector<KeywordSpec> keywords;
  std::vector<ParameterSpec> parameters;
  // Names of event_routes that this module runs, "tm:local-request"; a name that ends in '*' stands
  // for all that begin so. For suggestions only: unknown event routes warn.
  std::vector<std::string> event_routes;
};

// Names that `$sel(cfg_get.group.name)` reads: group.name = value in the file, changed by RPC cfg.set*.
class CustomParameters {
 public:
  struct Entry {
    std::string group;
    std::string name;
    std::string doc;
    bool is_int = false;
    std::int64_t integer = 0;
    std::string text;
  };
  const std::deque<Entry>& all() const { return entries_; }
  // The entry, to be read or changed in place; nullptr when there is none.
  Entry* find(std::string_view group, std::string_view name);
  Entry& add(std::string_view group, std::string_view name);

 private:
  std::deque<Entry> entries_;  // Entries never move: variables point at them.
};

class Registry {
 public:
  // Holds the language's own variables ($var, $rc, $null, $def, $env, $sel, time) and {s.*}.
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // REQUIRES: `exports` outlives the registry and does not change. Adding one twice does nothing.
  // A name exported twice: the first wins.
  void add(const ModuleExports& exports);
  const std::vector<const ModuleExports*>& modules() const { return modules_; }

  struct FunctionMatch {
    const FunctionSpec* spec = nullptr;       // Takes that many arguments.
    const FunctionSpec* same_name = nullptr;  // Else: one with the name, for the message.
  };
  FunctionMatch find_function(std::string_view name, std::size_t argument_count) const;
  const VariableSpec* find_variable(std::string_view name) const;
  const TransformationSpec* find_transformation(std::string_view class_name, std::string_view name) const;
  const KeywordSpec* find_keyword(std::string_view name) const;
  bool knows_event_route(std::string_view name) const;

  // The nearest known name, or "".
  std::string suggest_function(std::string_view name) const;
  std::string suggest_variable(std::string_view name) const;
  std::string suggest_transformation(std::string_view class_name, std::string_view name) const;
  std::string suggest_keyword(std::string_view name) const;
  std::string suggest_event_route(std::string_view name) const;

  // `uri == myself`, `src_ip == myself`: `subject` is a URI, a host, an address or "host:port".
  using IsMyself = std::function<bool(Context&, std::string_view subject)>;
  void set_is_myself(IsMyself is_myself) { is_myself_ = std::move(is_myself); }
  const IsMyself& is_myself() const { return is_myself_; }

  // The slot of $var(name), made at first use. A ScriptState needs variable_count() slots.
  std::uint32_t variable_slot(std::string_view name);
  std::size_t variable_count() const { return slots_.size(); }

  // Filled by the compiler from the configuration: $def(NAME), $sel(cfg_get.g.n).
  std::map<std::string, std::string, std::less<>>& defines() { return defines_; }
  CustomParameters& custom_parameters() { return custom_parameters_; }

 private:
  std::vector<const ModuleExports*> modules_;
  std::unique_ptr<ModuleExports> language_;
  std::multimap<std::string, const FunctionSpec*, std::less<>> functions_;
  std::map<std::string, const VariableSpec*, std::less<>> variables_;
  std::map<std::string, const TransformationSpec*, std::less<>> transformations_;  // "s.len".
  std::map<std::string, const KeywordSpec*, std::less<>> keywords_;
  std::map<std::string, std::uint32_t, std::less<>> slots_;
  std::map<std::string, std::string, std::less<>> defines_;
  CustomParameters custom_parameters_;
  IsMyself is_myself_;
};

}  // namespace lockstep::script
