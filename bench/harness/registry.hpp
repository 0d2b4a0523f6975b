// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_REGISTRY_HPP
#define FANOUT_BENCH_HARNESS_REGISTRY_HPP

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "harness/patterns.hpp"

/// Calls `run(what)`. instructions.py has callgrind collect inside it.
extern "C" bool fanout_bench_measured(bool (*run)(void*), void* what);

namespace fanout::bench {

/// One contender in one family.
struct entry {
  family in;
  std::string name;
  /// The name in reports: that of a strategy nobody has vouched for says so.
  std::string shown() const { return checked ? name : name + "(unchecked)"; }

  bool (*fits)(const setting&);
  /// Times rounds, and reports.
  void (*measure)(::benchmark::State&, const setting&, const entry&);
  /// A few rounds, and one more inside `fanout_bench_measured`, for what is counted instead of timed. False: a result is wrong. pre:
  /// one thread
  bool (*count)(const setting&);
  /// What is wrong with it, or nothing: a strategy is tried on one thread before it may run. Null for others.
  std::string (*conforms)();
  const void* identity;  // of a strategy's type
  bool checked;
  bool
      own_threads;  // completes branches on these while they are issued, whatever the pattern: see harness/operation.hpp
};

/// FAMILY/PATTERN/CONTENDER/n:BRANCHES/work:NS/threads:T
std::string benchmark_name(const entry& e, const setting& s);

/// All that has been added, in this order.
std::vector<entry>& entries();

/// Adds it. What is wrong with a name is said when the program starts; true, so that it can initialise a variable.
bool add_entry(entry e);

/// What a check came to: what is wrong, or nothing, and what could not be checked, or nothing.
struct verdict_on_strategy {
  std::string wrong, left_out;
};

/// Who vouches for a strategy: `check`, which runs when the program starts, or null for somebody's word.
struct voucher {
  const void* identity;
  std::string name;
  verdict_on_strategy (*check)();
};
std::vector<voucher>& vouchers();

/// That some result was wrong; the program exits with 1 then.
void note_wrong_result() noexcept;
bool any_wrong_result() noexcept;

/// Equal for equal types only.
template <class T>
const void* identity_of() noexcept {
  static const char one = 0;
  return &one;
}

}  // namespace fanout::bench

#endif
