// lookup.cc: from an address of record to the targets of a request (RFC 3261 16.5).
#include "core/base/log.h"
#include "core/sip/header.h"
#include "core/sip/name_addr.h"
#include "core/sip/text.h"
#include "modules/registrar/registrar.h"

namespace lockstep::registrar {

using worker::Binding;
using worker::Destination;
using worker::DomainIndex;
using worker::ScriptContext;

std::optional<std::string_view> Registrar::aor_for(ScriptContext& context, std::string_view uri,
                                                   bool& is_uri) {
  const std::optional<sip::Uri> given = uri.empty() ? std::nullopt : sip::parse_uri(uri);
  const sip::Uri* parsed = given ? &*given : nullptr;
  if (uri.empty())
    parsed = context.message.is_request() ? context.parsed_request_uri() : context.message.to_uri();
  is_uri = parsed != nullptr;
  if (!is_uri) return std::nullopt;
  return build_aor(*parsed, store->use_domain(), settings, context.arena());
}

bool Registrar::is_target(const ScriptContext& context, const Binding& binding) const {
  const bool is_initial = context.message.to_tag().empty();
  return !settings.method_filtering || !is_initial ||
         (binding.methods & worker::method_bit(context.message.method())) != 0;
}

int Registrar::find_targets(ScriptContext& context, DomainIndex domain, std::string_view uri,
                            std::uint64_t now_s, std::span<const Binding>& bindings) {
  bool is_uri = false;
  const std::optional<std::string_view> aor = aor_for(context, uri, is_uri);
  if (!is_uri) return -3;
  if (!aor) return -1;  // Nobody can have registered it.
  const auto found = store->find(context.process, domain, *aor, now_s, context.arena());
  if (!found) return found.error() == worker::LocationError::kBadAor ? -1 : -3;
  std::size_t sip_count = 0;
  Binding* const targets = context.arena().make_array<Binding>(found->size());
  if (targets == nullptr) return -3;
  std::size_t count = 0;
  for (const Binding& binding : *found) {
    // Contacts may be any URI (10.2.1), but a request goes to SIP ones only.
    const bool is_sip =
        sip::starts_with_nocase(binding.uri, "sip:") || sip::starts_with_nocase(binding.uri, "sips:");
    if (!is_sip) continue;
    ++sip_count;
    if (is_target(context, binding)) targets[count++] = binding;
  }
  if (sip_count == 0) return -1;
  if (count == 0) return -2;
  bindings = {targets, count};
  return 1;
}

// Path wins over the address that the REGISTER really came from: behind a Path it is the edge proxy that
// knows the way to the phone (RFC 3327 5.3).
Destination Registrar::destination_of(const ScriptContext& context, const Binding& binding,
                                      std::uint32_t flags) const {
  Destination destination;
  destination.uri = binding.uri;
  destination.path = binding.path;
  destination.instance = binding.instance;
  destination.ruid = binding.ruid;
  destination.flags = flags | binding.cflags;
  destination.q = static_cast<std::uint16_t>(binding.q == worker::kQUnspecified ? 0 : binding.q);
  if (binding.socket < context.local_names.sockets().size()) destination.socket = binding.socket;
  std::string_view rest = destination.path;
  std::optional<sip::NameAddr> hop =
      rest.empty() ? std::nullopt : sip::parse_name_addr(sip::next_list_value(rest));
  if (hop && settings.path_check_local) {
    const std::optional<sip::Uri> uri = sip::parse_uri(hop->uri);
    if (uri && context.local_names.is_local(*uri)) {
      destination.path = sip::trim(rest);
      while (destination.path.starts_with(',')) destination.path = sip::trim(destination.path.substr(1));
      std::string_view after = destination.path;
      hop = after.empty() ? std::nullopt : sip::parse_name_addr(sip::next_list_value(after));
    }
  }
  destination.next_hop = hop ? hop->uri : binding.received;
  return destination;
}

bool Registrar::append(ScriptContext& context, const Destination& destination) const {
  const bool has_room = context.branches.size() + 1 < static_cast<std::size_t>(settings.branch_max);
  if (has_room && context.branches.try_push_back(destination)) return true;
  LS_LOG(kInfo, "registrar", "more contacts than branches: the rest is not tried; see max_branches");
  return false;
}

int Registrar::lookup(ScriptContext& context, DomainIndex domain, std::string_view uri, std::uint64_t now_s) {
  std::span<const Binding> bindings;
  const int result = find_targets(context, domain, uri, now_s, bindings);
  if (result <= 0) return result;
  const std::uint32_t flags = context.target.flags;
  context.target = destination_of(context, bindings[0], flags);
  for (std::size_t i = 1; settings.append_branches && i < bindings.size(); ++i) {
    if (!append(context, destination_of(context, bindings[i], flags))) break;
  }
  return 1;
}

int Registrar::lookup_to_branches(ScriptContext& context, DomainIndex domain, std::string_view uri,
                                  std::uint64_t now_s) {
  std::span<const Binding> bindings;
  const int result = find_targets(context, domain, uri, now_s, bindings);
  if (result <= 0) return result;
  for (const Binding& binding : bindings) {
    if (!append(context, destination_of(context, binding, context.target.flags))) break;
  }
  return 1;
}

// The Request-URI, and every branch that is nothing but a URI, are replaced by their contacts.
int Registrar::lookup_branches(ScriptContext& context, DomainIndex domain, std::uint64_t now_s) {
  const auto branches = context.branches;
  context.branches.clear();
  const int result = lookup(context, domain, {}, now_s);
  for (const Destination& branch : branches) {
    std::span<const Binding> bindings;
    const bool is_plain =
        branch.next_hop.empty() && branch.path.empty() && branch.socket == worker::kNoSocket;
    const bool is_found = is_plain && find_targets(context, domain, branch.uri, now_s, bindings) > 0;
    if (!is_found) append(context, branch);
    for (const Binding& binding : bindings) {
      if (!append(context, destination_of(context, binding, branch.flags))) break;
      if (!settings.append_branches) break;
    }
  }
  return result;
}

int Registrar::registered(ScriptContext& context, DomainIndex domain, std::string_view uri,
                          std::uint64_t now_s) {
  bool is_uri = false;
  const std::optional<std::string_view> aor = aor_for(context, uri, is_uri);
  if (!aor) return -1;
  const auto found = store->find(context.process, domain, *aor, now_s, context.arena());
  return found && !found->empty() ? 1 : -1;
}

}  // namespace lockstep::registrar
