#include "core/worker/rpc.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/base/assert.h"
#include "core/base/log.h"

namespace lockstep::worker {

namespace {

// Steps of one pump() call that add nothing, such as a walk over empty slots: enough to make progress, few
// enough that other clients are served in between.
constexpr int kStepsPerPump = 64;

std::optional<std::int64_t> parse_int(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (magnitude > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  const auto value = static_cast<std::int64_t>(magnitude);
  return is_negative ? -value : value;
}

std::optional<double> parse_double(const std::string& text) {
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const double value = std::strtod(text.c_str(), &end);
  if (errno != 0 || end != text.c_str() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

const RpcValue& RpcRequest::param(std::size_t i) const {
  LS_ASSERT(has_param(i));
  return params_[i];
}

std::optional<std::string_view> RpcRequest::string_param(std::size_t i) const {
  if (!has_param(i)) return std::nullopt;
  const RpcValue& value = params_[i];
  switch (value.kind) {
    case RpcValue::Kind::kNull:
    case RpcValue::Kind::kStructured:
      return std::nullopt;
    case RpcValue::Kind::kBool:
    case RpcValue::Kind::kInt:
    case RpcValue::Kind::kDouble:
    case RpcValue::Kind::kString:
      return std::string_view(value.text);
  }
  return std::nullopt;
}

std::optional<std::int64_t> RpcRequest::int_param(std::size_t i) const {
  if (!has_param(i)) return std::nullopt;
  const RpcValue& value = params_[i];
  switch (value.kind) {
    case RpcValue::Kind::kNull:
    case RpcValue::Kind::kStructured:
      return std::nullopt;
    case RpcValue::Kind::kBool:
    case RpcValue::Kind::kInt:
      return value.integer;
    case RpcValue::Kind::kDouble:
      // 1e3 is how some clients write 1000; a fraction is a mistake.
      if (std::floor(value.number) != value.number || std::fabs(value.number) > 9e15) return std::nullopt;
      return static_cast<std::int64_t>(value.number);
    case RpcValue::Kind::kString:
      return parse_int(value.text);
  }
  return std::nullopt;
}

std::optional<double> RpcRequest::double_param(std::size_t i) const {
  if (!has_param(i)) return std::nullopt;
  const RpcValue& value = params_[i];
  switch (value.kind) {
    case RpcValue::Kind::kNull:
    case RpcValue::Kind::kBool:
    case RpcValue::Kind::kStructured:
      return std::nullopt;
    case RpcValue::Kind::kInt:
    case RpcValue::Kind::kDouble:
      return value.number;
    case RpcValue::Kind::kString:
      return parse_double(value.text);
  }
  return std::nullopt;
}

RpcReply::RpcReply(JsonLayout layout, std::string id_json, std::size_t bound_bytes)
    : out_(bound_bytes), layout_(layout), id_json_(std::move(id_json)) {
  writer_.emplace(out_, layout_);
}

void RpcReply::open_envelope() {
  writer_->begin_struct();
  writer_->key("jsonrpc");
  writer_->string_value("2.0");
}

// False once nothing more can be written: the answer is an error, or complete.
bool RpcReply::begin_value() {
  if (is_fault_ || complete_) return false;
  if (!has_value_) {
    has_value_ = true;
    open_envelope();
    writer_->key("result");
    return true;
  }
  LS_ASSERT(writer_->depth() > 1);  // One value at the top level.
  return true;
}

void RpcReply::name_next(std::string_view name) {
  if (is_fault_ || complete_) return;
  LS_ASSERT(has_value_ && writer_->depth() > 1);
  writer_->key(name);
}

void RpcReply::add(std::string_view text) {
  if (begin_value()) writer_->string_value(text);
}

void RpcReply::add(double number) {
  if (begin_value()) writer_->double_value(number);
}

void RpcReply::add_integer(std::int64_t number, bool is_unsigned) {
  if (!begin_value()) return;
  if (is_unsigned) {
    writer_->uint_value(static_cast<std::uint64_t>(number));
  } else {
    writer_->int_value(number);
  }
}

void RpcReply::add_null() {
  if (begin_value()) writer_->null_value();
}

void RpcReply::add_raw(std::string_view json) {
  if (begin_value()) writer_->raw_value(json);
}

void RpcReply::begin_struct() {
  if (begin_value()) writer_->begin_struct();
}

void RpcReply::begin_array() {
  if (begin_value()) writer_->begin_array();
}

void RpcReply::add(std::string_view name, std::string_view text) {
  name_next(name);
  add(text);
}

void RpcReply::add(std::string_view name, double number) {
  name_next(name);
  add(number);
}

void RpcReply::add_null(std::string_view name) {
  name_next(name);
  add_null();
}

void RpcReply::begin_struct(std::string_view name) {
  name_next(name);
  begin_struct();
}

void RpcReply::begin_array(std::string_view name) {
  name_next(name);
  begin_array();
}

void RpcReply::end() {
  if (is_fault_ || complete_) return;
  LS_ASSERT(writer_->depth() > 1);
  writer_->end();
}

void RpcReply::fault(int code, std::string_view text) {
  if (is_fault_ || complete_) return;
  step_ = nullptr;
  if (committed_) {
    LS_LOG(kErr, "core", "an answer ended early: {} {}", code, text);
    close_document();
    return;
  }
  is_fault_ = true;
  fault_code_ = code;
  fault_text_ = text;
}

void RpcReply::stream(StreamStep step) {
  LS_ASSERT(!step_);
  if (is_fault_ || complete_) return;
  step_ = std::move(step);
}

void RpcReply::write_fault() {
  out_.clear();
  writer_.emplace(out_, layout_);
  open_envelope();
  writer_->key("error");
  writer_->begin_struct();
  writer_->key("code");
  writer_->int_value(fault_code_);
  writer_->key("message");
  writer_->string_value(fault_text_);
  writer_->end();
}

void RpcReply::close_document() {
  if (is_fault_) {
    write_fault();
  } else if (!has_value_) {
    begin_struct();
  }
  while (writer_->depth() > 1) writer_->end();
  if (!id_json_.empty()) {
    writer_->key("id");
    writer_->raw_value(id_json_);
  }
  writer_->end();
  if (out_.overflowed() && !is_fault_ && !committed_) {
    fault(500, "Answer too large");
    close_document();
    return;
  }
  if (out_.overflowed())
    LS_LOG(kErr, "core", "a streamed answer is cut: one slice was larger than the buffer");
  complete_ = true;
}

void RpcReply::finish() {
  if (complete_) return;
  if (is_fault_ || !step_ || out_.overflowed()) close_document();
}

void RpcReply::pump(std::size_t low_water_bytes) {
  waiting_ = false;
  for (int i = 0; i < kStepsPerPump && !complete_ && out_.size() < low_water_bytes; ++i) {
    LS_ASSERT(step_);
    // fault() clears step_, which must not destroy a step that is running.
    StreamStep step = std::exchange(step_, nullptr);
    const StreamState state = step(*this);
    if (complete_) return;
    if (state == StreamState::kDone || is_fault_ || out_.overflowed()) {
      close_document();
      return;
    }
    step_ = std::move(step);
    if (state == StreamState::kWait) {
      waiting_ = true;
      return;
    }
  }
}

bool RpcRegistry::add(RpcSpec spec) {
  std::string name = spec.name;
  return specs_.emplace(std::move(name), std::move(spec)).second;
}

const RpcSpec* RpcRegistry::find(std::string_view name) const {
  const auto found = specs_.find(name);
  return found == specs_.end() ? nullptr : &found->second;
}

std::vector<const RpcSpec*> RpcRegistry::list() const {
  std::vector<const RpcSpec*> all;
  all.reserve(specs_.size());
  for (const auto& [name, spec] : specs_) all.push_back(&spec);
  return all;
}

}  // namespace lockstep::worker
