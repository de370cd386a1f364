// usrloc_module.cc: the module around LocationTable: parameters, counters, the expiry sweep, procedures,
// recovery.
#include <fmt/core.h>

#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/sip/text.h"
#include "core/worker/export_helpers.h"
#include "core/worker/module.h"
#include "modules/usrloc/location_table.h"
#include "modules/usrloc/usrloc_rpc.h"

namespace lockstep::usrloc {
namespace {

using worker::Process;

constexpr std::uint32_t kSweepPeriodMs = 200;

// Kamailio's, of databases, TCP and keepalives.
constexpr std::string_view kUnserved[] = {"user_column",
                                          "domain_column",
                                          "contact_column",
                                          "expires_column",
                                          "q_column",
                                          "callid_column",
                                          "cseq_column",
                                          "methods_column",
                                          "flags_column",
                                          "cflags_column",
                                          "user_agent_column",
                                          "received_column",
                                          "socket_column",
                                          "path_column",
                                          "ruid_column",
                                          "instance_column",
                                          "reg_id_column",
                                          "server_id_column",
                                          "connection_id_column",
                                          "keepalive_column",
                                          "partition_column",
                                          "db_url",
                                          "db_load",
                                          "db_insert_update",
                                          "cseq_delay",
                                          "fetch_rows",
                                          "db_update_as_insert",
                                          "db_check_update",
                                          "xavp_contact",
                                          "db_ops_ruid",
                                          "handle_lost_tcp",
                                          "close_expired_tcp",
                                          "expires_type",
                                          "db_raw_fetch_type",
                                          "db_insert_null",
                                          "skip_remote_socket",
                                          "db_timer_clean",
                                          "rm_expired_delay",
                                          "server_id_filter",
                                          "version_table",
                                          "ka_mode",
                                          "ka_method",
                                          "ka_from",
                                          "ka_domain",
                                          "ka_filter",
                                          "ka_timeout",
                                          "ka_loglevel",
                                          "ka_logmsg",
                                          "load_rank",
                                          "db_clean_tcp"};

class UsrlocModule final : public worker::Module {
 public:
  UsrlocModule() { fill_exports(); }

  const script::ModuleExports& exports() const override { return exports_; }

  Result<bool, std::string> start(worker::ServerHost& host) override {
    warn();
    TableSettings settings;
    settings.bucket_bits = static_cast<std::uint32_t>(hash_size_);
    settings.matching = static_cast<Matching>(matching_mode_);
    settings.use_domain = use_domain_;
    settings.newest_first = desc_time_order_;
    settings.nat_flag = nat_bflag_ < 0 ? 0 : 1U << nat_bflag_;
    const std::uint32_t process_count = host.state.worker_count + 1;
    auto made = table_.make(host.segment, process_count, host.state.hash_seed, host.state.started_wall_s,
                            settings, host.counters);
    if (!made) return made;
    if (auto domain = table_.add_domain("location"); !domain) return Failure{domain.error()};
    if (auto wrong = preload(); !wrong.empty()) return Failure{wrong};
    host.interfaces.provide<worker::LocationStore>(table_);
    rpc_.emplace(table_, host.local_names);
    rpc_->add_to(host.rpc);
    for (const shm::SlabKind kind : {shm::SlabKind::kAor, shm::SlabKind::kContact512,
                                     shm::SlabKind::kContact1K, shm::SlabKind::kContact4K}) {
      // recover() has marked what is reachable: what is still only held was never linked, or is unlinked.
      host.keepers[kind] = [](Process&, shm::SlotHandle, shm::Mark mark) { return mark; };
    }
    host.tasks.push_back({kSweepPeriodMs, [this](Process& process) { sweep(process); }});
    return true;
  }

  std::string take_over(Process& process, const worker::Estate& estate) override {
    const auto taken = table_.take_over(process, estate);
    if (!taken)
      return fmt::format("usrloc: no contact is taken over from the dead server: {}", taken.error());
    std::string text = fmt::format("usrloc: {} contacts of {} users taken over from the dead server",
                                   taken->contacts, taken->users);
    const auto add = [&text](std::uint64_t count, std::string_view what) {
      if (count > 0) text += fmt::format("; {} {}", count, what);
    };
    add(taken->expired, "had expired");
    add(taken->unknown_table, "are of tables that are no more");
    add(taken->no_room, "found no room (give more with -m)");
    add(taken->damaged, "are damaged");
    return text;
  }

  void start_process(Process& process) override {
    if (!process.is_worker() && rpc_) rpc_->set_process(process);
    table_.begin(process);
    sweep_cursor_ = 0;
    sweep_credit_ = 0;
  }

  void recover(Process& process) override { table_.recover(process); }

 private:
  void warn() const {
    if (db_mode_ != 0) {
      LS_LOG(kWarn, "usrloc", "db_mode {} is not served: contacts are kept in memory and end with the server",
             db_mode_);
    }
    if (matching_mode_ == static_cast<std::int64_t>(Matching::kCallId)) {
      LS_LOG(kWarn, "usrloc", "matching_mode 3: a request with several contacts keeps the last of them");
    }
  }

  std::string preload() {
    std::string_view rest = preload_;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const std::string_view name = sip::trim(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
      if (name.empty()) continue;
      if (auto domain = table_.add_domain(name); !domain) return domain.error();
    }
    return {};
  }

  // Each worker looks through every n-th bucket, once in timer_interval, a few at each call.
  void sweep(Process& process) {
    const std::uint32_t stride = process.worker_count();
    const std::uint64_t share = (table_.bucket_count() + stride - 1) / stride;
    const std::uint64_t turns =
        std::max<std::uint64_t>(static_cast<std::uint64_t>(timer_interval_s_) * 1000 / kSweepPeriodMs, 1);
    const std::uint64_t now_s = wall_s();
    sweep_credit_ += share;
    for (; sweep_credit_ >= turns; sweep_credit_ -= turns) {
      const std::uint64_t bucket = sweep_cursor_ * stride + process.me.value - 1;
      if (bucket < table_.bucket_count()) {
        table_.expire_bucket(process, static_cast<std::uint32_t>(bucket), now_s);
      }
      sweep_cursor_ = (sweep_cursor_ + 1) % share;
    }
  }

  void fill_exports() {
    exports_.name = "usrloc";
    exports_.doc = "The location service: which contacts an address of record has, in shared memory.";
    auto& parameters = exports_.parameters;
    parameters.push_back(worker::int_parameter("timer_interval",
                                               "Seconds in which all contacts are looked at for expiry.",
                                               timer_interval_s_, 1, 86400));
    parameters.push_back(
        worker::int_parameter("hash_size", "The hash table has 2^hash_size buckets.", hash_size_, 1, 24));
    parameters.push_back(worker::flag_parameter(
        "use_domain", "An address of record is user@domain, not the user alone.", use_domain_));
    parameters.push_back(worker::flag_parameter(
        "desc_time_order", "The newest contact comes first, whatever its q.", desc_time_order_));
    parameters.push_back(
        worker::int_parameter("matching_mode",
                              "One binding is one: 0 contact, 1 contact and Call-ID, 2 contact and "
                              "Path, 3 Call-ID.",
                              matching_mode_, 0, 3));
    parameters.push_back(worker::int_parameter(
        "nat_bflag", "The branch flag of contacts behind NAT; -1: none.", nat_bflag_, -1, 31));
    parameters.push_back(worker::string_parameter(
        "preload", "Tables to make beside those the script names, by commas.", preload_));
    parameters.push_back(
        worker::int_parameter("db_mode", "Only 0: contacts are kept in memory.", db_mode_, 0, 4));
    // Each worker sweeps its share: there are no processes of their own to count.
    parameters.push_back(
        worker::int_parameter("timer_procs", "Accepted: each worker sweeps its share.", timer_procs_, 0, 64));
    for (const std::string_view name : kUnserved) {
      parameters.push_back(worker::unserved_parameter("usrloc", std::string(name)));
    }
  }

  script::ModuleExports exports_;
  std::int64_t timer_interval_s_ = 60;
  std::int64_t hash_size_ = 14;
  std::int64_t matching_mode_ = 0;
  std::int64_t nat_bflag_ = -1;
  std::int64_t db_mode_ = 0;
  std::int64_t timer_procs_ = 0;
  bool use_domain_ = false;
  bool desc_time_order_ = false;
  std::string preload_;
  LocationTable table_;
  std::optional<UsrlocRpc> rpc_;
  // Of the process.
  std::uint64_t sweep_cursor_ = 0;
  std::uint64_t sweep_credit_ = 0;
};

}  // namespace
}  // namespace lockstep::usrloc

LS_MODULE(lockstep::usrloc::UsrlocModule)
