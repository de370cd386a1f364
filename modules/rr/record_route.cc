// record_route.cc: writing Record-Route. What is written is one edit at the place where Record-Route values
// begin; it is found again by its place and its first words, so that parameters can be added to it, and the
// branch's socket, once known, can complete it.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/base/log.h"
#include "core/sip/message_edit.h"
#include "core/sip/writer.h"
#include "core/worker/export_helpers.h"
#include "modules/rr/rr_module.h"

namespace lockstep::rr {
namespace {

using worker::ListenSocket;
using worker::ScriptContext;

constexpr std::string_view kStart = "Record-Route: <sip";

std::uint32_t record_route_offset(const sip::Message& message) {
  const sip::HeaderField* first = message.first(sip::HeaderId::kRecordRoute);
  return first == nullptr ? message.headers_begin() : first->line_begin;
}

bool is_record_route(const sip::Edit& edit, std::uint32_t offset) {
  return edit.offset == offset && edit.removed_bytes == 0 && edit.text.starts_with(kStart);
}

const sip::Edit* find_own_edit(const sip::EditList& edits, const sip::Message& message) {
  const std::uint32_t offset = record_route_offset(message);
  for (const sip::Edit& edit : edits.edits()) {
    if (is_record_route(edit, offset)) return &edit;
  }
  return nullptr;
}

// The same list with another text in one edit, at the same place among its neighbours.
void replace_text(sip::EditList& edits, const sip::Edit* which, std::string_view text) {
  const auto position = static_cast<std::size_t>(which - edits.edits().data());
  sip::EditList changed;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    const sip::Edit& edit = edits.edits()[i];
    LS_ASSERT(
        changed.replace(edit.offset, edit.offset + edit.removed_bytes, i == position ? text : edit.text));
  }
  edits = changed;
}

// One Record-Route value in its parts: "sip", "user@", "host:port", ";lr;ftag=x".
struct Parts {
  std::string_view scheme, user, place, params;
};

// `uri` is what stands between '<' and '>'.
Parts parts_of(std::string_view uri) {
  Parts parts;
  const std::size_t colon = uri.find(':');
  parts.scheme = uri.substr(0, colon);
  std::string_view rest = uri.substr(colon + 1);
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    parts.user = rest.substr(0, at + 1);
    rest = rest.substr(at + 1);
  }
  const std::size_t semicolon = rest.find(';');
  parts.place = rest.substr(0, semicolon);
  if (semicolon != std::string_view::npos) parts.params = rest.substr(semicolon);
  if (parts.params.starts_with(";r2=on")) parts.params = parts.params.substr(6);
  return parts;
}

// "host:port" of a socket as Record-Route shows it.
struct Place {
  std::array<char, 280> bytes;
  std::size_t size;
  std::string_view view() const { return {bytes.data(), size}; }
};

Place place_of(const ListenSocket& socket) {
  Place place;
  const bool is_ipv6 = socket.host.find(':') != std::string::npos && socket.host.front() != '[';
  sip::Writer writer(place.bytes);
  writer.text(is_ipv6 ? "[" : "").text(socket.host).text(is_ipv6 ? "]" : "").text(":").number(socket.port);
  place.size = writer.size();
  return place;
}

// Header lines: one value for `only`, or two with r2=on, `top` above `below`. Empty when the arena is full.
std::string_view write_lines(Arena& arena, const Parts& parts, std::string_view top, std::string_view below) {
  const std::size_t room =
      2 * (parts.scheme.size() + parts.user.size() + parts.params.size() + top.size() + below.size() + 48);
  char* bytes = arena.make_array<char>(room);
  if (bytes == nullptr) return {};
  sip::Writer writer({bytes, room});
  const auto line = [&](std::string_view place, bool is_double) {
    writer.text("Record-Route: <").text(parts.scheme).text(":").text(parts.user).text(place);
    writer.text(is_double ? ";r2=on" : "").text(parts.params).text(">\r\n");
  };
  line(top, !below.empty());
  if (!below.empty()) line(below, true);
  arena.shrink_to(bytes + writer.size());
  return writer.view();
}

// In failure routes the stored request may already hold the value that the request route wrote.
bool is_in_message(const ScriptContext& context) {
  if ((context.route_kinds() & script::mask_of(script::RouteKind::kFailure)) == 0) return false;
  const auto first = context.message.first_value(sip::HeaderId::kRecordRoute);
  if (!first.has_value()) return false;
  const auto value = sip::parse_name_addr(first->text);
  if (!value.has_value()) return false;
  const auto uri = sip::parse_uri(value->uri);
  return uri.has_value() && context.local_names.is_local(*uri) && uri->param("lr").has_value();
}

// The tag of the side that began the dialog: From, but To in a request that flows upstream.
std::string_view caller_tag(ScriptContext& context) {
  const sip::Message& message = context.message;
  return !message.to_tag().empty() && is_upstream(context) ? message.to_tag() : message.from_tag();
}

std::optional<std::string_view> user_part(ScriptContext& context, const RrSettings& settings) {
  if (!settings.add_username) return std::string_view();
  std::string_view user;
  if (!settings.custom_user_avp.empty()) {
    const worker::Avp* avp = context.find_avp(settings.custom_user_avp);
    if (avp != nullptr) user = context.text_of(avp->value);
  }
  if (user.empty()) {
    const sip::Uri* uri = context.parsed_request_uri();
    if (uri != nullptr) user = uri->user_without_params();
  }
  if (user.empty()) return std::string_view();
  return worker::try_join(context, {user, "@"});
}

bool uses_sips(ScriptContext& context, const RrSettings& settings) {
  if (settings.ignore_sips) return false;
  const sip::Uri* uri = context.parsed_request_uri();
  return uri != nullptr && uri->scheme == sip::UriScheme::kSips;
}

bool may_record_route(const ScriptContext& context) {
  if (!context.message.is_request()) return false;
  if (find_own_edit(context.edits, context.message) == nullptr && !is_in_message(context)) return true;
  LS_LOG(kErr, "rr", "record_route: this request has been record-routed already");
  return false;
}

std::optional<std::string_view> common_params(ScriptContext& context, const RrSettings& settings,
                                              std::string_view params) {
  const std::string_view tag = settings.append_fromtag ? caller_tag(context) : std::string_view();
  return worker::try_join(context, {settings.enable_full_lr ? ";lr=on" : ";lr",
                                    tag.empty() ? "" : ";ftag=", tag, params, context.record_route_params});
}

int insert_lines(ScriptContext& context, std::string_view lines) {
  if (lines.empty()) return -1;
  return worker::answer(
      sip::insert_before_first(context.edits, context.message, sip::HeaderId::kRecordRoute, lines));
}

}  // namespace

int record_route(ScriptContext& context, const RrSettings& settings, std::string_view params) {
  const auto& sockets = context.local_names.sockets();
  if (!may_record_route(context) || context.socket >= sockets.size()) return -1;
  if (!params.empty() && params.front() != ';') {
    LS_LOG(kErr, "rr", "record_route: '{}' does not begin with a semicolon", params);
    return -1;
  }
  const auto all_params = common_params(context, settings, params);
  const auto user = user_part(context, settings);
  if (!all_params.has_value() || !user.has_value()) return -1;
  const Parts parts{uses_sips(context, settings) ? "sips" : "sip", *user, {}, *all_params};
  const Place in = place_of(sockets[context.socket]);
  // Which socket the branches leave by is settled when each is built: complete_record_route().
  const bool is_double = settings.enable_double_rr == 2;
  return insert_lines(context, write_lines(context.arena(), parts, in.view(), is_double ? in.view() : ""));
}

int record_route_preset(ScriptContext& context, const RrSettings& settings, std::string_view outbound,
                        std::string_view inbound) {
  if (!may_record_route(context) || outbound.empty()) return -1;
  const auto user = user_part(context, settings);
  const std::string_view tag = settings.append_fromtag ? caller_tag(context) : std::string_view();
  if (!user.has_value()) return -1;
  const std::string_view scheme = uses_sips(context, settings) ? "sips:" : "sip:";
  std::string_view lines;
  for (const std::string_view given : {outbound, inbound}) {
    if (given.empty()) continue;
    const bool has_lr = sip::ParamList(given.substr(std::min(given.find(';'), given.size()))).has("lr");
    const auto uri =
        worker::try_join(context, {scheme, *user, given,
                                   has_lr                    ? ""
                                   : settings.enable_full_lr ? ";lr=on"
                                                             : ";lr",
                                   tag.empty() ? "" : ";ftag=", tag, context.record_route_params});
    if (!uri.has_value() || !sip::parse_uri(*uri).has_value()) {
      LS_LOG(kErr, "rr", "record_route_preset: '{}' is no host[:port][;params]", given);
      return -1;
    }
    const auto joined = worker::try_join(context, {lines, "Record-Route: <", *uri, ">\r\n"});
    if (!joined.has_value()) return -1;
    lines = *joined;
  }
  return insert_lines(context, lines);
}

int add_rr_param(ScriptContext& context, std::string_view param) {
  if (!context.message.is_request() || param.size() < 2 || param.front() != ';' ||
      param.find_first_of("<>\r\n") != std::string_view::npos) {
    LS_LOG(kErr, "rr", "add_rr_param: '{}' is not ;name or ;name=value", param);
    return -1;
  }
  if (const sip::Edit* own = find_own_edit(context.edits, context.message); own != nullptr) {
    // Before each '>' of the lines written.
    std::string_view rest = own->text;
    std::string_view made;
    for (std::size_t end = rest.find('>'); end != std::string_view::npos; end = rest.find('>')) {
      const auto joined = worker::try_join(context, {made, rest.substr(0, end), param, ">"});
      if (!joined.has_value()) return -1;
      made = *joined;
      rest = rest.substr(end + 1);
    }
    const auto whole = worker::try_join(context, {made, rest});
    if (!whole.has_value()) return -1;
    replace_text(context.edits, own, *whole);
    return 1;
  }
  const auto copy = worker::try_join(context, {context.record_route_params, param});
  if (!copy.has_value()) return -1;
  if (is_in_message(context)) {
    const auto first = context.message.first_value(sip::HeaderId::kRecordRoute);
    const auto value = sip::parse_name_addr(first->text);
    const std::uint32_t offset = context.message.offset_of(value->uri);
    return worker::answer(
        context.edits.insert(offset + value->uri.size(), copy->substr(context.record_route_params.size())));
  }
  context.record_route_params = *copy;
  return 1;
}

int remove_record_route(ScriptContext& context) {
  const sip::Edit* own = find_own_edit(context.edits, context.message);
  if (own == nullptr) return -1;
  replace_text(context.edits, own, {});
  return 1;
}

bool complete_record_route(sip::EditList& edits, const sip::Message& message, const worker::LocalNames& names,
                           const worker::RecordRouter::Branch& branch, std::int64_t enable_double_rr,
                           Arena& arena) {
  const auto& sockets = names.sockets();
  if (enable_double_rr == 0 || branch.in >= sockets.size() || branch.out >= sockets.size()) return true;
  if (branch.in == branch.out) return true;
  const Place in = place_of(sockets[branch.in]);
  const Place out = place_of(sockets[branch.out]);
  if (const sip::Edit* own = find_own_edit(edits, message); own != nullptr) {
    const std::size_t begin = own->text.find('<') + 1;
    const Parts parts = parts_of(own->text.substr(begin, own->text.find('>') - begin));
    if (parts.place != in.view()) return true;
    const std::string_view lines = write_lines(arena, parts, out.view(), in.view());
    if (lines.empty()) return false;
    replace_text(edits, own, lines);
    return true;
  }
  if (!branch.is_stored) return true;
  // The stored request holds one value for `in`; it becomes the lower of two.
  const auto first = message.first_value(sip::HeaderId::kRecordRoute);
  const auto value = first.has_value() ? sip::parse_name_addr(first->text) : std::nullopt;
  if (!value.has_value() || !edits.has_room(2)) return true;
  const Parts parts = parts_of(value->uri);
  if (parts.place != in.view() || !parts.params.starts_with(";lr")) return true;
  const std::uint32_t place_end =
      message.offset_of(parts.place) + static_cast<std::uint32_t>(parts.place.size());
  const std::string_view top =
      write_lines(arena, {parts.scheme, parts.user, {}, parts.params}, out.view(), {});
  if (top.empty()) return false;
  const bool has_r2 = value->uri.find(";r2=on") != std::string_view::npos;
  if (has_r2) return true;
  char* bytes = arena.make_array<char>(top.size() + 6);
  if (bytes == nullptr) return false;
  const std::size_t cut = top.find(out.view()) + out.view().size();
  sip::Writer writer({bytes, top.size() + 6});
  writer.text(top.substr(0, cut)).text(";r2=on").text(top.substr(cut));
  return sip::insert_before_first(edits, message, sip::HeaderId::kRecordRoute, writer.view()) &&
         edits.insert(place_end, ";r2=on");
}

}  // namespace lockstep::rr
