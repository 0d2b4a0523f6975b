// SPDX-License-Identifier: BSL-1.0
// What each option of a description costs per branch, against the plain operation of the same run, as `option_<mode>/<option>`:
// see measure.hpp. And what it costs to have many branches stop, as `stop_…`. ratio.py makes the table.
//
// Options that only some policies have are in policies.cpp, those that are about attempts in attempts.cpp.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanout/algorithm/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "fanout/monitor.hpp"
#include "fanout/refcount/batched.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/stop_token.hpp"
#include "options/measure.hpp"

namespace bench::options {
namespace {

using namespace std::chrono_literals;

fanout::inplace_stop_source& outer_stop() {
  static fanout::inplace_stop_source source;
  return source;
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
  measure_option("drain", [](auto r, auto f) { return fanout::all<int>(r, f).drain(); });
  measure_option("deliver_at(decided)",
                 [](auto r, auto f) { return fanout::all<int>(r, f).deliver_at(fanout::decided); });
  measure_option("on_late", [](auto r, auto f) {
    return fanout::all<int>(r, f).deliver_at(fanout::decided).on_late([](int) noexcept {});
  });
  measure_option("via", [](auto r, auto f) { return fanout::all<int>(r, f).via(loop_executor()); });
  measure_option("issue_on", [](auto r, auto f) { return fanout::all<int>(r, f).issue_on(loop_executor()); });
  measure_option("window(64)", [](auto r, auto f) { return fanout::all<int>(r, f).window(64); });
  measure_option("canary(1)", [](auto r, auto f) { return fanout::all<int>(r, f).canary(1); });
  measure_option("stagger", [](auto r, auto f) { return fanout::all<int>(r, f).stagger(1h, clock()); });
  measure_option("label",
                 [](auto r, auto f) { return fanout::all<int>(r, f).label([](int i) { return std::to_string(i); }); });
  measure_option("monitor", [](auto r, auto f) { return fanout::all<int>(r, f).monitor(fanout::monitor()); });
  measure_option("allocate_with",
                 [](auto r, auto f) { return fanout::all<int>(r, f).allocate_with(std::allocator<std::byte>()); });
  measure_option("count_with<local>",
                 [](auto r, auto f) { return fanout::all<int>(r, f).template count_with<fanout::refcount::local>(); });
  const auto batched = [](auto r, auto f) {
    return fanout::all<int>(r, f).template count_with<fanout::refcount::batched<>>();
  };
  measure_option("count_with<batched<>>", batched);
  measure_deferred("batch_scope", batched, turn_initiator());
  measure_deferred("complete_n", [](auto r, auto f) { return fanout::all<int>(r, f); }, together_initiator());
  benchmark::RegisterBenchmark("stop_1000/operation", stop_many<true>)->UseManualTime();
  benchmark::RegisterBenchmark("stop_1000/bare loop", stop_many<false>)->UseManualTime();
  return true;
}();

}  // namespace
}  // namespace bench::options
