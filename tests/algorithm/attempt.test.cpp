// SPDX-License-Identifier: BSL-1.0
// Timeouts, stop tokens and cancel hooks; retries are in attempting.test.cpp.
#include "fanout/algorithm/attempt.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/first_success.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/batch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/refcount/batched.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/timer/manual.hpp"
#include "support/any_branch.hpp"
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

/// An API with a request object per call, which is cancelled by a function.
struct request {
  any_branch done;
  token stop;
  int cancelled = 0;
};

/// Starts into a request, and leaves the rest to the test.
auto keep() {
  return [](request& r, auto branch, token stop) {
    r.done = any_branch(std::move(branch));
    r.stop = stop;
  };
}

/// One that stops inside its stop callback.
struct stopping_request {
  struct stops {
    stopping_request* self;
    void operator()() const noexcept {
      any_branch taken = std::move(self->done);
      self->on_stop.reset();  // before the branch completes: then its token is gone
      taken.set_stopped();
    }
  };
  any_branch done;
  std::optional<fanout::inplace_stop_callback<stops>> on_stop;
};
auto stop_inside() {
  return [](stopping_request& r, auto branch, token stop) {
    r.done = any_branch(std::move(branch));
    r.on_stop.emplace(stop, stopping_request::stops{&r});
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Timeouts

TEST_CASE("an attempt that stops because its time is over has failed with errc::deadline", "[attempt][timeout]") {
  manual_timer timer;
  std::vector<request> requests(2);
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::ref(requests), keep()).timeout(10ms, timer).then(got.completion());
  timer.advance(9ms);
  CHECK(!requests[0].stop.stop_requested());
  requests[0].done.set_value(1);
  timer.advance(1ms);
  CHECK(requests[1].stop.stop_requested());
  CHECK(got.times == 0);  // it is asked; the branch's own report is the truth
  requests[1].done.set_stopped();
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 1);
  CHECK(all[1].error() == errc::deadline);
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("a value or an error that arrives after the timeout is what happened", "[attempt][timeout]") {
  manual_timer timer;
  std::vector<request> requests(2);
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::ref(requests), keep()).timeout(10ms, timer).then(got.completion());
  timer.advance(10ms);
  requests[0].done.set_value(1);
  requests[1].done.set_error(make_error_code(std::errc::io_error));
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 1);
  CHECK((*got.outcome())[1].error() == std::errc::io_error);
}

TEST_CASE("each attempt's time begins when it is started", "[attempt][timeout][E13]") {
  manual_timer timer;
  std::vector<request> requests(3);
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::ref(requests), keep()).window(1).timeout(10ms, timer).then(got.completion());
  timer.advance(7ms);
  requests[0].done.set_value(0);
  CHECK(timer.next_expiry() == time_point(17ms));
  timer.advance(10ms);
  CHECK(requests[1].stop.stop_requested());
  requests[1].done.set_stopped();
  CHECK(timer.next_expiry() == time_point(27ms));
  requests[2].done.set_value(2);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[1].error() == errc::deadline);
  CHECK(*(*got.outcome())[2] == 2);
}

TEST_CASE("the time may be over before the initiator has returned", "[attempt][timeout][E2]") {
  manual_timer timer;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0},
                   [&](int, auto branch, token stop) {
                     CHECK(!stop.stop_requested());
                     timer.advance(10ms);
                     CHECK(stop.stop_requested());
                     branch.set_stopped();
                   })
      .timeout(10ms, timer)
      .then(got.completion());
  CHECK(got.failed(0, errc::deadline));
}

TEST_CASE("a branch that completes inside its stop callback ends the operation inside the timer",
          "[attempt][timeout]") {
  manual_timer timer;
  std::vector<stopping_request> requests(1);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), stop_inside()).timeout(10ms, timer).then(got.completion());
  CHECK(timer.advance(10ms) == 1);
  CHECK(got.failed(0, errc::deadline));
}

TEST_CASE("a stop that comes before the time is over is a stop", "[attempt][timeout][E12]") {
  manual_timer timer;
  fanout::inplace_stop_source source;
  std::vector<request> requests(1);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), keep()).timeout(10ms, timer).stop_on(source.get_token()).then(got.completion());
  source.request_stop();
  CHECK(requests[0].stop.stop_requested());
  timer.advance(10ms);
  requests[0].done.set_stopped();
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("without a timeout, the initiator's token is the operation's", "[attempt]") {
  fanout::inplace_stop_source source;
  std::vector<request> requests(1);
  delivered<all_outcome<int>> got;
  fanout::attempt_counts counts;
  fanout::all<int>(std::ref(requests), keep())
      .count_attempts(counts)
      .stop_on(source.get_token())
      .then(got.completion());
  source.request_stop();
  CHECK(requests[0].stop.stop_requested());
  requests[0].done.set_value(1);
  CHECK(got.succeeded());
  CHECK(counts.counted() == fanout::attempt_counts::counts{.first = 1});
}

TEST_CASE("the operation's stop reaches every attempt before any has completed", "[attempt][timeout][E12]") {
  struct told {
    int* count;
    void operator()() const noexcept { ++*count; }
  };
  constexpr std::size_t n = 1000;
  manual_timer timer;
  fanout::inplace_stop_source source;
  std::vector<any_branch> branches(n);
  std::vector<std::optional<fanout::inplace_stop_callback<told>>> callbacks(n);
  int count = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::views::iota(std::size_t{0}, n),
                   [&](std::size_t i, auto branch, token stop) {
                     branches[i] = any_branch(std::move(branch));
                     callbacks[i].emplace(stop, told{&count});
                   })
      .timeout(10ms, timer)
      .stop_on(source.get_token())
      .then(got.completion());
  source.request_stop();
  CHECK(count == n);
  CHECK(got.times == 0);
  for (std::size_t i = 0; i != n; ++i) {
    callbacks[i].reset();
    branches[i].set_stopped();
  }
  CHECK(got.failed(fanout::no_index, errc::stopped));
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("attempts of a thousand branches stop inside the request", "[attempt][timeout][E12]") {
  manual_timer timer;
  fanout::inplace_stop_source source;
  std::vector<stopping_request> requests(1000);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), stop_inside())
      .timeout(10ms, timer)
      .stop_on(source.get_token())
      .then(got.completion());
  source.request_stop();
  CHECK(got.failed(fanout::no_index, errc::stopped));
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("a branch is not started once the operation is asked to stop", "[attempt][timeout][E4]") {
  manual_timer timer;
  int calls = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0, 1, 2},
                   [&](int, auto branch, token) {
                     ++calls;
                     branch.set_error(std::errc::io_error);
                   })
      .timeout(10ms, timer)
      .then(got.completion());
  CHECK(calls == 1);
  CHECK(got.failed(0, make_error_code(std::errc::io_error)));
}

TEST_CASE("a timeout and a deadline are one error code, and the first one decides", "[attempt][timeout][E7]") {
  manual_timer timer;
  std::vector<request> requests(1);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), keep()).timeout(20ms, timer).deadline(10ms, timer).then(got.completion());
  timer.advance(10ms);
  CHECK(requests[0].stop.stop_requested());
  requests[0].done.set_stopped();
  REQUIRE(got.once());
  CHECK(got.failure().why == fanout::reason::deadline);
  CHECK(got.failure().cause == errc::deadline);
}

TEST_CASE("a time that no time point holds never comes", "[attempt][timeout]") {
  manual_timer timer;
  timer.advance(1h);
  std::vector<request> requests(1);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), keep()).timeout(std::chrono::nanoseconds::max(), timer).then(got.completion());
  CHECK(timer.next_expiry() == time_point::max());
  requests[0].done.set_value(1);
  CHECK(got.succeeded());
}

TEST_CASE("a loser that has timed out reports into an operation that is delivered at decided",
          "[attempt][timeout][E5]") {
  manual_timer timer;
  std::vector<request> requests(2);
  int winner = -1;
  fanout::first_success<int>(std::ref(requests), keep())
      .timeout(10ms, timer)
      .deliver_at(fanout::decided)
      .then([&](auto outcome) noexcept { winner = outcome ? static_cast<int>(outcome->index) : -2; });
  requests[1].done.set_value(1);
  CHECK(winner == 1);
  CHECK(requests[0].stop.stop_requested());
  timer.advance(10ms);
  requests[0].done.set_stopped();
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("attempts on one thread need no atomic count", "[attempt][timeout]") {
  manual_timer timer;
  std::vector<request> requests(1);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), keep())
      .timeout(10ms, timer)
      .count_with<fanout::refcount::local>()
      .then(got.completion());
  timer.advance(10ms);
  requests[0].done.set_stopped();
  CHECK(got.failed(0, errc::deadline));
}

TEST_CASE("a description with attempts is waited for like any other", "[attempt][timeout]") {
  manual_timer timer;
  const auto outcome = fanout::wait(
      fanout::all<int>(std::array{1, 2}, [](int n, auto branch, token) { branch.set_value(n); }).timeout(10ms, timer));
  REQUIRE(outcome);
  CHECK(support::holds(*outcome, {1, 2}));
}

// ---------------------------------------------------------------------------------------------------------------------
// The handle

TEST_CASE("an attempt's handle speaks the branch's languages", "[attempt]") {
  manual_timer timer;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::views::iota(0, 6),
                      [](int i, auto branch, token stop) {
                        CHECK(branch.index() == static_cast<std::size_t>(i));
                        CHECK(branch.stop_token() == stop);
                        if (i == 0) branch({}, 7);
                        if (i == 1) branch(std::make_error_code(std::errc::io_error));
                        if (i == 2) branch.set_error(errc::no_value);
                        if (i == 3) branch.set_stopped();
                        if (i == 4) branch.set_error(std::make_exception_ptr(5));
                        // 5: dropped
                      })
      .timeout(10ms, timer)
      .then(got.completion());
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 7);
  CHECK(all[1].error() == std::errc::io_error);
  CHECK(all[2].error() == errc::no_value);
  CHECK(all[3].stopped());
  CHECK(all[4].error() == errc::initiator_threw);
  CHECK(all[5].error() == errc::abandoned);
}

TEST_CASE("a handle that is dropped later abandons the branch", "[attempt]") {
  manual_timer timer;
  std::vector<request> requests(1);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), keep()).timeout(10ms, timer).then(got.completion());
  requests[0].done.reset();
  CHECK(got.failed(0, errc::abandoned));
  CHECK(timer.next_expiry() == time_point::max());
}

TEST_CASE("attempts are completed together", "[attempt][batch]") {
  manual_timer timer;
  std::vector<request> requests(2);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), keep())
      .timeout(10ms, timer)
      .count_with<fanout::refcount::batched<>>()
      .then(got.completion());
  {
    fanout::batch_scope turn;
    requests[0].done.set_value(1);
    requests[1].done.set_value(2);
    CHECK(got.times == 0);
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));

  int sum = 0;
  fanout::all<int>(std::array{0},
                   [](int, auto branch, token) {
                     std::array<decltype(branch), 1> one{std::move(branch)};
                     fanout::complete_n(one, [](std::size_t) { return 5; });
                   })
      .timeout(10ms, timer)
      .then([&](auto outcome) noexcept { sum = outcome ? (*outcome)[0] : -1; });
  CHECK(sum == 5);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("an exception out of an attempt's initiator is the branch's error", "[attempt][E3b]") {
  manual_timer timer;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0}, [](int, auto, token) { throw std::runtime_error("initiator"); })
      .timeout(10ms, timer)
      .then(got.completion());
  CHECK(got.failed(0, errc::initiator_threw));
  CHECK(got.failure().exception != nullptr);
}

TEST_CASE("an exception out of an initiator that has given its handle away is the operation's", "[attempt][E3b]") {
  manual_timer timer;
  any_branch done;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0},
                   [&](int, auto branch, token) {
                     done = any_branch(std::move(branch));
                     throw std::runtime_error("initiator");
                   })
      .timeout(10ms, timer)
      .then(got.completion());
  CHECK(got.times == 0);
  done.set_value(1);
  CHECK(got.failed(0, errc::initiator_threw));
  CHECK(got.failure().exception != nullptr);
}
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Cancel hooks

/// The API that takes no token: it is told through the request.
auto keep_without_token() {
  return [](request& r, auto branch) { r.done = any_branch(std::move(branch)); };
}

TEST_CASE("a cancel hook is called for what is under way, once", "[attempt][hook]") {
  fanout::inplace_stop_source source;
  std::vector<request> requests(3);
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::ref(requests), keep_without_token())
      .cancel_with([](request& r) noexcept { ++r.cancelled; })
      .stop_on(source.get_token())
      .then(got.completion());
  requests[0].done.set_value(0);
  source.request_stop();
  CHECK(requests[0].cancelled == 0);
  CHECK(requests[1].cancelled == 1);
  CHECK(requests[2].cancelled == 1);
  requests[1].done.set_stopped();
  requests[2].done.set_value(2);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[1].stopped());
  CHECK(*(*got.outcome())[2] == 2);
  CHECK(requests[1].cancelled + requests[2].cancelled == 2);
}

TEST_CASE("a cancel hook is called after the start, if the stop came inside it", "[attempt][hook][E4]") {
  fanout::inplace_stop_source source;
  std::vector<request> requests(2);
  int inside = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests),
                   [&](request& r, auto branch) {
                     r.done = any_branch(std::move(branch));
                     source.request_stop();
                     inside = r.cancelled;
                   })
      .cancel_with([](request& r) noexcept { ++r.cancelled; })
      .stop_on(source.get_token())
      .then(got.completion());
  CHECK(inside == 0);
  CHECK(requests[0].cancelled == 1);
  CHECK(requests[1].cancelled == 0);  // not started
  requests[0].done.set_stopped();
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("a branch may complete inside its cancel hook", "[attempt][hook]") {
  for (const bool stop_inside_start : {false, true}) {
    fanout::inplace_stop_source source;
    std::vector<request> requests(2);
    delivered<all_outcome<int>> got;
    fanout::all<int>(std::ref(requests),
                     [&](request& r, auto branch) {
                       r.done = any_branch(std::move(branch));
                       if (stop_inside_start) source.request_stop();
                     })
        .cancel_with([](request& r) noexcept {
          ++r.cancelled;
          r.done.set_stopped();
        })
        .stop_on(source.get_token())
        .then(got.completion());
    source.request_stop();
    CHECK(requests[0].cancelled == 1);
    CHECK(requests[1].cancelled == (stop_inside_start ? 0 : 1));
    CHECK(got.failed(fanout::no_index, errc::stopped));
  }
}

TEST_CASE("a branch that fails cancels its siblings through their hooks", "[attempt][hook]") {
  std::vector<request> requests(3);
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(requests), keep_without_token())
      .cancel_with([](request& r) noexcept {
        ++r.cancelled;
        r.done.set_stopped();
      })
      .then(got.completion());
  requests[1].done.set_error(make_error_code(std::errc::io_error));
  CHECK(requests[0].cancelled + requests[2].cancelled == 2);
  CHECK(requests[1].cancelled == 0);
  CHECK(got.failed(1, make_error_code(std::errc::io_error)));
}

TEST_CASE("a timeout calls the attempt's hook", "[attempt][hook][timeout]") {
  manual_timer timer;
  std::vector<request> requests(2);
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::ref(requests), keep_without_token())
      .cancel_with([](request& r) noexcept {
        ++r.cancelled;
        r.done.set_stopped();
      })
      .timeout(10ms, timer)
      .then(got.completion());
  requests[0].done.set_value(1);
  timer.advance(10ms);
  CHECK(requests[0].cancelled == 0);
  CHECK(requests[1].cancelled == 1);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[1].error() == errc::deadline);
}

TEST_CASE("a hook is given the element that was made on the way, for as long as it may be called", "[attempt][hook]") {
  fanout::inplace_stop_source source;
  std::vector<any_branch> branches(2);
  std::vector<int> cancelled;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::views::iota(0, 2) | std::views::transform([](int i) { return std::make_shared<int>(i); }),
                   [&](std::shared_ptr<int> p, auto branch) {
                     branches[static_cast<std::size_t>(*p)] = any_branch(std::move(branch));
                   })
      .cancel_with([&](const std::shared_ptr<int>& p) noexcept { cancelled.push_back(*p); })
      .stop_on(source.get_token())
      .then(got.completion());
  source.request_stop();
  CHECK(cancelled == std::vector{0, 1});
  for (auto& branch : branches) branch.set_stopped();
  CHECK(got.once());
}

// ---------------------------------------------------------------------------------------------------------------------
// C

struct c_request {
  int* out = nullptr;
  void (*callback)(int, void*) = nullptr;
  void* context = nullptr;
  int cancelled = 0;
  int returns = -EINPROGRESS;

  void done(int err, int value = 0) {
    *out = value;
    callback(err, context);
  }
};
int c_start(c_request& r, int* out, void (*callback)(int, void*), void* context) {
  r.out = out;
  r.callback = callback;
  r.context = context;
  *out = 100;
  return r.returns;
}

TEST_CASE("a C initiator's attempts time out through a hook that is given the context", "[attempt][hook][timeout][c]") {
  manual_timer timer;
  std::vector<c_request> requests(4);
  requests[2].returns = 0;
  requests[3].returns = -EIO;
  void* cancelled = nullptr;
  delivered<settle_outcome<int>> got;
  fanout::settle<int, fanout::errno_callback>(std::ref(requests), c_start)
      .cancel_with([&](c_request& r, void* context) noexcept {
        ++r.cancelled;
        cancelled = context;
        r.done(ECANCELED);
      })
      .timeout(10ms, timer)
      .then(got.completion());
  requests[0].done(0, 5);
  timer.advance(10ms);
  CHECK(cancelled == requests[1].context);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 5);
  CHECK(all[1].error() == std::errc::operation_canceled);  // C says so itself
  CHECK(*all[2] == 100);
  CHECK(all[3].error() == std::errc::io_error);
  CHECK(requests[0].cancelled + requests[2].cancelled + requests[3].cancelled == 0);
}

TEST_CASE("a handle is released to a C interface", "[attempt][c]") {
  manual_timer timer;
  c_request r;
  delivered<all_outcome<int>> got;
  fanout::all<int, fanout::errno_callback>(std::array{0},
                                           [&](int, auto branch, token) {
                                             const auto door = branch.release();
                                             c_start(r, door.out, door.callback, door.context);
                                           })
      .timeout(10ms, timer)
      .then(got.completion());
  r.done(0, 3);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {3}));
}

TEST_CASE("a deadline over a C initiator compiles where it has a cancel hook", "[attempt][hook][c]") {
  manual_timer timer;
  std::vector<c_request> requests(1);
  delivered<support::void_outcome<>> got;
  fanout::all<void, fanout::errno_callback>(std::ref(requests),
                                            [](c_request& r, void (*callback)(int, void*), void* context) {
                                              r.callback = callback;
                                              r.context = context;
                                              return -EINPROGRESS;
                                            })
      .cancel_with([](c_request& r) noexcept { r.callback(ECANCELED, r.context); })
      .deadline(10ms, timer)
      .then(got.completion());
  timer.advance(10ms);
  REQUIRE(got.once());
  CHECK(got.failure().cause == errc::deadline);
}

}  // namespace
