#include "core/worker/script_context.h"

namespace lockstep::worker {

const sip::Uri* ScriptContext::parsed_request_uri() {
  if (target.uri.empty()) return message.request_uri();
  if (parsed_text_.data() != target.uri.data() || parsed_text_.size() != target.uri.size()) {
    parsed_uri_ = sip::parse_uri(target.uri);
    parsed_text_ = target.uri;
  }
  return parsed_uri_.has_value() ? &*parsed_uri_ : nullptr;
}

bool ScriptContext::set_request_uri(std::string_view uri) {
  const std::string_view copy = arena().copy(uri);
  if (copy.empty()) return false;
  target.uri = copy;
  return true;
}

bool ScriptContext::set_next_hop(std::string_view uri) {
  const std::string_view copy = arena().copy(uri);
  if (copy.empty() && !uri.empty()) return false;
  target.next_hop = copy;
  return true;
}

const Avp* ScriptContext::find_avp(std::string_view name) const {
  for (const Avp* avp = avps; avp != nullptr; avp = avp->next) {
    if (avp->name == name) return avp;
  }
  return nullptr;
}

bool ScriptContext::add_avp(std::string_view name, const script::Value& value) {
  Avp* avp = arena().make_array<Avp>(1);
  const std::string_view name_copy = arena().copy(name);
  if (avp == nullptr || name_copy.empty()) return false;
  script::Value kept = value;
  if (value.is_string()) {
    kept = make_string(value.text());
    if (kept.is_null()) return false;
  }
  *avp = Avp{name_copy, kept, avps};
  avps = avp;
  return true;
}

void ScriptContext::remove_avps(std::string_view name) {
  for (Avp** link = &avps; *link != nullptr;) {
    if ((*link)->name == name) {
      *link = (*link)->next;
    } else {
      link = &(*link)->next;
    }
  }
}

void ScriptContext::remove_avp(const Avp& avp) {
  for (Avp** link = &avps; *link != nullptr; link = &(*link)->next) {
    if (*link != &avp) continue;
    *link = avp.next;
    return;
  }
}

}  // namespace lockstep::worker
