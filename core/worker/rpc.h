// rpc.h: remote procedures: what a module registers, what its handler reads and what it writes.
// Handlers run only in the control process, one at a time, in the order in which requests arrived. They may
// read and change shared memory by its own rules, must not block, and never see JSON: parameters come as
// typed values in order, the answer goes out through RpcReply in the layout the operator chose.
// Names, parameter order and shapes keep Kamailio's spelling, because operators' scripts know them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/worker/json_writer.h"

namespace lockstep::worker {

struct RpcValue {
  enum class Kind : std::uint8_t { kNull, kBool, kInt, kDouble, kString, kStructured };
  Kind kind = Kind::kNull;
  std::string text;          // The string, or the value as JSON text.
  std::int64_t integer = 0;  // kInt and kBool.
  double number = 0;         // kInt and kDouble.
};

class RpcRequest {
 public:
  RpcRequest() = default;
  RpcRequest(std::string method, std::vector<RpcValue> params)
      : method_(std::move(method)), params_(std::move(params)) {}

  const std::string& method() const { return method_; }

  // Parameters by position. If the client sent an object, its values in order: names are ignored, as in
  // Kamailio.
  std::size_t param_count() const { return params_.size(); }
  bool has_param(std::size_t i) const { return i < params_.size(); }
  // REQUIRES: has_param(i).
  const RpcValue& param(std::size_t i) const;

  // None if absent or not of that type. A number serves where a string is expected (an AOR of digits is sent
  // bare by kamctl), and a string of digits (decimal, or 0x) where a number is expected.
  std::optional<std::string_view> string_param(std::size_t i) const;
  std::optional<std::int64_t> int_param(std::size_t i) const;
  std::optional<double> double_param(std::size_t i) const;

 private:
  std::string method_;
  std::vector<RpcValue> params_;
};

// What a stream step tells the control server.
enum class StreamState : std::uint8_t {
  kMore,  // Call again as soon as the client has taken enough.
  kWait,  // Nothing to add yet: call again a little later (an answer that depends on the network).
  kDone,  // The answer is complete.
};

class RpcReply;
using StreamStep = std::function<StreamState(RpcReply&)>;

// The answer to one request. Exactly one value stands at the top level; none written means an empty struct.
// Small answers are written at once; they are kept in memory up to OutputBuffer::kDefaultBoundBytes and
// become fault 500 beyond it. Large ones (ul.dump) are streamed: the handler writes what comes first, then
// calls stream(step); `step` adds one slice (some tens of KiB) at a time. Containers may stay open between
// steps, and those still open at the end are closed by finish().
class RpcReply {
 public:
  // `id_json`: the request's id as JSON text, empty if it had none.
  RpcReply(JsonLayout layout, std::string id_json,
           std::size_t bound_bytes = OutputBuffer::kDefaultBoundBytes);
  RpcReply(const RpcReply&) = delete;
  RpcReply& operator=(const RpcReply&) = delete;

  // Elements of an array, or the single value at the top level.
  void add(std::string_view text);
  void add(double number);
  template <typename Integer>
  requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool> &&
           !std::is_same_v<Integer, char>) void add(Integer number) {
    add_integer(static_cast<std::int64_t>(number), std::is_unsigned_v<Integer>);
  }
  void add_null();
  // `json` is JSON text in one line, for values that are passed through.
  void add_raw(std::string_view json);
  void begin_struct();
  void begin_array();

  // Members of a struct.
  void add(std::string_view name, std::string_view text);
  void add(std::string_view name, double number);
  template <typename Integer>
  requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool> &&
           !std::is_same_v<Integer, char>) void add(std::string_view name, Integer number) {
    name_next(name);
    add_integer(static_cast<std::int64_t>(number), std::is_unsigned_v<Integer>);
  }
  template <std::same_as<bool> Bool>
  void add(std::string_view name, Bool value) = delete;  // Kamailio has no booleans: say "yes" or 1.
  void add_null(std::string_view name);
  void begin_struct(std::string_view name);
  void begin_array(std::string_view name);

  // Closes the innermost container that this reply opened.
  void end();

  // The request failed: everything written so far is replaced by this error. In a stream step after bytes
  // have left, the answer is closed where it stands instead, and the text is logged. What is written
  // afterwards is ignored. Codes and texts are Kamailio's where it has them.
  void fault(int code, std::string_view text);
  bool is_fault() const { return is_fault_; }

  // From now on `step` continues this answer. REQUIRES: called at most once.
  void stream(StreamStep step);

  // Bytes written and not taken by the client. A step that can write much looks here to keep its slices
  // small.
  std::size_t buffered_bytes() const { return out_.size(); }

  // --- For the transports. ---
  // Runs stream steps until about `low_water_bytes` are buffered, the answer is complete, or a step must
  // wait.
  void pump(std::size_t low_water_bytes);
  // All bytes of the answer are in output().
  bool is_complete() const { return complete_; }
  // The last step said kWait.
  bool is_waiting() const { return waiting_; }
  // Bytes of this answer have left: from now on a fault cannot replace it.
  void set_committed() { committed_ = true; }
  OutputBuffer& output() { return out_; }
  // Ends a handler's part: completes the document unless a stream follows.
  void finish();

 private:
  void name_next(std::string_view name);
  void add_integer(std::int64_t number, bool is_unsigned);
  bool begin_value();
  void open_envelope();
  void close_document();
  void write_fault();

  OutputBuffer out_;
  JsonLayout layout_;
  std::string id_json_;
  std::optional<JsonWriter> writer_;
  StreamStep step_;
  int fault_code_ = 0;
  std::string fault_text_;
  bool is_fault_ = false;
  bool has_value_ = false;
  bool complete_ = false;
  bool waiting_ = false;
  bool committed_ = false;
};

using RpcHandler = std::function<void(const RpcRequest&, RpcReply&)>;

struct RpcSpec {
  std::string name;  // "ul.dump"
  std::string doc;   // One line, shown by system.methodHelp and in the manual page.
  RpcHandler handler;
};

// All procedures of the server. Filled before the fork by core and modules, constant afterwards.
class RpcRegistry {
 public:
  // False if the name is taken; the first registration stays.
  [[nodiscard]] bool add(RpcSpec spec);
  // nullptr if there is none.
  const RpcSpec* find(std::string_view name) const;
  // Sorted by name.
  std::vector<const RpcSpec*> list() const;
  std::size_t size() const { return specs_.size(); }

 private:
  std::map<std::string, RpcSpec, std::less<>> specs_;
};

}  // namespace lockstep::worker
