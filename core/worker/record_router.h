// record_router.h: what module rr does for the sender of a branch. When record_route() runs, the socket
// that a branch will leave by is often not known yet (lookup, DNS, force_send_socket come later), so
// the second Record-Route value of a request that changes sockets can only be written at the branch.
// Provided by module rr through Interfaces; used by the worker for each request that it sends on.
#pragma once

#include <cstdint>

#include "core/base/arena.h"
#include "core/sip/edit.h"
#include "core/sip/message.h"
#include "core/worker/local_names.h"

namespace lockstep::worker {

class RecordRouter {
 public:
  virtual ~RecordRouter() = default;

  struct Branch {
    std::uint16_t in = kNoSocket;   // The socket that the request came in by,
    std::uint16_t out = kNoSocket;  // and the one that it goes out by: indices into LocalNames::sockets().
    // The message is the request as a transaction stored it, with the script's edits already in its bytes
    // (failure routes); else what record_route() wrote is in `edits`.
    bool is_stored = false;
  };
  // `edits`: the branch's own copy, before it is gathered. Where record_route() wrote one value for `in` and
  // `out` is another socket, that value becomes two (RFC 5658), the outgoing side on top. Anything else stays
  // as it is. False: the arena or the list is full; the edits are then unchanged.
  virtual bool complete(sip::EditList& edits, const sip::Message& message, const LocalNames& names,
                        const Branch& branch, Arena& arena) const = 0;
};

}  // namespace lockstep::worker
