// SPDX-License-Identifier: BSL-1.0
// One fan-out of 256 branches as a benchmark: inline, where each branch completes inside its initiator, and deferred, where the
// issuing thread completes them afterwards.
#ifndef FANOUT_BENCH_OPTIONS_MEASURE_HPP
#define FANOUT_BENCH_OPTIONS_MEASURE_HPP

#include <benchmark/benchmark.h>

#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/batch.hpp"
#include "fanout/budget.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "fanout/timer/manual.hpp"

namespace bench::options {

inline constexpr std::size_t n = 256;

inline const std::vector<int>& elements() {
  static const std::vector<int> all = [] {
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), 0);
    return v;
  }();
  return all;
}

/// The branches that wait for the issuing thread, whatever their type is.
template <class Branch>
std::vector<Branch>& waiting() {
  static std::vector<Branch> branches = [] {
    std::vector<Branch> b;
    b.reserve(n);
    return b;
  }();
  return branches;
}
inline void (*complete_waiting)() = nullptr;

/// Where something takes an executor or a timer.
inline fanout::testing::manual_executor& loop() {
  static fanout::testing::manual_executor executor;
  return executor;
}
inline bool loop_is_used = false;
inline auto loop_executor() {
  loop_is_used = true;
  return loop().get_executor();
}
inline fanout::timer::manual_timer& clock() {
  static fanout::timer::manual_timer timer;
  return timer;
}
/// It never refuses.
inline fanout::budget& budget() {
  static fanout::budget shared({.ratio = 1e6, .initial = 1e6, .cap = 1e6});
  return shared;
}

// ---- how branches complete -------------------------------------------------------------------------------------------

struct success {
  template <class Branch>
  void operator()(Branch& branch, int i) const noexcept {
    branch({}, i);
  }
};
/// All but the last fail, so that a policy which needs one success starts every branch.
struct success_of_the_last {
  template <class Branch>
  void operator()(Branch& branch, int i) const noexcept {
    if (i + 1 == static_cast<int>(n)) return branch({}, i);
    branch(std::make_error_code(std::errc::io_error), i);
  }
};
/// A stream of one item.
struct one_item {
  template <class Branch>
  void operator()(Branch& branch, int i) const noexcept {
    if (branch.emit(std::span(&i, 1)) == fanout::flow::stop) return branch.set_stopped();
    branch.set_value();
  }
};

template <class Complete>
struct inline_initiator {
  void operator()(int i, auto branch) const noexcept { Complete()(branch, i); }
};
template <class Complete>
struct deferred_initiator {
  template <class Branch>
  void operator()(int, Branch branch) const noexcept {
    waiting<Branch>().push_back(std::move(branch));
    complete_waiting = [] {
      // A windowed operation starts more while these complete.
      for (std::size_t i = 0; i != waiting<Branch>().size(); ++i) Complete()(waiting<Branch>()[i], static_cast<int>(i));
      waiting<Branch>().clear();
    };
  }
};
/// All in one turn of an event loop, or in one call.
struct turn_initiator {
  template <class Branch>
  void operator()(int, Branch branch) const noexcept {
    waiting<Branch>().push_back(std::move(branch));
    complete_waiting = [] {
      const fanout::batch_scope turn;
      for (Branch& b : waiting<Branch>()) success()(b, 1);
      waiting<Branch>().clear();
    };
  }
};
struct together_initiator {
  template <class Branch>
  void operator()(int, Branch branch) const noexcept {
    waiting<Branch>().push_back(std::move(branch));
    complete_waiting = [] {
      fanout::complete_n(waiting<Branch>(), [](std::size_t) noexcept { return 1; });
      waiting<Branch>().clear();
    };
  }
};

// ---- one fan-out -----------------------------------------------------------------------------------------------------

inline std::size_t completed = 0;
struct count_completion {
  void operator()(auto outcome) const noexcept { completed += outcome.has_value(); }
};

template <class Describe, class Initiator>
void measure(benchmark::State& state, Describe describe, Initiator initiator) {
  for ([[maybe_unused]] auto once : state) {
    const std::size_t before = completed;
    complete_waiting = nullptr;
    loop_is_used = false;
    describe(std::span(elements()), initiator).then(count_completion{});
    if (loop_is_used) loop().run_all();
    if (complete_waiting != nullptr) complete_waiting();
    if (loop_is_used) loop().run_all();
    if (completed != before + 1) {
      state.SkipWithError("the completion did not run, or had a failure");
      return;
    }
  }
  state.counters["per_branch"] = benchmark::Counter(
      static_cast<double>(n), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class Describe, class Initiator>
void measure_deferred(const std::string& name, Describe describe, Initiator initiator) {
  benchmark::RegisterBenchmark(("option_deferred/" + name).c_str(),
                               [describe, initiator](benchmark::State& state) { measure(state, describe, initiator); });
}
/// `describe(range, initiator)` in both modes, as option_<mode>/<name>.
template <class Complete = success, class Describe>
void measure_option(const std::string& name, Describe describe) {
  benchmark::RegisterBenchmark(("option_inline/" + name).c_str(), [describe](benchmark::State& state) {
    measure(state, describe, inline_initiator<Complete>{});
  });
  measure_deferred(name, describe, deferred_initiator<Complete>{});
}

}  // namespace bench::options

#endif  // FANOUT_BENCH_OPTIONS_MEASURE_HPP
