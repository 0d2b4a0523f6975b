// SPDX-License-Identifier: BSL-1.0
// Retries, and where attempts lie; timeouts and hooks are in attempt.test.cpp.
#include "fanout/algorithm/attempting.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/first_success.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/backoff.hpp"
#include "fanout/budget.hpp"
#include "fanout/callback/c_checked.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/timer/manual.hpp"
#include "fanout/timer/service.hpp"
#include "support/allocators.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::errc;
using fanout::timer::manual_timer;
using support::all_outcome;
using support::any_branch;
using support::delivered;
using support::settle_outcome;
using time_point = manual_timer::time_point;
using token = fanout::inplace_stop_token;
using counts = fanout::attempt_counts::counts;

const std::error_code io_error = std::make_error_code(std::errc::io_error);
const std::error_code refused = std::make_error_code(std::errc::connection_refused);

/// Delays of exactly `base`, twice that, …
fanout::exponential_backoff backoff(std::chrono::nanoseconds base, std::uint32_t attempts) {
  return fanout::exponential_backoff(
      {.base = base, .cap = 1h, .multiplier = 2, .spread = fanout::jitter::none, .max_attempts = attempts});
}

TEST_CASE("a failed attempt is made again after the backoff's delays", "[attempting][retry]") {
  manual_timer timer;
  fanout::attempt_counts made;
  std::vector<std::chrono::nanoseconds> when;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{7},
                   [&](int n, auto branch) {
                     when.push_back(timer.now().time_since_epoch());
                     if (when.size() < 4) return branch.set_error(io_error);
                     branch.set_value(n);
                   })
      .retry(backoff(10ms, 5), timer)
      .count_attempts(made)
      .then(got.completion());
  CHECK(when.size() == 1);
  timer.advance(1s);
  CHECK(when == std::vector<std::chrono::nanoseconds>{0ms, 10ms, 30ms, 70ms});
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {7}));
  CHECK(made.counted() == counts{.first = 1, .retried = 3});
}

TEST_CASE("the last attempt's error is the branch's", "[attempting][retry]") {
  manual_timer timer;
  fanout::attempt_counts made;
  int calls = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0}, [&](int, auto branch) { branch.set_error(++calls < 3 ? io_error : refused); })
      .retry(backoff(1ms, 3), timer)
      .count_attempts(made)
      .then(got.completion());
  timer.advance(1s);
  CHECK(calls == 3);
  CHECK(got.failed(0, refused));
  CHECK(made.counted() == counts{.first = 1, .retried = 2, .exhausted = 1});
}

TEST_CASE("one attempt is all that a backoff of one attempt makes", "[attempting][retry]") {
  manual_timer timer;
  int calls = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0}, [&](int, auto branch) { ++calls, branch.set_error(io_error); })
      .retry(backoff(1ms, 1), timer)
      .then(got.completion());
  CHECK(calls == 1);
  CHECK(got.failed(0, io_error));
}

TEST_CASE("without a delay the next attempt is made at once, on the thread that failed", "[attempting][retry][E2]") {
  manual_timer timer;
  int calls = 0;
  any_branch done;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0},
                   [&](int, auto branch) {
                     if (++calls == 5) {
                       done = any_branch(std::move(branch));
                     } else if (calls == 9) {
                       branch.set_value(9);
                     } else {
                       branch.set_error(io_error);
                     }
                   })
      .retry(backoff(0ms, 100), timer)
      .then(got.completion());
  CHECK(calls == 5);
  done.set_error(io_error);
  CHECK(calls == 9);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {9}));
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("an attempt that times out is made again", "[attempting][retry][timeout]") {
  manual_timer timer;
  fanout::attempt_counts made;
  std::vector<any_branch> attempts;
  std::vector<bool> told_from_the_start;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0},
                   [&](int, auto branch, token stop) {
                     told_from_the_start.push_back(stop.stop_requested());
                     attempts.emplace_back(std::move(branch));
                   })
      .timeout(10ms, timer)
      .retry(backoff(0ms, 3), timer)
      .count_attempts(made)
      .then(got.completion());
  timer.advance(10ms);
  attempts[0].set_stopped();
  REQUIRE(attempts.size() == 2);
  CHECK(timer.next_expiry() == time_point(20ms));
  timer.advance(9ms);
  attempts[1].set_error(io_error);
  REQUIRE(attempts.size() == 3);
  CHECK(timer.next_expiry() == time_point(29ms));
  timer.advance(10ms);
  attempts[2].set_stopped();
  CHECK(got.failed(0, errc::deadline));
  CHECK(told_from_the_start == std::vector{false, false, false});
  CHECK(made.counted() == counts{.first = 1, .retried = 2, .timed_out = 2, .exhausted = 1});
}

TEST_CASE("an attempt that stops inside its timeout's request is made again after that",
          "[attempting][retry][timeout]") {
  struct api {
    struct stops {
      api* self;
      void operator()() const noexcept {
        any_branch giving_up = std::move(self->done);
        self->callback.reset();  // gone before the branch completes, as its token is
        giving_up.set_stopped();
      }
    };
    any_branch done;
    std::optional<fanout::inplace_stop_callback<stops>> callback;
    int calls = 0;
  };
  manual_timer timer;
  api a;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0},
                   [&](int, auto branch, token stop) {
                     if (++a.calls == 3) return branch.set_value(3);
                     a.done = any_branch(std::move(branch));
                     a.callback.emplace(stop, typename api::stops{&a});
                   })
      .timeout(10ms, timer)
      .retry(backoff(0ms, 3), timer)
      .then(got.completion());
  timer.advance(20ms);
  CHECK(a.calls == 3);
  CHECK(got.succeeded());
}

TEST_CASE("only the errors that are worth it are retried", "[attempting][retry]") {
  manual_timer timer;
  std::vector<int> calls(3);
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{0, 1, 2},
                      [&](int i, auto branch, token) {
                        ++calls[static_cast<std::size_t>(i)];
                        if (i == 0) branch.set_error(io_error);
                        if (i == 1) branch.set_error(refused);
                        if (i == 2) timer.advance(1ms), branch.set_stopped();
                      })
      .timeout(1ms, timer)
      .retry(backoff(0ms, 3), timer)
      .retry_if([](const std::error_code& e) noexcept { return e == refused || e == errc::deadline; })
      .then(got.completion());
  CHECK(calls == std::vector{1, 3, 3});
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == io_error);
  CHECK((*got.outcome())[1].error() == refused);
  CHECK((*got.outcome())[2].error() == errc::deadline);
}

TEST_CASE("what stopped by itself and what was dropped is not retried", "[attempting][retry]") {
  manual_timer timer;
  int calls = 0;
  any_branch later;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{0, 1, 2},
                      [&](int i, auto branch) {
                        ++calls;
                        if (i == 0) branch.set_stopped();
                        if (i == 2) later = any_branch(std::move(branch));
                      })
      .retry(backoff(0ms, 3), timer)
      .then(got.completion());
  later.reset();
  CHECK(calls == 3);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].stopped());
  CHECK((*got.outcome())[1].error() == errc::abandoned);
  CHECK((*got.outcome())[2].error() == errc::abandoned);
}

// ---------------------------------------------------------------------------------------------------------------------
// What ends it

TEST_CASE("a retry that waits for its time is stopped at once", "[attempting][retry][E12]") {
  manual_timer timer;
  fanout::inplace_stop_source source;
  int calls = 0;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::views::iota(0, 3), [&](int, auto branch) { ++calls, branch.set_error(io_error); })
      .retry(backoff(1s, 3), timer)
      .stop_on(source.get_token())
      .then(got.completion());
  CHECK(got.times == 0);
  source.request_stop();
  REQUIRE(got.succeeded());
  CHECK(calls == 3);
  for (const auto& r : *got.outcome()) CHECK(r.stopped());
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("a deadline ends what waits for its time", "[attempting][retry][E7]") {
  manual_timer timer;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0}, [&](int, auto branch, token) { branch.set_error(io_error); })
      .retry(backoff(1s, 3), timer)
      .deadline(500ms, timer)
      .then(got.completion());
  timer.advance(500ms);
  REQUIRE(got.once());
  CHECK(got.failure().cause == errc::deadline);
  CHECK(got.failure().why == fanout::reason::deadline);
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("what fails after the stop is not retried, and its error is the branch's", "[attempting][retry][E12]") {
  manual_timer timer;
  fanout::inplace_stop_source source;
  any_branch done;
  int calls = 0;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{0}, [&](int, auto branch) { ++calls, done = any_branch(std::move(branch)); })
      .retry(backoff(0ms, 3), timer)
      .stop_on(source.get_token())
      .then(got.completion());
  source.request_stop();
  done.set_error(io_error);
  CHECK(calls == 1);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == io_error);
}

TEST_CASE("a loser's retry is cancelled when another branch wins", "[attempting][retry]") {
  manual_timer timer;
  any_branch slow;
  int winner = -1, calls = 0;
  fanout::first_success<int>(std::array{0, 1},
                             [&](int i, auto branch, token) {
                               ++calls;
                               if (i == 0) return branch.set_error(io_error);
                               slow = any_branch(std::move(branch));
                             })
      .retry(backoff(1s, 3), timer)
      .then([&](auto outcome) noexcept { winner = outcome ? static_cast<int>(outcome->index) : -2; });
  CHECK(timer.next_expiry() == time_point(1s));
  slow.set_value(1);
  CHECK(winner == 1);
  CHECK(calls == 2);
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("a shared budget pays for each further attempt", "[attempting][retry][budget]") {
  manual_timer timer;
  fanout::budget shared({.ratio = 0.5, .initial = 1, .cap = 10});
  fanout::attempt_counts made;
  int calls = 0;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::views::iota(0, 4), [&](int, auto branch) { ++calls, branch.set_error(io_error); })
      .retry(backoff(0ms, 10), shared, timer)
      .count_attempts(made)
      .then(got.completion());
  // Four deposits of a half, and the one that was there: three more attempts.
  CHECK(calls == 4 + 3);
  CHECK(made.counted() == counts{.first = 4, .retried = 3, .refused = 4});
  CHECK(shared.counted().deposited == 4);
  CHECK(shared.counted().withdrawn == 3);
  REQUIRE(got.succeeded());
  for (const auto& r : *got.outcome()) CHECK(r.error() == io_error);
}

TEST_CASE("the budget is asked when the attempt is made, not when it is planned", "[attempting][retry][budget]") {
  manual_timer timer;
  fanout::budget shared({.ratio = 0, .initial = 1, .cap = 1});
  int calls = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0}, [&](int, auto branch) { ++calls, branch.set_error(io_error); })
      .retry(backoff(10ms, 3), shared, timer)
      .then(got.completion());
  CHECK(shared.available() == 1);
  REQUIRE(shared.try_withdraw());
  timer.advance(10ms);
  CHECK(calls == 1);
  CHECK(got.failed(0, io_error));
}

// ---------------------------------------------------------------------------------------------------------------------
// Elements, initiators, C

TEST_CASE("each attempt is given the element that lies in the range", "[attempting][retry]") {
  manual_timer timer;
  std::vector<std::vector<int>> seen(2);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(seen),
                   [](std::vector<int>& mine, auto branch) {
                     mine.push_back(static_cast<int>(mine.size()));
                     if (mine.size() < 3) return branch.set_error(io_error);
                     branch.set_value(static_cast<int>(mine.size()));
                   })
      .retry(backoff(0ms, 3), timer)
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(seen == std::vector<std::vector<int>>{{0, 1, 2}, {0, 1, 2}});
}

TEST_CASE("each attempt is given a copy of what was made on the way", "[attempting][retry]") {
  manual_timer timer;
  std::vector<std::string> seen;
  const auto fail_twice = [&](std::string text, auto branch) {
    seen.push_back(std::exchange(text, "moved"));
    if (seen.size() < 3) return branch.set_error(io_error);
    branch.set_value(static_cast<int>(seen.size()));
  };
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::views::iota(1, 3) |
                       std::views::transform([](int n) { return std::string(static_cast<std::size_t>(n), 'x'); }),
                   fail_twice)
      .retry(backoff(1ms, 2), timer)
      .then(got.completion());
  timer.advance(1ms);
  CHECK(got.succeeded());
  CHECK(seen == std::vector<std::string>{"x", "xx", "x", "xx"});

  // An input range reuses its element's place for the next.
  seen.clear();
  std::istringstream words("a b c");
  delivered<support::open_outcome<int>> got_open;
  fanout::all<int>(std::views::istream<std::string>(words), fail_twice)
      .retry(backoff(0ms, 3), timer)
      .then(got_open.completion());
  CHECK(got_open.succeeded());
  CHECK(seen == std::vector<std::string>{"a", "a", "a", "b", "c"});
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("an initiator that throws has failed, and is called again", "[attempting][retry][E3b]") {
  manual_timer timer;
  int calls = 0;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{0, 1},
                      [&](int i, auto branch) {
                        ++calls;
                        if (i == 0 || calls % 2 == 0) throw std::runtime_error("initiator");
                        branch.set_value(1);
                      })
      .retry(backoff(0ms, 3), timer)
      .then(got.completion());
  CHECK(calls == 3 + 2);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == errc::initiator_threw);
  CHECK(*(*got.outcome())[1] == 1);
}

TEST_CASE("the exception of the last attempt is the outcome's", "[attempting][retry][E3b]") {
  manual_timer timer;
  int calls = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0}, [&](int, auto) { throw ++calls; })
      .retry(backoff(1ms, 3), timer)
      .then(got.completion());
  timer.advance(1s);
  REQUIRE(got.failed(0, errc::initiator_threw));
  try {
    std::rethrow_exception(got.failure().exception);
  } catch (int n) {
    CHECK(n == 3);
  }
}

TEST_CASE("what a retried initiator throws although it has given its handle away goes with the failure",
          "[attempting][retry]") {
  manual_timer timer;
  any_branch done;
  int calls = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0},
                   [&](int, auto branch) {
                     if (++calls == 1) return branch.set_error(io_error);
                     done = any_branch(std::move(branch));
                     throw calls;
                   })
      .retry(backoff(0ms, 2), timer)
      .then(got.completion());
  CHECK(got.times == 0);
  done.set_error(io_error);
  REQUIRE(got.failed(0, errc::initiator_threw));
  CHECK(got.failure().exception != nullptr);
}

TEST_CASE("an element whose copy throws fails its branch, or that attempt", "[attempting][retry][memory]") {
  using support::counted;
  counted::reset();
  manual_timer timer;
  int calls = 0;
  delivered<settle_outcome<int>> got;
  counted::throw_on_copy(2);  // the second attempt, of three
  fanout::settle<int>(std::views::iota(0, 1) | std::views::transform([](int n) { return counted(n); }),
                      [&](const counted&, auto branch) {
                        ++calls;
                        branch.set_error(io_error);
                      })
      .retry(backoff(0ms, 3), timer)
      .then(got.completion());
  CHECK(calls == 2);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == io_error);
}
#endif

struct c_request {
  std::vector<int*> outs;
  std::vector<void*> contexts;
  void (*callback)(int, void*) = nullptr;
  int returns = -EINPROGRESS;
};

TEST_CASE("a C initiator is called again, with an out-parameter of its own", "[attempting][retry][c]") {
  manual_timer timer;
  c_request r;
  int fails = 2;
  delivered<all_outcome<int>> got;
  fanout::all<int, fanout::errno_callback>(
      std::array{&r},
      [&](c_request* request, int* out, void (*callback)(int, void*), void* context) {
        request->contexts.push_back(context);
        request->callback = callback;
        request->outs.push_back(out);
        *out = static_cast<int>(request->outs.size());
        return fails-- > 0 ? -EIO : -EINPROGRESS;
      })
      .retry(backoff(0ms, 5), timer)
      .then(got.completion());
  CHECK(r.outs.size() == 3);
  *r.outs.back() = 33;
  r.callback(EAGAIN, r.contexts.back());
  CHECK(r.outs.size() == 4);
  CHECK(*r.outs.back() == 4);
  r.callback(0, r.contexts.back());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {4}));
}

TEST_CASE("a checked C callback that comes for an earlier attempt is named, and not taken for the present one's",
          "[attempting][retry][c]") {
  static int late = 0;
  late = 0;
  const auto before = fanout::on_late_callback([](const fanout::late_callback&) noexcept { ++late; });
  manual_timer timer;
  c_request r;
  delivered<support::void_outcome<>> got;
  fanout::all<void, fanout::c_checked<>>(std::array{&r},
                                         [](c_request* request, void (*callback)(int, void*), void* context) {
                                           request->callback = callback;
                                           request->contexts.push_back(context);
                                           return -EINPROGRESS;
                                         })
      .retry(backoff(0ms, 2), timer)
      .then(got.completion());
  r.callback(EIO, r.contexts[0]);
  REQUIRE(r.contexts.size() == 2);
  r.callback(0, r.contexts[0]);
  CHECK(late == 1);
  CHECK(got.times == 0);
  r.callback(0, r.contexts[1]);
  CHECK(got.succeeded());
  fanout::on_late_callback(before);
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory

TEST_CASE("attempts take one allocation where it is known how many there are", "[attempting][memory]") {
  manual_timer timer;
  for (const std::size_t n : {std::size_t{1}, std::size_t{100}}) {
    support::tally memory;
    delivered<all_outcome<int>> got;
    fanout::all<int>(std::vector<int>(n), [](int, auto branch, token) { branch.set_value(1); })
        .timeout(1ms, timer)
        .allocate_with(support::counting_allocator<std::byte>(memory))
        .then(got.completion());
    CHECK(got.succeeded());
    CHECK(memory.allocations == 2);
  }
}

TEST_CASE("a window's attempts use each other's places", "[attempting][memory][E13]") {
  manual_timer timer;
  support::tally memory;
  int in_flight = 0, most = 0;
  std::vector<any_branch> branches;
  int sum = -1;
  fanout::reduce<int>(
      std::views::iota(0, 1000),
      [&](int, auto branch, token) {
        most = std::max(most, ++in_flight);
        branches.emplace_back(std::move(branch));
      },
      0, std::plus<>())
      .window(8)
      .timeout(1ms, timer)
      .retry(backoff(0ms, 3), timer)
      .allocate_with(support::counting_allocator<std::byte>(memory))
      .then([&](auto outcome) noexcept { sum = outcome ? *outcome : -2; });
  int fails = 500;
  while (!branches.empty()) {
    any_branch one = std::move(branches.back());
    branches.pop_back();
    --in_flight;
    if (fails-- > 0 && fails % 2 == 0) {
      one.set_error(io_error);
    } else {
      one.set_value(1);
    }
  }
  CHECK(sum == 1000);
  CHECK(most == 8);
  CHECK(memory.allocations == 2);
  CHECK(memory.live_bytes == 0);
}

TEST_CASE("where it is unknown how many there are, each attempt is allocated, unless another one is free",
          "[attempting][memory]") {
  manual_timer timer;
  support::tally memory;
  std::istringstream words("1 2 3 4");
  delivered<support::open_outcome<int>> got;
  fanout::all<int>(std::views::istream<int>(words), [](int n, auto branch, token) { branch.set_value(n); })
      .timeout(1ms, timer)
      .allocate_with(support::counting_allocator<std::byte>(memory))
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->size() == 4);
  CHECK(memory.allocations == 2);
}

TEST_CASE("an attempt for which there is no memory is its branch's error", "[attempting][memory]") {
  manual_timer timer;
  support::tally memory;
  memory.refuse_from = 1;
  int calls = 0;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{0, 1, 2}, [&](int, auto branch, token) { ++calls, branch.set_value(1); })
      .timeout(1ms, timer)
      .allocate_with(support::counting_allocator<std::byte>(memory))
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(calls == 0);
  for (const auto& r : *got.outcome()) CHECK(r.error() == errc::out_of_memory);
}

TEST_CASE("nothing of an attempt outlives the operation", "[attempting][memory]") {
  support::counted::reset();
  manual_timer timer;
  support::tally memory;
  {
    std::vector<any_branch> branches;
    delivered<all_outcome<int>> got;
    fanout::all<int>(std::views::iota(0, 3) | std::views::transform([](int n) { return support::counted(n); }),
                     [&](const support::counted&, auto branch, token) { branches.emplace_back(std::move(branch)); })
        .timeout(1ms, timer)
        .retry(backoff(1ms, 2), timer)
        .allocate_with(support::counting_allocator<std::byte>(memory))
        .then(got.completion());
    for (std::size_t i = 0; i != 3; ++i) branches[i].set_value(1);
    REQUIRE(got.succeeded());
  }
  CHECK(support::counted::alive() == 0);
  CHECK(memory.live_bytes == 0);
}

TEST_CASE("attempts on one thread, with its plain count", "[attempting][retry]") {
  manual_timer timer;
  int calls = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0},
                   [&](int, auto branch) { ++calls < 3 ? branch.set_error(io_error) : branch.set_value(1); })
      .retry(backoff(1ms, 3), timer)
      .count_with<fanout::refcount::local>()
      .then(got.completion());
  timer.advance(1s);
  CHECK(got.succeeded());
}

TEST_CASE("operations and branches are spread differently", "[attempting][retry]") {
  manual_timer timer;
  std::vector<time_point> when;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::views::iota(0, 100),
                      [&](int, auto branch) {
                        if (timer.now() != time_point()) when.push_back(timer.now());
                        branch.set_error(io_error);
                      })
      .retry(fanout::exponential_backoff({.base = 1s, .cap = 1s, .max_attempts = 2}), timer)
      .then(got.completion());
  timer.advance(1s);
  REQUIRE(when.size() >= 99);
  std::size_t distinct = 1;
  for (std::size_t i = 1; i != when.size(); ++i) distinct += when[i] != when[i - 1];
  CHECK(distinct > 90);
}

// ---------------------------------------------------------------------------------------------------------------------
// Threads

/// A queue of branches that threads complete: with a value, an error, or as stopped once they are asked to be.
class workers {
 public:
  explicit workers(std::size_t n) {
    for (std::size_t i = 0; i != n; ++i) threads_.emplace_back([this] { run(); });
  }
  ~workers() {
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  void take(any_branch branch, token stop, int number) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back({std::move(branch), stop, number});
    }
    wake_.notify_one();
  }

 private:
  struct job {
    any_branch branch;
    token stop;
    int number;
  };
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return finished_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job one = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      switch (one.number % 4) {
        case 0:
          one.branch.set_error(io_error);
          break;
        case 1:
          while (!one.stop.stop_requested()) std::this_thread::yield();  // its time will be over
          one.branch.set_stopped();
          break;
        default:
          one.branch.set_value(1);
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> queue_;
  bool finished_ = false;
  std::vector<std::thread> threads_;
};

TEST_CASE("timeouts, retries, hooks and completions meet on threads of their own",
          "[attempting][retry][timeout][hook][threads]") {
  fanout::timer::service timer;
  fanout::attempt_counts made;
  std::atomic<int> number = 0, cancelled = 0;
  std::vector<std::atomic<int>> hooked(500);
  workers pool(2);
  const auto outcome =
      fanout::wait(fanout::settle<int>(std::views::iota(0, 500),
                                       [&](int, auto branch, token stop) {
                                         pool.take(any_branch(std::move(branch)), stop, number.fetch_add(1));
                                       })
                       .window(16)
                       .timeout(20us, timer)
                       .retry(fanout::exponential_backoff({.base = 5us, .cap = 20us, .max_attempts = 4}), timer)
                       .cancel_with([&](int i) noexcept {
                         hooked[static_cast<std::size_t>(i)].fetch_add(1), cancelled.fetch_add(1);
                       })
                       .count_attempts(made));
  REQUIRE(outcome);
  int values = 0, failures = 0;
  for (const auto& r : *outcome) r ? ++values : ++failures;
  CHECK(values + failures == 500);
  CHECK(values > 0);
  const counts c = made.counted();
  CHECK(c.first == 500);
  CHECK(c.first + c.retried == static_cast<std::uint64_t>(number));
  CHECK(c.exhausted == static_cast<std::uint64_t>(failures));
  CHECK(static_cast<std::uint64_t>(cancelled) <= c.timed_out);
  for (const auto& n : hooked) CHECK(n <= 4);
}

}  // namespace
