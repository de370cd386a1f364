// t_relay: the transaction, its branches, and the requests that go to them.
#include <algorithm>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mutation.h"
#include "core/sip/dialog.h"
#include "core/sip/message_edit.h"
#include "core/sip/text.h"
#include "core/worker/branch_id.h"
#include "core/worker/engine.h"
#include "core/worker/script_store.h"

namespace lockstep::worker {
namespace {

bool is_served_transport(const sip::Uri& uri) {
  if (uri.scheme == sip::UriScheme::kSips) return false;
  const auto transport = uri.param("transport");
  return !transport.has_value() || sip::transport_of(transport->value) == sip::Transport::kUdp;
}

// What a BYE in the dialog of a late 2xx must leave out, and whether its ACK must answer (O14).
std::uint8_t count_record_routes(std::string_view request) {
  std::size_t total = 0;
  const std::size_t line_end = request.find('\n');
  sip::HeaderCursor cursor(request.substr(line_end + 1));
  sip::HeaderLine line;
  for (sip::CursorResult at = cursor.next(line); at == sip::CursorResult::kField; at = cursor.next(line)) {
    if (sip::header_id(line.name) != sip::HeaderId::kRecordRoute) continue;
    for (std::string_view rest = line.value; !sip::next_list_value(rest).empty();) ++total;
  }
  return static_cast<std::uint8_t>(std::min<std::size_t>(total, 255));
}

}  // namespace

// The transaction is made with the caller's request in hand; 100 goes out at once (17.2.1).
bool Engine::create_transaction(ScriptContext& context) {
  shm::Entry entry(process_.segment, *entry_);
  created_log_ = process_.order_log.mark();
  created_outbox_ = outbox_.mark();
  created_taken_ = taken_.size();
  shm::TransactionRecord* record =
      store_.try_create(entry, entry_index_, request_key(message_, message_.method()));
  if (record == nullptr) return false;
  record->method = static_cast<std::uint8_t>(message_.method());
  record->born_ms = now_ms_;
  record->source = node_->source;
  record->reply_socket = node_->socket;
  record->reply_target = reply_target(message_, context.force_rport);
  view_.record = record;
  view_.handle = store_.handle_of(*record);
  view_.is_new = true;
  view_.is_changed = true;
  view_.state.server = {};
  view_.state.context = {};
  view_.state.branches.clear();
  view_.branch_refs.clear();
  view_.refs = {};
  const auto none = static_cast<std::uint32_t>(script::kNoRoute);
  view_.refs.on_branch = view_.refs.on_reply = view_.refs.on_failure = none;
  view_active_ = true;
  role_ = Role::kRequest;
  linked_.push_back(view_.handle);
  force_rport_ = context.force_rport;
  count(settings_.counters->uas_transactions);
  count(settings_.counters->created);
  const bool is_invite = message_.method() == sip::Method::kInvite;
  apply(transaction::Event::create(
      age(), is_invite ? transaction::Method::kInvite : transaction::Method::kNonInvite));
  return true;
}

// The request as further branches and responses need it later: with the script's edits, top Via completed.
bool Engine::store_request(ScriptContext& context) {
  if (!via_completed_) {
    const IpText ip = ip_text(node_->source);
    if (!sip::complete_top_via(edits_, message_, {ip.view(), node_->source.port()}, context.force_rport,
                               arena_)) {
      too_many_edits_ = true;
      return false;
    }
    via_completed_ = true;
  }
  const shm::MessageRef stored = try_take(sip::gathered_size(message_.bytes(), edits_), Reserve::kLeave);
  if (stored.slot == 0) return false;
  sip::gather(message_.bytes(), edits_, span_of(stored));
  keep(view_.refs.request, stored);
  return true;
}

int Engine::relay(ScriptContext& context) {
  const sip::Method method = context.message.method();
  // From a failure route the message is the stored request; from reply routes there is nothing to relay.
  if (context.message.is_response()) return -1;
  if (method == sip::Method::kAck) return stateless_forward(context);
  if (method == sip::Method::kCancel) {
    if (role_ != Role::kCancelTarget) return stateless_forward(context);
    if (const sip::HeaderField* reason = message_.first(sip::HeaderId::kReason); reason != nullptr) {
      const shm::MessageRef kept = try_take(reason->value.size());
      if (kept.slot != 0) {
        std::copy(reason->value.begin(), reason->value.end(), span_of(kept).begin());
        keep(view_.refs.caller_reason, kept);
      }
    }
    apply(transaction::Event::caller_cancel(age()));
    return 1;
  }
  const bool is_first = context.message.bytes().data() == message_.bytes().data();
  const bool made_here = is_first && !view_active_;
  if (made_here && !create_transaction(context)) {
    refuse_full(context);
    return 0;
  }
  too_many_edits_ = false;
  if (is_first && !store_request(context)) {
    if (made_here) abandon_transaction();
    if (too_many_edits_) {
      context.last_error = {500, "Too Many Changes To The Message"};
      return -1;
    }
    refuse_full(context);
    return 0;
  }
  if (role_ == Role::kRequest) keep_script(context);
  const Destination first = context.target;
  std::uint32_t added = 0;
  bool full = false;
  for (std::size_t i = 0; i <= context.branches.size(); ++i) {
    if (added >= settings_.branch_max || !transaction::may_add_branch(view_.state)) break;
    if (mutated(Mutation::kTargetForgotten) && i > 0 && i == context.branches.size()) break;
    const int result = add_branch(context, i == 0 ? first : context.branches[i - 1]);
    context.target = first;
    if (result > 0) ++added;
    if (result == 0) full = true;
  }
  context.branches.clear();
  if (added > 0) return 1;
  if (made_here) abandon_transaction();
  if (full && !is_first) {  // A failure route: the finals it has go up instead.
    count(settings_.counters->refused_full);
    return -1;
  }
  if (full) {
    refuse_full(context);
    return 0;
  }
  return -1;
}

// 1 added, -1 no place to send it to, 0 no memory.
int Engine::add_branch(ScriptContext& context, const Destination& destination) {
  const auto branch = static_cast<std::uint8_t>(view_.state.branches.size());
  context.target = destination;
  too_many_edits_ = false;
  sip::EditList& edits = context.edits;
  const sip::EditList before = edits;
  if (!run_branch_route(context, branch)) {
    edits = before;
    return -1;
  }
  PeerAddress address{};
  if (!resolve(context, context.target, address)) {
    edits = before;
    return -1;
  }
  const std::uint16_t socket = settings_.names->socket_for(
      address, context.target.socket != kNoSocket ? context.target.socket : context.socket);
  if (socket == kNoSocket) {
    context.last_error = {478, "Unresolvable destination (no socket of that address family)"};
    edits = before;
    return -1;
  }
  if (!store_.try_add_branch(view_)) {
    edits = before;
    return 0;
  }
  if (branch >= shm::kInlineBranches && (branch - shm::kInlineBranches) % shm::kChunkBranches == 0) {
    const std::uint32_t chunk = view_.record->chunks[(branch - shm::kInlineBranches) / shm::kChunkBranches];
    linked_.push_back(chunk);
  }
  const BranchText via =
      branch_text({view_.handle, view_.record->generation, branch}, process_.state.branch_secret);
  const shm::MessageRef request = build_branch_request(context, context.target, socket, via.view());
  edits = before;
  if (request.slot == 0) {
    view_.branch_refs.pop_back();
    if (!too_many_edits_) return 0;
    context.last_error = {500, "Too Many Changes To The Message"};
    return -1;
  }
  const bool is_invite = view_.state.server.is_invite();  // Others make no dialog that O14 could end.
  store_.target(*view_.record, branch) =
      shm::BranchTarget{address, context.target.flags, socket,
                        is_invite ? count_record_routes(view_of(request)) : std::uint8_t{0},
                        is_invite && sip::has_sdp(context.message)};
  keep(view_.branch_refs[branch].request, request);
  count(settings_.counters->uac_transactions);
  count(settings_.counters->fwd_requests);
  apply(transaction::Event::add_branch(age(), transaction::branch_index(branch)));
  return 1;
}

bool Engine::run_branch_route(ScriptContext& context, std::uint8_t branch) {
  if (context.on_branch == script::kNoRoute) return true;
  const int code = context.return_code();
  const script::Control control = context.control();
  const script::RouteMask kinds = context.route_kinds();
  const std::string_view name = context.route_name();
  const std::uint32_t depth = context.depth();
  const int branch_before = context.branch_index;
  context.branch_index = branch;
  settings_.program->run(context.on_branch, context);
  const bool is_dropped = context.is_dropped();
  context.branch_index = branch_before;
  context.set_control(control);
  context.set_return_code(code);
  context.set_route_kinds(kinds);
  context.set_route_name(name);
  context.set_depth(depth);
  return !is_dropped;
}

// The next hop: what the script chose ($du, a loose route), else the first Path, else the Request-URI.
bool Engine::resolve(ScriptContext& context, const Destination& destination, PeerAddress& address) {
  std::string_view text = destination.next_hop;
  if (text.empty() && !destination.path.empty()) {
    std::string_view rest = destination.path;
    if (const auto route = sip::parse_name_addr(sip::next_list_value(rest)); route.has_value())
      text = route->uri;
  }
  if (text.empty()) text = destination.uri.empty() ? context.message.request_uri_text() : destination.uri;
  const auto uri = sip::parse_uri(text);
  if (!uri.has_value() || !uri->is_sip()) {
    count(settings_.counters->bad_uri);
    context.last_error = {478, "Unresolvable destination"};
    return false;
  }
  if (!is_served_transport(*uri)) {
    context.last_error = {478, "Unresolvable destination (transport not served)"};
    return false;
  }
  const auto maddr = uri->param("maddr");
  const std::string_view host = maddr.has_value() ? maddr->value : uri->host;
  std::optional<PeerAddress> found = parse_address(host, uri->effective_port());
  if (!found.has_value() && sip::equal_nocase(host, "localhost"))
    found = parse_address("127.0.0.1", uri->effective_port());
  if (!found.has_value()) {
    context.last_error = {478, "Unresolvable destination (names are not looked up)"};
    LS_LOG(kInfo, "core", "cannot send to '{}': names are not looked up, give an address", host);
    return false;
  }
  address = *found;
  return true;
}

// Base edits of the script, then what makes it this branch's: Request-URI, Path as Route, our Via on top.
shm::MessageRef Engine::build_branch_request(ScriptContext& context, const Destination& destination,
                                             std::uint16_t socket, std::string_view via_branch) {
  sip::EditList& edits = context.edits;
  const sip::Message& message = context.message;
  inner_arena_.reset();
  if (!destination.uri.empty() && destination.uri != message.request_uri_text() &&
      !sip::replace_request_uri(edits, message, destination.uri)) {
    too_many_edits_ = true;
    return {};
  }
  if (!destination.path.empty()) {
    const std::size_t room = destination.path.size() + 16;
    char* line = inner_arena_.make_array<char>(room);
    if (line == nullptr) return {};
    sip::Writer writer({line, room});
    writer.header(sip::HeaderId::kRoute, destination.path);
    if (!sip::insert_before_first(edits, message, sip::HeaderId::kRoute, writer.view())) {
      too_many_edits_ = true;
      return {};
    }
  }
  const RecordRouter::Branch sides{context.socket, socket, &message != &message_};
  if (settings_.record_router != nullptr &&
      !settings_.record_router->complete(edits, message, *settings_.names, sides, inner_arena_)) {
    too_many_edits_ = true;
    return {};
  }
  const ListenSocket& local = settings_.names->sockets()[socket];
  constexpr std::size_t kViaRoom = 512;
  char* line = inner_arena_.make_array<char>(kViaRoom);
  if (line == nullptr) return {};
  sip::Writer writer({line, kViaRoom});
  sip::write_via(writer, {sip::Transport::kUdp, local.host, local.port, via_branch, false, {}});
  if (writer.full() || !sip::insert_before_first(edits, message, sip::HeaderId::kVia, writer.view())) {
    too_many_edits_ = true;
    return {};
  }
  const shm::MessageRef out = try_take(sip::gathered_size(message.bytes(), edits), Reserve::kLeave);
  if (out.slot == 0) return {};
  sip::gather(message.bytes(), edits, span_of(out));
  return out;
}

// Once a second at most.
void Engine::log_full(std::string_view what) {
  if (now_ms_ < full_logged_ms_ + 1000) return;
  full_logged_ms_ = now_ms_;
  LS_LOG(kErr, "core", "shared memory is full: {}; give more with -m (core.shmmem shows how much is used)",
         what);
}

// A table is full: the caller is told so, now and with when to come back.
void Engine::refuse_full(ScriptContext& context) {
  count(settings_.counters->refused_full);
  log_full("a request was answered 503");
  inner_arena_.reset();
  char* line = inner_arena_.make_array<char>(64);
  sip::Writer writer({line, 64});
  writer.text("Retry-After: ").number(settings_.tm->retry_after_s).text("\r\n");
  if (view_active_ && view_.is_new) abandon_transaction();
  sip::ResponseSpec spec = response_spec(context.message, 503);
  spec.force_rport = context.force_rport;
  spec.extra_headers = writer.view();
  if (context.message.method() != sip::Method::kAck) send_stateless(context.message, spec);
}

}  // namespace lockstep::worker
