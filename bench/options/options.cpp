// SPDX-License-Identifier: BSL-1.0
// What each option of a description costs per branch, against the plain operation of the same run, as `option_<mode>/<option>`:
// inline, where each branch completes inside its initiator, and deferred, where the issuing thread completes them afterwards.
// And what it costs to have many branches stop, as `stop_…`. ratio.py makes the table.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/each.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/combine/first.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "fanout/timer/manual.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t n = 256;

const std::vector<int>& elements() {
  static const std::vector<int> all = [] {
    std::vector<int> v(n);
    std::iota(v.begin(), v.end(), 0);
    return v;
  }();
  return all;
}

// The branches that wait for the issuing thread, whatever their type is.
template <class Branch>
std::vector<Branch>& waiting() {
  static std::vector<Branch> branches = [] {
    std::vector<Branch> b;
    b.reserve(n);
    return b;
  }();
  return branches;
}
void (*complete_waiting)() = nullptr;

struct inline_initiator {
  void operator()(int i, auto branch) const noexcept { branch({}, i); }
};
struct deferred_initiator {
  template <class Branch>
  void operator()(int, Branch branch) const noexcept {
    waiting<Branch>().push_back(std::move(branch));
    complete_waiting = [] {
      // A windowed operation starts more while these complete.
      for (std::size_t i = 0; i != waiting<Branch>().size(); ++i) waiting<Branch>()[i]({}, 1);
      waiting<Branch>().clear();
    };
  }
};

std::size_t completed = 0;
struct count_completion {
  void operator()(auto outcome) const noexcept { completed += outcome.has_value(); }
};

template <class Describe, class Initiator>
void measure(benchmark::State& state, Describe describe, Initiator initiator) {
  for ([[maybe_unused]] auto once : state) {
    const std::size_t before = completed;
    complete_waiting = nullptr;
    describe(std::span(elements()), initiator).then(count_completion{});
    if (complete_waiting != nullptr) complete_waiting();
    if (completed != before + 1) {
      state.SkipWithError("the completion did not run, or had a failure");
      return;
    }
  }
  state.counters["per_branch"] = benchmark::Counter(
      static_cast<double>(n), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class Describe>
void measure_option(const std::string& name, Describe describe) {
  benchmark::RegisterBenchmark(("option_inline/" + name).c_str(),
                               [describe](benchmark::State& state) { measure(state, describe, inline_initiator{}); });
  benchmark::RegisterBenchmark(("option_deferred/" + name).c_str(),
                               [describe](benchmark::State& state) { measure(state, describe, deferred_initiator{}); });
}

fanout::inplace_stop_source& outer_stop() {
  static fanout::inplace_stop_source source;
  return source;
}
fanout::timer::manual_timer& clock() {
  static fanout::timer::manual_timer timer;
  return timer;
}

// ---- stopping --------------------------------------------------------------------------------------------------------

constexpr std::size_t many = 1000;

// What an interruptible operation does: registers with its branch's token, and completes its branch when asked to stop.
template <class Branch>
struct interruptible {
  struct give_up {
    interruptible* self;
    void operator()() const noexcept { self->branch.set_stopped(); }
  };
  Branch branch;
  std::optional<fanout::inplace_stop_callback<give_up>> on_stop;
};

// Through the operation's stop source, or by a bare loop that calls the same functions.
template <bool ThroughTheOperation>
void stop_many(benchmark::State& state) {
  for ([[maybe_unused]] auto once : state) {
    std::size_t outcomes = 0;
    auto issuer = fanout::issue<int>(many, fanout::combine::settle, [&](auto) noexcept { ++outcomes; });
    using branch = decltype(issuer)::branch;
    using one = interruptible<branch>;
    static std::vector<one> outstanding(many);
    for (std::size_t i = 0; i != many; ++i) {
      issuer.start(i, [&](branch b) {
        outstanding[i].branch = std::move(b);
        if constexpr (ThroughTheOperation) {
          outstanding[i].on_stop.emplace(outstanding[i].branch.stop_token(), typename one::give_up{&outstanding[i]});
        }
      });
    }
    const auto from = std::chrono::steady_clock::now();
    if constexpr (ThroughTheOperation) {
      issuer.request_stop();
    } else {
      for (auto& o : outstanding) typename one::give_up{&o}();
    }
    const auto to = std::chrono::steady_clock::now();
    for (auto& o : outstanding) o.on_stop.reset();
    std::move(issuer).seal();
    if (outcomes != 1) state.SkipWithError("the completion did not run");
    state.SetIterationTime(std::chrono::duration<double>(to - from).count());
  }
}

const bool registered = [] {
  measure_option("plain", [](auto r, auto f) { return fanout::all<int>(r, f); });
  measure_option("stop_on", [](auto r, auto f) { return fanout::all<int>(r, f).stop_on(outer_stop().get_token()); });
  measure_option("deadline", [](auto r, auto f) { return fanout::all<int>(r, f).deadline(1h, clock()).drain(); });
  measure_option("window 64", [](auto r, auto f) { return fanout::all<int>(r, f).window(64); });
  measure_option("label",
                 [](auto r, auto f) { return fanout::all<int>(r, f).label([](int i) { return std::to_string(i); }); });
  measure_option("deliver_at(decided)",
                 [](auto r, auto f) { return fanout::all<int>(r, f).deliver_at(fanout::decided); });
  measure_option("settle", [](auto r, auto f) { return fanout::settle<int>(r, f); });
  measure_option("quorum(n)", [](auto r, auto f) {
    return fanout::detail::describe<int, fanout::handler>(fanout::combine::quorum(n), r, f).drain();
  });
  measure_option("at_most_errors(0)", [](auto r, auto f) {
    return fanout::detail::describe<int, fanout::handler>(fanout::combine::at_most_errors(0), r, f);
  });
  measure_option("reduce", [](auto r, auto f) { return fanout::reduce<int>(r, f, 0L, std::plus<>()); });
  measure_option("reduce_in_order",
                 [](auto r, auto f) { return fanout::reduce_in_order<int>(r, f, 0L, std::plus<>()); });
  measure_option("reduce, window 64",
                 [](auto r, auto f) { return fanout::reduce<int>(r, f, 0L, std::plus<>()).window(64); });
  measure_option("each", [](auto r, auto f) {
    return fanout::each<int>(r, f, [](std::size_t, auto result) { benchmark::DoNotOptimize(result); });
  });
  benchmark::RegisterBenchmark("stop_1000/operation", stop_many<true>)->UseManualTime();
  benchmark::RegisterBenchmark("stop_1000/bare loop", stop_many<false>)->UseManualTime();
  return true;
}();

}  // namespace
