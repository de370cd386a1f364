// print_tree.cc: a tree back to text (--cfg-print).
#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/script/config_file.h"

namespace lockstep::script {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Names and addresses stand bare where they can: some were texts in quotes.
std::string bare_or_quoted(const std::string& text, std::string_view also_bare = {}) {
  const bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [also_bare](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-:").find(c) != std::string_view::npos ||
           also_bare.find(c) != std::string_view::npos;
  });
  return is_plain ? text : quoted(text);
}

std::string setting_text(const Setting& setting) {
  switch (setting.kind) {
    case Setting::Kind::kNumber:
      return std::to_string(setting.number);
    case Setting::Kind::kString:
      return quoted(setting.text);
    case Setting::Kind::kWord:
      return setting.text;
  }
  return {};
}

std::string expression_text(const Expression& expression);

std::string arguments_text(const Expression& call) {
  std::string out;
  for (std::size_t i = 0; i < call.children.size(); ++i) {
    if (i > 0) out += ", ";
    if (call.children[i] != nullptr) out += expression_text(*call.children[i]);
  }
  return out;
}

std::string operand_text(const Expression& operand) {
  const bool needs_parens = operand.kind == ExpressionKind::kBinary;
  return needs_parens ? fmt::format("({})", expression_text(operand)) : expression_text(operand);
}

std::string unary_text(const Expression& expression) {
  const char* sign = operation_text(expression.operation);
  const Expression& operand = *expression.children[0];
  if (expression.operation == Operation::kStringLength || expression.operation == Operation::kStringEmpty) {
    return fmt::format("{}({})", sign, expression_text(operand));
  }
  return fmt::format("{}{}{}", sign, expression.operation == Operation::kDefined ? " " : "",
                     operand_text(operand));
}

std::string route_call_text(const Expression& expression) {
  if (!expression.children.empty()) return fmt::format("route({})", expression_text(*expression.children[0]));
  return fmt::format("route({})", bare_or_quoted(expression.text));
}

std::string expression_text(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::kNumber:
      return std::to_string(expression.number);
    case ExpressionKind::kString:
      return quoted(expression.text);
    case ExpressionKind::kVariable:
    case ExpressionKind::kWord:
    case ExpressionKind::kAddress:
      return expression.text;
    case ExpressionKind::kMyself:
      return "myself";
    case ExpressionKind::kSelect:
      return "@" + expression.text;
    case ExpressionKind::kCall:
      return fmt::format("{}({})", expression.text, arguments_text(expression));
    case ExpressionKind::kRouteCall:
      return route_call_text(expression);
    case ExpressionKind::kConditional:
      return fmt::format("selval({})", arguments_text(expression));
    case ExpressionKind::kUnary:
      return unary_text(expression);
    case ExpressionKind::kBinary:
      return fmt::format("{} {} {}", operand_text(*expression.children[0]),
                         operation_text(expression.operation), operand_text(*expression.children[1]));
  }
  return {};
}

class Printer {
 public:
  std::string run(const ConfigTree& tree) {
    line("#!KAMAILIO");
    for (const ConfigItem& item : tree.items) print_item(item);
    return std::move(out_);
  }

 private:
  void line(std::string_view text) {
    out_.append(static_cast<std::size_t>(depth_) * 4, ' ');
    out_ += text;
    out_ += '\n';
  }

  void print_item(const ConfigItem& item) {
    switch (item.kind) {
      case ItemKind::kGlobal:
        line(fmt::format("{}={}", item.name, setting_text(item.settings[0])));
        break;
      case ItemKind::kListen:
      case ItemKind::kAlias:
        for (const ListenEntry& entry : item.listen) print_socket(item.name, entry);
        break;
      case ItemKind::kCustom:
        line(fmt::format("{}.{} = {}{}", item.group, item.name, setting_text(item.settings[0]),
                         item.description.empty() ? std::string() : " desc " + quoted(item.description)));
        break;
      case ItemKind::kFlags:
        print_flags(item);
        break;
      case ItemKind::kLoadModule:
        line(fmt::format("loadmodule {}", quoted(item.name)));
        break;
      case ItemKind::kModParam:
        line(fmt::format("modparam({}, {}, {})", quoted(item.module), quoted(item.name),
                         setting_text(item.settings[0])));
        break;
      case ItemKind::kRoute:
        print_route(item);
        break;
    }
  }

  void print_socket(std::string_view name, const ListenEntry& entry) {
    std::string socket = entry.protocol.empty() ? entry.host : entry.protocol + ":" + entry.host;
    if (entry.port != 0) socket += fmt::format(":{}", entry.port);
    std::string text = fmt::format("{}={}", name, bare_or_quoted(socket, "*[]"));
    std::string advertised = entry.advertise_host;
    if (entry.advertise_port != 0) advertised += fmt::format(":{}", entry.advertise_port);
    if (!advertised.empty()) text += " advertise " + bare_or_quoted(advertised, "*[]");
    if (!entry.name.empty()) text += " name " + quoted(entry.name);
    line(text);
  }

  void print_flags(const ConfigItem& item) {
    std::string text = "flags ";
    for (std::size_t i = 0; i < item.flags.size(); ++i) {
      if (i > 0) text += ", ";
      text += item.flags[i].first;
      if (item.flags[i].second >= 0) text += fmt::format(":{}", item.flags[i].second);
    }
    line(text);
  }

  void print_route(const ConfigItem& item) {
    static constexpr std::string_view kWords[] = {"request_route", "route",        "branch_route",
                                                  "onreply_route", "reply_route",  "failure_route",
                                                  "event_route",   "onsend_route", "error_route"};
    const std::string_view word = kWords[static_cast<std::size_t>(item.block)];
    line(item.name.empty() ? fmt::format("{} {{", word)
                           : fmt::format("{}[{}] {{", word, bare_or_quoted(item.name)));
    print_body(item.body);
    line("}");
  }

  void print_body(const std::vector<StatementPtr>& body) {
    ++depth_;
    for (const StatementPtr& statement : body) print_statement(*statement);
    --depth_;
  }

  void print_statement(const Statement& statement) {
    const std::string value = statement.value == nullptr ? std::string() : expression_text(*statement.value);
    switch (statement.kind) {
      case StatementKind::kExpression:
        line(value + ";");
        break;
      case StatementKind::kAssign:
        line(fmt::format("{} = {};", expression_text(*statement.target), value));
        break;
      case StatementKind::kIf:
        line(fmt::format("if ({}) {{", value));
        print_body(statement.body);
        if (statement.has_otherwise) {
          line("} else {");
          print_body(statement.otherwise);
        }
        line("}");
        break;
      case StatementKind::kWhile:
        line(fmt::format("while ({}) {{", value));
        print_body(statement.body);
        line("}");
        break;
      case StatementKind::kSwitch:
        print_switch(statement, value);
        break;
      case StatementKind::kBlock:
        line("{");
        print_body(statement.body);
        line("}");
        break;
      case StatementKind::kReturn:
        line(value.empty() ? "return;" : fmt::format("return {};", value));
        break;
      case StatementKind::kExit:
        line(value.empty() ? "exit;" : fmt::format("exit {};", value));
        break;
      case StatementKind::kDrop:
        line(value.empty() ? "drop;" : fmt::format("drop {};", value));
        break;
      case StatementKind::kBreak:
        line("break;");
        break;
    }
  }

  void print_switch(const Statement& statement, std::string_view value) {
    line(fmt::format("switch ({}) {{", value));
    for (const SwitchCase& label : statement.cases) {
      line(label.label == nullptr
               ? std::string("default:")
               : fmt::format("case {}{}:", label.is_regex ? "/" : "", expression_text(*label.label)));
      print_body(label.body);
    }
    line("}");
  }

  std::string out_;
  int depth_ = 0;
};

}  // namespace

std::string print_tree(const ConfigTree& tree) { return Printer().run(tree); }

}  // namespace lockstep::script
