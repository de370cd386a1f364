// process.h: child processes of a test: run one to its end with a deadline, or in the background and end it
// by its own process id. Output goes to a file, so that no pipe can fill up and stall the child.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace lockstep::harness {

struct Outcome {
  int status = -1;  // Exit status; 128 + signal if a signal ended it.
  bool timed_out = false;
  std::string output;  // stdout and stderr together.
};

// Runs `arguments[0]` (looked up in PATH) in `folder` (empty: here), kills it at the deadline.
Outcome run_command(const std::vector<std::string>& arguments, int deadline_ms = 30000,
                    const std::string& folder = "");

// A process in the background; the destructor ends it.
class Background {
 public:
  Background() = default;
  Background(const std::vector<std::string>& arguments, const std::string& log_file,
             const std::string& folder = "");
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  pid_t pid() const { return pid_; }
  bool is_running();
  // Waits for its end; 128 + signal if a signal ended it, -1 at the deadline.
  int wait(int deadline_ms);
  void terminate(int signal_number);

 private:
  pid_t pid_ = -1;
  int status_ = -1;
};

bool process_exists(pid_t pid);
// Of any process, a child or not; false at the deadline. A child is not reaped.
bool wait_for_end(pid_t pid, int deadline_ms);
std::vector<pid_t> children_of(pid_t pid);
std::string read_text(const std::string& path);  // Empty if there is none.
// A folder of its own under TMPDIR or /tmp.
std::string make_temp_folder(const std::string& prefix);
void remove_folder(const std::string& path);

}  // namespace lockstep::harness
