// sl: stateless replies, and send_reply, which is stateful where there is a transaction.
#include <fmt/core.h>

#include "core/worker/export_helpers.h"
#include "core/worker/module.h"

namespace lockstep::sl {
namespace {

using script::Arguments;
using worker::make_function;
using worker::ScriptContext;

constexpr script::RouteMask kWhereRepliesGo = worker::kInRequestRouteOnly | script::RouteKind::kFailure;

int stateless(ScriptContext& context, const Arguments& arguments) {
  const std::int64_t status = arguments.integer(0);
  if (status < 100 || status > 699) return -1;
  return context.transactions.stateless_reply(context, static_cast<std::uint16_t>(status),
                                              arguments.string(1));
}

int by_state(ScriptContext& context, std::uint16_t status, std::string_view reason) {
  if (context.transactions.has_transaction(context))
    return context.transactions.reply(context, status, reason);
  return context.transactions.stateless_reply(context, status, reason);
}

int send_reply(ScriptContext& context, const Arguments& arguments) {
  const std::int64_t status = arguments.integer(0);
  if (status < 100 || status > 699) return -1;
  return by_state(context, static_cast<std::uint16_t>(status), arguments.string(1));
}

// What the last failed function left behind; with a transaction its client gets it through that.
int reply_error(ScriptContext& context, const Arguments&) {
  return by_state(context, context.last_error.status, context.last_error.reason);
}

}  // namespace

class SlModule final : public worker::Module {
 public:
  SlModule() {
    exports_.name = "sl";
    exports_.doc = "Replies without a transaction.";
    exports_.event_routes = {"sl:filtered-ack", "sl:local-response"};
    auto& functions = exports_.functions;
    const auto params = [] { return std::vector{worker::int_param("code"), worker::format_param("reason")}; };
    functions.push_back(
        make_function("sl_send_reply", "answers without state", kWhereRepliesGo, params(), stateless));
    functions.push_back(make_function("send_reply", "answers, with state if there is a transaction",
                                      kWhereRepliesGo, params(), send_reply));
    functions.push_back(make_function("sl_reply_error", "answers what the last failure calls for",
                                      kWhereRepliesGo, {}, reply_error));
    functions.push_back(make_function("send_reply_error", "the same", kWhereRepliesGo, {}, reply_error));
    functions.push_back(
        worker::accepted_function("sl_forward_reply", "responses are relayed by their transaction",
                                  script::mask_of(script::RouteKind::kCoreReply),
                                  {worker::format_param("code"), worker::format_param("reason")}, 0));
    for (const char* name : {"default_code", "bind_tm", "rich_redirect"}) {
      exports_.parameters.push_back(worker::unserved_parameter("sl", name));
    }
    for (const char* name : {"default_reason", "event_callback_fl_ack", "event_callback_lres_sent"}) {
      exports_.parameters.push_back(worker::unserved_parameter("sl", name));
    }
  }
  const script::ModuleExports& exports() const override { return exports_; }

  Result<bool, std::string> start(worker::ServerHost& host) override {
    static constexpr const char* kNames[] = {"200", "202", "2xx", "300", "301", "302", "3xx",
                                             "400", "401", "403", "404", "407", "408", "483",
                                             "4xx", "500", "5xx", "6xx", "xxx"};
    std::vector<std::pair<std::string, shm::CounterId>> ids;
    for (const char* name : kNames)
      ids.emplace_back(name, host.counters.add("sl", fmt::format("{}_replies", name), ""));
    shm::SharedState& state = host.state;
    const bool added = host.rpc.add({"sl.stats", "Stateless replies by status.",
                                     [&state, ids](const worker::RpcRequest&, worker::RpcReply& reply) {
                                       reply.begin_struct();
                                       for (const auto& [name, counter] : ids) {
                                         std::uint64_t total = 0;
                                         for (std::uint32_t id = 1; id <= state.worker_count + 1; ++id) {
                                           total += state.areas[id]->counters.values[counter.value].load(
                                               std::memory_order_relaxed);
                                         }
                                         reply.add(name, total);
                                       }
                                       reply.end();
                                     }});
    LS_ASSERT(added);
    return true;
  }

 private:
  script::ModuleExports exports_;
};

}  // namespace lockstep::sl

LS_MODULE(lockstep::sl::SlModule)
