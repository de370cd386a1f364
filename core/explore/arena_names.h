// arena_names.h: what lies at an address of the segment, as a person calls it.
#pragma once

#include <string>

#include "shm/shared_state.h"
#include "shm/transaction_record.h"

namespace lockstep::explore {

struct ArenaName {
  std::string field;  // The same for every element of a table: "worker.batch.headers.msg_len".
  std::string full;   // "worker 2: batch.headers[0].msg_len".
};

ArenaName name_in_arena(const shm::Segment& segment, const shm::SharedState& state, const char* at);

}  // namespace lockstep::explore
