// json_writer.h: JSON text written piece by piece, in the two layouts of the control plane.
// kPretty is byte for byte the layout of Kamailio's jsonrpcs with pretty_format=1 (tabs, `"key":<TAB>value`,
// arrays on one line, `[{` ... `}, {` ... `}]`): kamctl's awk filters and many monitoring scripts depend on
// it. kCompact is one line without blanks. Used only in the control process; it never fails, it only
// overflows.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::worker {

enum class JsonLayout : std::uint8_t { kCompact, kPretty };

// Bytes on their way to a client: appended at the end, handed out at the front, bounded.
class OutputBuffer {
 public:
  static constexpr std::size_t kChunkBytes = 16 * 1024;
  static constexpr std::size_t kDefaultBoundBytes = 8 * 1024 * 1024;

  explicit OutputBuffer(std::size_t bound_bytes = kDefaultBoundBytes) : bound_bytes_(bound_bytes) {}

  // Beyond the bound nothing more is kept and overflowed() stays true until clear().
  void append(std::string_view text);
  void append(char byte) { append(std::string_view(&byte, 1)); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool overflowed() const { return overflowed_; }
  // The first bytes in one piece; empty only if the buffer is.
  std::string_view front() const;
  // REQUIRES: count <= front().size().
  void consume(std::size_t count);
  void clear();
  // Everything, in order: for datagrams and tests.
  std::string str() const;

 private:
  std::deque<std::string> chunks_;
  std::size_t front_offset_ = 0;  // Bytes of the first chunk already consumed.
  std::size_t size_ = 0;
  std::size_t bound_bytes_;
  bool overflowed_ = false;
};

// `text` as a JSON string with its quotes. Valid UTF-8 passes unchanged; a byte that is not UTF-8 is read as
// Latin-1, so that an answer is valid JSON whatever a phone put into its Contact.
void append_json_string(OutputBuffer& out, std::string_view text);

class JsonWriter {
 public:
  JsonWriter(OutputBuffer& out, JsonLayout layout) : out_(out), layout_(layout) {}

  // Inside a struct every value needs key() first; inside an array none may have it.
  // REQUIRES: the innermost open container is a struct.
  void key(std::string_view name);

  void string_value(std::string_view text);
  void int_value(std::int64_t number);
  void uint_value(std::uint64_t number);
  // Kamailio's text of a double: no fraction if it has none, else six digits; not finite: null.
  void double_value(double number);
  void null_value();
  // `json` is already JSON text, in one line.
  void raw_value(std::string_view json);

  void begin_struct();
  void begin_array();
  // Ends the innermost container. REQUIRES: depth() > 0, no key waits for its value.
  void end();

  std::size_t depth() const { return open_.size(); }
  // True while the innermost open container is a struct.
  bool in_struct() const { return !open_.empty() && open_.back().is_struct; }

 private:
  struct Container {
    bool is_struct;
    bool has_members;
  };
  void before_value();
  void new_line();

  OutputBuffer& out_;
  JsonLayout layout_;
  std::vector<Container> open_;
  bool key_pending_ = false;
};

}  // namespace lockstep::worker
