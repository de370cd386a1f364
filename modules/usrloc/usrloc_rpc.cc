#include "modules/usrloc/usrloc_rpc.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "core/base/clock.h"
#include "core/sip/text.h"

namespace lockstep::usrloc {

using worker::Binding;
using worker::BindingChange;
using worker::BindingUpdate;
using worker::DomainIndex;
using worker::LocationError;
using worker::RemoveOutcome;
using worker::RpcReply;
using worker::RpcRequest;
using worker::StreamState;

namespace {

// What operators add carries these, so that they can be told from what phones registered. Kamailio's texts:
// scripts look for them.
constexpr std::string_view kRpcCallId = "dfjrewr12386fd6-343@kamailio.rpc";
constexpr std::string_view kRpcUserAgent = "lockstep RPC";
constexpr std::string_view kNotEnough = "Not enough parameters or wrong format";

// A whole AOR always fits (kBindingMax contacts of 4 KiB); only what is used is ever touched.
constexpr std::size_t kArenaBytes = 2 * 1024 * 1024;
constexpr std::size_t kSliceBytes = 32 * 1024;

std::string_view or_not_set(std::string_view text) { return text.empty() ? "[not set]" : text; }

std::string_view error_text(LocationError error) {
  switch (error) {
    case LocationError::kFull:
      return "No shared memory left";
    case LocationError::kTooManyContacts:
      return "Too many contacts";
    case LocationError::kOutOfOrder:
      return "CSeq is not higher";
    case LocationError::kBadAor:
      return "AOR is empty or too long";
    case LocationError::kBindingTooLarge:
      return "Contact is too large";
    case LocationError::kArenaFull:
      return "Answer is too large";
  }
  return "Server error";
}

}  // namespace

std::optional<std::string> UsrlocRpc::aor_of(std::string_view text) const {
  const std::size_t at = text.find('@');
  if (!table_.use_domain()) text = text.substr(0, at);
  if (table_.use_domain() && at == std::string_view::npos) return std::nullopt;
  std::string aor(text);
  if (!table_.is_case_sensitive()) {
    for (char& c : aor) c = sip::lower(c);
  }
  return aor;
}

void UsrlocRpc::add_to(worker::RpcRegistry& registry) {
  const auto add_one = [&](std::string name, std::string doc,
                           void (UsrlocRpc::*handler)(const RpcRequest&, RpcReply&)) {
    LS_ASSERT(registry.add(
        {std::move(name), std::move(doc), [this, handler](const RpcRequest& request, RpcReply& reply) {
           if (process_ == nullptr) return reply.fault(500, "Not running");
           (this->*handler)(request, reply);
         }}));
  };
  add_one("ul.dump", "All contacts of all tables; \"brief\" lists the addresses of record alone.",
          &UsrlocRpc::dump);
  add_one("ul.lookup", "The contacts of one address of record: table, AOR.", &UsrlocRpc::lookup);
  add_one("ul.add", "Adds a contact: table, AOR, contact, expires, q, path, flags, cflags, methods.",
          &UsrlocRpc::add);
  add_one("ul.rm", "Removes an address of record with all its contacts: table, AOR.", &UsrlocRpc::remove);
  add_one("ul.rm_contact", "Removes one contact: table, AOR, contact.", &UsrlocRpc::remove_contact);
  LS_ASSERT(registry.add({"ul.flush", "Writes pending changes to the database; contacts in memory have none.",
                          [](const RpcRequest&, RpcReply&) {}}));
}

std::optional<UsrlocRpc::Target> UsrlocRpc::target_of(const RpcRequest& request, RpcReply& reply,
                                                      std::string_view missing_text) const {
  const std::optional<std::string_view> table = request.string_param(0);
  const std::optional<std::string_view> aor = request.string_param(1);
  if (!table || !aor) {
    reply.fault(500, missing_text);
    return std::nullopt;
  }
  const std::optional<DomainIndex> domain = table_.find_domain(*table);
  if (!domain) {
    reply.fault(500, "Domain table not found");
    return std::nullopt;
  }
  std::optional<std::string> name = aor_of(*aor);
  if (!name) {
    reply.fault(500, "Domain missing in AOR");
    return std::nullopt;
  }
  return Target{*domain, std::move(*name)};
}

void UsrlocRpc::write_binding(RpcReply& reply, const Binding& binding, std::uint64_t now_s) const {
  reply.begin_struct("Contact");
  reply.add("Address", binding.uri);
  if (binding.expires_s == 0) {
    reply.add("Expires", std::string_view("permanent"));
  } else if (binding.expires_s <= now_s) {
    reply.add("Expires", std::string_view("expired"));
  } else {
    reply.add("Expires", binding.expires_s - now_s);
  }
  reply.add("Q", binding.q == worker::kQUnspecified ? -1.0 : binding.q / 1000.0);
  reply.add("Call-ID", binding.call_id);
  reply.add("CSeq", binding.cseq);
  reply.add("User-Agent", binding.user_agent.empty() ? std::string_view("n/a") : binding.user_agent);
  reply.add("Received", or_not_set(binding.received));
  reply.add("Path", or_not_set(binding.path));
  // Nothing is written to a database, so nothing is ever in step with one.
  reply.add("State", std::string_view("CS_NEW"));
  reply.add("Flags", binding.flags);
  reply.add("CFlags", binding.cflags);
  if (binding.socket < names_.sockets().size()) {
    const PeerAddress& address = names_.sockets()[binding.socket].address;
    const char* form = address.is_ipv6() ? "udp:[{}]:{}" : "udp:{}:{}";
    reply.add("Socket", fmt::format(fmt::runtime(form), ip_text(address).view(), address.port()));
  } else {
    reply.add("Socket", std::string_view("[not set]"));
  }
  reply.add("Methods", binding.methods);
  reply.add("Ruid", binding.ruid);
  reply.add("Instance", or_not_set(binding.instance));
  reply.add("Reg-Id", binding.reg_id);
  reply.add("Server-Id", 0);
  reply.add("Tcpconn-Id", -1);
  reply.add("Keepalive", 0);
  reply.add("Last-Keepalive", binding.modified_s);
  reply.add("KA-Roundtrip", 0);
  reply.add("Last-Modified", binding.modified_s);
  reply.end();
}

void UsrlocRpc::write_bindings(RpcReply& reply, std::span<const Binding> bindings) const {
  const std::uint64_t now_s = wall_s();
  reply.begin_array("Contacts");
  for (const Binding& binding : bindings) {
    reply.begin_struct();
    write_binding(reply, binding, now_s);
    reply.end();
  }
  reply.end();
}

// Where a dump stands: which AOR of which bucket of which table comes next.
struct UsrlocRpc::Dump {
  Arena arena{kArenaBytes};
  bool is_brief = false;
  bool in_domain = false;
  std::uint8_t domain = 0;
  std::uint32_t bucket = 0;
  std::uint32_t skip = 0;
  std::uint64_t record_count = 0;
  std::uint64_t longest_bucket = 0;
};

// One bucket, or part of one, at a time: nobody waits for a lock while text is written, and the answer is
// never in memory as a whole. A contact that moves meanwhile may be shown twice or not at all, as in any
// listing.
StreamState UsrlocRpc::dump_slice(Dump& dump, RpcReply& reply) {
  std::array<AorCopy, 64> copies;
  while (dump.domain < table_.domain_count()) {
    const auto domain = static_cast<DomainIndex>(dump.domain);
    if (!dump.in_domain) {
      reply.begin_struct();
      reply.begin_struct("Domain");
      reply.add("Domain", table_.domain_name(domain));
      reply.add("Size", table_.bucket_count());
      reply.begin_array("AoRs");
      dump.in_domain = true;
    }
    while (dump.bucket < table_.bucket_count()) {
      if (reply.buffered_bytes() > kSliceBytes) return StreamState::kMore;
      std::size_t count = 0;
      dump.arena.reset();
      const bool has_more =
          table_.copy_bucket(*process_, dump.bucket, domain, dump.skip, dump.arena, copies, count);
      for (std::size_t i = 0; i < count; ++i) {
        reply.begin_struct();
        if (!dump.is_brief) reply.begin_struct("Info");
        reply.add("AoR", copies[i].name);
        if (!dump.is_brief) {
          reply.add("HashID", copies[i].hash);
          write_bindings(reply, copies[i].bindings);
          reply.end();
        }
        reply.end();
      }
      dump.record_count += count;
      dump.skip += static_cast<std::uint32_t>(count);
      dump.longest_bucket = std::max<std::uint64_t>(dump.longest_bucket, dump.skip);
      if (has_more && count > 0) continue;
      dump.skip = 0;
      ++dump.bucket;
    }
    reply.end();
    reply.begin_struct("Stats");
    reply.add("Records", dump.record_count);
    reply.add("Max-Slots", dump.longest_bucket);
    reply.end();
    reply.end();
    reply.end();
    dump.in_domain = false;
    dump.bucket = 0;
    dump.record_count = dump.longest_bucket = 0;
    ++dump.domain;
  }
  return StreamState::kDone;
}

void UsrlocRpc::dump(const RpcRequest& request, RpcReply& reply) {
  auto state = std::make_shared<Dump>();
  state->is_brief = request.string_param(0) == std::string_view("brief");
  reply.begin_struct();
  reply.begin_array("Domains");
  reply.stream([this, state](RpcReply& out) { return dump_slice(*state, out); });
}

void UsrlocRpc::lookup(const RpcRequest& request, RpcReply& reply) {
  const std::optional<Target> target =
      target_of(request, reply, "Not enough parameters (table and AOR to lookup)");
  if (!target) return;
  Arena arena(kArenaBytes);
  AorCopy copy;
  if (!table_.copy_aor(*process_, target->domain, target->aor, arena, copy)) {
    return reply.fault(500, "AOR not found in location table");
  }
  reply.begin_struct();
  reply.add("AoR", copy.name);
  write_bindings(reply, copy.bindings);
  reply.end();
}

void UsrlocRpc::add(const RpcRequest& request, RpcReply& reply) {
  const std::optional<Target> target = target_of(request, reply, kNotEnough);
  if (!target) return;
  const std::optional<std::string_view> contact = request.string_param(2);
  const std::optional<std::int64_t> expires_s = request.int_param(3);
  const std::optional<double> q = request.double_param(4);
  const std::optional<std::string_view> path = request.string_param(5);
  const auto bits = [&](std::size_t i) -> std::optional<std::uint32_t> {
    const std::optional<std::int64_t> number = request.int_param(i);
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (!number || *number < -1 || *number > kMost) return std::nullopt;
    return static_cast<std::uint32_t>(*number);  // -1 is how some clients write "all methods".
  };
  const std::optional<std::uint32_t> flags = bits(6);
  const std::optional<std::uint32_t> cflags = bits(7);
  const std::optional<std::uint32_t> methods = bits(8);
  if (!contact || !expires_s || !q || !path || !flags || !cflags || !methods)
    return reply.fault(500, kNotEnough);
  if (*expires_s < 0 || *expires_s > std::numeric_limits<std::int32_t>::max()) {
    return reply.fault(500, "Bad value of expires");
  }
  if (!(*q == -1.0 || (*q >= 0.0 && *q <= 1.0))) return reply.fault(500, "Bad value of q");
  if (!sip::parse_uri(*contact)) return reply.fault(500, "Contact is no URI");
  const std::uint64_t now_s = wall_s();
  BindingChange change;
  change.binding.uri = *contact;
  change.binding.user_agent = kRpcUserAgent;
  if (*path != ".") change.binding.path = *path;
  change.binding.expires_s = *expires_s == 0 ? 0 : now_s + static_cast<std::uint64_t>(*expires_s);
  change.binding.q = *q < 0 ? worker::kQUnspecified : static_cast<std::int16_t>(*q * 1000 + 0.5);
  change.binding.flags = *flags;
  change.binding.cflags = *cflags;
  change.binding.methods = *methods;
  BindingUpdate update;
  update.domain = target->domain;
  update.aor = target->aor;
  update.call_id = kRpcCallId;
  update.cseq = 1;
  update.changes = {&change, 1};
  update.check_order = false;
  update.now_s = now_s;
  Arena arena(kArenaBytes);
  const auto outcome = table_.update(*process_, update, arena);
  if (!outcome) reply.fault(500, error_text(outcome.error()));
}

void UsrlocRpc::remove(const RpcRequest& request, RpcReply& reply) {
  const std::optional<Target> target =
      target_of(request, reply, "Not enough parameters (table and AOR to lookup)");
  // That there was none is no error: it is gone, as asked.
  if (target) table_.remove(*process_, target->domain, target->aor, {}, wall_s());
}

void UsrlocRpc::remove_contact(const RpcRequest& request, RpcReply& reply) {
  const std::optional<Target> target = target_of(request, reply, kNotEnough);
  if (!target) return;
  const std::optional<std::string_view> contact = request.string_param(2);
  if (!contact) return reply.fault(500, kNotEnough);
  switch (table_.remove_contact(*process_, target->domain, target->aor, *contact, wall_s())) {
    case RemoveOutcome::kRemoved:
      return;
    case RemoveOutcome::kNoAor:
      return reply.fault(404, "AOR not found");
    case RemoveOutcome::kNoBinding:
      return reply.fault(404, "Contact not found");
  }
}

}  // namespace lockstep::usrloc
