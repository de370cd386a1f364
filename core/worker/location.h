// location.h: the location service of RFC 3261 section 10 as modules see it: which contacts (bindings) an
// address of record (AOR) has now. Provided through Interfaces by the module that keeps them (usrloc), used
// by the registrar and by whoever must know where a user is. Any process may call it, with its own Process.
// Nothing shared escapes: every text that comes back is a copy in the caller's arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/sip/method.h"
#include "core/worker/local_names.h"
#include "core/worker/process.h"

namespace lockstep::worker {

// A table of AORs by its name ("location", "aliases"). Names are given before the fork.
enum class DomainIndex : std::uint8_t {};
inline constexpr std::size_t kDomainMax = 16;

// Letters, digits, '_', '-', '.', at most 63: a table's name is also part of its statistics' names.
constexpr bool is_domain_name(std::string_view name) {
  for (const char c : name) {
    const bool is_fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '_' || c == '-' || c == '.';
    if (!is_fit) return false;
  }
  return !name.empty() && name.size() <= 63;
}

inline constexpr std::size_t kAorBytesMax = 200;
inline constexpr std::size_t kBindingMax = 64;        // Contacts of one AOR, whatever max_contacts says.
inline constexpr std::size_t kBindingChangeMax = 32;  // Contacts named by one request.
inline constexpr std::int16_t kQUnspecified = -1;  // Below every q that was given, as Kamailio orders them.
inline constexpr std::uint32_t kAllMethods = 0xffffffff;

// A method's bit in Binding::methods; the numbers are Kamailio's, because operators see them in ul.dump.
constexpr std::uint32_t method_bit(sip::Method method) {
  switch (method) {
    case sip::Method::kInvite:
      return 1;
    case sip::Method::kCancel:
      return 2;
    case sip::Method::kAck:
      return 4;
    case sip::Method::kBye:
      return 8;
    case sip::Method::kInfo:
      return 16;
    case sip::Method::kRegister:
      return 32;
    case sip::Method::kSubscribe:
      return 64;
    case sip::Method::kNotify:
      return 128;
    case sip::Method::kMessage:
      return 256;
    case sip::Method::kOptions:
      return 512;
    case sip::Method::kPrack:
      return 1024;
    case sip::Method::kUpdate:
      return 2048;
    case sip::Method::kRefer:
      return 4096;
    case sip::Method::kPublish:
      return 8192;
    case sip::Method::kOther:
      return 16384;
  }
  return 16384;
}

// One contact of an AOR. Empty text: not known.
struct Binding {
  std::string_view uri;
  std::string_view call_id;
  std::string_view user_agent;
  std::string_view received;     // "sip:192.0.2.1:5060": where it really sent from.
  std::string_view path;         // Path values, separated by commas.
  std::string_view instance;     // +sip.instance without quotes.
  std::string_view ruid;         // The store's own id, kept over refreshes; ignored in updates.
  std::uint64_t expires_s = 0;   // Wall clock; 0: for ever.
  std::uint64_t modified_s = 0;  // Wall clock; set by the store.
  std::uint32_t cseq = 0;
  std::uint32_t flags = 0;
  std::uint32_t cflags = 0;             // Branch flags.
  std::uint32_t methods = kAllMethods;  // Bits: method_bit().
  std::uint32_t reg_id = 0;
  std::int16_t q = kQUnspecified;    // Thousandths.
  std::uint16_t socket = kNoSocket;  // Where its REGISTER came in.
};

struct BindingChange {
  Binding binding;  // Of a removal only the uri (and, where they identify, call_id and path) count.
  bool is_removal = false;
};

// What one request does to one AOR: applied wholly or not at all (RFC 3261 10.3 step 7).
struct BindingUpdate {
  DomainIndex domain{};
  std::string_view aor;
  std::string_view call_id;  // Of the request; stored with each binding.
  std::uint32_t cseq = 0;
  std::span<const BindingChange> changes;  // At most kBindingChangeMax.
  bool remove_all = false;                 // Contact: *; `changes` is empty then.
  bool remove_others = false;              // Bindings not named by `changes` go.
  bool check_order = true;        // False: Call-ID and CSeq are not compared (changes by an operator).
  std::uint32_t contact_max = 0;  // Largest number of bindings afterwards; 0: only kBindingMax.
  std::uint64_t now_s = 0;        // wall_s().
};

enum class LocationError : std::uint8_t {
  kFull,             // No shared memory of that kind left: 503.
  kTooManyContacts,  // contact_max or kBindingMax: 503.
  kOutOfOrder,       // Same Call-ID and a CSeq that is not higher (10.3 step 7): 500.
  kBadAor,           // Empty or longer than kAorBytesMax.
  kBindingTooLarge,  // The texts of a binding exceed the largest slot.
  kArenaFull,        // The caller's arena cannot hold the answer; nothing was changed.
};

// After an update: all bindings of the AOR that are in force, in the order of find().
struct UpdateOutcome {
  std::span<const Binding> bindings;
  std::uint16_t inserted = 0;
  std::uint16_t updated = 0;
  std::uint16_t removed = 0;
  std::uint16_t unchanged = 0;  // A repetition of a request that was already applied (same Call-ID and CSeq).
};

enum class RemoveOutcome : std::uint8_t { kRemoved, kNoAor, kNoBinding };

class LocationStore {
 public:
  virtual ~LocationStore() = default;

  // Before the fork: the domain of that name, made if there is none. Error: one line for the operator.
  virtual Result<DomainIndex, std::string> add_domain(std::string_view name) = 0;
  virtual std::optional<DomainIndex> find_domain(std::string_view name) const = 0;

  // True: AORs are user@domain, else the user alone (usrloc's use_domain).
  virtual bool use_domain() const = 0;
  // The branch flag that marks a contact behind NAT, as a mask; 0: none (usrloc's nat_bflag).
  virtual std::uint32_t nat_flag() const = 0;
  // Before the fork: AORs differ by case (registrar's case_sensitive). Default: they do not, and are kept in
  // lower case by those who build them.
  virtual void set_case_sensitive(bool is_sensitive) = 0;
  virtual bool is_case_sensitive() const = 0;

  // One bucket lock; no allocation but slots and `arena`. Expired bindings of the AOR go on the way.
  virtual Result<UpdateOutcome, LocationError> update(Process& process, const BindingUpdate& change,
                                                      Arena& arena) = 0;
  // The bindings in force: highest q first, then the newest (with desc_time_order only the newest). Empty:
  // none.
  virtual Result<std::span<const Binding>, LocationError> find(Process& process, DomainIndex domain,
                                                               std::string_view aor, std::uint64_t now_s,
                                                               Arena& arena) = 0;
  // Removes without regard to Call-ID and CSeq: all bindings, or the one with that ruid.
  virtual RemoveOutcome remove(Process& process, DomainIndex domain, std::string_view aor,
                               std::string_view ruid, std::uint64_t now_s) = 0;
  // For tests and the explorer, at rest: the whole structure is sound, nobody holds a lock and every slot is
  // marked as it should be. "" or what is wrong.
  virtual std::string audit(Process& process) const = 0;
};

}  // namespace lockstep::worker
