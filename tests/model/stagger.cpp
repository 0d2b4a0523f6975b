// SPDX-License-Identifier: BSL-1.0
// Attempts one after the other: the tick that starts the next one against a failure that does, and against the end.

#include "model/model.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "fanout/algorithm/first_success.hpp"
#include "fanout/algorithm/hedge.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/timer/manual.hpp"

namespace {

using namespace model;
using namespace std::chrono_literals;

using strategy = fanout::refcount::basic_atomic<platform>;
using timer = fanout::timer::basic_manual_timer<platform>;
using statistics = fanout::basic_hedge_statistics<platform>;
using stop_source = fanout::basic_inplace_stop_source<platform>;

constexpr std::errc no_answer = std::errc::timed_out;

// A branch that is completed later, by another thread.
struct any_branch {
  struct base {
    virtual void value() noexcept = 0;
    virtual void error() noexcept = 0;
    virtual void stopped() noexcept = 0;

   protected:
    ~base() = default;
  };
  template <class Branch>
  struct of final : base {
    explicit of(Branch b) noexcept : branch(std::move(b)) {}
    void value() noexcept override { branch.set_value(1), unmake(this); }
    void error() noexcept override { branch.set_error(no_answer), unmake(this); }
    void stopped() noexcept override { branch.set_stopped(), unmake(this); }
    Branch branch;
  };
  template <class Branch>
  static base* keep(Branch branch) {
    return make<of<Branch>>(std::move(branch));
  }
};

// 10 ms before the second attempt, and for ever before any other.
struct once {
  cell<int>* asked;
  std::chrono::nanoseconds delay() const noexcept {
    const int before = *asked;
    *asked = before + 1;
    return before == 0 ? std::chrono::nanoseconds(10ms) : std::chrono::nanoseconds::max();
  }
};

struct world {
  timer clock;
  statistics counts;
  cell<int> asked{0};
  cell<any_branch::base*> held[4] = {{nullptr}, {nullptr}, {nullptr}, {nullptr}};
  cell<int> started{0};
  cell<int> delivered{0};
  cell<std::size_t> winner{fanout::no_index};
  cell<bool> second_by_time{false};

  auto completion() noexcept {
    return [this](auto&& outcome) noexcept {
      delivered = delivered + 1;
      winner = outcome ? outcome->index : fanout::no_index;
    };
  }
  void over(test& t) {
    t.finally([this] {
      require(delivered == 1, "it was not delivered once");
      require(clock.next_expiry() == timer::time_point::max(), "the timer was not let go");
    });
  }
};

// The first attempt fails when its time is up. All that follow fail inside start, on whichever thread that is.
template <bool AtDecided>
void tick_against_failure(test& t) {
  auto& x = t.make<world>();
  const auto initiator = [&x](int i, auto branch, auto) {
    if (i == 0) {
      x.held[0] = any_branch::keep(std::move(branch));
    } else {
      branch.set_error(no_answer);
    }
  };
  auto described = fanout::hedge<number>(std::array{0, 1, 2}, initiator)
                       .max_attempts(3)
                       .after(once{&x.asked}, x.clock)
                       .count_in(x.counts)
                       .template count_with<strategy>()
                       .allocate_with(bytes());
  if constexpr (AtDecided) {
    std::move(described).deliver_at(fanout::decided).then(x.completion());
  } else {
    std::move(described).then(x.completion());
  }
  t.thread([&x] { x.clock.advance(10ms); });
  t.thread([&x] { static_cast<any_branch::base*>(x.held[0])->error(); });
  x.over(t);
}

// The same, and the second attempt stays out: a third follows only if the second one was started by time, before the first failed.
void held_second(test& t) {
  auto& x = t.make<world>();
  fanout::hedge<number>(std::array{0, 1, 2},
                        [&x](int i, auto branch, auto) {
                          if (i == 1) x.second_by_time = x.counts.counted().sent == 1;
                          if (i == 2) require(x.second_by_time, "a tick that was out of date started an attempt");
                          x.started = x.started + 1;
                          if (i == 2) return branch.set_error(no_answer);
                          x.held[i] = any_branch::keep(std::move(branch));
                        })
      .after(once{&x.asked}, x.clock)
      .count_in(x.counts)
      .template count_with<strategy>()
      .allocate_with(bytes())
      .then(x.completion());
  t.thread([&x] { x.clock.advance(10ms); });
  t.thread([&x] { static_cast<any_branch::base*>(x.held[0])->error(); });
  t.finally([&x] {
    require(x.started == (x.second_by_time ? 3 : 2), "it was not one attempt for each reason");
    static_cast<any_branch::base*>(x.held[1])->value();
    require(x.delivered == 1 && x.winner == 1u, "it was not delivered once");
    require(x.clock.next_expiry() == timer::time_point::max(), "the timer was not let go");
  });
}

// The tick against the success that ends it. What the tick keeps is memory: everything else is gone with the completion.
template <bool AtDecided>
void tick_against_success(test& t) {
  auto& x = t.make<world>();
  auto described = fanout::first_success<number>(std::array{0, 1},
                                                 [&x](int i, auto branch, auto token) {
                                                   if (i == 0) {
                                                     x.held[0] = any_branch::keep(std::move(branch));
                                                   } else if (token.stop_requested()) {
                                                     branch.set_stopped();
                                                   } else {
                                                     branch.set_value(1);
                                                   }
                                                 })
                       .stagger(10ms, x.clock)
                       .template count_with<strategy>()
                       .allocate_with(bytes());
  if constexpr (AtDecided) {
    std::move(described).deliver_at(fanout::decided).then(x.completion());
  } else {
    std::move(described).then(x.completion());
  }
  t.thread([&x] { x.clock.advance(10ms); });
  t.thread([&x] { static_cast<any_branch::base*>(x.held[0])->value(); });
  t.finally([&x] { require(x.winner == 0u || x.winner == 1u, "nobody won"); });
  x.over(t);
}

// Two are out: one fails, then one succeeds, while the time for a third comes.
void tick_failure_and_success(test& t) {
  auto& x = t.make<world>();
  fanout::first_success<number>(std::array{0, 1, 2, 3},
                                [&x](int i, auto branch, auto token) {
                                  if (i < 2) {
                                    x.held[i] = any_branch::keep(std::move(branch));
                                  } else if (i == 2 && !token.stop_requested()) {
                                    branch.set_error(no_answer);
                                  } else {
                                    branch.set_stopped();
                                  }
                                })
      .stagger(10ms, x.clock)
      .template count_with<strategy>()
      .allocate_with(bytes())
      .then(x.completion());
  x.clock.advance(10ms);
  t.thread([&x] { x.clock.advance(10ms); });
  t.thread([&x] {
    static_cast<any_branch::base*>(x.held[0])->error();
    static_cast<any_branch::base*>(x.held[1])->value();
  });
  t.finally([&x] { require(x.winner == 1u, "the success was lost"); });
  x.over(t);
}

// A stop request ends it, although nobody reports: the issuing right goes to the one who asks, or the tick has it.
void tick_against_stop(test& t) {
  struct stopped_world : world {
    stop_source stop;
  };
  auto& x = t.make<stopped_world>();
  fanout::first_success<number>(std::array{0, 1, 2},
                                [&x](int i, auto branch, auto) {
                                  x.started = x.started + 1;
                                  if (i == 0) {
                                    x.held[0] = any_branch::keep(std::move(branch));
                                  } else {
                                    branch.set_stopped();
                                  }
                                })
      .stagger(10ms, x.clock)
      .stop_on(x.stop.get_token())
      .template count_with<strategy>()
      .allocate_with(bytes())
      .then(x.completion());
  t.thread([&x] { x.clock.advance(10ms); });
  t.thread([&x] {
    x.stop.request_stop();
    static_cast<any_branch::base*>(x.held[0])->stopped();
  });
  x.over(t);
}

// The deadline passes while the operation is being begun.
void deadline_against_begin(test& t) {
  auto& x = t.make<world>();
  t.thread([&x] {
    fanout::first_success<number>(std::array{0},
                                  [](int, auto branch, auto token) {
                                    if (token.stop_requested()) return branch.set_stopped();
                                    branch.set_error(no_answer);
                                  })
        .deadline(5ms, x.clock)
        .stagger(10ms, x.clock)
        .template count_with<strategy>()
        .allocate_with(bytes())
        .then(x.completion());
  });
  t.thread([&x] { x.clock.advance(5ms); });
  t.finally([&x] { x.clock.advance(5ms); });
  x.over(t);
}

}  // namespace

int main() {
  const explorer::options limits{.spurious = 0, .stale_failures = false};
  check("the tick against a failure", tick_against_failure<false>, 0, limits);
  check("the tick against a failure, at decided", tick_against_failure<true>, 0, limits);
  check("the tick against a failure, the second attempt stays out", held_second, 0, limits);
  check("the tick against the success that ends it", tick_against_success<false>, 0, limits);
  check("the tick against the success that ends it, at decided", tick_against_success<true>, 0, limits);
  check("the tick against a stop request", tick_against_stop, 0, limits);
  check("a deadline while it is begun", deadline_against_begin, 0, limits);
  if (full_depth()) check("the tick against a failure and a success", tick_failure_and_success, 0, limits);
  return exit_code;
}
