// pid_file.h: the file with the supervisor's process id: who serves this run directory, if anyone.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/base/result.h"

namespace lockstep::worker {

class PidFile {
 public:
  // A file that names a living server refuses the start; one that a dead server left is replaced, whoever has
  // its process id now.
  Result<bool, std::string> claim(const std::string& path);
  // With -u and -g it belongs to whom the server becomes, who is to write it.
  bool give_to(uid_t user, gid_t group) const;
  void write(pid_t pid);
  // Only by the process that wrote it.
  void remove();
  void disown() { path_.clear(); }

 private:
  std::string path_;
};

}  // namespace lockstep::worker
