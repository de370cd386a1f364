// core_rpc_stats.cc: the statistics procedures. A selection is a list of `all`, `group:` and `name` (or
// `group:name`); within one of them the order is by group and name, and what does not exist gives nothing.
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/assert.h"
#include "core/worker/core_rpc.h"

namespace lockstep::worker {

namespace {

bool matches(const StatisticInfo& statistic, std::string_view selector) {
  if (selector == "all") return true;
  if (selector.ends_with(':')) return statistic.group == selector.substr(0, selector.size() - 1);
  const std::size_t colon = selector.find(':');
  if (colon == std::string_view::npos) return statistic.name == selector;
  return statistic.group == selector.substr(0, colon) && statistic.name == selector.substr(colon + 1);
}

std::vector<StatisticInfo> sorted_statistics(const ServerView& server) {
  std::vector<StatisticInfo> all = server.statistics();
  std::sort(all.begin(), all.end(), [](const StatisticInfo& a, const StatisticInfo& b) {
    return std::tie(a.group, a.name) < std::tie(b.group, b.name);
  });
  return all;
}

// False after a fault: the request selects nothing.
template <typename Visit>
bool for_each_selected(const ServerView& server, const RpcRequest& request, RpcReply& reply, Visit visit) {
  if (request.param_count() == 0) {
    reply.fault(400, "Please provide which stats to retrieve");
    return false;
  }
  const std::vector<StatisticInfo> all = sorted_statistics(server);
  for (std::size_t i = 0; i < request.param_count(); ++i) {
    const std::string_view selector = request.string_param(i).value_or("");
    for (const StatisticInfo& statistic : all) {
      if (matches(statistic, selector)) visit(statistic);
    }
  }
  return true;
}

std::string line_of(const StatisticInfo& statistic) {
  return fmt::format("{}:{} = {}", statistic.group, statistic.name, statistic.value);
}

void on_get(const ServerView& server, const RpcRequest& request, RpcReply& reply) {
  reply.begin_array();
  if (for_each_selected(server, request, reply, [&](const StatisticInfo& s) { reply.add(line_of(s)); })) {
    reply.end();
  }
}

void on_fetch(const ServerView& server, const RpcRequest& request, RpcReply& reply, bool as_numbers) {
  reply.begin_struct();
  const bool selected = for_each_selected(server, request, reply, [&](const StatisticInfo& statistic) {
    const std::string name = fmt::format("{}.{}", statistic.group, statistic.name);
    if (as_numbers) {
      reply.add(name, statistic.value);
    } else {
      reply.add(name, std::to_string(statistic.value));
    }
  });
  if (selected) reply.end();
}

void on_reset(ServerView& server, const RpcRequest& request, RpcReply& reply) {
  const bool selected = for_each_selected(server, request, reply, [&](const StatisticInfo& statistic) {
    if (statistic.is_resettable) server.reset_statistic(statistic.group, statistic.name);
  });
  if (!selected) return;
  reply.begin_struct();
  reply.end();
}

// Tells the values that were, then resets: nothing counted in between is reported twice or lost unseen by
// more than the instant between the two.
void on_clear(ServerView& server, const RpcRequest& request, RpcReply& reply) {
  reply.begin_array();
  const bool selected = for_each_selected(server, request, reply, [&](const StatisticInfo& statistic) {
    if (!statistic.is_resettable) return;
    reply.add(line_of(statistic));
    server.reset_statistic(statistic.group, statistic.name);
  });
  if (selected) reply.end();
}

}  // namespace

void register_stats_rpc(RpcRegistry& registry, ServerView& server) {
  using Request = const RpcRequest&;
  const auto add = [&registry](std::string name, std::string doc, RpcHandler handler) {
    const bool is_new = registry.add({std::move(name), std::move(doc), std::move(handler)});
    LS_ASSERT(is_new);
  };
  add("stats.get_statistics", "Statistics as text lines: SELECTOR..., each all, GROUP: or NAME.",
      [&server](Request request, RpcReply& reply) { on_get(server, request, reply); });
  add("stats.fetch", "Statistics as members whose values are strings: SELECTOR...",
      [&server](Request request, RpcReply& reply) { on_fetch(server, request, reply, false); });
  add("stats.fetchn", "Statistics as members whose values are numbers: SELECTOR...",
      [&server](Request request, RpcReply& reply) { on_fetch(server, request, reply, true); });
  add("stats.reset_statistics", "Sets counters to zero: SELECTOR...",
      [&server](Request request, RpcReply& reply) { on_reset(server, request, reply); });
  add("stats.clear_statistics", "Shows counters and sets them to zero: SELECTOR...",
      [&server](Request request, RpcReply& reply) { on_clear(server, request, reply); });
}

}  // namespace lockstep::worker
