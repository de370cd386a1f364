// jobs.cc: a process a job; findings come back through a pipe as lines of text.
#include "core/explore/jobs.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "core/base/assert.h"

namespace lockstep::explore {
namespace {

constexpr char kLineEnd = '\x1e';  // Within a field.

// Fields may hold blanks, never tabs.
std::string on_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', kLineEnd);
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text;
}

std::string on_its_lines(std::string text) {
  std::replace(text.begin(), text.end(), kLineEnd, '\n');
  return text;
}

std::string packed(const JobResult& result) {
  const Findings& f = result.findings;
  std::string text = fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", result.problem.size(),
                                 f.figures.traces, f.figures.executions, f.figures.steps, f.kills,
                                 f.checked_twice, f.seconds, f.is_complete ? 1 : 0, f.violations, f.random);
  text += result.problem;
  for (const auto& [rule, find] : f.finds) {
    text += fmt::format("f\t{}\t{}\t{}\t{}\t{}\t{}\n", rule, find.text, find.schedule, find.steps, find.wire,
                        on_one_line(find.ladder));
  }
  text += fmt::format("a\t{}\t{}\t{}\t{}\t{}\n", f.audit.accesses, f.audit.granules, f.audit.conflicts,
                      f.audit.swaps, f.audit.prefixes);
  for (const auto& [key, find] : f.audit_finds) {
    text += fmt::format("c\t{}\t{}\t{}\t{}\n", key, find.text, find.schedule, find.times);
  }
  for (const auto& [key, times] : f.audit_benign) text += fmt::format("b\t{}\t{}\n", key, times);
  for (const std::string& one : f.transcripts) text += fmt::format("t\t{}\n", one);
  return text;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0;;) {
    const std::size_t end = line.find('\t', at);
    fields.push_back(line.substr(at, end == std::string::npos ? end : end - at));
    if (end == std::string::npos) return fields;
    at = end + 1;
  }
}

JobResult unpacked(const std::string& text) {
  JobResult result;
  std::size_t at = text.find('\n');
  const std::vector<std::string> head = fields_of(text.substr(0, at));
  if (head.size() != 10) {
    result.problem = "the explorer ended without a word\n";
    return result;
  }
  Findings& f = result.findings;
  f.figures = {std::stoull(head[1]), std::stoull(head[2]), std::stoull(head[3])};
  f.kills = std::stoull(head[4]);
  f.checked_twice = std::stoull(head[5]);
  f.seconds = std::stod(head[6]);
  f.is_complete = head[7] == "1";
  f.violations = std::stoull(head[8]);
  f.random = std::stoull(head[9]);
  result.problem = text.substr(at + 1, std::stoull(head[0]));
  std::istringstream lines(text.substr(at + 1 + result.problem.size()));
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields[0] == "t") f.transcripts.insert(fields.at(1));
    if (fields[0] == "b") f.audit_benign[fields.at(1)] = std::stoull(fields.at(2));
    if (fields[0] == "c")
      f.audit_finds[fields.at(1)] = {fields.at(2), fields.at(3), std::stoull(fields.at(4))};
    if (fields[0] == "a") {
      f.audit = {std::stoull(fields.at(1)), std::stoull(fields.at(2)), std::stoull(fields.at(3)),
                 std::stoull(fields.at(4)), std::stoull(fields.at(5))};
    }
    if (fields[0] != "f") continue;
    f.finds[fields.at(1)] = {fields.at(2), fields.at(3), std::stoull(fields.at(4)), fields.at(5),
                             on_its_lines(fields.at(6))};
  }
  return result;
}

struct Running {
  std::size_t job = 0;
  pid_t pid = 0;
  int fd = -1;
  int cpu = 0;
  std::string text;
};

Running start(const Job& job, std::size_t number, int cpu) {
  int ends[2];
  LS_ASSERT(pipe(ends) == 0);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  LS_ASSERT(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // Whatever ends the command ends its jobs, and they their workers.
    if (getppid() != parent) _exit(1);
    close(ends[0]);
    Job here = job;
    here.cpu = cpu;
    JobResult result;
    auto found = explore(here);
    if (found) {
      result.findings = *found;
    } else {
      result.problem = found.error();
    }
    const std::string text = packed(result);
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = write(ends[1], text.data() + at, text.size() - at);
      if (written <= 0) _exit(1);
      at += static_cast<std::size_t>(written);
    }
    _exit(0);
  }
  close(ends[1]);
  return {number, pid, ends[0], cpu, {}};
}

// True at its end.
bool read_more(Running& one) {
  char buffer[65536];
  const ssize_t got = read(one.fd, buffer, sizeof buffer);
  if (got > 0) {
    one.text.append(buffer, static_cast<std::size_t>(got));
    return false;
  }
  close(one.fd);
  waitpid(one.pid, nullptr, 0);
  return true;
}

}  // namespace

void run_jobs(const std::vector<Job>& jobs, unsigned cpus,
              const std::function<void(const Job&, const JobResult&)>& done) {
  std::vector<Running> running;
  std::vector<JobResult> results(jobs.size());
  std::vector<bool> has_ended(jobs.size());
  std::size_t next = 0;
  std::size_t told = 0;
  while (told < jobs.size()) {
    for (int cpu = 0; cpu < static_cast<int>(cpus) && next < jobs.size(); ++cpu) {
      bool is_busy = false;
      for (const Running& one : running) is_busy = is_busy || one.cpu == cpu;
      if (is_busy) continue;
      running.push_back(start(jobs[next], next, cpu));
      ++next;
    }
    std::vector<pollfd> waiting;
    for (const Running& one : running) waiting.push_back({one.fd, POLLIN, 0});
    poll(waiting.data(), waiting.size(), -1);
    for (std::size_t i = waiting.size(); i-- > 0;) {
      if (waiting[i].revents == 0 || !read_more(running[i])) continue;
      results[running[i].job] = unpacked(running[i].text);
      has_ended[running[i].job] = true;
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (; told < jobs.size() && has_ended[told]; ++told) done(jobs[told], results[told]);
  }
}

std::string table_head() {
  return fmt::format("{:<20} {:<9} {:<19} {:>8} {:>10} {:>7} {:>7} {:>10}\n", "scenario", "ordering",
                     "policy", "traces", "executions", "per s", "kills", "violations");
}

std::string name_of_files(const std::string& files) {
  const std::size_t plus = files.find('+');
  if (plus != std::string::npos) {
    return name_of_files(files.substr(0, plus)) + "+" + name_of_files(files.substr(plus + 1));
  }
  const std::string name = files.substr(files.rfind('/') + 1);  // npos + 1 is 0.
  return name.substr(0, name.find(".scenario"));
}

std::string table_row(const Job& job, const Findings& findings) {
  const std::string policy =
      job.cancelled_2xx == "forward" ? job.late_2xx : job.late_2xx + "/" + job.cancelled_2xx;
  std::string not_all;
  if (!findings.is_complete && !job.is_pct) {
    not_all =
        findings.random == 0 ? "  not all" : fmt::format("  not all, and {} at random", findings.random);
  }
  return fmt::format("{:<20} {:<9} {:<19} {:>8} {:>10} {:>7.0f} {:>7} {:>10}{}\n", name_of_files(job.file),
                     job.ordering, policy, findings.figures.traces, findings.figures.executions,
                     static_cast<double>(findings.figures.executions) / findings.seconds, findings.kills,
                     findings.violations, not_all);
}

std::string table_find(const Job& job, const std::string& rule, const Find& find) {
  return fmt::format("  {:<7} {}\n          wire   {}\n          again  lockstep explore --replay {}{}\n",
                     rule, find.text, find.wire, job.replay_string(find.schedule), job.replay_options());
}

std::string audit_text(const Job& job, const Findings& findings) {
  std::string text = fmt::format("  audit   {} accesses, {} places, {} shared, {} swaps, {} prefixes again\n",
                                 findings.audit.accesses, findings.audit.granules, findings.audit.conflicts,
                                 findings.audit.swaps, findings.audit.prefixes);
  for (const auto& [key, times] : findings.audit_benign) {
    text += fmt::format("  benign  {} ({} times)\n", key, times);
  }
  for (const auto& [key, find] : findings.audit_finds) {
    text +=
        fmt::format("  AUDIT   {}\n          {} ({} times)\n          again  lockstep explore --replay {}\n",
                    key, find.text, find.times, job.replay_string(find.schedule));
  }
  return text;
}

}  // namespace lockstep::explore
