#include "modules/registrar/register_request.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/peer_address.h"
#include "core/sip/header.h"
#include "core/sip/method.h"
#include "core/sip/name_addr.h"
#include "core/sip/text.h"
#include "core/sip/writer.h"

namespace lockstep::registrar {

using sip::HeaderId;
using worker::Binding;
using worker::BindingChange;

namespace {

constexpr std::uint32_t kHour = 3600;

Failure<Refusal> refuse(std::uint16_t status, std::string_view reason, std::string_view lines = {}) {
  return Failure{Refusal{status, reason, lines}};
}

constexpr std::string_view kNoRoom = "Server Out Of Memory";

// The text without line folds, so that it can be stored and written anywhere; none: the arena is full.
std::optional<std::string_view> flat(std::string_view text, Arena& arena) {
  if (text.find_first_of("\r\n") == std::string_view::npos) return text;
  char* const room = arena.make_array<char>(text.size());
  if (room == nullptr) return std::nullopt;
  sip::Writer writer({room, text.size()});
  writer.unfolded(text);
  return writer.view();
}

// All Path values as one list.
std::optional<std::string_view> join_path(const sip::Message& message, Arena& arena) {
  std::size_t bytes = 0;
  for (const sip::HeaderValue& value : message.values(HeaderId::kPath)) bytes += value.text.size() + 2;
  if (bytes == 0) return std::string_view{};
  char* const room = arena.make_array<char>(bytes);
  if (room == nullptr) return std::nullopt;
  sip::Writer writer({room, bytes});
  for (const sip::HeaderValue& value : message.values(HeaderId::kPath)) {
    if (writer.size() > 0) writer.text(", ");
    writer.unfolded(value.text);
  }
  return writer.view();
}

// The `received` parameter of the first Path URI, where a load balancer in front of us noted the phone's
// address.
std::optional<std::string_view> received_in_path(std::string_view path, Arena& arena) {
  const std::optional<sip::NameAddr> first = sip::parse_name_addr(sip::next_list_value(path));
  const std::optional<sip::Uri> uri = first ? sip::parse_uri(first->uri) : std::nullopt;
  const std::optional<sip::Param> param = uri ? uri->param("received") : std::nullopt;
  if (!param || param->value.empty()) return std::nullopt;
  char* const room = arena.make_array<char>(param->value.size());
  if (room == nullptr) return std::nullopt;
  const std::optional<std::string_view> text = sip::unescape(param->value, {room, param->value.size()});
  if (!text || !sip::parse_uri(*text)) return std::nullopt;
  return text;
}

// RFC 3261 8.2.2.3 and 10.3 step 2: options that we do not know are named in the answer.
std::optional<std::string_view> unsupported_options(const sip::Message& message, bool has_path,
                                                    Arena& arena) {
  std::size_t bytes = 0;
  const auto is_known = [has_path](std::string_view option) {
    return has_path && sip::equal_nocase(option, "path");
  };
  for (const sip::HeaderValue& value : message.values(HeaderId::kRequire)) {
    if (!is_known(value.text)) bytes += value.text.size() + 2;
  }
  if (bytes == 0) return std::string_view{};
  bytes += 16;
  char* const room = arena.make_array<char>(bytes);
  if (room == nullptr) return std::nullopt;
  sip::Writer writer({room, bytes});
  std::string_view separator = "Unsupported: ";
  for (const sip::HeaderValue& value : message.values(HeaderId::kRequire)) {
    if (is_known(value.text)) continue;
    writer.text(separator).unfolded(value.text);
    separator = ", ";
  }
  writer.text("\r\n");
  return writer.view();
}

std::uint64_t shortened(std::uint64_t expires_s, std::int64_t range_percent, std::uint32_t random) {
  const std::uint64_t range =
      expires_s * static_cast<std::uint64_t>(std::clamp<std::int64_t>(range_percent, 0, 100)) / 100;
  return range == 0 ? expires_s : std::max<std::uint64_t>(expires_s - random % (range + 1), 1);
}

struct Interval {
  std::uint64_t seconds = 0;
  bool is_too_brief = false;
};

// 10.3 step 6 and the intervals of step 7: the contact's parameter, else Expires, else the default. A
// malformed value counts as none.
Interval interval_of(const sip::NameAddr& contact, const sip::Message& message, const Settings& settings,
                     const Surroundings& around) {
  std::optional<std::uint32_t> asked = contact.expires();
  if (!asked && !contact.param("expires")) asked = message.expires();
  const auto min_s = static_cast<std::uint64_t>(settings.min_expires_s);
  const auto max_s = static_cast<std::uint64_t>(settings.max_expires_s);
  std::uint64_t seconds = 0;
  if (asked) {
    seconds = *asked;
    if (seconds == 0) return {0, false};
    if (seconds < min_s && seconds < kHour) return {seconds, true};
    if (around.with_expires_range)
      seconds = std::max(shortened(seconds, settings.expires_range, around.random), min_s);
  } else {
    seconds = static_cast<std::uint64_t>(settings.default_expires_s);
    if (around.with_expires_range)
      seconds = shortened(seconds, settings.default_expires_range, around.random);
    seconds = std::max(seconds, min_s);
  }
  if (max_s != 0) seconds = std::min(seconds, max_s);
  return {std::max<std::uint64_t>(seconds, 1), false};
}

std::string_view min_expires_line(const Settings& settings, Arena& arena) {
  constexpr std::size_t kBytes = 48;
  char* const room = arena.make_array<char>(kBytes);
  if (room == nullptr) return {};
  sip::Writer writer({room, kBytes});
  writer.header(HeaderId::kMinExpires, static_cast<std::uint64_t>(settings.min_expires_s));
  return writer.view();
}

// Why no request can ever be sent to a contact; empty: it may be. Names are not looked up here. Requests go
// to `received` or along the Path instead of the contact's address where those are known.
std::string_view unreachable(const sip::Uri& uri, const Binding& common) {
  if (!uri.is_sip()) return "Contact Is No SIP URI";
  if (!common.received.empty() || !common.path.empty()) return {};
  const std::optional<PeerAddress> address = parse_address(uri.host, uri.effective_port());
  if (!address) return {};
  if (is_multicast(*address)) return "Contact Address Is Multicast";
  if (is_wildcard(*address)) return "Contact Address Is Unspecified";
  const auto ipv4 = sip::parse_ipv4(uri.host);
  if (!ipv4) return {};
  if ((*ipv4)[0] == 0) return "Contact Address Is Unspecified";  // "This network", RFC 1122 3.2.1.3.
  constexpr std::array<std::uint8_t, 4> kBroadcast = {255, 255, 255, 255};
  return *ipv4 == kBroadcast ? "Contact Address Is Broadcast" : std::string_view{};
}

// One Contact value into one change. `common` holds what all contacts of the request share.
std::optional<Refusal> read_contact(std::string_view value, const sip::Message& message,
                                    const Settings& settings, const Surroundings& around,
                                    const Binding& common, Arena& arena, BindingChange& change) {
  const std::optional<sip::NameAddr> contact = sip::parse_name_addr(value);
  if (!contact || !contact->params.is_well_formed()) return Refusal{400, "Contact Is Malformed", {}};
  if (contact->is_star) return Refusal{400, "Contact * Must Stand Alone", {}};
  if (contact->uri.size() > static_cast<std::size_t>(settings.contact_max_bytes)) {
    return Refusal{400, "Contact URI Too Long", {}};
  }
  const std::optional<sip::Uri> uri = sip::parse_uri(contact->uri);
  if (!uri) return Refusal{400, "Contact URI Is Malformed", {}};
  change.binding = common;
  Binding& binding = change.binding;
  binding.uri = contact->uri;
  const Interval interval = interval_of(*contact, message, settings, around);
  if (interval.is_too_brief) return Refusal{423, "Interval Too Brief", min_expires_line(settings, arena)};
  change.is_removal = interval.seconds == 0;
  // RFC 3261 10.2.1 allows any URI, but a proxy could only fail to fork to these.
  const std::string_view why = change.is_removal ? std::string_view{} : unreachable(*uri, common);
  if (!why.empty()) return Refusal{400, why, {}};
  binding.expires_s = around.now_s + interval.seconds;
  binding.q = static_cast<std::int16_t>(settings.default_q);
  if (contact->param("q")) {
    const std::optional<std::uint16_t> q = contact->q();
    if (!q) return Refusal{400, "Contact q Is Malformed", {}};
    binding.q = static_cast<std::int16_t>(*q);
  }
  if (const std::optional<sip::Param> methods = contact->param("methods")) {
    binding.methods = method_bits(methods->bare_value());
  }
  const std::optional<std::string_view> instance = flat(contact->params.value("+sip.instance"), arena);
  if (!instance) return Refusal{500, kNoRoom, {}};
  binding.instance = *instance;
  binding.reg_id = sip::parse_number(contact->params.value("reg-id"), 0x7fffffff).value_or(0);
  return std::nullopt;
}

std::optional<Refusal> read_path(const sip::Message& message, const Settings& settings, Arena& arena,
                                 std::string_view& path) {
  if (!settings.use_path || !message.has(HeaderId::kPath)) return std::nullopt;
  if (settings.path_mode == 2 && !message.has_token(HeaderId::kSupported, "path")) {
    return Refusal{420, "Bad Extension", "Unsupported: path\r\n"};
  }
  const std::optional<std::string_view> joined = join_path(message, arena);
  if (!joined) return Refusal{500, kNoRoom, {}};
  std::string_view rest = *joined;
  while (!rest.empty()) {
    const std::string_view value = sip::next_list_value(rest);
    if (value.empty()) break;
    const std::optional<sip::NameAddr> hop = sip::parse_name_addr(value);
    if (!hop || !sip::parse_uri(hop->uri)) return Refusal{400, "Path Is Malformed", {}};
  }
  path = *joined;
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> build_aor(const sip::Uri& uri, bool use_domain, const Settings& settings,
                                          Arena& arena) {
  if (uri.user.empty()) return std::nullopt;
  std::string_view domain = use_domain ? uri.host : std::string_view{};
  if (!settings.realm_prefix.empty() && domain.size() > settings.realm_prefix.size() &&
      sip::starts_with_nocase(domain, settings.realm_prefix)) {
    domain.remove_prefix(settings.realm_prefix.size());
  }
  const std::size_t bytes = uri.user.size() + 1 + domain.size();
  char* const room = arena.make_array<char>(bytes);
  if (room == nullptr) return std::nullopt;
  const std::optional<std::string_view> user = sip::unescape(uri.user, {room, uri.user.size()});
  if (!user || (use_domain && domain.empty())) return std::nullopt;
  std::memmove(room, user->data(), user->size());
  char* at = room + user->size();
  if (!settings.case_sensitive) std::transform(room, at, room, sip::lower);
  if (use_domain) {
    *at++ = '@';
    at = std::transform(domain.begin(), domain.end(), at, sip::lower);
  }
  return std::string_view(room, static_cast<std::size_t>(at - room));
}

std::uint32_t method_bits(std::string_view list) {
  std::uint32_t bits = 0;
  for (;;) {
    const std::string_view token = sip::next_list_value(list);
    if (token.empty()) return bits;
    bits |= worker::method_bit(sip::method_of(token));
  }
}

Result<RegisterRequest, Refusal> read_register(const sip::Message& message, const Settings& settings,
                                               const Surroundings& around, Arena& arena) {
  RegisterRequest request;
  const std::optional<std::string_view> unsupported = unsupported_options(message, settings.use_path, arena);
  if (!unsupported) return refuse(500, kNoRoom);
  if (!unsupported->empty()) return refuse(420, "Bad Extension", *unsupported);
  if (const auto refusal = read_path(message, settings, arena, request.path)) return Failure{*refusal};

  std::size_t count = 0;
  std::string_view first;
  for (const sip::HeaderValue& value : message.values(HeaderId::kContact)) {
    if (count++ == 0) first = value.text;
  }
  request.is_query = count == 0;
  if (request.is_query && message.has(HeaderId::kContact)) return refuse(400, "Contact Is Malformed");
  if (count == 1 && first == "*") {
    if (message.expires() != 0U) return refuse(400, "Contact * Needs Expires 0");
    request.is_star = true;
    return request;
  }
  if (count > worker::kBindingChangeMax) return refuse(400, "Too Many Contacts In Request");

  BindingChange* const changes = arena.make_array<BindingChange>(count);
  const std::optional<std::string_view> agent = flat(message.value(HeaderId::kUserAgent), arena);
  if ((changes == nullptr && count > 0) || !agent) return refuse(500, kNoRoom);
  Binding common;
  common.user_agent = *agent;
  common.path = request.path;
  common.received = around.received;
  common.cflags = around.branch_flags;
  common.socket = around.socket;
  if (settings.path_use_received) {
    if (const auto received = received_in_path(request.path, arena)) {
      common.received = *received;
      common.cflags |= around.nat_flag;
    }
  }
  if (message.has(HeaderId::kAllow)) {
    common.methods = 0;
    for (const sip::HeaderField& field : message.fields(HeaderId::kAllow))
      common.methods |= method_bits(field.value);
  }
  std::size_t index = 0;
  for (const sip::HeaderValue& value : message.values(HeaderId::kContact)) {
    changes[index] = BindingChange{};
    const auto refusal = read_contact(value.text, message, settings, around, common, arena, changes[index++]);
    if (refusal) return Failure{*refusal};
  }
  request.changes = {changes, count};
  return request;
}

}  // namespace lockstep::registrar
