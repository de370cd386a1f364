// A capture of one call: section header, one interface of raw IP, one block for each message. What was
// decided after a message and before the next is the comment of its packet, where capture readers show it.
#include <fmt/core.h>

#include <cstring>

#include "core/order/render.h"

namespace lockstep::order {
namespace {

constexpr std::uint32_t kSectionBlock = 0x0A0D0D0A;
constexpr std::uint32_t kInterfaceBlock = 1;
constexpr std::uint32_t kPacketBlock = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint16_t kLinkTypeRaw = 101;
constexpr std::uint16_t kOptionComment = 1;
constexpr std::uint16_t kOptionApplication = 4;
constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kCommentMax = 60000;

// Numbers of the file in this machine's order, as its magic tells.
class Block {
 public:
  explicit Block(std::uint32_t type) {
    put(type);
    put(std::uint32_t{0});  // The length, known at the end.
  }
  template <typename T>
  Block& put(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Block& put_text(std::string_view text) {
    text_ += text;
    text_.resize((text_.size() + 3) / 4 * 4, '\0');
    return *this;
  }
  Block& option(std::uint16_t code, std::string_view text) {
    put(code).put(static_cast<std::uint16_t>(text.size()));
    return put_text(text);
  }
  std::string close() {
    const auto length = static_cast<std::uint32_t>(text_.size() + 4);
    std::memcpy(text_.data() + 4, &length, sizeof length);
    put(length);
    return std::move(text_);
  }

 private:
  std::string text_;
};

void put16(std::string& text, std::size_t value) {
  text += static_cast<char>(value >> 8 & 0xff);
  text += static_cast<char>(value & 0xff);
}

std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const auto high = static_cast<std::uint8_t>(bytes[i]);
    const auto low = i + 1 < bytes.size() ? static_cast<std::uint8_t>(bytes[i + 1]) : std::uint8_t{0};
    sum += static_cast<std::uint32_t>(high << 8 | low);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::string ip_bytes(const PeerAddress& address) {
  const bool is_v6 = address.is_ipv6();
  return {reinterpret_cast<const char*>(address.bytes) + (is_v6 ? 8 : 4), is_v6 ? 16u : 4u};
}

// The checksum of UDP is left out for IPv4, where it may be (RFC 768), and made for IPv6, where it must.
std::string udp_part(const PeerAddress& from, const PeerAddress& to, std::string_view payload) {
  std::string udp;
  put16(udp, from.port());
  put16(udp, to.port());
  put16(udp, payload.size() + 8);
  put16(udp, 0);
  udp += payload;
  if (!from.is_ipv6()) return udp;
  std::string pseudo = ip_bytes(from) + ip_bytes(to);
  put16(pseudo, 0);
  put16(pseudo, udp.size());
  put16(pseudo, 0);
  put16(pseudo, kUdp);
  const std::uint16_t sum = checksum(pseudo + udp);
  udp[6] = static_cast<char>(sum >> 8);
  udp[7] = static_cast<char>(sum & 0xff);
  return udp;
}

std::string packet(const PeerAddress& from, const PeerAddress& to, std::string_view payload) {
  const std::string udp = udp_part(from, to, payload.substr(0, 65000));
  std::string ip;
  if (from.is_ipv6()) {
    ip += '\x60';
    ip += std::string(3, '\0');
    put16(ip, udp.size());
    ip += static_cast<char>(kUdp);
    ip += '\x40';
    return ip + ip_bytes(from) + ip_bytes(to) + udp;
  }
  ip += '\x45';
  ip += '\0';
  put16(ip, udp.size() + 20);
  put16(ip, 0);
  put16(ip, 0x4000);  // Not to be fragmented.
  ip += '\x40';
  ip += static_cast<char>(kUdp);
  put16(ip, 0);
  ip += ip_bytes(from) + ip_bytes(to);
  const std::uint16_t sum = checksum(ip);
  ip[10] = static_cast<char>(sum >> 8);
  ip[11] = static_cast<char>(sum & 0xff);
  return ip + udp;
}

PeerAddress own_address(const Log& log, const Record& record) {
  const PeerAddress& peer = record.head.datagram.peer;
  if (record.head.socket < log.listen.size() && log.listen[record.head.socket].is_ipv6() == peer.is_ipv6()) {
    return log.listen[record.head.socket];
  }
  return *parse_address(peer.is_ipv6() ? "::" : "0.0.0.0", 5060);
}

std::string packet_block(const Log& log, const Row& row, const std::string& comment) {
  const PeerAddress& peer = row.record->head.datagram.peer;
  const PeerAddress own = own_address(log, *row.record);
  const bool is_received = row.kind == RowKind::kReceived;
  const std::string data = packet(is_received ? peer : own, is_received ? own : peer, row.record->bytes);
  const std::uint64_t time = log.wall_us(row.time_us);
  const auto size = static_cast<std::uint32_t>(data.size());
  Block block(kPacketBlock);
  block.put(std::uint32_t{0})
      .put(static_cast<std::uint32_t>(time >> 32))
      .put(static_cast<std::uint32_t>(time));
  block.put(size).put(size).put_text(data);
  if (!comment.empty()) block.option(kOptionComment, comment.substr(0, kCommentMax)).put(std::uint32_t{0});
  return block.close();
}

}  // namespace

std::string capture_of(const Log& log, const Scene& scene) {
  Block section(kSectionBlock);
  section.put(kByteOrderMagic).put(std::uint16_t{1}).put(std::uint16_t{0}).put(std::int64_t{-1});
  section.option(kOptionApplication, "lockstep").put(std::uint32_t{0});
  Block interface(kInterfaceBlock);
  interface.put(kLinkTypeRaw).put(std::uint16_t{0}).put(std::uint32_t{0});
  std::string out = section.close() + interface.close();
  const Row* packet = nullptr;
  std::string comment;
  for (const std::string& remark : scene.remarks) comment += (comment.empty() ? "" : "\n") + remark;
  for (const Row& row : scene.rows) {
    const bool is_packet = row.is_message() && row.record->has_bytes && row.kind != RowKind::kWithdrawn &&
                           row.record->head.datagram.peer.is_set();
    if (is_packet && packet != nullptr) {
      out += packet_block(log, *packet, comment);
      comment.clear();
    }
    if (is_packet) packet = &row;
    std::string line;
    if (!row.is_message()) {
      line = fmt::format("+{} ms worker {}: {}", since(scene, row.time_us), row.worker, row.text);
    } else if (!row.mark.empty()) {
      line = is_packet ? row.mark : row.label() + " " + row.mark;
    } else if (!row.record->has_bytes) {
      line = fmt::format("+{} ms worker {}: a message {} {} has been overwritten", since(scene, row.time_us),
                         row.worker, row.kind == RowKind::kReceived ? "from" : "to",
                         scene.lanes[row.lane].title);
    }
    if (!line.empty()) comment += (comment.empty() ? "" : "\n") + line;
  }
  if (packet != nullptr) out += packet_block(log, *packet, comment);
  return out;
}

}  // namespace lockstep::order
