// context.h: what one run of a script works on, as far as the language itself is concerned.
// Layer 5 derives worker::ScriptContext from Context and adds the SIP message; functions of modules
// static_cast to it. One Context serves one event in one worker; a ScriptState serves a process for
// its whole life (the $var values, the regex scratch). Neither is shared between processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/script/regex.h"
#include "core/script/value.h"

namespace lockstep::script {

// Which kind of block runs. One bit each, so that functions can say where they may be called.
enum class RouteKind : std::uint16_t {
  kRequest = 1,         // request_route, and every route[NAME] called from it.
  kBranch = 2,          // branch_route[NAME].
  kOnReply = 4,         // onreply_route[NAME], armed by t_on_reply.
  kFailure = 8,         // failure_route[NAME].
  kCoreReply = 16,      // reply_route, every reply before tm.
  kEvent = 32,          // event_route[module:event].
  kOnSend = 64,         // onsend_route.
  kBranchFailure = 128  // event_route[tm:branch-failure:NAME].
};
using RouteMask = std::uint16_t;

constexpr RouteMask operator|(RouteKind a, RouteKind b) {
  return static_cast<RouteMask>(static_cast<RouteMask>(a) | static_cast<RouteMask>(b));
}
constexpr RouteMask operator|(RouteMask a, RouteKind b) {
  return static_cast<RouteMask>(a | static_cast<RouteMask>(b));
}
constexpr RouteMask mask_of(RouteKind kind) { return static_cast<RouteMask>(kind); }
inline constexpr RouteMask kAnyRoute = 0xff;

// How a run of a route ended, beyond its value. Reset by Program::run.
enum class Control : std::uint8_t {
  kNone,    // The block ended by itself or by `return`.
  kBreak,   // Inside a while or switch only; never seen after Program::run.
  kReturn,  // Inside a called route only; never seen after Program::run.
  kExit,    // `exit`, a function that returned 0, or `return 0`.
  kDrop     // `drop`: the message is suppressed, whatever that means for the kind of route.
};

// Per process: $var values and scratch memory. Created after the program was compiled.
class ScriptState {
 public:
  // Bound of one $var string; a longer one is refused by set_variable.
  static constexpr std::size_t kVariableBytesMax = 64 * 1024;

  explicit ScriptState(std::size_t variable_count) : variables_(variable_count) {}

  // $var(x) by its slot; starts as integer 0, as in Kamailio. The view of a string is valid until the
  // slot is set again: core's own $var copies it to the arena.
  // REQUIRES: slot < variable_count.
  Value variable(std::uint32_t slot) const;
  // Null becomes integer 0. False when the string is too long; the slot then keeps its value.
  bool set_variable(std::uint32_t slot, const Value& value);

  RegexScratch& regex_scratch() { return regex_scratch_; }

  // How often a string did not fit into the arena and became $null.
  std::uint64_t arena_full_count() const { return arena_full_count_; }
  void count_arena_full() { ++arena_full_count_; }

 private:
  struct Slot {
    bool is_string = false;
    std::int64_t integer = 0;
    std::string text;  // Keeps its capacity, so a settled script does not allocate.
  };
  std::vector<Slot> variables_;
  RegexScratch regex_scratch_;
  std::uint64_t arena_full_count_ = 0;
};

class Context {
 public:
  Context(Arena& arena, ScriptState& state) : arena_(arena), state_(state) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Arena& arena() { return arena_; }
  ScriptState& state() { return state_; }
  RegexScratch& regex_scratch() { return state_.regex_scratch(); }

  // $rc, $retcode, $?: what the last function or called route returned.
  int return_code() const { return return_code_; }
  void set_return_code(int code) { return_code_ = code; }

  // The kinds of the route that runs now. Program::run sets it from the route; a runner of an
  // event_route that handles a request may add kRequest with `allow` before it runs it.
  RouteMask route_kinds() const { return route_kinds_; }
  void set_route_kinds(RouteMask kinds) { route_kinds_ = kinds; }

  // Name of the innermost route that runs ("" for request_route); static for the program's life.
  std::string_view route_name() const { return route_name_; }
  void set_route_name(std::string_view name) { route_name_ = name; }

  // Set by exit and drop; a function of a module may set kExit or kDrop itself to end the script.
  Control control() const { return control_; }
  void set_control(Control control) { control_ = control; }
  bool is_dropped() const { return control_ == Control::kDrop; }

  // Depth of called routes; Program refuses the call at its limit.
  std::uint32_t depth() const { return depth_; }
  void set_depth(std::uint32_t depth) { depth_ = depth; }

  // A copy of the bytes in the arena; null (and counted) when the arena is full.
  Value make_string(std::string_view text);
  // Decimal digits in the arena.
  Value make_string(std::int64_t number);
  // Room in the arena for the caller to fill; nullptr (and counted) when the arena is full.
  char* try_allocate(std::size_t bytes);
  // The value as bytes: integers become decimal digits in the arena, null becomes "".
  std::string_view text_of(const Value& value);

 private:
  Arena& arena_;
  ScriptState& state_;
  std::string_view route_name_;
  int return_code_ = 1;
  std::uint32_t depth_ = 0;
  RouteMask route_kinds_ = mask_of(RouteKind::kRequest);
  Control control_ = Control::kNone;
};

}  // namespace lockstep::script
