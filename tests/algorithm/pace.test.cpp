// SPDX-License-Identifier: BSL-1.0
// .stagger: one after the other, and when.
#include "fanout/algorithm/pace.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <limits>
#include <ranges>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/first_success.hpp"
#include "fanout/algorithm/quorum.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "support/allocators.hpp"
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

using first_outcome = fanout::result<fanout::winner<int>, fanout::reported_failure<int>>;
using quorum_outcome = fanout::result<fanout::reports<int>, fanout::reported_failure<int>>;

// The timer has nothing to wait for any more.
bool is_idle(const timer& clock) { return clock.next_expiry() == timer::time_point::max(); }

TEST_CASE("the next is started a delay after the last", "[stagger]") {
  timer clock;
  attempts tries(clock);
  delivered<first_outcome> got;
  fanout::first_success<int>(std::array{0, 1, 2}, tries.initiator()).stagger(300ms, clock).then(got.completion());
  CHECK(tries.start_times() == times{0});
  clock.advance(299ms);
  CHECK(tries.start_times() == times{0});
  clock.advance(1ms);
  CHECK(tries.start_times() == times{0, 300});
  clock.advance(1s);
  CHECK(tries.start_times() == times{0, 300, 600});
  CHECK(is_idle(clock));  // all are started
  tries.succeed(1, 5);
  CHECK(tries.cancel_asked() == 2);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->index == 1);
}

TEST_CASE("the next is started as soon as one fails, and that sets the clock anew", "[stagger]") {
  timer clock;
  attempts tries(clock);
  delivered<first_outcome> got;
  fanout::first_success<int>(std::views::iota(0, 6), tries.initiator()).stagger(300ms, clock).then(got.completion());
  clock.advance(100ms);
  tries.fail(0);
  CHECK(tries.start_times() == times{0, 100});
  clock.advance(299ms);
  CHECK(tries.size() == 2);
  clock.advance(1ms);
  CHECK(tries.start_times() == times{0, 100, 400});
  clock.advance(10ms);
  tries.fail(1);  // not the last one: it counts, too
  tries.fail(2);
  CHECK(tries.start_times() == times{0, 100, 400, 410, 410});
  clock.advance(300ms);
  CHECK(tries.start_times() == times{0, 100, 400, 410, 410, 710});
  for (const std::size_t i : {3u, 4u, 5u}) tries.fail(i);
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error), 5));
  CHECK(is_idle(clock));
}

TEST_CASE("two that fail at once are followed by two", "[stagger]") {
  timer clock;
  attempts tries(clock);
  delivered<first_outcome> got;
  fanout::first_success<int>(std::views::iota(0, 9),
                             [&](int n, auto branch, auto token) {
                               tries.initiator()(n, std::move(branch), token);
                               if (n == 1) tries.fail(0), tries.fail(1);  // while the next one is being started
                             })
      .stagger(300ms, clock)
      .then(got.completion());
  clock.advance(300ms);
  CHECK(tries.start_times() == times{0, 300, 300, 300});
  tries.succeed(2, 1);
  tries.cancel_asked();
  CHECK(got.succeeded());
}

TEST_CASE("nothing is started once it is decided, although nobody is asked to stop", "[stagger][window][E13]") {
  timer clock;
  for (const bool staggered : {false, true}) {
    attempts tries(clock);
    delivered<quorum_outcome> got;
    auto described = fanout::quorum<int>(1, std::views::iota(0, 9), tries.initiator()).window(2).keep_losers();
    if (staggered) {
      std::move(described).stagger(0ms, clock).then(got.completion());
    } else {
      std::move(described).then(got.completion());
    }
    CHECK(tries.size() == 2);
    tries.succeed(1, 1);
    CHECK(tries.size() == 2);
    CHECK_FALSE(tries.asked_to_stop(0));
    tries.fail(0);
    CHECK(tries.size() == 2);
    CHECK(got.succeeded());
  }
}

TEST_CASE("nothing is started once it is decided, and the timer is let go", "[stagger][E13]") {
  timer clock;
  attempts tries(clock);
  delivered<first_outcome> got;
  support::tally memory;
  fanout::first_success<int>(std::array{0, 1, 2}, tries.initiator())
      .stagger(300ms, clock)
      .allocate_with(support::counting_allocator<std::byte>(memory))
      .then(got.completion());
  clock.advance(300ms);
  tries.succeed(0, 5);
  CHECK(is_idle(clock));
  clock.advance(1s);
  CHECK(tries.size() == 2);
  tries.cancel_asked();
  CHECK(got.succeeded());
  CHECK(memory.deallocations == 1);
}

TEST_CASE("completing inline needs no timer", "[stagger][E2]") {
  timer clock;
  delivered<first_outcome> got;
  fanout::first_success<int>(std::array{1, 2}, [](int n, auto branch, auto) { branch({}, n); })
      .stagger(300ms, clock)
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->value == 1);
  CHECK(is_idle(clock));
}

TEST_CASE("a million that fail inside start neither recurse nor wait", "[stagger][I5]") {
  timer clock;
  delivered<first_outcome> got;
  int started = 0;
  fanout::first_success<int>(std::views::iota(0, 1'000'000),
                             [&](int, auto branch, auto) {
                               ++started;
                               branch.set_error(std::errc::io_error);
                             })
      .stagger(300ms, clock)
      .then(got.completion());
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error), 999'999));
  CHECK(started == 1'000'000);
  CHECK(is_idle(clock));
}

TEST_CASE("at most a window's width in flight; the time that has come waits for room", "[stagger][window][E13]") {
  timer clock;
  attempts tries(clock);
  delivered<quorum_outcome> got;
  fanout::quorum<int>(4, std::views::iota(0, 5), tries.initiator())
      .stagger(100ms, clock)
      .window(2)
      .then(got.completion());
  clock.advance(1s);
  CHECK(tries.start_times() == times{0, 100});
  tries.succeed(0, 0);
  CHECK(tries.start_times() == times{0, 100, 1000});  // it was time long ago
  clock.advance(50ms);
  tries.succeed(2, 2);
  CHECK(tries.size() == 3);  // there is room, and it is not time
  clock.advance(50ms);
  CHECK(tries.start_times() == times{0, 100, 1000, 1100});
  tries.fail(1);
  CHECK(tries.start_times() == times{0, 100, 1000, 1100, 1100});
  tries.succeed(3, 3);
  tries.succeed(4, 4);
  CHECK(got.succeeded());
}

TEST_CASE("when nothing is in flight, there is nothing to wait for", "[stagger]") {
  timer clock;
  attempts tries(clock);
  delivered<quorum_outcome> got;
  fanout::quorum<int>(2, std::array{0, 1, 2}, tries.initiator()).stagger(300ms, clock).then(got.completion());
  clock.advance(10ms);
  tries.succeed(0, 0);
  CHECK(tries.start_times() == times{0, 10});
  clock.advance(10ms);
  tries.give_up(1);  // although nobody asked it to
  CHECK(tries.start_times() == times{0, 10, 20});
  tries.succeed(2, 2);
  CHECK(got.succeeded());
}

TEST_CASE("a delay of nothing, of for ever, and one that is asked each time", "[stagger]") {
  timer clock;
  for (const auto none : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
    attempts tries(clock);
    delivered<first_outcome> got;
    fanout::first_success<int>(std::array{0, 1, 2}, tries.initiator()).stagger(none, clock).then(got.completion());
    CHECK(tries.size() == 3);
    CHECK(is_idle(clock));
    tries.succeed(0, 1);
    tries.cancel_asked();
    CHECK(got.succeeded());
  }
  {
    attempts tries(clock);
    delivered<first_outcome> got;
    fanout::first_success<int>(std::array{0, 1}, tries.initiator())
        .stagger(std::chrono::nanoseconds::max(), clock)
        .then(got.completion());
    CHECK(is_idle(clock));
    clock.advance(1h);
    CHECK(tries.size() == 1);
    tries.fail(0);
    CHECK(tries.size() == 2);
    tries.succeed(1, 1);
    CHECK(got.succeeded());
  }
  {
    struct doubles {
      std::chrono::nanoseconds* next;
      std::chrono::nanoseconds delay() const noexcept { return std::exchange(*next, 2 * *next); }
    };
    timer fresh;
    std::chrono::nanoseconds next = 10ms;
    attempts tries(fresh);
    delivered<first_outcome> got;
    fanout::first_success<int>(std::views::iota(0, 9), tries.initiator())
        .stagger(doubles{&next}, fresh)
        .then(got.completion());
    fresh.advance(75ms);
    CHECK(tries.start_times() == times{0, 10, 30, 70});
    CHECK(next == 160ms);  // asked once after each start
    tries.succeed(0, 1);
    tries.cancel_asked();
  }
  {
    timer late;
    late.advance(timer::duration::max() - 10ms);
    attempts tries(late);
    delivered<first_outcome> got;
    fanout::first_success<int>(std::array{0, 1}, tries.initiator()).stagger(20.5ms, late).then(got.completion());
    CHECK(is_idle(late));  // beyond the end of time
    tries.succeed(0, 1);
    CHECK(got.succeeded());
  }
}

TEST_CASE("the delay counts from the start, however long the initiator took", "[stagger]") {
  timer clock;
  delivered<first_outcome> got;
  times at;
  std::vector<std::function<void()>> give_up;
  fanout::first_success<int>(std::views::iota(0, 3),
                             [&](int, auto branch, auto) {
                               at.push_back(static_cast<int>(clock.now().time_since_epoch() / 1ms));
                               auto mine = std::make_shared<decltype(branch)>(std::move(branch));
                               give_up.push_back([mine] { mine->set_stopped(); });
                               clock.advance(70ms);
                             })
      .stagger(50ms, clock)
      .then(got.completion());
  CHECK(at == times{0, 70, 140});
  for (auto& f : give_up) f();
  CHECK(got.times == 1);
}

TEST_CASE("a deadline is delivered at decided although nobody reports", "[stagger][E7]") {
  timer clock;
  attempts tries(clock);
  delivered<first_outcome> got;
  fanout::first_success<int>(std::array{0, 1, 2}, tries.initiator())
      .stagger(300ms, clock)
      .deadline(400ms, clock)
      .deliver_at(fanout::decided)
      .then(got.completion());
  clock.advance(400ms);
  REQUIRE(got.failed(fanout::no_index, errc::deadline));
  CHECK(got.failure().reported.missing().size() == 3);
  CHECK(is_idle(clock));
  CHECK(tries.cancel_asked() == 2);
  CHECK(got.once());

  // The same with a window.
  attempts few(clock);
  delivered<first_outcome> windowed;
  fanout::first_success<int>(std::array{0, 1, 2}, few.initiator())
      .window(1)
      .deadline(400ms, clock)
      .deliver_at(fanout::decided)
      .then(windowed.completion());
  clock.advance(400ms);
  CHECK(windowed.failed(fanout::no_index, errc::deadline));
  CHECK(few.size() == 1);
  few.cancel_asked();
}

TEST_CASE("a deadline at once, and a stop that came before", "[stagger][E7][E4]") {
  timer clock;
  delivered<first_outcome> got;
  fanout::inplace_stop_source stop;
  stop.request_stop();
  fanout::first_success<int>(std::array{0, 1}, [](int, auto, auto) { FAIL("ran"); })
      .stagger(300ms, clock)
      .stop_on(stop.get_token())
      .then(got.completion());
  CHECK(got.times == 1);
  CHECK(got.failure().why == fanout::reason::stopped);
  CHECK(is_idle(clock));

  attempts tries(clock);
  delivered<first_outcome> late;
  fanout::first_success<int>(std::array{0, 1}, tries.initiator())
      .stagger(300ms, clock)
      .deadline(0ms, clock)
      .then(late.completion());
  clock.run_due();
  CHECK(tries.cancel_asked() == 1);
  CHECK(late.failed(fanout::no_index, errc::deadline));
  CHECK(is_idle(clock));
}

TEST_CASE("stop while one is in flight ends it, and the one that is in flight reports", "[stagger][E12]") {
  timer clock;
  attempts tries(clock);
  delivered<first_outcome> got;
  fanout::inplace_stop_source stop;
  fanout::first_success<int>(std::array{0, 1}, tries.initiator())
      .stagger(300ms, clock)
      .stop_on(stop.get_token())
      .then(got.completion());
  stop.request_stop();
  CHECK(is_idle(clock));
  CHECK(got.times == 0);
  CHECK(tries.cancel_asked() == 1);
  CHECK(got.times == 1);
  CHECK(tries.size() == 1);
}

TEST_CASE("started where issue_on says, also by the timer", "[stagger]") {
  timer clock;
  fanout::testing::manual_executor executor;
  attempts tries(clock);
  delivered<first_outcome> got;
  fanout::first_success<int>(std::array{0, 1, 2}, tries.initiator())
      .stagger(300ms, clock)
      .issue_on(executor.get_executor())
      .then(got.completion());
  CHECK(tries.size() == 0);
  executor.run_all();
  CHECK(tries.size() == 1);
  clock.advance(300ms);
  CHECK(tries.size() == 1);
  executor.run_all();
  CHECK(tries.size() == 2);
  tries.fail(0);
  CHECK(tries.size() == 2);
  executor.run_all();
  CHECK(tries.size() == 3);
  tries.succeed(1, 1);
  tries.cancel_asked();
  executor.run_all();
  CHECK(got.succeeded());
}

TEST_CASE("any policy is staggered: what is folded, and what waits for all", "[stagger]") {
  timer clock;
  attempts tries(clock);
  delivered<fanout::result<int, fanout::failure<>>> got;
  fanout::reduce<int>(std::array{0, 1, 2}, tries.initiator(), 0, [](int a, int b) { return a + b; })
      .stagger(300ms, clock)
      .window(2)
      .then(got.completion());
  clock.advance(300ms);
  tries.succeed(0, 10);
  clock.advance(300ms);
  CHECK(tries.start_times() == times{0, 300, 600});
  tries.succeed(2, 5);
  tries.succeed(1, 7);
  REQUIRE(got.succeeded());
  CHECK(*got.outcome() == 22);

  attempts all(clock);
  delivered<support::settle_outcome<int>> settled;
  fanout::settle<int>(std::array{0, 1}, all.initiator()).stagger(300ms, clock).then(settled.completion());
  all.fail(0);
  CHECK(all.size() == 2);
  all.succeed(1, 1);
  CHECK(settled.succeeded());
}

// Counts how far it is read.
struct lazy_range {
  int* reads;
  int size;

  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    const lazy_range* of;
    int n;
    int operator*() const {
#if defined(__cpp_exceptions)
      if (n == 3 && of->size < 0) throw std::runtime_error("torn");
#endif
      return n;
    }
    iterator& operator++() {
      ++*of->reads;
      ++n;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return n == of->size; }
  };
  iterator begin() const { return {this, 0}; }
  std::default_sentinel_t end() const { return {}; }
};
static_assert(std::ranges::input_range<lazy_range>);

TEST_CASE("an element is fetched when it is time for it", "[stagger][open]") {
  timer clock;
  attempts tries(clock);
  int reads = 0;
  delivered<first_outcome> got;
  fanout::first_success<int>(lazy_range{&reads, 3}, tries.initiator()).stagger(300ms, clock).then(got.completion());
  CHECK(reads == 0);
  clock.advance(300ms);
  CHECK(reads == 1);
  clock.advance(600ms);
  CHECK(tries.size() == 3);
  CHECK(reads == 3);  // one more, to learn that there is none
  CHECK(is_idle(clock));
  for (std::size_t i = 0; i != 3; ++i) tries.fail(i);
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error), 2));
}

#if defined(__cpp_exceptions)
TEST_CASE("an exception out of the range on the timer's thread arrives at the completion", "[stagger][E3b]") {
  timer clock;
  attempts tries(clock);
  int reads = 0;
  delivered<first_outcome> got;
  fanout::first_success<int>(lazy_range{&reads, -1}, tries.initiator()).stagger(300ms, clock).then(got.completion());
  clock.advance(900ms);
  CHECK(tries.size() == 3);
  CHECK(is_idle(clock));
  CHECK(tries.cancel_asked() == 3);
  REQUIRE(got.failed(fanout::no_index, errc::issuer_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), std::runtime_error);
}
#endif

TEST_CASE("no memory: nothing is armed, nothing is lost", "[stagger][memory]") {
  timer clock;
  support::tally memory;
  memory.refuse_from = 0;
  delivered<first_outcome> got;
  fanout::first_success<int>(std::array{0, 1}, [](int, auto, auto) { FAIL("ran"); })
      .stagger(300ms, clock)
      .allocate_with(support::counting_allocator<std::byte>(memory))
      .then(got.completion());
  CHECK(got.failed(fanout::no_index, errc::out_of_memory));
  CHECK(is_idle(clock));
}

TEST_CASE("the completion may end everything, also inside the tick", "[stagger]") {
  auto clock = std::make_unique<timer>();
  int started = 0;
  bool delivered_it = false;
  fanout::first_success<int>(std::array{0, 1},
                             [&](int n, auto branch, auto) {
                               ++started;
                               if (n == 1) return branch({}, 1);
                               // Kept by nobody but the operation's stop request.
                               auto mine = std::make_shared<decltype(branch)>(std::move(branch));
                               static std::shared_ptr<void> kept;
                               kept = mine;
                             })
      .stagger(300ms, *clock)
      .deliver_at(fanout::decided)
      .then([&](auto o) noexcept { delivered_it = o.has_value(); });
  clock->advance(300ms);
  CHECK(delivered_it);
  CHECK(started == 2);
}

}  // namespace
