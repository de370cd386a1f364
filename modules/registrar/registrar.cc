// registrar.cc: save() and its answers.
#include "modules/registrar/registrar.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/sip/header.h"
#include "core/sip/text.h"
#include "core/sip/writer.h"

namespace lockstep::registrar {

using sip::HeaderId;
using worker::Binding;
using worker::BindingUpdate;
using worker::DomainIndex;
using worker::LocationError;
using worker::ScriptContext;
using worker::UpdateOutcome;

namespace {

// A response must fit a datagram beside the headers copied from the request.
constexpr std::size_t kContactLinesMax = 48 * 1024;
constexpr std::int64_t kFullRetryAfterS = 30;

void write_q(sip::Writer& writer, std::int16_t q) {
  writer.text(";q=").number(static_cast<std::uint64_t>(q / 1000));
  int rest = q % 1000;
  if (rest == 0) return;
  writer.text(".");
  for (int unit = 100; rest > 0; unit /= 10) {
    writer.number(static_cast<std::uint64_t>(rest / unit));
    rest %= unit;
  }
}

void write_contact(sip::Writer& writer, const Binding& binding, const Settings& settings,
                   std::uint64_t now_s) {
  writer.text("<").text(binding.uri).text(">");
  if (binding.q != worker::kQUnspecified) write_q(writer, binding.q);
  const std::uint64_t kForEver = 0xffffffff;
  writer.text(";expires=").number(binding.expires_s == 0 ? kForEver : binding.expires_s - now_s);
  if (!binding.received.empty() && !settings.received_param.empty()) {
    writer.text(";").text(settings.received_param).text("=\"").text(binding.received).text("\"");
  }
  if (!binding.instance.empty()) writer.text(";+sip.instance=\"").text(binding.instance).text("\"");
  if (binding.reg_id != 0) writer.text(";reg-id=").number(binding.reg_id);
}

int result_of(const UpdateOutcome& outcome, const RegisterRequest& request) {
  if (request.is_query) return 4;
  if (outcome.inserted > 0) return 1;
  if (outcome.updated > 0 || outcome.unchanged > 0) return 2;
  return 3;
}

std::uint64_t message_key(const ScriptContext& context) {
  return hash_bytes(context.message.bytes(), context.now_ms) | 1;
}

}  // namespace

std::uint32_t Registrar::next_random(std::uint64_t now_s) {
  // Spreads refreshes over time; nothing depends on its being hard to guess.
  if (random_state_ == 0)
    random_state_ = hash_bytes("registrar", now_s ^ reinterpret_cast<std::uintptr_t>(this)) | 1;
  random_state_ ^= random_state_ << 13;
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  return static_cast<std::uint32_t>(random_state_ >> 32);
}

std::string_view Registrar::received_of(ScriptContext& context) const {
  if (!received_variable) return {};
  const script::Value value = received_variable->get(context);
  // It comes back inside a quoted string of the 200, so it must be what it is meant to be.
  if (!value.is_string() || !sip::parse_uri(value.text())) return {};
  return value.text();
}

std::string_view Registrar::retry_after_line(ScriptContext& context, std::int64_t seconds) const {
  constexpr std::size_t kBytes = 48;
  if (seconds <= 0) return {};
  char* const room = context.arena().make_array<char>(kBytes);
  if (room == nullptr) return {};
  sip::Writer writer({room, kBytes});
  writer.header(HeaderId::kRetryAfter, static_cast<std::uint64_t>(seconds));
  return writer.view();
}

// All bindings in one Contact line, as 10.3 step 8 wants them listed, and Path where it is to be returned.
std::optional<std::string_view> Registrar::contact_lines(ScriptContext& context,
                                                         std::span<const Binding> bindings,
                                                         const RegisterRequest& request,
                                                         std::uint64_t now_s) const {
  const bool with_path = !request.path.empty() && settings.path_mode != 0 &&
                         context.message.has_token(HeaderId::kSupported, "path");
  std::size_t bytes = 16 + request.path.size();
  std::size_t count = 0;
  for (; count < bindings.size(); ++count) {
    const Binding& binding = bindings[count];
    const std::size_t more = binding.uri.size() + binding.received.size() + binding.instance.size() +
                             settings.received_param.size() + 80;
    if (bytes + more > kContactLinesMax) break;
    bytes += more;
  }
  if (count < bindings.size()) {
    LS_LOG(kWarn, "registrar", "{} of {} contacts of one address of record fit into the response", count,
           bindings.size());
  }
  char* const room = context.arena().make_array<char>(bytes);
  if (room == nullptr) return std::nullopt;
  sip::Writer writer({room, bytes});
  if (count > 0) {
    writer.text("Contact: ");
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) writer.text(", ");
      write_contact(writer, bindings[i], settings, now_s);
    }
    writer.text("\r\n");
  }
  if (with_path) writer.header(HeaderId::kPath, request.path);
  LS_ASSERT(!writer.full());
  context.arena().shrink_to(room + writer.size());
  return writer.view();
}

Registrar::Answer Registrar::refusal_of(ScriptContext& context, LocationError error, std::uint64_t now_s) {
  switch (error) {
    case LocationError::kFull:
      context.process.counters.add(counters.refused_full);
      if (last_full_log_s_ != now_s) {
        last_full_log_s_ = now_s;
        LS_LOG(kErr, "registrar",
               "no shared memory left for contacts: registrations are answered 503; give more with -m");
      }
      return {
          503, "Service Unavailable",
          retry_after_line(context, settings.retry_after_s > 0 ? settings.retry_after_s : kFullRetryAfterS),
          -1};
    case LocationError::kTooManyContacts:
      return {503, "Too Many Contacts", retry_after_line(context, settings.retry_after_s), -2};
    case LocationError::kOutOfOrder:
      return {500, "CSeq Is Not Higher", {}, -1};
    case LocationError::kBadAor:
      return {400, "Address Of Record Too Long", {}, -1};
    case LocationError::kBindingTooLarge:
      return {400, "Contact Information Too Large", {}, -1};
    case LocationError::kArenaFull:
      return {500, "Server Out Of Memory", {}, -1};
  }
  return {500, "Server Internal Error", {}, -1};
}

Registrar::Answer Registrar::process_register(ScriptContext& context, DomainIndex domain, std::uint32_t flags,
                                              std::string_view aor_uri, std::uint64_t now_s) {
  const sip::Message& message = context.message;
  const std::optional<sip::Uri> given = aor_uri.empty() ? std::nullopt : sip::parse_uri(aor_uri);
  const sip::Uri* const uri = aor_uri.empty() ? message.to_uri() : given ? &*given : nullptr;
  if (uri == nullptr) return {400, "To URI Is Malformed", {}, -1};
  const std::optional<std::string_view> aor = build_aor(*uri, store->use_domain(), settings, context.arena());
  if (!aor || aor->empty()) return {400, "To URI Has No User", {}, -1};
  const sip::CSeq* const cseq = message.cseq();
  if (cseq == nullptr) return {400, "CSeq Is Malformed", {}, -1};

  Surroundings around;
  around.received = received_of(context);
  around.branch_flags = context.target.flags;
  around.socket = context.socket;
  around.nat_flag = store->nat_flag();
  around.with_expires_range = (flags & kSaveExactExpires) == 0;
  around.now_s = now_s;
  if (settings.expires_range > 0 || settings.default_expires_range > 0) around.random = next_random(now_s);
  const auto request = read_register(message, settings, around, context.arena());
  if (!request) return {request.error().status, request.error().reason, request.error().lines, -1};

  BindingUpdate update;
  update.domain = domain;
  update.aor = *aor;
  update.call_id = message.call_id();
  update.cseq = cseq->number;
  update.changes = request->changes;
  update.remove_all = request->is_star;
  update.remove_others = (flags & kSaveOneContact) != 0 && !request->changes.empty();
  update.contact_max = static_cast<std::uint32_t>(settings.max_contacts);
  update.now_s = now_s;
  const auto outcome = store->update(context.process, update, context.arena());
  if (!outcome) return refusal_of(context, outcome.error(), now_s);
  const auto lines = contact_lines(context, outcome->bindings, *request, now_s);
  if (!lines) return {500, "Server Out Of Memory", {}, -1};
  return {200, "OK", *lines, result_of(*outcome, *request)};
}

int Registrar::reply(ScriptContext& context, std::uint16_t status, std::string_view reason,
                     std::string_view lines) {
  const std::string_view before = context.reply_lines;
  if (before.empty()) {
    context.reply_lines = lines;
  } else if (!lines.empty()) {
    char* const room = context.arena().make_array<char>(before.size() + lines.size());
    if (room == nullptr) return -1;
    std::copy(lines.begin(), lines.end(), std::copy(before.begin(), before.end(), room));
    context.reply_lines = {room, before.size() + lines.size()};
  }
  const int result = context.transactions.has_transaction(context)
                         ? context.transactions.reply(context, status, reason)
                         : context.transactions.stateless_reply(context, status, reason);
  context.reply_lines = before;  // They belong to this response alone.
  return result;
}

int Registrar::save(ScriptContext& context, DomainIndex domain, std::uint32_t flags, std::string_view aor_uri,
                    std::uint64_t now_s) {
  if (!context.message.is_request() || context.message.method() != sip::Method::kRegister) {
    LS_LOG(kErr, "registrar", "save() is for REGISTER requests, not for {}", context.message.method_text());
    return -1;
  }
  const Answer answer = process_register(context, domain, flags, aor_uri, now_s);
  context.process.counters.add(answer.status == 200 ? counters.accepted : counters.rejected);
  if (answer.status != 200) context.last_error = {answer.status, answer.reason};
  if ((flags & kSaveNoReply) == 0) {
    return reply(context, answer.status, answer.reason, answer.lines) < 0 ? -1 : answer.result;
  }
  if ((flags & kSavePrepareReply) != 0) context.reply_lines = answer.lines;
  pending_ = {message_key(context), answer.status, std::string(answer.reason), std::string(answer.lines)};
  return answer.result;
}

int Registrar::send_reply(ScriptContext& context) {
  if (pending_.key != message_key(context)) {
    LS_LOG(kErr, "registrar", "reg_send_reply() without save(\"...\", \"0x02\") before it");
    return -1;
  }
  pending_.key = 0;
  const std::string_view lines = context.arena().copy(pending_.lines);
  if (lines.size() != pending_.lines.size()) return -1;
  return reply(context, pending_.status, pending_.reason, lines) < 0 ? -1 : 1;
}

int Registrar::unregister(ScriptContext& context, DomainIndex domain, std::string_view uri,
                          std::string_view ruid, std::uint64_t now_s) {
  bool is_uri = false;
  const std::optional<std::string_view> aor = aor_for(context, uri, is_uri);
  if (!aor) return -1;
  return store->remove(context.process, domain, *aor, ruid, now_s) == worker::RemoveOutcome::kRemoved ? 1
                                                                                                      : -3;
}

}  // namespace lockstep::registrar
