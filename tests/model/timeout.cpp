// SPDX-License-Identifier: BSL-1.0
// Attempts that time out and are retried: the timer against the completion, against the retry, against a stop, and against the freeing
// of all of it.

#include "model/model.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/backoff.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/timer/manual.hpp"
#include "support/any_branch.hpp"

namespace {

using namespace model;
using namespace std::chrono_literals;

using timer_type = fanout::timer::basic_manual_timer<platform>;
using token = fanout::basic_inplace_stop_token<platform>;
using strategy = fanout::refcount::basic_atomic<platform>;
using fanout::errc;

struct scene {
  timer_type timer;
  support::any_branch sibling;  // whose error asks the others to stop
  explorer::event started;
  explorer::atomic<int> claimed{0};
  support::any_branch branch;
  token stop;
  cell<int> calls{0};  // of the initiator
  cell<int> runs{0};   // of the completion
  cell<int> value{0};
  std::error_code cause;

  auto completion() {
    return [this](auto outcome) noexcept {
      ++runs;
      if (outcome) {
        value = (*outcome)[0];
      } else {
        cause = outcome.error().cause;
      }
    };
  }
};

fanout::exponential_backoff retries(std::chrono::nanoseconds delay, unsigned attempts = 2) {
  return fanout::exponential_backoff(
      {.base = delay, .cap = delay, .multiplier = 1, .spread = fanout::jitter::none, .max_attempts = attempts});
}

// The timeout against a branch that completes with a value, or as stopped if it has been asked to.
void timeout_against_the_completion(test& t) {
  auto& x = t.make<scene>();
  fanout::all<number>(std::array{0},
                      [&x](int, auto branch, token stop) {
                        x.stop = stop;
                        x.branch = support::any_branch(std::move(branch));
                      })
      .timeout(1ns, x.timer)
      .count_with<strategy>()
      .allocate_with(bytes{})
      .then(x.completion());
  t.thread([&x] {
    if (x.stop.stop_requested()) {
      x.branch.set_stopped();
    } else {
      x.branch.set_value(1);
    }
  });
  t.thread([&x] { x.timer.advance(1ns); });
  t.finally([&x] {
    require(x.runs == 1, "the completion did not run exactly once");
    require(x.value == 1 || x.cause == errc::deadline, "neither a value nor a timeout");
  });
}

// The same, where the timeout's stop callback completes the branch on the timer's thread, if it is quicker.
struct scene_with_callback;
struct take_over {
  scene_with_callback* x;
  void operator()() const noexcept;
};
struct scene_with_callback : scene {
  bool claim() { return claimed.exchange(1, std::memory_order_acq_rel) == 0; }
  std::optional<fanout::basic_inplace_stop_callback<platform, take_over>> callback;
};
void take_over::operator()() const noexcept {
  scene_with_callback& taken = *x;
  if (!taken.claim()) return;
  taken.callback.reset();  // this one
  taken.branch.set_stopped();
}
void timeout_completes(test& t) {
  auto& x = t.make<scene_with_callback>();
  fanout::all<number>(std::array{0},
                      [&x](int, auto branch, token stop) {
                        x.branch = support::any_branch(std::move(branch));
                        x.callback.emplace(stop, take_over{&x});
                      })
      .timeout(1ns, x.timer)
      .count_with<strategy>()
      .allocate_with(bytes{})
      .then(x.completion());
  t.thread([&x] {
    if (!x.claim()) return;
    x.callback.reset();
    x.branch.set_value(1);
  });
  t.thread([&x] { x.timer.advance(1ns); });
  t.finally([&x] {
    require(x.runs == 1, "the completion did not run exactly once");
    require(x.value == 1 || x.cause == errc::deadline, "neither a value nor a timeout");
  });
}

// A sibling that has failed and the timeout both reach an attempt; the branch says what it was told.
void timeout_against_stop(test& t) {
  auto& x = t.make<scene>();
  fanout::all<number>(std::array{0, 1},
                      [&x](int i, auto branch, token stop) {
                        if (i == 0) x.stop = stop;
                        (i == 0 ? x.branch : x.sibling) = support::any_branch(std::move(branch));
                      })
      .timeout(1ns, x.timer)
      .count_with<strategy>()
      .allocate_with(bytes{})
      .then(x.completion());
  t.thread([&x] { x.timer.advance(1ns); });
  t.thread([&x] {
    x.sibling.set_error(make_error_code(std::errc::io_error));
    require(x.stop.stop_requested(), "the attempt was not told");
    x.branch.set_stopped();
  });
  t.finally([&x] {
    require(x.runs == 1, "the completion did not run exactly once");
    require(x.cause == std::errc::io_error, "the cause is not what came first");
  });
}

// The first attempt fails while its timeout passes: the second one, in the same place, waits for neither and is started by whichever of
// them leaves last.
void timeout_against_a_retry(test& t) {
  auto& x = t.make<scene>();
  fanout::all<number>(std::array{0},
                      [&x](int, auto branch, token) {
                        ++x.calls;
                        if (x.calls == 2) return branch.set_value(2);
                        x.branch = support::any_branch(std::move(branch));
                      })
      .timeout(1ns, x.timer)
      .retry(retries(0ns), x.timer)
      .count_with<strategy>()
      .allocate_with(bytes{})
      .then(x.completion());
  t.thread([&x] { x.branch.set_error(make_error_code(std::errc::io_error)); });
  t.thread([&x] { x.timer.advance(1ns); });
  t.finally([&x] {
    require(x.runs == 1 && x.calls == 2, "not completed once, after two attempts");
    require(x.value == 2, "the second attempt's value was lost");
  });
}

// A failing attempt sets up its retry while the clock runs; the second attempt completes on the timer's thread.
void retry_against_the_clock(test& t) {
  auto& x = t.make<scene>();
  fanout::all<number>(std::array{0},
                      [&x](int, auto branch) {
                        ++x.calls;
                        if (x.calls == 2) return branch.set_value(2);
                        x.branch = support::any_branch(std::move(branch));
                      })
      .retry(retries(1ns), x.timer)
      .count_with<strategy>()
      .allocate_with(bytes{})
      .then(x.completion());
  t.thread([&x] { x.branch.set_error(make_error_code(std::errc::io_error)); });
  t.thread([&x] { x.timer.advance(1ns); });
  t.finally([&x] {
    x.timer.advance(1ns);  // if it was moved before the retry was armed
    require(x.runs == 1 && x.calls == 2 && x.value == 2, "not completed once, by the second attempt");
  });
}

// A retry that waits for its time is stopped, because a sibling fails; the time may have come, or not even have been set.
void stop_against_a_waiting_retry(test& t, bool set_up) {
  auto& x = t.make<scene>();
  fanout::all<number>(std::array{0, 1},
                      [&x](int i, auto branch) {
                        if (i == 1) {
                          x.sibling = support::any_branch(std::move(branch));
                          return;
                        }
                        ++x.calls;
                        if (x.calls == 2) return branch.set_value(2);
                        x.branch = support::any_branch(std::move(branch));
                      })
      .retry(retries(1ns), x.timer)
      .retry_if([](const std::error_code& e) noexcept { return e == std::errc::io_error; })
      .count_with<strategy>()
      .allocate_with(bytes{})
      .then(x.completion());
  if (set_up) {
    x.branch.set_error(make_error_code(std::errc::io_error));
    t.thread([&x] { x.timer.advance(1ns); });
  } else {
    t.thread([&x] { x.branch.set_error(make_error_code(std::errc::io_error)); });
  }
  t.thread([&x] { x.sibling.set_error(make_error_code(std::errc::permission_denied)); });
  t.finally([&x, set_up] {
    require(x.runs == 1, "the completion did not run exactly once");
    require(x.cause == std::errc::permission_denied, "the cause is not what came first");
    require(x.calls == 1 || set_up, "retried although nobody moved the clock");
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  check("the timeout against the completion", timeout_against_the_completion, 0, plain);
  check("the timeout's stop callback may complete", timeout_completes, 0, plain);
  check("the timeout against the retry in the same place", timeout_against_a_retry, 0, plain);
  check("a retry is set up while the clock runs", retry_against_the_clock, 0, plain);
  check("a sibling fails while a retry is set up", [](test& t) { stop_against_a_waiting_retry(t, false); }, 0, plain);
  check("the timeout against a sibling that has failed", timeout_against_stop, 0, plain);
  check("a sibling fails while a retry's time comes", [](test& t) { stop_against_a_waiting_retry(t, true); }, 0, plain);
  return exit_code;
}
