// compiler.h: a tree to a Program: loads modules, sets their parameters, resolves every name. Internal to
// this folder. It never stops at the first mistake: what failed is left out and compiling goes on.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/script/code.h"
#include "core/script/program.h"
#include "core/script/tree.h"

namespace lockstep::script {

class Compiler {
 public:
  Compiler(const ConfigTree& tree, Registry& registry, ModuleLoader& loader, Diagnostics& diagnostics,
           const CompileOptions& options);

  std::unique_ptr<Program> run();

 private:
  // compiler.cc: items and routes.
  void load_modules();
  void load_module(const ConfigItem& item);
  void set_parameters();
  void set_parameter(const ConfigItem& item);
  bool read_parameter_value(const ConfigItem& item, const ParameterSpec& spec, std::string& text,
                            Value& value);
  void read_flags();
  void declare_routes();
  void declare_route(const ConfigItem& item, std::size_t item_index);
  void compile_routes();
  RouteIndex route_named(RouteKind kind, std::string_view name, const Location& location);
  RouteIndex find_route(RouteKind kind, std::string_view name) const;

  // compile_statement.cc
  Block compile_block(const std::vector<StatementPtr>& body);
  StatementNode compile_statement(const Statement& statement);
  void compile_assign(const Statement& statement, StatementNode& node);
  void compile_switch(const Statement& statement, StatementNode& node);
  bool compile_label(const SwitchCase& source, SwitchLabel& label);

  // compile_expression.cc; kNoNode after a mistake.
  NodeIndex compile_expression(const Expression& expression);
  NodeIndex compile_variable(const Expression& expression);
  NodeIndex compile_word(const Expression& expression);
  NodeIndex compile_unary(const Expression& expression);
  NodeIndex compile_binary(const Expression& expression);
  NodeIndex compile_equal(const Expression& expression);
  NodeIndex compile_keyword_equal(const Expression& expression, const KeywordSpec& keyword,
                                  const Expression& left, const Expression& right);
  NodeIndex compile_address_equal(const Expression& expression, const Expression& left,
                                  const Network& network);
  NodeIndex compile_match(const Expression& expression);
  NodeIndex compile_conditional(const Expression& expression);
  bool check_number(const Expression& operand, Operation operation);
  NodeIndex add_node(const ExpressionNode& node);
  NodeIndex add_text(std::string text, const Location& location);
  NodeIndex add_number(std::int64_t number, const Location& location);
  bool add_regex(const Expression& pattern, Regex::Case letter_case, std::uint32_t& index);
  bool parse_variable_at(std::string_view text, const Location& location, bool verbatim,
                         VariableRef& variable);
  const KeywordSpec* keyword_of(const Expression& expression) const;

  // compile_call.cc
  NodeIndex compile_call(const Expression& expression);
  NodeIndex compile_route_call(const Expression& expression);
  bool compile_argument(const Expression& call, const ParamSpec& param, const Expression* source,
                        CompiledArgument& argument);
  bool compile_computed(const Expression& source, CompiledArgument& argument);
  bool compile_text(const ParamSpec& param, const Expression& source, const std::string& text,
                    CompiledArgument& argument);
  bool compile_int(const ParamSpec& param, const Expression& source, CompiledArgument& argument);
  bool compile_reference(const ParamSpec& param, const Expression& source, CompiledArgument& argument);
  bool compile_pattern(const ParamSpec& param, const Expression& source, CompiledArgument& argument);
  bool compile_route_name(const ParamSpec& param, const Expression& source, CompiledArgument& argument);
  bool prepare(const ParamSpec& param, const Expression& source, const std::string& text,
               CompiledArgument& argument);
  // The text of a literal; false if the argument is computed.
  bool literal_text(const Expression& source, std::string& text) const;

  // A name that nothing here resembles may well be one of a module that is missing, which is told already.
  void error(const Location& location, std::string message, std::string suggestion = {}) {
    if (has_missing_module_ && suggestion.empty() && message.starts_with("unknown ")) return;
    diagnostics_.error(location, std::move(message), std::move(suggestion));
  }
  // Where the character `offset` of a literal stands.
  static Location inside(const Expression& literal, std::size_t offset);

  const ConfigTree& tree_;
  Registry& registry_;
  ModuleLoader& loader_;
  Diagnostics& diagnostics_;
  std::unique_ptr<Code> code_;
  std::vector<const ModuleExports*> loaded_;
  std::set<std::string, std::less<>> failed_modules_;
  bool has_missing_module_ = false;  // And no other stands in for it: what it would bring is unknown.
  std::map<std::string, std::int64_t, std::less<>> flags_;
  std::vector<std::size_t> route_items_;  // Item of each declared route, by route index.
  RouteMask block_mask_ = kAnyRoute;      // Kinds that the block compiled now may run as.
  int breakable_depth_ = 0;               // Enclosing while and switch.
};

}  // namespace lockstep::script
