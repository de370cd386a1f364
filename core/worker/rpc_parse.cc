#include "core/worker/rpc_parse.h"

#include <fmt/core.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace lockstep::worker {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kInvalidParams = -32602;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Number of RFC 8259, section 6.
bool is_json_number(std::string_view word) {
  std::size_t i = word.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < word.size() && is_digit(word[i])) ++i;
    return i > from;
  };
  if (i < word.size() && word[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < word.size() && word[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < word.size() && (word[i] == 'e' || word[i] == 'E')) {
    ++i;
    if (i < word.size() && (word[i] == '+' || word[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == word.size();
}

bool is_json_word(std::string_view word) {
  return word == "true" || word == "false" || word == "null" || is_json_number(word);
}

void append_word(std::string& out, std::string_view word) {
  // A word with a quotation mark of the other kind is no word that kamctl makes: left to fail.
  if (is_json_word(word) || word.find('\'') != std::string_view::npos) {
    out.append(word);
    return;
  }
  out.push_back('"');
  for (const char c : word) {
    if (c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

// The string that begins at `i` (its opening quote), control bytes escaped. Returns the position after it.
std::size_t copy_string(std::string& out, std::string_view text, std::size_t i) {
  out.push_back(text[i++]);
  while (i < text.size()) {
    const char c = text[i++];
    if (static_cast<unsigned char>(c) < 0x20) {
      out.append(fmt::format("\\u{:04x}", static_cast<unsigned char>(c)));
      continue;
    }
    out.push_back(c);
    if (c == '"') return i;
    if (c == '\\' && i < text.size()) out.push_back(text[i++]);
  }
  return i;
}

std::string strict_json(std::string_view text) {
  constexpr std::string_view kNoWord = " \t\r\n{}[],:\"";
  std::string out;
  out.reserve(text.size() + 64);
  std::size_t i = 0;
  while (i < text.size()) {
    if (text[i] == '"') {
      i = copy_string(out, text, i);
    } else if (kNoWord.find(text[i]) != std::string_view::npos) {
      out.push_back(text[i++]);
    } else {
      const std::size_t end = std::min(text.find_first_of(kNoWord, i), text.size());
      append_word(out, text.substr(i, end - i));
      i = end;
    }
  }
  return out;
}

RpcValue value_of(const Json& json) {
  RpcValue value;
  if (json.is_string()) {
    value.kind = RpcValue::Kind::kString;
    value.text = json.get_ref<const std::string&>();
    return value;
  }
  value.text = json.dump();
  if (json.is_null()) return value;
  if (json.is_boolean()) {
    value.kind = RpcValue::Kind::kBool;
    value.integer = json.get<bool>() ? 1 : 0;
  } else if (json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
    value.kind = RpcValue::Kind::kDouble;
    value.number = json.get<double>();
  } else if (json.is_number_integer()) {
    value.kind = RpcValue::Kind::kInt;
    value.integer = json.get<std::int64_t>();
    value.number = static_cast<double>(value.integer);
  } else if (json.is_number_float()) {
    value.kind = RpcValue::Kind::kDouble;
    value.number = json.get<double>();
  } else {
    value.kind = RpcValue::Kind::kStructured;
  }
  return value;
}

std::string member_text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The position after `"name"` and its colon where that stands last in `text`, or npos.
std::size_t find_last_member(std::string_view text, std::string_view name) {
  const std::string quoted = fmt::format("\"{}\"", name);
  std::size_t at = text.rfind(quoted);
  while (at != std::string_view::npos) {
    std::size_t i = text.find_first_not_of(" \t\r\n", at + quoted.size());
    if (i != std::string_view::npos && text[i] == ':') {
      i = text.find_first_not_of(" \t\r\n", i + 1);
      if (i != std::string_view::npos) return i;
    }
    if (at == 0) break;
    at = text.rfind(quoted, at - 1);
  }
  return std::string_view::npos;
}

// The characters of the string that begins at `i`; none if it does not end, or holds an escape.
std::string_view plain_string_at(std::string_view text, std::size_t i) {
  if (i == std::string_view::npos || text[i] != '"') return {};
  const std::size_t end = text.find_first_of("\"\\\n", i + 1);
  if (end == std::string_view::npos || text[end] != '"') return {};
  return text.substr(i + 1, end - i - 1);
}

RpcReturnPath return_path_of(const Json& object) {
  RpcReturnPath back;
  back.reply_name = member_text(object, "reply_name");
  const auto id = object.find("id");
  if (id == object.end()) return back;
  // Only numbers, strings and null may be ids; for others the answer has to say null.
  back.id_json = id->is_number() || id->is_string() ? id->dump(-1, ' ', true) : "null";
  return back;
}

}  // namespace

RpcReturnPath find_return_path(std::string_view text) {
  RpcReturnPath back;
  back.reply_name = plain_string_at(text, find_last_member(text, "reply_name"));
  const std::size_t id = find_last_member(text, "id");
  if (id == std::string_view::npos) return back;
  if (text[id] == '"') {
    const std::string_view plain = plain_string_at(text, id);
    OutputBuffer json;
    if (!plain.empty()) append_json_string(json, plain);
    back.id_json = json.str();
    return back;
  }
  const std::size_t end = std::min(text.find_first_of(" \t\r\n,}", id), text.size());
  const std::string_view word = text.substr(id, end - id);
  if (is_json_number(word)) back.id_json = word;
  return back;
}

Result<RpcParsed, RpcParseFault> parse_rpc_request(std::string_view text) {
  const Json json = Json::parse(strict_json(text), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Failure{RpcParseFault{kParseError, "Parse error", find_return_path(text)}};
  if (!json.is_object()) {
    const char* const why = json.is_array() ? "Invalid Request: batches are not served" : "Invalid Request";
    return Failure{RpcParseFault{kInvalidRequest, why, find_return_path(text)}};
  }
  RpcReturnPath back = return_path_of(json);
  if (member_text(json, "jsonrpc") != "2.0") {
    return Failure{
        RpcParseFault{kInvalidRequest, "Invalid Request: jsonrpc must be \"2.0\"", std::move(back)}};
  }
  std::string method = member_text(json, "method");
  if (method.empty())
    return Failure{RpcParseFault{kInvalidRequest, "Invalid Request: no method", std::move(back)}};
  std::vector<RpcValue> values;
  const auto params = json.find("params");
  if (params != json.end() && !params->is_null()) {
    if (!params->is_structured()) {
      return Failure{RpcParseFault{kInvalidParams, "Invalid params: an array or an object is expected",
                                   std::move(back)}};
    }
    for (const Json& value : *params) values.push_back(value_of(value));
  }
  return RpcParsed{RpcRequest(std::move(method), std::move(values)), std::move(back)};
}

}  // namespace lockstep::worker
