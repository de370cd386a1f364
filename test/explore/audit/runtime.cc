// runtime.cc: what GCC's -fsanitize=thread calls before each access to memory, in place of libtsan: it notes
// the accesses to the segment. Not instrumented itself. Accesses that the compiler does not see are taken
// where they are asked for: mem* (-Wl,--wrap), and the kernel's by recvmmsg and sendmmsg.
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>

#include "core/base/assert.h"
#include "core/explore/access_log.h"

namespace {

using lockstep::explore::Access;
using lockstep::explore::AccessLog;
using lockstep::explore::kAccessMax;
using lockstep::explore::kGranuleBytes;

// Where in the log a granule is, if it is of this epoch.
struct Known {
  std::uint32_t epoch;
  std::uint32_t index;
};

AccessLog* access_log = nullptr;
std::uintptr_t segment_base = 0;
std::size_t segment_bytes = 0;
Known* known = nullptr;

void note_granule(std::uint32_t granule, std::uint8_t mask, bool is_write, const void* from) {
  AccessLog& log = *access_log;
  Known& place = known[granule];
  if (place.epoch != log.epoch) {
    if (log.count == kAccessMax) {
      log.is_full = 1;
      return;
    }
    place = {log.epoch, log.count++};
    log.accesses[place.index] = {granule, 0, 0, 0, 0};
  }
  Access& access = log.accesses[place.index];
  const auto address = reinterpret_cast<std::uint64_t>(from);
  if (is_write) {
    if (access.writes == 0) access.writer = address;
    access.writes = static_cast<std::uint8_t>(access.writes | mask);
  } else {
    if (access.reads == 0) access.reader = address;
    access.reads = static_cast<std::uint8_t>(access.reads | mask);
  }
}

void note_range(std::uintptr_t offset, std::size_t bytes, bool is_write, const void* from) {
  if (access_log->is_on == 0) return;
  ++access_log->total;
  const std::size_t end = std::min(offset + bytes, segment_bytes);
  while (offset < end) {
    const std::size_t first = offset % kGranuleBytes;
    const std::size_t last = std::min(kGranuleBytes, first + (end - offset));
    const unsigned mask = ((1u << last) - 1u) & ~((1u << first) - 1u);
    note_granule(static_cast<std::uint32_t>(offset / kGranuleBytes), static_cast<std::uint8_t>(mask),
                 is_write, from);
    offset += last - first;
  }
}

inline void note(const volatile void* at, std::size_t bytes, bool is_write, const void* from) {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(at) - segment_base;
  if (offset >= segment_bytes) [[likely]]
    return;
  note_range(offset, bytes, is_write, from);
}

void note_message(const msghdr& message, std::size_t length, bool is_write, const void* from) {
  note(message.msg_name, message.msg_namelen, is_write, from);
  note(message.msg_iov, message.msg_iovlen * sizeof(iovec), false, from);
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
    const std::size_t part = std::min(length, message.msg_iov[i].iov_len);
    if (part != 0) note(message.msg_iov[i].iov_base, part, is_write, from);
    length -= part;
  }
}

}  // namespace

extern "C" {

void lockstep_watch_accesses(AccessLog* log, const char* base, std::size_t bytes) {
  void* const table = mmap(nullptr, bytes / kGranuleBytes * sizeof(Known), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  LS_ASSERT(table != MAP_FAILED);
  known = static_cast<Known*>(table);
  access_log = log;
  segment_base = reinterpret_cast<std::uintptr_t>(base);
  segment_bytes = bytes;
}

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

#define CALLER __builtin_return_address(0)

void __tsan_read_range(void* at, unsigned long bytes) { note(at, bytes, false, CALLER); }
void __tsan_write_range(void* at, unsigned long bytes) { note(at, bytes, true, CALLER); }

#define PLAIN(bytes)                                                              \
  void __tsan_read##bytes(void* at) { note(at, bytes, false, CALLER); }           \
  void __tsan_write##bytes(void* at) { note(at, bytes, true, CALLER); }           \
  void __tsan_unaligned_read##bytes(void* at) { note(at, bytes, false, CALLER); } \
  void __tsan_unaligned_write##bytes(void* at) { note(at, bytes, true, CALLER); }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

// Processes of the explorer run one at a time, but the order asked for costs nothing here.
#define CHANGE(bits, type, name)                                          \
  type __tsan_atomic##bits##_##name(volatile type* at, type value, int) { \
    note(at, bits / 8, false, CALLER);                                    \
    note(at, bits / 8, true, CALLER);                                     \
    return __atomic_##name(at, value, __ATOMIC_SEQ_CST);                  \
  }
#define EXCHANGE(bits, type, name)                                                                   \
  int __tsan_atomic##bits##_##name(volatile type* at, type* expected, type value, int, int) {        \
    note(at, bits / 8, false, CALLER);                                                               \
    const bool is_changed =                                                                          \
        __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    if (is_changed) note(at, bits / 8, true, CALLER);                                                \
    return is_changed ? 1 : 0;                                                                       \
  }
#define ATOMIC(bits, type)                                                  \
  type __tsan_atomic##bits##_load(const volatile type* at, int) {           \
    note(at, bits / 8, false, CALLER);                                      \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                           \
  }                                                                         \
  void __tsan_atomic##bits##_store(volatile type* at, type value, int) {    \
    note(at, bits / 8, true, CALLER);                                       \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                          \
  }                                                                         \
  type __tsan_atomic##bits##_exchange(volatile type* at, type value, int) { \
    note(at, bits / 8, false, CALLER);                                      \
    note(at, bits / 8, true, CALLER);                                       \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                \
  }                                                                         \
  CHANGE(bits, type, fetch_add)                                             \
  CHANGE(bits, type, fetch_sub)                                             \
  CHANGE(bits, type, fetch_and)                                             \
  CHANGE(bits, type, fetch_or)                                              \
  CHANGE(bits, type, fetch_xor)                                             \
  EXCHANGE(bits, type, compare_exchange_strong)                             \
  EXCHANGE(bits, type, compare_exchange_weak)
ATOMIC(8, std::uint8_t)
ATOMIC(16, std::uint16_t)
ATOMIC(32, std::uint32_t)
ATOMIC(64, std::uint64_t)

void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

// ---- what the compiler does not see ----

void* __real_memcpy(void* to, const void* from, std::size_t bytes);
void* __real_memmove(void* to, const void* from, std::size_t bytes);
void* __real_memset(void* to, int value, std::size_t bytes);
int __real_memcmp(const void* one, const void* other, std::size_t bytes);
const void* __real_memchr(const void* in, int value, std::size_t bytes);

void* __wrap_memcpy(void* to, const void* from, std::size_t bytes) {
  note(from, bytes, false, CALLER);
  note(to, bytes, true, CALLER);
  return __real_memcpy(to, from, bytes);
}

void* __wrap_memmove(void* to, const void* from, std::size_t bytes) {
  note(from, bytes, false, CALLER);
  note(to, bytes, true, CALLER);
  return __real_memmove(to, from, bytes);
}

void* __wrap_memset(void* to, int value, std::size_t bytes) {
  note(to, bytes, true, CALLER);
  return __real_memset(to, value, bytes);
}

int __wrap_memcmp(const void* one, const void* other, std::size_t bytes) {
  note(one, bytes, false, CALLER);
  note(other, bytes, false, CALLER);
  return __real_memcmp(one, other, bytes);
}

void* __wrap_memchr(const void* in, int value, std::size_t bytes) {
  const void* const found = __real_memchr(in, value, bytes);
  const char* const begin = static_cast<const char*>(in);
  note(in, found == nullptr ? bytes : static_cast<std::size_t>(static_cast<const char*>(found) - begin) + 1,
       false, CALLER);
  return const_cast<void*>(found);
}

int __real_recvmmsg(int socket, mmsghdr* messages, unsigned count, int flags, timespec* patience);
int __wrap_recvmmsg(int socket, mmsghdr* messages, unsigned count, int flags, timespec* patience) {
  const int got = __real_recvmmsg(socket, messages, count, flags, patience);
  for (int i = 0; i < got; ++i) {
    note(&messages[i], sizeof messages[i], false, CALLER);
    note(&messages[i], sizeof messages[i], true, CALLER);  // Length, length of the name, flags.
    note_message(messages[i].msg_hdr, messages[i].msg_len, true, CALLER);
  }
  return got;
}

int __real_sendmmsg(int socket, mmsghdr* messages, unsigned count, int flags);
int __wrap_sendmmsg(int socket, mmsghdr* messages, unsigned count, int flags) {
  const int sent = __real_sendmmsg(socket, messages, count, flags);
  for (int i = 0; i < sent; ++i) {
    note(&messages[i].msg_hdr, sizeof messages[i].msg_hdr, false, CALLER);
    note(&messages[i].msg_len, sizeof messages[i].msg_len, true, CALLER);
    note_message(messages[i].msg_hdr, messages[i].msg_len, false, CALLER);
  }
  return sent;
}

}  // extern "C"
