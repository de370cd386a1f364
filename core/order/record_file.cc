// The recorded file, written and read.
#include "core/order/record_file.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/base/hash.h"
#include "shm/segment.h"
#include "shm/shared_state.h"

namespace lockstep::order {
namespace {

constexpr char kMagic[8] = {'l', 'o', 'c', 'k', 's', 't', 'e', 'p'};
constexpr std::uint32_t kFrameMark = 0x4d415246;  // "FRAM"
constexpr std::uint32_t kEndMark = 0x21444e45;    // "END!"
constexpr std::uint64_t kSeed = 1;                // Guards against damage, not against people.

struct Head {
  char magic[8];
  std::uint32_t layout;
  std::uint32_t record_bytes;
  std::uint32_t event_bytes;
  std::uint32_t settings_bytes;
  std::uint64_t started_wall_us;
  std::uint64_t started_monotonic_us;
  std::uint32_t worker_count;
  std::uint32_t listen_count;
  std::uint64_t whole_since_us;
  unsigned char baseline[shm::kLoggedSettingsBytes];
  PeerAddress listen[shm::kListenMax];
};

struct Frame {
  std::uint32_t mark;
  std::uint32_t has_bytes;
  std::uint64_t check;  // Of the record and the bytes.
  shm::LogRecord record;
};

struct End {
  std::uint32_t mark;
  std::uint32_t unused;
  std::uint64_t frames;
};

template <typename T>
std::string_view raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::uint64_t check_of(const shm::LogRecord& record, std::string_view bytes) {
  return hash_bytes(bytes, hash_bytes(raw(record), kSeed));
}

Head head_of(const Log& log) {
  Head head{};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  head.layout = shm::kLayoutNumber;
  head.record_bytes = sizeof(shm::LogRecord);
  head.event_bytes = sizeof(transaction::Event);
  head.settings_bytes = sizeof(transaction::Settings);
  head.started_wall_us = log.started_wall_us;
  head.started_monotonic_us = log.started_monotonic_us;
  head.worker_count = log.worker_count;
  head.whole_since_us = log.whole_since_us;
  std::memcpy(head.baseline, &log.baseline, sizeof log.baseline);
  for (const PeerAddress& address : log.listen) {
    if (head.listen_count < shm::kListenMax) head.listen[head.listen_count++] = address;
  }
  return head;
}

// Empty: sound; else what is wrong.
std::string fault_of(const Head& head) {
  if (std::memcmp(head.magic, kMagic, sizeof kMagic) != 0) return "is no recording of lockstep";
  if (head.layout != shm::kLayoutNumber || head.record_bytes != sizeof(shm::LogRecord) ||
      head.event_bytes != sizeof(transaction::Event) ||
      head.settings_bytes != sizeof(transaction::Settings) || head.listen_count > shm::kListenMax) {
    return fmt::format(
        "has layout {} ({}/{}/{} bytes), this binary reads {} ({}/{}/{}): nothing of it can be shown here; "
        "use the binary that recorded it",
        head.layout, head.record_bytes, head.event_bytes, head.settings_bytes, shm::kLayoutNumber,
        sizeof(shm::LogRecord), sizeof(transaction::Event), sizeof(transaction::Settings));
  }
  return {};
}

// Takes sizeof(T) bytes off the front of `rest`.
template <typename T>
bool take(std::string_view& rest, T& value) {
  if (rest.size() < sizeof value) return false;
  std::memcpy(static_cast<void*>(&value), rest.data(), sizeof value);
  rest.remove_prefix(sizeof value);
  return true;
}

// Empty when the end was reached; else what stopped it.
std::string take_frames(std::string_view rest, Log& log) {
  for (;;) {
    std::uint32_t mark = 0;
    if (rest.size() < sizeof mark) return "is cut short";
    std::memcpy(&mark, rest.data(), sizeof mark);
    if (mark == kEndMark) {
      End end{};
      if (!take(rest, end)) return "is cut short";
      return end.frames == log.records.size() ? "" : "lacks records";
    }
    Frame frame{};
    if (mark != kFrameMark || !take(rest, frame)) return mark == kFrameMark ? "is cut short" : "is damaged";
    Record record;
    record.head = frame.record;
    record.has_bytes = frame.has_bytes != 0;
    const std::size_t size = record.has_bytes ? frame.record.datagram.bytes : 0;
    if (rest.size() < size) return "is cut short";
    record.bytes = rest.substr(0, size);
    rest.remove_prefix(size);
    if (frame.check != check_of(frame.record, record.bytes)) return "is damaged";
    log.records.push_back(std::move(record));
  }
}

}  // namespace

Result<bool, std::string> write_file(const Log& log, const std::string& path) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (!out) return Failure{fmt::format("cannot write {}: {}", path, std::strerror(errno))};
  out << raw(head_of(log));
  for (const Record& record : log.records) {
    Frame frame{};
    frame.mark = kFrameMark;
    frame.has_bytes = record.has_bytes ? 1 : 0;
    frame.record = record.head;
    frame.check = check_of(frame.record, record.bytes);
    out << raw(frame) << record.bytes;
  }
  End end{};
  end.mark = kEndMark;
  end.frames = log.records.size();
  out << raw(end);
  out.flush();
  if (!out) return Failure{fmt::format("cannot write {}: {}", path, std::strerror(errno))};
  return true;
}

Result<Log, std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Failure{fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  std::ostringstream all;
  all << in.rdbuf();
  const std::string text = std::move(all).str();
  std::string_view rest = text;
  Head head{};
  if (!take(rest, head)) {
    const bool is_ours = text.size() >= sizeof kMagic && std::memcmp(text.data(), kMagic, sizeof kMagic) == 0;
    return Failure{fmt::format("{} {}", path,
                               is_ours ? "is cut short: not even its head is whole, nothing can be shown"
                                       : "is no recording of lockstep")};
  }
  if (const std::string fault = fault_of(head); !fault.empty()) return Failure{path + " " + fault};
  Log log;
  log.started_wall_us = head.started_wall_us;
  log.started_monotonic_us = head.started_monotonic_us;
  log.worker_count = head.worker_count;
  log.whole_since_us = head.whole_since_us;
  log.baseline = shm::LogRecord::settings_in(head.baseline);
  log.listen.assign(head.listen, head.listen + head.listen_count);
  if (const std::string fault = take_frames(rest, log); !fault.empty()) {
    log.remarks.push_back(fmt::format("{} {}: what follows is made of the first {} records, which are whole",
                                      path, fault, log.records.size()));
    log.whole_since_us = ~std::uint64_t{0};
  }
  log.records = settled(std::move(log.records));
  return log;
}

}  // namespace lockstep::order
