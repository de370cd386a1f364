#include "modules/tm/tm_rpc.h"

#include <fmt/core.h>

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/sip/message.h"
#include "core/worker/command_post.h"
#include "shm/transaction_store.h"

namespace lockstep::tm {
namespace {

using worker::RpcReply;
using worker::RpcRequest;

std::uint64_t sum(const shm::SharedState& state, shm::CounterId id) {
  std::uint64_t total = 0;
  for (std::uint32_t worker = 1; worker <= state.worker_count + 1; ++worker) {
    total += state.areas[worker]->counters.values[id.value].load(std::memory_order_relaxed);
  }
  return total;
}

// What tm.list shows of one transaction: copied out while its owner may be changing it, so it is checked
// again afterwards and left out when it moved.
struct Listed {
  std::uint32_t handle = 0;
  std::uint32_t entry = 0;
  std::uint32_t generation = 0;
  std::uint32_t branches = 0;
  std::uint64_t age_s = 0;
  sip::Method method = sip::Method::kOther;
  std::string request;
};

bool snapshot(shm::Segment& segment, shm::SharedState& state, shm::Slabs& slabs, shm::SlotHandle slot,
              Listed& out) {
  const auto& record = *segment.at(shm::Handle<shm::TransactionRecord>{slot.value});
  out.handle = slot.value;
  out.entry = record.entry;
  out.generation = record.generation;
  out.method = static_cast<sip::Method>(record.method);
  if (record.entry >= shm::kEntryCount) return false;
  const std::uint64_t now = monotonic_ms();
  out.age_s = now > record.born_ms ? (now - record.born_ms) / 1000 : 0;
  const std::uint64_t consumed = state.entry(record.entry).consumed.load(std::memory_order_acquire);
  const shm::TransactionCopy* best = nullptr;
  for (const shm::TransactionCopy& copy : record.copies) {
    const std::uint64_t stamp = copy.stamp.load(std::memory_order_acquire);
    if (stamp > consumed) continue;
    if (best == nullptr || stamp > best->stamp.load(std::memory_order_acquire)) best = &copy;
  }
  if (best == nullptr) return false;
  out.branches = best->branch_count;
  const shm::MessageRef request = best->refs.request;
  const std::uint64_t stamp = best->stamp.load(std::memory_order_acquire);
  if (request.slot != 0 && request.bytes <= shm::kDatagramMax &&
      slabs.mark(shm::SlotHandle{request.slot}) == shm::mark_linked(slot.value)) {
    out.request.assign(slabs.bytes(shm::SlotHandle{request.slot}), request.bytes);
  }
  return best->stamp.load(std::memory_order_acquire) == stamp && record.generation == out.generation &&
         shm::is_linked(slabs.mark(slot));
}

void write_transaction(RpcReply& reply, const Listed& listed) {
  const auto message = std::make_unique<sip::Message>();
  message->parse(listed.request);
  const auto line = [&](sip::HeaderId id) {
    const sip::HeaderField* field = message->first(id);
    return field == nullptr ? std::string() : fmt::format("{}: {}\r\n", sip::header_name(id), field->value);
  };
  reply.begin_struct();
  reply.add("cell", fmt::format("0x{:x}", listed.handle));
  reply.add("tindex", listed.entry);
  reply.add("tlabel", listed.generation);
  reply.add("method", sip::method_name(listed.method));
  reply.add("from", line(sip::HeaderId::kFrom));
  reply.add("to", line(sip::HeaderId::kTo));
  reply.add("callid", line(sip::HeaderId::kCallId));
  const sip::CSeq* cseq = message->cseq();
  reply.add("cseq", cseq == nullptr ? std::string() : fmt::format("{}", cseq->number));
  reply.add("uas_request", "yes");
  reply.add("tflags", 0);
  reply.add("outgoings", listed.branches);
  reply.add("ref_count", 1);
  reply.add("lifetime", listed.age_s);
  reply.end();
}

// The INVITE transactions of a call that still have their request.
std::vector<Listed> find_calls(worker::Process& process, std::string_view call_id) {
  std::vector<shm::SlotHandle> slots;
  process.slabs.for_each_linked(shm::SlabKind::kTransaction,
                                [&](shm::SlotHandle slot, shm::Mark) { slots.push_back(slot); });
  std::vector<Listed> found;
  const std::uint32_t entry = process.state.entry_of(call_id);
  for (const shm::SlotHandle slot : slots) {
    Listed listed;
    if (!snapshot(process.segment, process.state, process.slabs, slot, listed)) continue;
    if (listed.entry != entry || listed.method != sip::Method::kInvite) continue;
    if (sip::quick_call_id(listed.request) == call_id) found.push_back(listed);
  }
  return found;
}

// Asks the workers; what comes of it is theirs to decide, in its place in the call's order.
void cancel(worker::CommandPost& post, worker::Process& process, const RpcRequest& request, RpcReply& reply,
            worker::CallCommandKind kind) {
  const auto call_id = request.string_param(0);
  if (!call_id.has_value()) {
    reply.fault(400, "a Call-ID is expected");
    return;
  }
  const auto branch = kind == worker::CallCommandKind::kCancelBranch ? request.int_param(1) : 0;
  if (!branch.has_value() || *branch < 0 || *branch >= static_cast<int>(transaction::kBranchMax)) {
    reply.fault(400, "the number of a branch, from 0, is expected");
    return;
  }
  const std::vector<Listed> calls = find_calls(process, *call_id);
  if (calls.empty()) {
    reply.fault(404, "no such call is being set up");
    return;
  }
  bool has_branch = false;
  for (const Listed& call : calls) {
    const bool is_one = kind == worker::CallCommandKind::kCancelBranch;
    if (is_one && *branch >= static_cast<int>(call.branches)) continue;
    has_branch = true;
    if (!post.post(process, {kind, call.entry, call.handle, call.generation,
                             static_cast<std::uint16_t>(*branch)})) {
      reply.fault(503, "too many commands are waiting; try again");
      return;
    }
  }
  if (!has_branch) reply.fault(404, "the call has no such branch");
}

void register_cancel_rpc(worker::ServerHost& host) {
  auto* post = host.interfaces.find<worker::CommandPost>();
  if (post == nullptr) return;  // A server without a control process (tests).
  const auto me = shm::WorkerId{static_cast<std::uint8_t>(host.state.worker_count + 1)};
  const auto add = [&host, post, me](std::string name, std::string doc, worker::CallCommandKind kind) {
    auto* segment = &host.segment;
    auto* state = &host.state;
    LS_ASSERT(host.rpc.add({std::move(name), std::move(doc),
                            [segment, state, post, me, kind](const RpcRequest& request, RpcReply& reply) {
                              shm::Slabs slabs(*segment, *state->slabs, me);
                              worker::Process process{me, *segment, *state, slabs,
                                                      state->area(me).counters};
                              cancel(*post, process, request, reply, kind);
                            }}));
  };
  add("tm.cancel", "Cancels every branch of a call: CALLID.", worker::CallCommandKind::kCancelAll);
  add("tm.cancel_branch", "Cancels one branch of a call: CALLID BRANCH.",
      worker::CallCommandKind::kCancelBranch);
}

}  // namespace

void register_tm_rpc(worker::ServerHost& host) {
  shm::Segment& segment = host.segment;
  shm::SharedState& state = host.state;
  const auto id = [&host](std::string_view name) { return host.counters.add("tmx", name, ""); };
  struct Ids {
    shm::CounterId received, generated, sent, created, freed, uac, class_[7];
  } ids{id("rpl_received"),
        id("rpl_generated"),
        id("rpl_sent"),
        id("created"),
        id("freed"),
        id("UAC_transactions"),
        {}};
  for (unsigned i = 2; i < 7; ++i) ids.class_[i] = id(fmt::format("{}xx_transactions", i));
  const auto me = shm::WorkerId{static_cast<std::uint8_t>(state.worker_count + 1)};

  const bool stats_added = host.rpc.add({"tm.stats", "Figures of the transactions.",
                                         [&segment, &state, ids, me](const RpcRequest&, RpcReply& reply) {
                                           const shm::Slabs slabs(segment, *state.slabs, me);
                                           const std::uint64_t live =
                                               slabs.figures(shm::SlabKind::kTransaction).live;
                                           reply.begin_struct();
                                           reply.add("current", live);
                                           reply.add("waiting", 0);
                                           reply.add("total", sum(state, ids.created));
                                           reply.add("total_local", 0);
                                           reply.add("rpl_received", sum(state, ids.received));
                                           reply.add("rpl_generated", sum(state, ids.generated));
                                           reply.add("rpl_sent", sum(state, ids.sent));
                                           for (unsigned i = 6; i >= 2; --i)
                                             reply.add(fmt::format("{}xx", i), sum(state, ids.class_[i]));
                                           reply.add("created", sum(state, ids.created));
                                           reply.add("freed", sum(state, ids.freed));
                                           reply.add("delayed_free", 0);
                                           reply.end();
                                         }});
  const bool list_added = host.rpc.add(
      {"tm.list", "The transactions that live now.",
       [&segment, &state, me](const RpcRequest&, RpcReply& reply) {
         auto slabs = std::make_shared<shm::Slabs>(segment, *state.slabs, me);
         auto slots = std::make_shared<std::vector<shm::SlotHandle>>();
         slabs->for_each_linked(shm::SlabKind::kTransaction,
                                [&](shm::SlotHandle slot, shm::Mark) { slots->push_back(slot); });
         reply.begin_array();
         auto next = std::make_shared<std::size_t>(0);
         reply.stream([&segment, &state, slabs, slots, next](RpcReply& out) {
           for (int i = 0; i < 32 && *next < slots->size(); ++i) {
             Listed listed;
             if (snapshot(segment, state, *slabs, (*slots)[(*next)++], listed))
               write_transaction(out, listed);
           }
           return *next < slots->size() ? worker::StreamState::kMore : worker::StreamState::kDone;
         });
       }});
  LS_ASSERT(stats_added && list_added);
  register_cancel_rpc(host);
}

}  // namespace lockstep::tm
