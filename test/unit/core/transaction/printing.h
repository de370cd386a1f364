// printing.h: actions, times and states as text, so that whole action lists are compared and shown.
#pragma once

#include <cppunit/TestAssert.h>

#include <string>

#include "core/transaction/transaction.h"

namespace lockstep::transaction {

inline std::string without_k(const char* name) { return name[0] == 'k' ? name + 1 : name; }

inline std::string to_text(AgeMs age) { return age == kNever ? "-" : std::to_string(age.value); }

inline std::string to_text(const Action& action) {
  std::string text = without_k(name_of(action.kind));
  if (action.branch != kNoBranch) text += " " + std::to_string(action.branch.value);
  if (action.status != 0) text += " " + std::to_string(action.status);
  if (action.reason != CancelReason::kNone) text += " " + without_k(name_of(action.reason));
  for (std::size_t i = 0; i < kBranchMax; ++i) {
    if ((action.challenges & mask_of(branch_index(i))) != 0) text += " +" + std::to_string(i);
  }
  return text;
}

// One action a line, or all in one line with another separator.
inline std::string to_text(const ActionList& actions, const char* separator = "\n") {
  std::string text;
  for (const Action& action : actions) {
    if (!text.empty()) text += separator;
    text += to_text(action);
  }
  return text;
}

}  // namespace lockstep::transaction

namespace CPPUNIT_NS {
template <>
struct assertion_traits<lockstep::transaction::ActionList> {
  static bool equal(const lockstep::transaction::ActionList& a, const lockstep::transaction::ActionList& b) {
    return a == b;
  }
  static std::string toString(const lockstep::transaction::ActionList& actions) {
    return "\n" + lockstep::transaction::to_text(actions) + "\n";
  }
};
}  // namespace CPPUNIT_NS
