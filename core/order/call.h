// call.h: the records of a log by Call-ID, and the decisions of each transaction told again by the machines
// of this binary: events are recorded as they were, and the machines are pure, so every state between two
// events is known without having been kept.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/order/log.h"
#include "core/transaction/transaction.h"

namespace lockstep::order {

struct Call {
  std::string id;
  std::vector<const Record*> records;  // By stamp.
  std::vector<const Record*> by_time;  // As it happened, ties by stamp.
  std::uint64_t start_us() const { return by_time.empty() ? 0 : by_time.front()->head.time_us; }
};

// All calls, by the time of their first record. The log must outlive them.
std::vector<Call> calls_of(const Log& log);

// One decision.
struct Decision {
  const Record* record = nullptr;
  transaction::Event event;
  transaction::Settings settings;
  // As this binary decides. Without a whole beginning (is_told false) `step` holds what was recorded of it.
  transaction::Step step;
  transaction::State before;
  transaction::State after;
  bool is_told = false;
  bool is_same = true;  // Recorded and told agree.
};

struct Thread {
  TransactionKey key;
  bool is_whole = false;  // It begins with kCreate, and no event of its entry is missing until its last.
  std::vector<Decision> decisions;

  bool is_invite() const {
    return !decisions.empty() && decisions.front().after.server.is_invite() && is_whole;
  }
};

// `call` alone. Events of other calls of its entry leave a mark, so that none seems to be missing.
Log only(const Log& log, const Call& call);

// The transactions of a call, in the order of their first decision.
std::vector<Thread> threads_of(const Log& log, const Call& call);

// Whether everything of the call is there, as far as can be seen.
bool is_whole(const Log& log, const Call& call, const std::vector<Thread>& threads);

}  // namespace lockstep::order
