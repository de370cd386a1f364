#include "core/worker/script_store.h"

#include <cstring>

namespace lockstep::worker {
namespace {

// Layout: target.uri, target.next_hop as counted strings, then per AVP, oldest first: name as counted
// string, kind byte, then a 64-bit integer or a counted string.
class Out {
 public:
  explicit Out(std::span<char> out) : at_(out.data()) {}
  void number(std::uint64_t value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void text(std::string_view text) {
    number(text.size());
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

 private:
  char* at_;
};

class In {
 public:
  explicit In(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::uint64_t number() {
    std::uint64_t value = 0;
    LS_ASSERT(rest_.size() >= sizeof value);
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view text() {
    const std::uint64_t size = number();
    LS_ASSERT(size <= rest_.size());
    const std::string_view result = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return result;
  }

 private:
  std::string_view rest_;
};

std::size_t counted(std::string_view text) { return sizeof(std::uint64_t) + text.size(); }

// AVPs are a list, newest first; they are stored oldest first so that adding them again restores it.
void store_avps(const Avp* avp, Out& out) {
  if (avp == nullptr) return;
  store_avps(avp->next, out);
  out.text(avp->name);
  out.number(avp->value.is_string() ? 1 : 0);
  if (avp->value.is_string()) {
    out.text(avp->value.text());
  } else {
    out.number(static_cast<std::uint64_t>(avp->value.to_int()));
  }
}

}  // namespace

std::size_t script_bytes(const ScriptContext& context) {
  std::size_t bytes = 0;
  for (const Avp* avp = context.avps; avp != nullptr; avp = avp->next) {
    bytes += counted(avp->name) + 2 * sizeof(std::uint64_t);
    if (avp->value.is_string()) bytes += avp->value.text().size();
  }
  if (bytes == 0 && context.target.uri.empty() && context.target.next_hop.empty()) return 0;
  return bytes + counted(context.target.uri) + counted(context.target.next_hop);
}

void store_script(const ScriptContext& context, std::span<char> out) {
  Out writer(out);
  writer.text(context.target.uri);
  writer.text(context.target.next_hop);
  store_avps(context.avps, writer);
}

void load_script(ScriptContext& context, std::string_view bytes) {
  if (bytes.empty()) return;
  In reader(bytes);
  context.target.uri = context.arena().copy(reader.text());
  context.target.next_hop = context.arena().copy(reader.text());
  while (!reader.empty()) {
    const std::string_view name = reader.text();
    const bool is_text = reader.number() == 1;
    const script::Value value = is_text ? script::Value::of_string(reader.text())
                                        : script::Value::of_int(static_cast<std::int64_t>(reader.number()));
    if (!context.add_avp(name, value)) return;
  }
}

}  // namespace lockstep::worker
