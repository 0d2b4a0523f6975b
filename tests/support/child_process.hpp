// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_CHILD_PROCESS_HPP
#define FANOUT_TESTS_SUPPORT_CHILD_PROCESS_HPP

#if __has_include(<sys/wait.h>) && __has_include(<unistd.h>)
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <string>

#include "catch.hpp"
#define FANOUT_HAS_CHILD_PROCESSES 1

namespace support {

/// How a child process ended, and what it wrote to stderr.
struct ended {
  int status = 0;
  std::string said;

  bool normally() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
  // terminate() aborts. A sanitizer may turn that into an exit code of its own.
  bool by_abort() const {
    return (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) || (WIFEXITED(status) && WEXITSTATUS(status) != 0);
  }
  bool saying(const char* sentence) const { return said.find(sentence) != std::string::npos; }
};

/// Runs f in a child process and says how that ended.
template <class F>
ended run_in_child(F f) {
  std::fflush(nullptr);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);  // not the test framework's
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    f();
    _exit(0);
  }
  close(ends[1]);
  ended result;
  char buffer[256];
  while (true) {
    const ssize_t n = read(ends[0], buffer, sizeof buffer);
    if (n <= 0) break;
    result.said.append(buffer, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  REQUIRE(waitpid(child, &result.status, 0) == child);
  return result;
}

}  // namespace support

#else
#define FANOUT_HAS_CHILD_PROCESSES 0
#endif

#endif  // FANOUT_TESTS_SUPPORT_CHILD_PROCESS_HPP
