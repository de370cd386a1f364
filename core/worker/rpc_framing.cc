#include "core/worker/rpc_framing.h"

#include <algorithm>
#include <utility>

namespace lockstep::worker {

namespace {

// A request that has not ended after this much is given up, whatever its braces say.
constexpr std::size_t kFrameGiveUpBytes = 1024 * 1024;

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

}  // namespace

void RpcFramer::push(std::string_view bytes) {
  input_.erase(0, position_);
  position_ = 0;
  input_.append(bytes);
}

bool RpcFramer::is_partial() const { return state_ != State::kBetween || position_ < input_.size(); }

void RpcFramer::on_drained() {
  if (state_ == State::kSkipping && position_ == input_.size()) state_ = State::kBetween;
}

void RpcFramer::skip_line() {
  // A frame that ended with its line has nothing left to skip.
  if (state_ == State::kBetween && !line_start_) state_ = State::kSkipping;
}

std::optional<RpcFrame> RpcFramer::abandon() {
  const bool has_frame = state_ == State::kInside;
  if (has_frame) {
    while (position_ < input_.size()) keep(input_[position_++]);
  }
  input_.clear();
  position_ = 0;
  line_start_ = true;
  state_ = State::kBetween;
  if (!has_frame) return std::nullopt;
  return take(RpcFrame::Fault::kUnfinished);
}

void RpcFramer::keep(char byte) {
  ++frame_bytes_;
  if (head_.size() < kRequestMaxBytes) {
    head_.push_back(byte);
    return;
  }
  tail_.push_back(byte);
  if (tail_.size() >= 2 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
}

RpcFrame RpcFramer::take(RpcFrame::Fault fault) {
  RpcFrame frame;
  frame.fault = frame_bytes_ > kRequestMaxBytes ? RpcFrame::Fault::kTooLong : fault;
  frame.text = std::exchange(head_, {});
  if (!tail_.empty()) frame.text.append("\n").append(std::exchange(tail_, {}));
  frame_bytes_ = 0;
  depth_ = 0;
  seen_brace_ = false;
  quote_ = 0;
  escaped_ = false;
  state_ = State::kBetween;
  return frame;
}

// Whether `{"jsonrpc"` stands at `position`: no valid request has that at the start of a line inside another
// one, so the one before it was never finished.
RpcFramer::Match RpcFramer::request_begins_at(std::size_t position) const {
  constexpr std::string_view kKey = "\"jsonrpc\"";
  if (input_[position] != '{') return Match::kNo;
  std::size_t i = position + 1;
  while (i < input_.size() && is_blank(input_[i])) ++i;
  const std::string_view rest = std::string_view(input_).substr(i);
  const std::size_t shared = std::min(rest.size(), kKey.size());
  if (rest.substr(0, shared) != kKey.substr(0, shared)) return Match::kNo;
  return shared == kKey.size() ? Match::kYes : Match::kUnknown;
}

// True when the byte ends the frame.
bool RpcFramer::scan_byte(char byte) {
  if (byte == '\n' && !seen_brace_) return true;
  if (quote_ != 0) {
    if (escaped_) {
      escaped_ = false;
    } else if (byte == '\\') {
      escaped_ = true;
    } else if (byte == quote_) {
      quote_ = 0;
    }
    return false;
  }
  switch (byte) {
    case '"':
    case '\'':
      quote_ = byte;
      return false;
    case '{':
      ++depth_;
      seen_brace_ = true;
      return false;
    case '}':
      if (depth_ > 0) --depth_;
      return seen_brace_ && depth_ == 0;
    default:
      return false;
  }
}

std::optional<RpcFrame> RpcFramer::next() {
  while (position_ < input_.size()) {
    const char byte = input_[position_];
    if (state_ == State::kInside && line_start_) {
      const Match match = request_begins_at(position_);
      if (match == Match::kUnknown) return std::nullopt;
      if (match == Match::kYes) return take(RpcFrame::Fault::kUnfinished);
    }
    ++position_;
    line_start_ = byte == '\n';
    switch (state_) {
      case State::kSkipping:
        if (byte == '\n') state_ = State::kBetween;
        continue;
      case State::kBetween:
        if (is_blank(byte)) continue;
        state_ = State::kInside;
        break;
      case State::kInside:
        break;
    }
    keep(byte);
    if (scan_byte(byte)) {
      return take(seen_brace_ ? RpcFrame::Fault::kNone : RpcFrame::Fault::kNoObject);
    }
    if (frame_bytes_ > kFrameGiveUpBytes) {
      RpcFrame frame = take(RpcFrame::Fault::kTooLong);
      state_ = State::kSkipping;
      return frame;
    }
  }
  return std::nullopt;
}

}  // namespace lockstep::worker
