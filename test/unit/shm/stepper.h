// stepper.h: a process that runs one machine instruction at a time, so that each state of shared memory can
// be looked at as if it had died there. For tests of whatever writes shared memory.
#pragma once

#include <cppunit/extensions/HelperMacros.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <functional>

#include "core/base/assert.h"

namespace lockstep::test {

// This process and what it forks stay on one CPU: handing over there takes a twentieth of the time.
class OnOneCpu {
 public:
  OnOneCpu() {
    CPU_ZERO(&before_);
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof before_, &before_); }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

 private:
  cpu_set_t before_;
};

// Of a function or of a member that is not virtual.
template <typename Function>
const void* address_of_code(Function function) {
  const void* address = nullptr;
  std::memcpy(&address, &function, sizeof address);
  return address;
}

// A child that first runs `prepare`, then `action` one instruction at a time.
class Stepper {
 public:
  Stepper(const std::function<void()>& prepare, const std::function<void()>& action) {
    child_ = fork();
    LS_ASSERT(child_ >= 0);
    if (child_ == 0) {
      prepare();
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      raise(SIGSTOP);
      action();
      raise(SIGSTOP);
      _exit(0);
    }
    int status = 0;
    waitpid(child_, &status, 0);
    LS_ASSERT(WIFSTOPPED(status));
  }
  ~Stepper() {
    kill(child_, SIGKILL);
    int status = 0;
    waitpid(child_, &status, 0);
  }
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  // False when the action is done.
  bool step() {
    CPPUNIT_ASSERT_EQUAL(0L, ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr));
    int status = 0;
    waitpid(child_, &status, 0);
    CPPUNIT_ASSERT_MESSAGE("the worker died by itself", WIFSTOPPED(status));
    CPPUNIT_ASSERT_MESSAGE("the worker asserted or crashed",
                           WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP);
    return WSTOPSIG(status) != SIGSTOP;
  }

  // At full speed to the start of a function of this program.
  void run_to(const void* function) {
    constexpr unsigned long kTrap = 0xCC;
    const long code = ptrace(PTRACE_PEEKTEXT, child_, function, nullptr);
    const unsigned long trapped = (static_cast<unsigned long>(code) & ~0xFFUL) | kTrap;
    CPPUNIT_ASSERT_EQUAL(0L, ptrace(PTRACE_POKETEXT, child_, function, trapped));
    CPPUNIT_ASSERT_EQUAL(0L, ptrace(PTRACE_CONT, child_, nullptr, nullptr));
    int status = 0;
    waitpid(child_, &status, 0);
    CPPUNIT_ASSERT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    ptrace(PTRACE_POKETEXT, child_, function, code);
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, child_, nullptr, &registers);
    registers.rip = reinterpret_cast<unsigned long>(function);
    ptrace(PTRACE_SETREGS, child_, nullptr, &registers);
  }

 private:
  OnOneCpu pinned_;
  pid_t child_ = -1;
};

}  // namespace lockstep::test
