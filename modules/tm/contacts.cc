#include "modules/tm/contacts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/sip/writer.h"

namespace lockstep::tm {
namespace {

// Fields in order; the separator cannot stand in a URI or header value that came through the parser.
constexpr char kSeparator = '\n';
constexpr std::size_t kFieldCount = 8;

std::uint32_t number_of(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string_view encode(worker::ScriptContext& context, const worker::Destination& destination) {
  const std::size_t room = destination.uri.size() + destination.next_hop.size() + destination.path.size() +
                           destination.instance.size() + destination.ruid.size() + 48;
  char* bytes = context.try_allocate(room);
  if (bytes == nullptr) return {};
  sip::Writer writer({bytes, room});
  const std::string_view separator(&kSeparator, 1);
  writer.number(destination.q).text(separator).number(destination.flags).text(separator);
  writer.number(destination.socket).text(separator).text(destination.uri).text(separator);
  writer.text(destination.next_hop).text(separator).text(destination.path).text(separator);
  writer.text(destination.instance).text(separator).text(destination.ruid);
  return writer.view();
}

bool decode(std::string_view text, worker::Destination& destination) {
  std::array<std::string_view, kFieldCount> fields;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    const std::size_t end = i + 1 < kFieldCount ? text.find(kSeparator) : text.size();
    if (end == std::string_view::npos) return false;
    fields[i] = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  destination.q = static_cast<std::uint16_t>(number_of(fields[0]));
  destination.flags = number_of(fields[1]);
  destination.socket = static_cast<std::uint16_t>(number_of(fields[2]));
  destination.uri = fields[3];
  destination.next_hop = fields[4];
  destination.path = fields[5];
  destination.instance = fields[6];
  destination.ruid = fields[7];
  return true;
}

int load_contacts(worker::ScriptContext& context, std::string_view avp) {
  FixedVector<worker::Destination, worker::kDestinationMax> all;
  worker::Destination first = context.target;
  first.uri = context.request_uri();
  all.push_back(first);
  for (const worker::Destination& branch : context.branches) all.push_back(branch);
  std::stable_sort(all.begin(), all.end(),
                   [](const worker::Destination& a, const worker::Destination& b) { return a.q > b.q; });
  context.remove_avps(avp);
  // The newest value of an AVP is its first: the last group goes in first.
  for (std::size_t i = all.size(); i-- > 0;) {
    const std::string_view text = encode(context, all[i]);
    if (text.empty() || !context.add_avp(avp, script::Value::of_string(text))) return -1;
  }
  context.branches.clear();
  return 1;
}

int next_contacts(worker::ScriptContext& context, std::string_view avp) {
  context.branches.clear();
  bool found = false;
  std::uint16_t q = 0;
  for (;;) {
    const worker::Avp* value = context.find_avp(avp);
    worker::Destination next;
    if (value == nullptr || !value->value.is_string() || !decode(value->value.text(), next)) break;
    if (found && next.q != q) break;
    if (!found) {
      context.target = next;
      q = next.q;
      found = true;
    } else if (!context.branches.try_push_back(next)) {
      break;
    }
    context.remove_avp(*value);
  }
  return found ? 1 : -2;
}

}  // namespace lockstep::tm
