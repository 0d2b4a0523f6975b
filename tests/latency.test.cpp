// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
// The rules that are broken on purpose must be seen, so this one comes before the header under test.
#include "fanout/latency.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::latency_tracker;
using std::chrono::nanoseconds;
using support::only_broken_rule;

constexpr nanoseconds never = nanoseconds::max();
constexpr const char* bad_percentile = "a percentile is a share of the requests: more than 0 and at most 1, as in 0.95";
constexpr const char* bad_window = "a latency tracker's window holds at least 1 record and at most turned_by_hand";

static_assert(!std::is_copy_constructible_v<latency_tracker>);
static_assert(noexcept(std::declval<latency_tracker&>().record({})) &&
              noexcept(std::declval<const latency_tracker&>().percentile(0.5)));
static_assert(std::is_convertible_v<std::chrono::milliseconds, fanout::fixed_delay>);
// The tracker must outlive the delay.
static_assert(!std::is_invocable_v<const fanout::percentile&, latency_tracker>);
static_assert(std::is_invocable_v<const fanout::percentile&, latency_tracker&>);

/// The smallest of the sorted durations that at least a share p of them do not exceed.
nanoseconds exact_percentile(const std::vector<nanoseconds>& sorted, double p) {
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

/// Not less than the exact one, and at most 1/32 above.
bool within_bound(nanoseconds answer, nanoseconds exact) { return answer >= exact && (answer - exact) * 32 <= exact; }

TEST_CASE("without data there is no percentile", "[latency]") {
  const latency_tracker tracker;
  CHECK(tracker.count() == 0);
  CHECK(tracker.percentile(0.95) == never);
  CHECK(tracker.percentile(1) == never);
  CHECK(tracker.percentile(0.95, 0) == never);
}

TEST_CASE("a single record is every percentile", "[latency]") {
  for (const nanoseconds took : {nanoseconds(0), 1ns, 31ns, 32ns, 63ns}) {
    latency_tracker tracker;
    tracker.record(took);
    CHECK(tracker.count() == 1);
    for (const double p : {1e-9, 0.5, 1.0}) CHECK(tracker.percentile(p) == took);  // below 64 ns: exactly
  }
}

TEST_CASE("any duration is answered within 1/32, from above", "[latency]") {
  // Both sides of the ends of every interval there is.
  for (int k = 0; k != 40; ++k) {
    for (std::int64_t part = 32; part != 64; ++part) {
      const std::int64_t start = k < 5 ? part - 32 : part << (k - 5);
      for (const std::int64_t ns : {start, start + 1, start - 1}) {
        if (ns < 0 || nanoseconds(ns) > latency_tracker::longest_measured()) continue;
        static latency_tracker tracker(latency_tracker::turned_by_hand);
        tracker.turn();
        tracker.turn();
        tracker.record(nanoseconds(ns));
        const nanoseconds answer = tracker.percentile(1);
        if (!within_bound(answer, nanoseconds(ns))) FAIL(answer.count() << " for " << ns);
      }
    }
  }
}

TEST_CASE("the percentiles of many latencies are within 1/32 of the exact ones", "[latency]") {
  for (const unsigned seed : {1u, 2u, 3u}) {
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> milliseconds(0.5 * seed, 0.3 + 0.5 * seed);
    latency_tracker tracker(latency_tracker::turned_by_hand);
    std::vector<nanoseconds> all;
    for (int i = 0; i != 20'000; ++i) {
      const auto took = nanoseconds(static_cast<std::int64_t>(1e6 * milliseconds(random)));
      all.push_back(took);
      tracker.record(took);
    }
    std::sort(all.begin(), all.end());
    REQUIRE(all.back() <= latency_tracker::longest_measured());
    CHECK(tracker.count() == all.size());
    for (const double p : {1e-6, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.97, 0.99, 0.999, 0.9999, 1.0}) {
      const nanoseconds exact = exact_percentile(all, p);
      const nanoseconds answer = tracker.percentile(p);
      INFO("p = " << p << ", exact " << exact.count() << ", answer " << answer.count());
      CHECK(within_bound(answer, exact));
      // What the bound is for: no more than 1 - p of the requests take longer.
      const auto longer = all.end() - std::upper_bound(all.begin(), all.end(), answer);
      CHECK(static_cast<double>(longer) <= (1 - p) * static_cast<double>(all.size()) + 1e-6);
    }
  }
}

TEST_CASE("the rank is rounded up", "[latency]") {
  latency_tracker tracker;
  for (int i = 1; i <= 20; ++i) tracker.record(nanoseconds(i));
  CHECK(tracker.percentile(0.95) == 19ns);
  CHECK(tracker.percentile(0.951) == 20ns);
  CHECK(tracker.percentile(0.5) == 10ns);
  CHECK(tracker.percentile(0.05) == 1ns);
  CHECK(tracker.percentile(0.051) == 2ns);
  CHECK(tracker.percentile(std::numeric_limits<double>::min()) == 1ns);
  CHECK(tracker.percentile(1) == 20ns);
}

TEST_CASE("extreme durations are counted", "[latency]") {
  latency_tracker tracker;
  const nanoseconds longest = latency_tracker::longest_measured();
  CHECK(longest > 18min);

  tracker.record(nanoseconds::min());
  tracker.record(-1ns);
  CHECK(tracker.percentile(1) == 0ns);  // less than nothing counts as nothing
  tracker.record(longest);
  CHECK(tracker.percentile(1) == longest);
  tracker.record(longest + 1ns);
  CHECK(tracker.percentile(1) == never);  // beyond what is measured
  CHECK(tracker.percentile(0.75) == longest);
  tracker.record(24h);
  tracker.record(nanoseconds::max());
  CHECK(tracker.count() == 6);
  CHECK(tracker.percentile(0.5) == longest);
  CHECK(tracker.percentile(0.51) == never);
}

TEST_CASE("no answer before enough is known", "[latency]") {
  latency_tracker tracker;
  for (int i = 0; i != 9; ++i) tracker.record(1ns);
  CHECK(tracker.percentile(0.5, 9) == 1ns);
  CHECK(tracker.percentile(0.5, 10) == never);
}

TEST_CASE("a turn forgets what was there before the last turn", "[latency]") {
  latency_tracker tracker;
  tracker.record(1ns);
  tracker.turn();
  CHECK(tracker.count() == 1);
  CHECK(tracker.percentile(1) == 1ns);
  tracker.record(2ns);
  CHECK(tracker.percentile(0.5) == 1ns);
  CHECK(tracker.percentile(1) == 2ns);
  tracker.turn();
  CHECK(tracker.count() == 1);
  CHECK(tracker.percentile(0.5) == 2ns);
  tracker.turn();
  CHECK(tracker.count() == 0);
  for (int round = 0; round != 7; ++round) {  // every window has been used and cleared
    CHECK(tracker.percentile(1) == never);
    tracker.record(3ns);
    tracker.turn();
    CHECK(tracker.count() == 1);
    tracker.turn();
  }
}

TEST_CASE("a full window opens the next, so that old latencies are forgotten", "[latency]") {
  latency_tracker tracker(800);
  for (int i = 0; i != 10'000; ++i) tracker.record(10ms);
  CHECK(tracker.count() >= 800);
  CHECK(tracker.count() <= 1600);
  // The service gets faster: within two windows, nothing else is known.
  int records = 0;
  for (; tracker.percentile(1) > 2ms; ++records) {
    REQUIRE(records < 1700);
    tracker.record(1ms);
  }
  CHECK(records > 800);
  CHECK(within_bound(tracker.percentile(0.01), 1ms));
}

TEST_CASE("a window holds what it is said to hold, give or take eight for each interval in use", "[latency]") {
  for (const std::uint32_t window : {1u, 7u, 8u, 9u, 100u, 1000u}) {
    latency_tracker tracker(window);
    std::uint64_t most = 0;
    for (std::uint64_t i = 0; i != 5000; ++i) {
      const std::uint64_t before = tracker.count();
      tracker.record(nanoseconds(i % 3));
      const std::uint64_t after = tracker.count();
      most = std::max(most, after);
      if (after <= before) {  // one was forgotten, and one is remembered
        INFO("window = " << window);
        CHECK(after >= window);
        CHECK(after <= window + 3 * 8);
      }
    }
    CHECK(most >= 2 * std::uint64_t{window});
    CHECK(most <= 2 * (std::uint64_t{window} + 3 * 8));
  }
}

TEST_CASE("a percentile or a window that makes no sense is named and replaced by the nearest", "[latency]") {
  latency_tracker tracker;
  for (int i = 1; i <= 10; ++i) tracker.record(nanoseconds(i));
  support::take_broken_rules();
  for (const double p :
       {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    CHECK(tracker.percentile(p) == 1ns);
    CHECK(only_broken_rule(bad_percentile));
    CHECK(fanout::percentile(p).value() > 0);
    CHECK(only_broken_rule(bad_percentile));
    CHECK(fanout::percentile(p)(tracker, 0ns, 1).delay() == 1ns);
    CHECK(only_broken_rule(bad_percentile));
  }
  for (const double p : {1.01, 95.0, std::numeric_limits<double>::infinity()}) {
    CHECK(tracker.percentile(p) == 10ns);
    CHECK(only_broken_rule(bad_percentile));
    CHECK(fanout::percentile(p).value() == 1);
    CHECK(only_broken_rule(bad_percentile));
  }
  latency_tracker none(0);
  CHECK(only_broken_rule(bad_window));
  for (int i = 0; i != 100; ++i) none.record(1ns);
  CHECK(none.count() <= 16);
  const latency_tracker too_many(std::numeric_limits<std::uint32_t>::max());
  CHECK(only_broken_rule(bad_window));
  const latency_tracker most(latency_tracker::turned_by_hand);
  const latency_tracker least(1);
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("a hedge may start after a fixed time or after a percentile", "[latency][E14]") {
  using fanout::p95;
  CHECK(fanout::fixed_delay(5ms).delay() == 5ms);
  CHECK(fanout::p90.value() == 0.9);
  CHECK(p95.value() == 0.95);
  CHECK(fanout::p99.value() == 0.99);

  latency_tracker tracker;
  const auto delay = p95(tracker);
  const auto eager = p95(tracker, 0ns, 1);
  CHECK(delay.delay() == never);
  CHECK(eager.delay() == never);  // no data, no hedge
  tracker.record(10us);
  CHECK(within_bound(eager.delay(), 10us));
  for (int i = 1; i != 99; ++i) tracker.record(10us);
  CHECK(delay.delay() == never);  // 99 requests are not enough
  tracker.record(10us);
  CHECK(delay.delay() == 1ms);  // at least that
  for (int i = 0; i != 100; ++i) tracker.record(20ms);
  CHECK(within_bound(delay.delay(), 20ms));
  CHECK(within_bound(eager.delay(), 20ms));
  CHECK(within_bound(fanout::percentile(0.5)(tracker, 0ns).delay(), 10us));
  for (int i = 0; i != 100; ++i) tracker.record(1h);
  CHECK(delay.delay() == never);  // beyond what is measured
}

TEST_CASE("records of several threads are all counted", "[latency][threads]") {
  latency_tracker tracker(latency_tracker::turned_by_hand);
  constexpr int each = 50'000;
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t) {
    threads.emplace_back([&tracker, t] {
      for (int i = 0; i != each; ++i) tracker.record(nanoseconds(i % (10 + t)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(tracker.count() == 2 * each);
  CHECK(tracker.percentile(1) == 10ns);
}

TEST_CASE("threads may record, ask and turn at the same time", "[latency][threads]") {
  latency_tracker tracker(256);
  std::atomic<int> recording{2};
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t) {
    threads.emplace_back([&tracker, &recording] {
      for (int i = 0; i != 50'000; ++i) tracker.record(nanoseconds(20 + i % 10));
      recording.fetch_sub(1);
    });
  }
  threads.emplace_back([&tracker, &recording] {
    while (recording.load() != 0) tracker.turn();
  });
  bool all_possible = true;
  do {
    const nanoseconds answer = tracker.percentile(0.5);
    all_possible = all_possible && (answer == never || (answer >= 20ns && answer < 30ns));
  } while (recording.load() != 0);
  for (std::thread& thread : threads) thread.join();
  CHECK(all_possible);
  tracker.turn();
  tracker.turn();
  tracker.record(1ns);
  CHECK(tracker.percentile(0.01) == 1ns);
}

}  // namespace
