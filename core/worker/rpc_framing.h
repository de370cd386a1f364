// rpc_framing.h: cuts the byte stream of the request FIFO into requests. Pure: bytes in, frames out.
// A FIFO has many writers and no boundaries: a request ends where the count of braces outside quotes returns
// to zero, with or without a newline, over as many lines as it likes. After a bad request the stream is
// picked up again at the next line, so that one client's mistake never costs another client its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockstep::worker {

struct RpcFrame {
  std::string text;
  // The request was longer than kRequestMaxBytes (only its head and tail are here), never ended, or had no
  // braces at all: it cannot be served, but may hold the name of the client's reply FIFO.
  enum class Fault : std::uint8_t { kNone, kTooLong, kUnfinished, kNoObject } fault = Fault::kNone;
};

class RpcFramer {
 public:
  static constexpr std::size_t kRequestMaxBytes = 8191;
  static constexpr std::size_t kTailBytes =
      512;  // Kept of a longer one: kamctl's reply_name stands at its end.

  // Appends received bytes.
  void push(std::string_view bytes);
  // The next complete frame; none: more bytes are needed.
  std::optional<RpcFrame> next();
  // The pipe is empty: a line to skip that has no newline ends here, since writes of up to PIPE_BUF are
  // whole.
  void on_drained();
  // The frame returned last was not a valid request: what follows it on its line belongs to it.
  void skip_line();
  // The rest of a request did not come in time: returns what there is as an unfinished frame and starts
  // afresh.
  std::optional<RpcFrame> abandon();
  // True while a request, or a line to skip, has begun and not ended.
  bool is_partial() const;

 private:
  enum class State : std::uint8_t { kBetween, kInside, kSkipping };
  enum class Match : std::uint8_t { kNo, kYes, kUnknown };
  bool scan_byte(char byte);
  void keep(char byte);
  RpcFrame take(RpcFrame::Fault fault);
  Match request_begins_at(std::size_t position) const;

  std::string input_;  // Bytes pushed, not yet scanned from position_.
  std::size_t position_ = 0;
  State state_ = State::kBetween;
  std::string head_;  // Of the frame being scanned, up to kRequestMaxBytes.
  std::string tail_;  // Its last bytes beyond that.
  std::size_t frame_bytes_ = 0;
  std::uint32_t depth_ = 0;
  bool seen_brace_ = false;
  char quote_ = 0;
  bool escaped_ = false;
  bool line_start_ = true;  // The byte at position_ is the first of its line.
};

}  // namespace lockstep::worker
