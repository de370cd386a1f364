// schedule_point.cc: the page, and the names.
#include "core/base/schedule_point.h"

#include <sys/mman.h>

#include "core/base/assert.h"

namespace lockstep {

namespace detail {
constinit PointPage point_page{};
}

void arm_points(PointHook hook) {
  LS_ASSERT(mprotect(&detail::point_page, sizeof detail::point_page, PROT_READ | PROT_WRITE) == 0);
  detail::point_page.hook = hook;
  detail::point_page.is_armed = hook != nullptr;
}

void seal_points() { LS_ASSERT(mprotect(&detail::point_page, sizeof detail::point_page, PROT_READ) == 0); }

const char* name_of(Point point) {
  switch (point) {
    case Point::kReceive:
      return "receive";
    case Point::kTakeNode:
      return "take-node";
    case Point::kAdmit:
      return "admit";
    case Point::kTake:
      return "take";
    case Point::kDecide:
      return "decide";
    case Point::kPeek:
      return "peek";
    case Point::kCommit:
      return "commit";
    case Point::kLink:
      return "link";
    case Point::kUnlink:
      return "unlink";
    case Point::kDrop:
      return "drop";
    case Point::kSend:
      return "send";
    case Point::kRelease:
      return "release";
    case Point::kOwn:
      return "own";
    case Point::kTimer:
      return "timer";
    case Point::kSlab:
      return "slab";
    case Point::kRecover:
      return "recover";
    case Point::kLock:
      return "lock";
    case Point::kUnlock:
      return "unlock";
    case Point::kBind:
      return "bind";
  }
  return "?";
}

}  // namespace lockstep
