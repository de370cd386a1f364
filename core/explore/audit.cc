// audit.cc: vector clocks over the declared dependences, and the accesses that they do not order.
#include "core/explore/audit.h"

#include <dlfcn.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/explore/arena_names.h"
#include "core/explore/search.h"

namespace lockstep::explore {
namespace {

// What may be read while another writes it, and why no order of the two can be told from the other.
struct Benign {
  const char* field;
  const char* reason;
};
constexpr Benign kBenign[] = {
    {"worker.idle", "a hint whom to wake; a worker that waits looks into the run queue by itself"},
};

const char* reason_of(const std::string& field) {
  for (const Benign& one : kBenign) {
    if (field == one.field) return one.reason;
  }
  return nullptr;
}

std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  pclose(pipe);
  return text;
}

// Of inlined frames the innermost that is ours: "core/worker/receiver.cc:91 admit_batch".
std::string innermost_of(const std::string& frames) {
  for (std::size_t at = 0; at < frames.size();) {
    const std::size_t end = frames.find('\n', at);
    const std::string line = frames.substr(at, end - at);
    at = end == std::string::npos ? frames.size() : end + 1;
    for (const char* folder : {"/core/", "/shm/", "/modules/"}) {
      const std::size_t found = line.rfind(folder);
      if (found == std::string::npos || line.find("/usr/") != std::string::npos) continue;
      const std::string place = line.substr(found + 1, line.find(" (", found) - found - 1);
      const std::string function = line.substr(0, line.find(" at "));
      return fmt::format("{} {}", place, function.substr(0, function.find('(')));
    }
  }
  return "?";
}

}  // namespace

Auditor::Auditor(Testbed& testbed) : testbed_(testbed) {
  heads_.resize(testbed.segment().size_bytes() / kGranuleBytes);
  touches_.resize(1);
}

bool Auditor::are_ordered_by_declaration(const NextStep& a, const NextStep& b) const {
  const auto seen = [this](const NextStep& step) {
    return left_out_ == step.point ? NextStep{step.point, 0} : step;
  };
  return !is_independent(seen(a), seen(b));
}

void Auditor::begin() {
  for (const Touch& touch : touches_) heads_[touch.access.granule] = 0;
  touches_.resize(1);
  moments_.clear();
  prefix_ = 0;
  for (std::uint32_t worker = 1; worker <= testbed_.worker_count(); ++worker) {
    AccessLog& log = *testbed_.accesses_of(worker);
    log.is_on = 1;
    log.count = 0;
    ++log.epoch;
  }
}

// What a worker does before its first step it may do at any moment of the race.
void Auditor::note_start() {
  for (std::uint32_t worker = 1; worker <= testbed_.worker_count(); ++worker) {
    if (testbed_.accesses_of(worker)->count == 0) continue;
    const std::size_t moment = add_moment(static_cast<Actor>(worker), {}, {});
    moments_[moment].is_start = true;
    take_log(static_cast<Actor>(worker), moment);
  }
}

void Auditor::note_step(const PlayedStep& step) {
  const std::size_t moment = add_moment(step.actor, step.what, {});
  for (std::uint32_t id = 1; id <= testbed_.worker_count(); ++id) {
    const auto worker = static_cast<Actor>(id);
    if (worker == step.actor) take_log(worker, moment);
    if (testbed_.accesses_of(id)->count == 0) continue;
    take_log(worker, add_moment(worker, step.what, moment));
  }
  check_prefix(step);
}

// `after`: the moment that has woken this worker.
std::size_t Auditor::add_moment(Actor actor, const NextStep& what, std::optional<std::size_t> after) {
  Moment moment;
  moment.actor = actor;
  moment.what = what;
  moment.number = 1;
  for (std::size_t i = moments_.size(); i-- > 0;) {
    const Moment& earlier = moments_[i];
    if (earlier.actor == actor) moment.number = std::max(moment.number, earlier.number + 1);
    const bool is_before = earlier.actor == actor || after == i ||
                           (!earlier.is_start && are_ordered_by_declaration(earlier.what, what));
    if (!is_before) continue;
    for (std::size_t a = 0; a < kActorMax; ++a) moment.clock[a] = std::max(moment.clock[a], earlier.clock[a]);
  }
  moment.clock[actor] = moment.number;
  moments_.push_back(moment);
  return moments_.size() - 1;
}

void Auditor::take_log(Actor worker, std::size_t moment) {
  AccessLog& log = *testbed_.accesses_of(worker);
  LS_ASSERT(log.is_full == 0);
  figures_.accesses += log.total;
  figures_.granules += log.count;
  for (std::uint32_t i = 0; i < log.count; ++i) {
    const Access& access = log.accesses[i];
    std::uint32_t& head = heads_[access.granule];
    touches_.push_back({static_cast<std::uint32_t>(moment), head, access});
    for (std::uint32_t at = head; at != 0; at = touches_[at].next) compare(touches_[at], touches_.back());
    head = static_cast<std::uint32_t>(touches_.size() - 1);
  }
  log.total = 0;
  log.count = 0;
  ++log.epoch;
}

void Auditor::compare(const Touch& earlier, const Touch& later) {
  const Moment& first = moments_[earlier.moment];
  const Moment& second = moments_[later.moment];
  if (first.actor == second.actor) return;
  const unsigned bytes = (earlier.access.writes & (later.access.reads | later.access.writes)) |
                         (earlier.access.reads & later.access.writes);
  if (bytes == 0) return;
  ++figures_.conflicts;
  if (second.clock[first.actor] < first.number) report(earlier, later, bytes);
}

std::string Auditor::word_of(const Moment& moment) const {
  return moment.is_start ? "start" : name_of(moment.what.point);
}

void Auditor::report(const Touch& earlier, const Touch& later, unsigned bytes) {
  const char* const at = testbed_.segment().base() + std::size_t{earlier.access.granule} * kGranuleBytes +
                         static_cast<unsigned>(__builtin_ctz(bytes));
  const ArenaName name = name_in_arena(testbed_.segment(), testbed_.state(), at);
  if (const char* reason = reason_of(name.field); reason != nullptr) {
    ++benign_[fmt::format("{}: {}", name.field, reason)];
    return;
  }
  std::string sides[2];
  std::string words[2];
  for (const Touch* touch : {&earlier, &later}) {
    const int side = touch == &earlier ? 0 : 1;
    const bool is_write = (touch->access.writes & bytes) != 0;
    const Moment& moment = moments_[touch->moment];
    words[side] = fmt::format("{} {}", word_of(moment), is_write ? "writes" : "reads");
    sides[side] = fmt::format("worker {} in '{}' {} it ({})", moment.actor, word_of(moment),
                              is_write ? "writes" : "reads",
                              source_of(is_write ? touch->access.writer : touch->access.reader));
  }
  const std::string key =
      fmt::format("{}: {}, {}", name.field, std::min(words[0], words[1]), std::max(words[0], words[1]));
  auto [find, is_new] = finds_.try_emplace(key);
  ++find->second.times;
  if (!is_new) return;
  find->second.text = fmt::format("{}: {}, {}; nothing declared orders them", name.full, sides[0], sides[1]);
  open_.push_back(key);
}

void Auditor::end(const std::vector<PlayedStep>& steps) {
  for (std::uint32_t worker = 1; worker <= testbed_.worker_count(); ++worker) {
    testbed_.accesses_of(worker)->is_on = 0;
  }
  for (const std::string& key : open_) finds_[key].schedule = schedule_text(steps);
  open_.clear();
}

void Auditor::check_prefix(const PlayedStep& step) {
  prefix_ = (prefix_ ^ step.actor) * 0x9e3779b97f4a7c15u + 1;
  prefix_ ^= prefix_ >> 29;
  const std::uint64_t hash = testbed_.hash();
  const auto [known, is_new] = hashes_.try_emplace(prefix_, hash);
  if (is_new) return;
  ++figures_.prefixes;
  if (known->second == hash) return;
  auto [find, is_first] = finds_.try_emplace("prefix");
  ++find->second.times;
  if (!is_first) return;
  find->second.text = fmt::format("after step {} ({}): the same prefix has led to other bytes in the segment",
                                  moments_.size(), name_of(step.what.point));
  open_.push_back("prefix");
}

const std::string& Auditor::source_of(std::uint64_t address) {
  std::string& text = sources_[address];
  if (!text.empty()) return text;
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(address), &info) == 0) return text = "?";
  const auto offset = address - reinterpret_cast<std::uint64_t>(info.dli_fbase) - 1;
  const std::string file =
      info.dli_fname[0] == '/' || std::string(info.dli_fname).find(".so") != std::string::npos
          ? info.dli_fname
          : "/proc/self/exe";
  const std::string command =
      fmt::format("addr2line -Cfipe {} {:#x} 2>/dev/null",
                  file == "/proc/self/exe" ? fmt::format("/proc/{}/exe", getpid()) : file, offset);
  return text = innermost_of(output_of(command));
}

}  // namespace lockstep::explore
