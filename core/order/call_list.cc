// The list of recent calls.
#include <fmt/core.h>

#include <ctime>

#include "core/order/render.h"
#include "core/order/words.h"

namespace lockstep::order {
namespace {

std::string clock_text(std::uint64_t wall_us) {
  const auto seconds = static_cast<std::time_t>(wall_us / 1000000);
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec,
                     wall_us / 1000 % 1000);
}

// Of the first INVITE that succeeded; while none has, of the last: the caller may try again with credentials.
std::string result_of(const std::vector<Thread>& threads) {
  std::string result = "-";
  for (const Thread& thread : threads) {
    if (!thread.is_invite()) continue;
    const transaction::State& state = thread.decisions.back().after;
    const transaction::Status status = state.context.final_status;
    if (status != 0) {
      result = std::to_string(status);
    } else {
      result = state.server.last_status == 0 ? "begun" : fmt::format("{} so far", state.server.last_status);
    }
    if (transaction::is_success(status)) break;
  }
  return result;
}

}  // namespace

std::string call_list(const Log& log, const std::vector<Call>& calls, bool all) {
  std::string text = fmt::format("{:<12} {:<9} {:<24} {:<24} {:>2} {:>9}  {}\n", "time", "method", "from",
                                 "to", "br", "result", "Call-ID");
  std::size_t shown = 0;
  for (const Call& call : calls) {
    const std::vector<Thread> threads = threads_of(log, call);
    Wire first;
    for (const Record* record : call.by_time) {
      if (!record->has_bytes) continue;
      first = read_wire(record->bytes);
      break;
    }
    if (!all && first.method != "INVITE") continue;
    std::size_t branches = 0;
    for (const Thread& thread : threads) {
      if (thread.is_invite()) branches = std::max(branches, thread.decisions.back().after.branches.size());
    }
    const std::string mark = is_whole(log, call, threads) ? "" : "  (a part of it has been overwritten)";
    text += fmt::format("{:<12} {:<9} {:<24} {:<24} {:>2} {:>9}  {}{}\n",
                        clock_text(log.wall_us(call.start_us())), first.method.substr(0, 9),
                        first.from_user.substr(0, 24), first.to_user.substr(0, 24), branches,
                        result_of(threads), call.id, mark);
    ++shown;
  }
  if (shown == 0) return calls.empty() ? "no calls yet\n" : "no calls yet; --all lists what is no INVITE\n";
  return printable(text);
}

}  // namespace lockstep::order
