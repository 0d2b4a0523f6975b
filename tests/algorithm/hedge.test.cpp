// SPDX-License-Identifier: BSL-1.0
// Finagle's BackupRequestFilter, gRPC's hedging policy (A6), and what follows from them (E14).
#include "fanout/algorithm/hedge.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <ranges>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/budget.hpp"
#include "fanout/stop_token.hpp"
#include "support/attempts.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::attempt_state;
using support::attempts;
using support::delivered;
using namespace std::chrono_literals;
using timer = fanout::timer::manual_timer;
using times = std::vector<int>;
using outcome = fanout::result<fanout::winner<int>, fanout::reported_failure<int>>;

constexpr auto denied = std::errc::permission_denied;
constexpr auto is_denied = [](std::error_code e) noexcept { return e == denied; };

struct fixture {
  timer clock;
  attempts tries{clock};
  delivered<outcome> got;
  fanout::hedge_statistics counts;

  auto described(int replicas = 3) {
    return fanout::hedge<int>(std::views::iota(0, replicas), tries.initiator()).count_in(counts);
  }
  bool is_idle() const { return clock.next_expiry() == timer::time_point::max(); }
  bool failed_everywhere(std::size_t suppressed) {
    return got.failed(0, std::make_error_code(std::errc::io_error), suppressed);
  }
};

// ---------------------------------------------------------------------------------------------------------------------
// Finagle

TEST_CASE("the original succeeds before the time: no other attempt", "[hedge][E14]") {
  fixture f;
  f.described().after(10ms, f.clock).then(f.got.completion());
  f.clock.advance(9ms);
  f.tries.succeed(0, 5);
  REQUIRE(f.got.succeeded());
  CHECK(f.is_idle());
  f.clock.advance(1s);
  CHECK(f.tries.size() == 1);
  const auto counted = f.counts.counted();
  CHECK(counted.requests == 1);
  CHECK(counted.sent == 0);
  CHECK(counted.won == 0);
}

TEST_CASE("the original fails before the time: the next at once, and none by that time", "[hedge][E14]") {
  fixture f;
  f.described(2).after(10ms, f.clock).then(f.got.completion());
  f.clock.advance(4ms);
  f.tries.fail(0);
  CHECK(f.tries.start_times() == times{0, 4});
  CHECK(f.is_idle());
  f.tries.succeed(1, 5);
  REQUIRE(f.got.succeeded());
  CHECK(f.got.outcome()->index == 1);
  const auto counted = f.counts.counted();
  CHECK(counted.sent == 0);
  CHECK(counted.failed_over == 1);
  CHECK(counted.won == 1);

  // Where there is nothing else to ask, it is the outcome.
  fixture alone;
  alone.described(3).max_attempts(1).after(10ms, alone.clock).then(alone.got.completion());
  alone.tries.fail(0);
  CHECK(alone.failed_everywhere(0));
  CHECK(alone.is_idle());
}

TEST_CASE("another attempt is made after the time; the first success wins", "[hedge][E14]") {
  for (const std::size_t winner : {std::size_t{0}, std::size_t{1}}) {
    fixture f;
    f.described().max_attempts(2).after(10ms, f.clock).then(f.got.completion());
    f.clock.advance(10ms);
    CHECK(f.tries.start_times() == times{0, 10});
    CHECK(f.is_idle());  // two are all
    f.tries.succeed(winner, 5);
    CHECK(f.tries.cancel_asked() == 1);
    REQUIRE(f.got.succeeded());
    CHECK(f.got.outcome()->index == winner);
    CHECK(f.counts.counted().sent == 1);
    CHECK(f.counts.counted().won == winner);
  }
}

TEST_CASE("one fails after the time: the other is waited for", "[hedge][E14]") {
  for (const std::size_t failing : {std::size_t{0}, std::size_t{1}}) {
    fixture f;
    f.described().max_attempts(2).after(10ms, f.clock).then(f.got.completion());
    f.clock.advance(10ms);
    f.tries.fail(failing);
    CHECK_FALSE(f.tries.asked_to_stop(1 - failing));
    f.tries.succeed(1 - failing, 5);
    REQUIRE(f.got.succeeded());
    CHECK(f.got.outcome()->index == 1 - failing);

    fixture both;
    both.described().max_attempts(2).after(10ms, both.clock).then(both.got.completion());
    both.clock.advance(10ms);
    both.tries.fail(failing, std::errc::timed_out);
    both.tries.fail(1 - failing);
    CHECK(both.got.failed(failing, std::make_error_code(std::errc::timed_out), 1));  // the first cause
    CHECK(both.got.failure().reported.failures().size() == 2);
  }
}

TEST_CASE("no data: no attempt by time; not less than the minimum", "[hedge][E14]") {
  fixture f;
  fanout::latency_tracker latencies;
  f.described().after(fanout::p95(latencies), f.clock).then(f.got.completion());
  CHECK(f.is_idle());
  f.clock.advance(1h);
  CHECK(f.tries.size() == 1);
  f.tries.succeed(0, 1);
  CHECK(f.got.succeeded());

  for (int i = 0; i != 200; ++i) latencies.record(10us);
  fixture fast;
  fast.described().after(fanout::p95(latencies), fast.clock).then(fast.got.completion());
  CHECK(fast.clock.next_expiry().time_since_epoch() == 1ms);
  fast.tries.succeed(0, 1);

  fanout::latency_tracker slow;  // beyond what is measured
  for (int i = 0; i != 200; ++i) slow.record(1h);
  fixture beyond;
  beyond.described().after(fanout::p95(slow), beyond.clock).then(beyond.got.completion());
  CHECK(beyond.is_idle());
  beyond.tries.succeed(0, 1);
}

TEST_CASE("the winner's latency is recorded, from its own start", "[hedge][E14]") {
  fanout::latency_tracker latencies;
  fixture f;
  f.described().after(10ms, f.clock).max_attempts(2).record_in(latencies).then(f.got.completion());
  f.clock.advance(13ms);
  f.tries.succeed(1, 5);
  CHECK(latencies.count() == 0);  // at delivery
  f.clock.advance(1s);            // which may be late
  f.tries.cancel_asked();
  REQUIRE(f.got.succeeded());
  REQUIRE(latencies.count() == 1);
  CHECK(latencies.percentile(1) >= 3ms);
  CHECK(latencies.percentile(1) <= 3.1ms);

  fixture failed;
  failed.described(1).record_in(latencies).after(10ms, failed.clock).then(failed.got.completion());
  failed.tries.fail(0);
  CHECK(latencies.count() == 1);
}

TEST_CASE("a tracker that feeds the delay: 100 requests later it hedges", "[hedge]") {
  fanout::latency_tracker latencies;
  for (int request = 0; request != 101; ++request) {
    fixture f;
    f.described().after(fanout::p95(latencies), f.clock).record_in(latencies).then(f.got.completion());
    CHECK(f.is_idle() == (request < 100));
    f.clock.advance(5ms);
    f.tries.succeed(0, 1);
    f.tries.cancel_asked();
    REQUIRE(f.got.succeeded());
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The budget

TEST_CASE("the first deposits; another by time is paid for, or not made", "[hedge][budget][E14]") {
  fanout::budget shared({.ratio = 0.5, .initial = 0, .cap = 10});
  fixture poor;
  poor.described().after(10ms, poor.clock).budget(shared).then(poor.got.completion());
  CHECK(shared.available() == 0.5);
  poor.clock.advance(1s);
  CHECK(poor.tries.size() == 1);  // asked once, refused once
  CHECK(poor.counts.counted().exhausted == 1);
  CHECK(shared.counted().refused == 1);
  CHECK(poor.is_idle());

  fixture paid;
  paid.described().after(10ms, paid.clock).budget(shared).then(paid.got.completion());
  CHECK(shared.available() == 1);
  paid.clock.advance(1s);
  CHECK(paid.tries.start_times() == times{0, 10});
  CHECK(paid.counts.counted().sent == 1);
  CHECK(paid.counts.counted().exhausted == 1);  // the third
  CHECK(shared.available() == 0);

  poor.tries.succeed(0, 1);
  paid.tries.succeed(1, 1);
  paid.tries.cancel_asked();
  CHECK(poor.got.succeeded());
  CHECK(paid.got.succeeded());
}

TEST_CASE("an attempt after a failure is paid for, too, unless told otherwise", "[hedge][budget][E14]") {
  fanout::budget empty({.ratio = 0, .initial = 0, .cap = 10});
  fixture charged;
  charged.described().after(10ms, charged.clock).budget(empty).then(charged.got.completion());
  charged.tries.fail(0);
  CHECK(charged.failed_everywhere(0));  // nothing is in flight, and nothing will be
  CHECK(charged.counts.counted().exhausted == 1);
  CHECK(charged.is_idle());

  fixture free;
  free.described(2).after(10ms, free.clock).budget(empty, fanout::attempts_by_time).then(free.got.completion());
  free.clock.advance(20ms);
  CHECK(free.tries.size() == 1);
  free.tries.fail(0);
  CHECK(free.tries.size() == 2);
  free.tries.succeed(1, 5);
  CHECK(free.got.succeeded());

  // While another is out, a refusal is not the end.
  fanout::budget one({.ratio = 0, .initial = 1, .cap = 10});
  fixture goes_on;
  goes_on.described().after(10ms, goes_on.clock).budget(one).then(goes_on.got.completion());
  goes_on.clock.advance(10ms);
  goes_on.tries.fail(0);
  CHECK(goes_on.got.times == 0);
  CHECK(goes_on.tries.size() == 2);
  goes_on.tries.succeed(1, 5);
  CHECK(goes_on.got.succeeded());
}

TEST_CASE("where there is nobody else to ask, nothing is withdrawn", "[hedge][budget]") {
  fanout::budget shared({.ratio = 0, .initial = 5, .cap = 10});
  fixture f;
  f.described(1).after(10ms, f.clock).budget(shared).then(f.got.completion());
  CHECK(f.is_idle());
  f.tries.fail(0);
  CHECK(f.failed_everywhere(0));
  CHECK(shared.counted().withdrawn == 0);

  // Also where that is found out only now.
  struct one {
    struct iterator {
      using value_type = int;
      using difference_type = std::ptrdiff_t;
      int n;
      int operator*() const { return n; }
      iterator& operator++() { return ++n, *this; }
      void operator++(int) { ++n; }
      bool operator==(std::default_sentinel_t) const { return n == 1; }
    };
    iterator begin() const { return {0}; }
    std::default_sentinel_t end() const { return {}; }
  };
  static_assert(std::ranges::input_range<one> && !std::ranges::forward_range<one>);
  fixture open;
  fanout::hedge<int>(one(), open.tries.initiator()).after(10ms, open.clock).budget(shared).then(open.got.completion());
  open.clock.advance(10ms);
  open.tries.fail(0);
  CHECK(open.failed_everywhere(0));
  CHECK(shared.counted().withdrawn == 0);
}

TEST_CASE("five per cent: of 1000 slow requests, 50 are hedged", "[hedge][budget]") {
  fanout::budget shared({.ratio = 0.05, .initial = 0, .cap = 100});
  fanout::hedge_statistics counts;
  timer clock;
  for (int i = 0; i != 1000; ++i) {
    attempts tries(clock);
    delivered<outcome> got;
    fanout::hedge<int>(std::views::iota(0, 5), tries.initiator())
        .after(10ms, clock)
        .budget(shared)
        .count_in(counts)
        .then(got.completion());
    clock.advance(15ms);
    tries.succeed(tries.size() - 1, 1);
    tries.cancel_asked();
    REQUIRE(got.succeeded());
  }
  CHECK(counts.counted().requests == 1000);
  CHECK(counts.counted().sent == 50);
  CHECK(counts.counted().won == 50);
  CHECK(counts.counted().exhausted == 950);
}

// ---------------------------------------------------------------------------------------------------------------------
// gRPC

TEST_CASE("a failure that is not fatal shortens the delay, and those after it count from there", "[hedge][E14]") {
  fixture f;
  f.described(5).after(10ms, f.clock).fatal(is_denied).then(f.got.completion());
  f.clock.advance(10ms);  // 0, 10
  f.clock.advance(5ms);
  f.tries.fail(0);  // 15
  f.clock.advance(10ms);
  f.clock.advance(10ms);
  CHECK(f.tries.start_times() == times{0, 10, 15, 25, 35});
  f.tries.succeed(3, 1);
  CHECK(f.tries.cancel_asked() == 3);
  CHECK(f.got.succeeded());
}

TEST_CASE("a fatal failure cancels the others and is returned", "[hedge][fatal][E14]") {
  for (const bool at_decided : {false, true}) {
    fixture f;
    auto described = f.described(5).after(10ms, f.clock);
    if (at_decided) {  // in any order
      std::move(described).deliver_at(fanout::decided).fatal(is_denied).then(f.got.completion());
    } else {
      std::move(described).fatal(is_denied).then(f.got.completion());
    }
    f.clock.advance(10ms);
    f.tries.fail(0);
    REQUIRE(f.tries.size() == 3);
    f.tries.fail(2, denied);
    CHECK(f.tries.size() == 3);
    CHECK(f.is_idle());
    CHECK(f.tries.asked_to_stop(1));
    CHECK(f.got.times == (at_decided ? 1 : 0));
    f.tries.succeed(1, 5);  // too late
    REQUIRE(f.got.failed(2, std::make_error_code(denied), 1));
    CHECK(f.got.failure().reported.failures().size() == 2);
  }
}

TEST_CASE("a fatal failure that comes after the decision changes nothing", "[hedge][fatal][E5]") {
  fixture f;
  f.described().after(10ms, f.clock).fatal(is_denied).then(f.got.completion());
  f.clock.advance(10ms);
  f.tries.succeed(1, 5);
  f.tries.fail(0, denied);
  REQUIRE(f.got.succeeded());
  CHECK(f.got.outcome()->index == 1);
}

TEST_CASE("one deadline over the whole chain", "[hedge][E14][E7]") {
  fixture f;
  f.described(5).after(10ms, f.clock).deadline(25ms, f.clock).then(f.got.completion());
  f.clock.advance(25ms);
  CHECK(f.tries.start_times() == times{0, 10, 20});
  CHECK(f.is_idle());
  CHECK(f.tries.cancel_asked() == 3);
  CHECK(f.got.failed(fanout::no_index, errc::deadline));

  // At decided, with a delay of for ever, and nobody that reports.
  fixture silent;
  fanout::latency_tracker no_data;
  silent.described()
      .after(fanout::p95(no_data), silent.clock)
      .deadline(25ms, silent.clock)
      .deliver_at(fanout::decided)
      .then(silent.got.completion());
  silent.clock.advance(25ms);
  CHECK(silent.got.failed(fanout::no_index, errc::deadline));
  CHECK(silent.tries.cancel_asked() == 1);
}

TEST_CASE("a stop request ends the chain", "[hedge][E12]") {
  fixture f;
  fanout::inplace_stop_source stop;
  f.described().after(10ms, f.clock).stop_on(stop.get_token()).then(f.got.completion());
  stop.request_stop();
  CHECK(f.is_idle());
  CHECK(f.tries.cancel_asked() == 1);
  CHECK(f.got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("keep_losers: they are not asked to stop, and one that succeeds late is handed over", "[hedge][E14]") {
  fixture f;
  int late = 0;
  f.described()
      .after(10ms, f.clock)
      .keep_losers()
      .on_late([&](int v) noexcept { late += v; })
      .deliver_at(fanout::decided)
      .then(f.got.completion());
  f.clock.advance(10ms);
  f.tries.succeed(1, 5);
  REQUIRE(f.got.succeeded());
  CHECK_FALSE(f.tries.asked_to_stop(0));
  f.clock.advance(1s);
  CHECK(f.tries.size() == 2);
  f.tries.succeed(0, 7);
  CHECK(late == 7);
}

TEST_CASE("at most so many attempts, for whatever reason", "[hedge]") {
  fixture f;
  f.described(100).after(10ms, f.clock).max_attempts(3).then(f.got.completion());
  f.clock.advance(10ms);
  f.tries.fail(0);
  CHECK(f.tries.size() == 3);
  f.tries.fail(1);
  f.clock.advance(1s);
  CHECK(f.tries.size() == 3);
  f.tries.fail(2);
  CHECK(f.failed_everywhere(2));
}

TEST_CASE("without a delay: one after the other as they fail, and no timer", "[hedge][E14]") {
  fixture f;
  f.described().then(f.got.completion());
  CHECK(f.tries.size() == 1);
  f.tries.fail(0);
  CHECK(f.tries.size() == 2);
  f.tries.fail(1);
  f.tries.succeed(2, 9);
  REQUIRE(f.got.succeeded());
  CHECK(f.got.outcome()->index == 2);
  CHECK(f.counts.counted().failed_over == 2);
}

TEST_CASE("no replicas: no candidates, and nothing is counted", "[hedge][E1]") {
  fixture f;
  f.described(0).after(10ms, f.clock).then(f.got.completion());
  CHECK(f.got.failed(fanout::no_index, errc::no_candidates));
  CHECK(f.counts.counted().requests == 0);
  CHECK(f.is_idle());
}

TEST_CASE("a million that fail inside start", "[hedge][I5]") {
  fixture f;
  fanout::hedge<int>(std::views::iota(0, 1'000'000),
                     [](int, auto branch, auto) { branch.set_error(std::errc::io_error); })
      .after(10ms, f.clock)
      .count_in(f.counts)
      .then(f.got.completion());
  CHECK(f.failed_everywhere(999'999));
  CHECK(f.counts.counted().failed_over == 999'999);
}

TEST_CASE("void, and values that only move", "[hedge]") {
  timer clock;
  bool done = false;
  fanout::hedge<void>(std::array{1}, [](int, auto branch, auto) { branch.set_value(); })
      .after(10ms, clock)
      .then([&](auto o) noexcept { done = o.has_value() && o->index == 0; });
  CHECK(done);
  int value = 0;
  fanout::hedge<std::unique_ptr<int>>(std::array{1},
                                      [](int n, auto branch, auto) { branch({}, std::make_unique<int>(n)); })
      .after(10ms, clock)
      .then([&](auto o) noexcept { value = *o->value; });
  CHECK(value == 1);
}

}  // namespace
