// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_REPORT_HPP
#define FANOUT_TESTING_EXPLORER_REPORT_HPP

#include <cstddef>
#include <cstdint>
#include <string>

namespace fanout::testing::explorer {

/// Where a search ends. Each bound that is a *budget* counts per execution.
struct options {
  /// Executions to begin before giving up: the verdict is then `incomplete`, never `ok`.
  std::uint64_t max_executions = 5'000'000;
  /// Operations that one execution may make. One that makes more is taken for an endless loop: `incomplete`. (A loop that
  /// spins until another thread stores something has infinitely many executions: use `wait`.)
  std::uint32_t max_steps = 20'000;
  /// Budget of spurious failures of `compare_exchange_weak`.
  int spurious = 1;
  /// Budget of spurious wake-ups of condition variables and of `atomic::wait` (which looks at the value and sleeps again).
  int spurious_wakeups = 0;
  /// A compare-exchange that fails is only a load, and may read an older value like any other. False: always the newest.
  bool stale_failures = true;
  /// Bytes of stack per thread.
  std::size_t stack_size = 256 * 1024;
};

/// What a search found.
struct [[nodiscard("an exploration proves something only if its verdict is looked at")]] report {
  enum class verdict {
    ok,         // every execution was explored, and none failed
    failed,     // one execution failed: see reason, trace and choices
    incomplete  // the search was cut short: nothing is known about the rest
  };

  explorer::report::verdict verdict = verdict::incomplete;
  std::string reason{};          // one sentence; begins with a fixed text for each kind of failure; empty if ok
  std::string trace{};           // one line per operation of the execution that failed (or did not end), oldest first
  std::string choices{};         // replay() runs that execution again
  std::uint64_t executions = 0;  // run to their end
  std::uint64_t pruned = 0;      // given up because each continuation is equivalent to one already explored
  std::uint64_t steps = 0;       // operations made in all of them

  explicit operator bool() const noexcept { return verdict == verdict::ok; }
};

/// The whole report in words, ending with a newline.
inline std::string to_string(const report& r) {
  std::string text = r.verdict == report::verdict::ok       ? "ok"
                     : r.verdict == report::verdict::failed ? "FAILED"
                                                            : "INCOMPLETE";
  if (!r.reason.empty()) text += ": " + r.reason;
  text += "\n" + r.trace + std::to_string(r.executions) + " executions, " + std::to_string(r.pruned) + " pruned, " +
          std::to_string(r.steps) + " steps\n";
  if (r.verdict != report::verdict::ok) text += "replay(scenario, \"" + r.choices + "\")\n";
  return text;
}

}  // namespace fanout::testing::explorer

#endif
