// result.h: a value or the reason why there is none. For faults of a peer, which are data.
// Error is usually an enumeration whose texts stand beside it; std::string for an operator's mistakes.
#pragma once

#include <utility>
#include <variant>

#include "core/base/assert.h"

namespace lockstep {

template <typename Error>
struct Failure {
  Error error;
};

// Failure{...} converts to any Result with that error type.
template <typename Error>
Failure(Error) -> Failure<Error>;

template <typename Value, typename Error>
class [[nodiscard]] Result {
 public:
  Result(Value value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure<Error> failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok().
  Value& value() {
    LS_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const Value& value() const {
    LS_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  Value* operator->() { return &value(); }
  const Value* operator->() const { return &value(); }
  Value& operator*() { return value(); }
  const Value& operator*() const { return value(); }

  // REQUIRES: !ok().
  const Error& error() const {
    LS_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<Value, Error> state_;
};

}  // namespace lockstep
