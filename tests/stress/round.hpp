// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_STRESS_ROUND_HPP
#define FANOUT_TESTS_STRESS_ROUND_HPP

#include <fanout/fanout.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include "../support/counted.hpp"
#include "crew.hpp"

namespace stress {

/// splitmix64: one word of state, so that a round is named by one number.
class random {
 public:
  explicit random(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(next() % n); }
  bool one_in(std::size_t n) noexcept { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// Where a branch completes, seen from the start that starts it.
enum class route : unsigned char {
  inside,         // in its own start
  later,          // on the issuing thread: between two starts, inside a later start, or after the seal
  elsewhere,      // on another thread, whenever that gets to it
  before_return,  // on another thread, and start does not return before that is done
  by_child,       // from the completion of an operation of two branches that it starts, wherever that runs
};

enum class report : unsigned char { none, value, error, dropped, stopped };

/// When stop is requested through the operation's outer token.
enum class stop_plan : unsigned char { never, before, inside, elsewhere, after };

class round;
struct record;

struct on_stop {
  record* of;
  inline void operator()() const noexcept;
};

/// One branch: what is planned for it and what it did.
struct record : task {
  round* of = nullptr;
  std::size_t index = 0;
  route way = route::inside;
  report planned = report::value;
  bool cancellable = false;  // it has a stop callback, which may get there first
  std::size_t member = 0;    // of the crew: where
  unsigned delay = 0;        // turns before it completes
  int value = 0;

  // Plain on purpose. `started` is written by the issuing thread, `done` by whoever completes the branch, before it
  // does so, and both are read by the operation's completion: ordered by the library or not at all.
  bool started = false;
  report done = report::none;

  // Whether the branch has completed; for before_return. relaxed: it must not order what the library has to.
  std::atomic<bool> over{false};

  // Who may complete a cancellable branch.
  //   registering   the issuing thread is still making the stop callback
  //   armed         the callback or the crew, whoever takes it
  //   taken         somebody has
  //   fired         the callback ran while it was being made: the issuing thread completes the branch as stopped
  enum class arming : unsigned char { registering, armed, taken, fired };
  std::atomic<arming> arm{arming::registering};
  std::optional<fanout::inplace_stop_callback<on_stop>> callback;

  // The branch while nobody calls with it, and how to complete it.
  alignas(void*) std::byte kept[4 * sizeof(void*)];
  void (*complete)(record&) noexcept = nullptr;

  struct child : task {
    alignas(void*) std::byte kept[sizeof(void*)];
  };
  std::array<child, 2> children;

  bool take() noexcept {
    arming was = arming::armed;
    return arm.compare_exchange_strong(was, arming::taken);
  }
};

inline void on_stop::operator()() const noexcept {
  record& r = *of;  // this object may go before the branch has completed
  switch (r.arm.exchange(record::arming::fired)) {
    case record::arming::registering:
      return;  // the issuing thread will see it
    case record::arming::armed:
      r.arm = record::arming::taken;
      r.callback.reset();
      r.planned = report::stopped;
      return r.complete(r);
    case record::arming::taken:
      r.arm = record::arming::taken;
      return;
    case record::arming::fired:
      return;
  }
}

/// A branch of a C interface.
template <class Out>
struct c_branch {
  Out* out;
  void (*callback)(int, void*);
  void* context;
  bool twice;  // it calls back a second time
};

template <class T>
inline constexpr bool is_c_branch = false;
template <class Out>
inline constexpr bool is_c_branch<c_branch<Out>> = true;

/// What the program's handler of late callbacks has counted in this round.
inline std::atomic<std::size_t> late_callbacks{0};

inline int number(int value) noexcept { return value; }
inline int number(const support::counted& value) noexcept { return value.value(); }

/// One operation: its plan, what came of it, and the checks.
class round {
 public:
  static constexpr std::size_t most_branches = 24;

  struct abilities {
    bool outer_token = false;  // the operation listens to `token()`
    bool speaks_c = false;     // branches know values and errors only, and no stop token
    bool partial = false;      // need not start all branches, nor in order
    bool handed_on = false;    // the issuer may go to another thread halfway
  };

  round(crew& crew, std::uint64_t seed, const char* form, abilities can) noexcept
      : crew_(crew), random_(seed), seed_(seed), form_(form), can_(can) {
    n_ = random_.one_in(16) ? 0 : 1 + random_.below(random_.one_in(4) ? most_branches : 6);
    handed_to_ = can.handed_on && random_.one_in(3) ? random_.below(crew::size) : nobody;
    hand_on_at_ = n_ == 0 ? 0 : random_.below(n_ + 1);
    limit_ = can.partial && random_.one_in(6) ? random_.below(n_ + 1) : n_;
    for (std::size_t i = 0; i != n_; ++i) order_[i] = i;
    if (can.partial && random_.one_in(4)) {
      for (std::size_t i = n_; i > 1; --i) std::swap(order_[i - 1], order_[random_.below(i)]);
    }
    if (can.outer_token) stop_ = static_cast<stop_plan>(random_.below(5));
    stop_at_ = n_ == 0 ? 0 : random_.below(n_);
    const bool all_values = random_.one_in(3);
    const bool all_inside = random_.one_in(8);
    for (std::size_t i = 0; i != n_; ++i) plan(records_[i], i, all_values, all_inside);
  }
  round(const round&) = delete;
  round& operator=(const round&) = delete;

  // ---- the plan -----------------------------------------------------------------------------------------------------

  std::size_t size() const noexcept { return n_; }
  std::size_t limit() const noexcept { return limit_; }
  std::size_t nth(std::size_t k) const noexcept { return order_[k]; }
  record& operator[](std::size_t i) noexcept { return records_[i]; }
  /// Whether the wait has a deadline that has passed already.
  bool deadline_passes() noexcept { return deadline_passed_ = random_.one_in(2); }
  fanout::inplace_stop_token token() const noexcept { return source_.get_token(); }
  bool hands_on_at(std::size_t k) const noexcept { return handed_to_ != nobody && k == hand_on_at_; }

  // ---- issuing ------------------------------------------------------------------------------------------------------

  void begin() noexcept {
    if (stop_ == stop_plan::before) source_.request_stop();
    if (stop_ == stop_plan::elsewhere && n_ == 0) post_stop();
  }

  /// The initiator of a branch.
  template <class Branch>
  void start(record& r, Branch branch, fanout::inplace_stop_token token) noexcept {
    r.started = true;
    if (random_.one_in(4)) pump_some();
    if (stop_ == stop_plan::inside && r.index == stop_at_) source_.request_stop();
    if (stop_ == stop_plan::elsewhere && r.index == stop_at_) post_stop();
    switch (r.way) {
      case route::inside:
        return finish(r, std::move(branch));
      case route::later:
        if (keep(r, std::move(branch), token)) deferred_[deferred_size_++] = &r;
        return;
      case route::elsewhere:
        if (keep(r, std::move(branch), token)) crew_.post(r.member, r);
        return;
      case route::before_return: {
        keep(r, std::move(branch), token);
        crew_.post(r.member, r);
        unsigned turns = 0;
        while (!r.over.load(std::memory_order_relaxed)) pass(turns);
        return;
      }
      case route::by_child:
        return start_child(r, std::move(branch));
    }
  }

  /// The same for a C interface that is done when it returns: what it returns.
  template <class Out>
  int start_and_return(record& r, Out* out) noexcept {
    r.started = true;
    r.done = r.planned;
    if (r.planned == report::value) *out = r.value;
    return r.planned == report::value ? 0 : -(static_cast<int>(r.index) + 1);
  }

  /// Completes some of the deferred branches, or all, on this thread.
  void pump_some() noexcept {
    for (std::size_t k = random_.below(3); k != 0 && deferred_size_ != 0; --k) pump_one();
  }
  void pump_all() noexcept {
    while (deferred_size_ != 0) pump_one();
  }

  /// Makes `rest` go on with the issuing on another thread, and waits for nothing.
  void hand_on(task& rest) noexcept { crew_.post(handed_to_, rest); }
  /// By the thread that has sealed and pumped, as its last act on the plan.
  void issued() noexcept {
    if (stop_ == stop_plan::after) source_.request_stop();
    issued_.store(true, std::memory_order_release);
  }

  /// Waits until the round is over, and checks what can be known only then.
  void end() noexcept {
    unsigned turns = 0;
    while (!issued_.load(std::memory_order_acquire)) pass(turns);  // acquire: the right to post comes with it
    crew_.end_round();
    require(completions_.load() == 1, "the completion did not run exactly once");
    require(support::counted::alive() == 0, "values are still alive");
    require(late_callbacks.exchange(0) == called_twice_.load(), "a second C callback was not named");
  }

  // ---- the outcome --------------------------------------------------------------------------------------------------

  /// The completion.
  template <class Outcome>
  void completed(Outcome&& outcome) noexcept {
    require(completions_.fetch_add(1, std::memory_order_relaxed) == 0, "the completion ran twice");
    using values = typename std::remove_cvref_t<Outcome>::value_type;
    if constexpr (requires(values v) { v.disturbance(); }) {
      settled(*outcome);
    } else {
      decided(outcome);
    }
  }

  int sum() const noexcept {
    int s = 0;
    for (std::size_t i = 0; i != n_; ++i) s += records_[i].value;
    return s;
  }

  void require(bool holds, const char* what) const noexcept {
    if (holds) return;
    std::fprintf(stderr,
                 "stress: %s\n  in a round of the form `%s` with %zu branches\n"
                 "  FANOUT_STRESS_SEED=%" PRIu64 " FANOUT_STRESS_ROUNDS=1 repeats its plan\n",
                 what, form_, n_, seed_);
    for (std::size_t i = 0; i != n_; ++i) {
      const record& r = records_[i];
      std::fprintf(stderr, "  branch %zu: route %d, planned %d%s, %s, reported %d\n", i, static_cast<int>(r.way),
                   static_cast<int>(r.planned), r.cancellable ? " unless stopped" : "",
                   r.started ? "started" : "not started", static_cast<int>(r.done));
    }
    std::abort();
  }

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  void plan(record& r, std::size_t i, bool all_values, bool all_inside) noexcept {
    r.run = &run;
    r.of = this;
    r.index = i;
    r.way = all_inside ? route::inside : static_cast<route>(random_.below(5));
    r.planned = all_values || !random_.one_in(4) ? report::value : static_cast<report>(1 + random_.below(4));
    if (can_.speaks_c && r.planned != report::value) r.planned = report::error;
    r.cancellable = !can_.speaks_c && (r.way == route::later || r.way == route::elsewhere) && random_.one_in(3);
    // The thread that issues cannot do anything else before start returns.
    do r.member = random_.below(crew::size);
    while (r.member == handed_to_);
    r.delay = random_.one_in(4) ? static_cast<unsigned>(random_.below(64)) : 0;
    r.value = static_cast<int>(random_.below(1000));
  }

  static void run(task& t) noexcept {
    record& r = static_cast<record&>(t);
    if (r.cancellable) {
      if (!r.take()) return;  // the stop callback has it
      r.callback.reset();     // joins
    }
    r.complete(r);
    r.over.store(true, std::memory_order_relaxed);
  }

  template <class Branch>
  void finish(record& r, Branch branch) noexcept {
    unsigned turns = 0;
    while (turns != r.delay) pass(turns);
    r.done = r.planned;
    if constexpr (is_c_branch<Branch>) {
      if (r.planned == report::value) *branch.out = r.value;
      // A second callback may come when the operation is gone, but not when this round is.
      if (branch.twice) called_twice_.fetch_add(1, std::memory_order_relaxed);
      branch.callback(r.planned == report::value ? 0 : static_cast<int>(r.index) + 1, branch.context);
      if (branch.twice) branch.callback(0, branch.context);
    } else {
      switch (r.planned) {
        case report::value:
          if constexpr (std::is_void_v<typename Branch::value_type>) {
            branch.set_value();
          } else {
            branch.set_value(r.value);
          }
          return;
        case report::error:
          return branch.set_error(error_of(r));
        case report::stopped:
          return branch.set_stopped();
        default:
          return static_cast<void>(Branch(std::move(branch)));  // dropped
      }
    }
  }

  static std::error_code error_of(const record& r) noexcept {
    return {static_cast<int>(r.index) + 1, std::generic_category()};
  }

  // False if the branch has been completed as stopped instead: it must not be handed to anybody.
  template <class Branch>
  bool keep(record& r, Branch branch, fanout::inplace_stop_token token) noexcept {
    static_assert(sizeof(Branch) <= sizeof(r.kept) && alignof(Branch) <= alignof(void*));
    ::new (static_cast<void*>(r.kept)) Branch(std::move(branch));
    r.complete = [](record& kept) noexcept {
      auto* at = std::launder(reinterpret_cast<Branch*>(kept.kept));
      Branch taken(std::move(*at));
      std::destroy_at(at);
      kept.of->finish(kept, std::move(taken));
    };
    if (!r.cancellable) return true;
    r.callback.emplace(token, on_stop{&r});
    record::arming was = record::arming::registering;
    if (r.arm.compare_exchange_strong(was, record::arming::armed)) return true;
    r.arm = record::arming::taken;
    r.callback.reset();
    r.planned = report::stopped;
    r.complete(r);
    return false;
  }

  template <class Branch>
  void start_child(record& r, Branch branch) noexcept {
    auto child = fanout::issue<int>(2, fanout::combine::all,
                                    [this, &r, parent = std::move(branch)](auto outcome) mutable noexcept {
                                      require(outcome.has_value() && (*outcome)[0] + (*outcome)[1] == 3,
                                              "a child's values are not what its branches completed with");
                                      finish(r, std::move(parent));
                                    });
    using branch_of_child = typename decltype(child)::branch;
    for (std::size_t i = 0; i != 2; ++i) {
      child.start(i, [&](branch_of_child b) {
        record::child& c = r.children[i];
        static_assert(sizeof(branch_of_child) == sizeof(c.kept));
        ::new (static_cast<void*>(c.kept)) branch_of_child(std::move(b));
        c.run = [](task& t) noexcept {
          auto* at = std::launder(reinterpret_cast<branch_of_child*>(static_cast<record::child&>(t).kept));
          branch_of_child taken(std::move(*at));
          std::destroy_at(at);
          const int value = static_cast<int>(taken.index()) + 1;
          taken.set_value(value);
        };
        if (r.delay % 4 == i) return c.run(c);
        crew_.post((r.member + i) % crew::size, c);
      });
    }
  }

  void pump_one() noexcept {
    const std::size_t k = random_.below(deferred_size_);
    record* r = std::exchange(deferred_[k], deferred_[deferred_size_ - 1]);
    --deferred_size_;
    run(*r);
  }

  void post_stop() noexcept {
    stop_task_.source = &source_;
    stop_task_.run = [](task& t) noexcept { static_cast<stop_task&>(t).source->request_stop(); };
    crew_.post(random_.below(crew::size), stop_task_);
  }

  // Every branch on its own.
  template <class Results>
  void settled(Results& results) noexcept {
    require(results.size() == n_, "there are not as many results as branches");
    require(results.disturbance() == nullptr || deadline_passed_, "the operation was disturbed");
    for (auto one : results) {
      const record& r = records_[one.index()];
      if (!r.started) {
        require(!one.has_value() && (one.stopped() || (limit_ != n_ && one.error() == fanout::errc::not_issued)),
                "a branch that was not started has a result");
        continue;
      }
      switch (r.done) {
        case report::value:
          require(one.has_value(), "a value is missing");
          if constexpr (requires { number(*one); })
            require(number(*one) == r.value, "a value is not what its branch completed with");
          break;
        case report::error:
          require(!one.has_value() && one.error() == error_of(r), "an error is not what its branch completed with");
          break;
        case report::dropped:
          require(!one.has_value() && one.error() == fanout::errc::abandoned, "a dropped branch is not abandoned");
          break;
        case report::stopped:
          require(one.stopped(), "a stopped branch is not stopped");
          break;
        case report::none:
          require(false, "the operation completed before one of its branches");
      }
    }
  }

  // All values or the first cause.
  template <class Outcome>
  void decided(Outcome& outcome) noexcept {
    std::size_t errors = 0, stopped = 0, unstarted = 0;
    for (std::size_t i = 0; i != n_; ++i) {
      const record& r = records_[i];
      require(!r.started || r.done != report::none, "the operation completed before one of its branches");
      errors += r.done == report::error || r.done == report::dropped;
      stopped += r.done == report::stopped;
      unstarted += !r.started;
    }
    if (outcome.has_value()) {
      require(errors + stopped + unstarted == 0, "a success, although not every branch succeeded");
      if constexpr (std::is_same_v<typename Outcome::value_type, int>) {
        require(*outcome == sum(), "the combined result is not made of all values");
      } else if constexpr (!std::is_void_v<typename Outcome::value_type>) {
        require(outcome->size() == n_, "there are not as many values as branches");
        for (std::size_t i = 0; i != n_; ++i) {
          require(number((*outcome)[i]) == records_[i].value, "a value is not what its branch completed with");
        }
      }
      return;
    }
    const auto& failure = outcome.error();
    if (deadline_passed_ && failure.cause == fanout::errc::deadline) {
      require(failure.index == fanout::no_index && failure.suppressed == errors,
              "the deadline is not told as the operation's own cause");
    } else if (errors != 0) {
      require(failure.index < n_, "an error's branch is not named");
      const record& r = records_[failure.index];
      require(failure.cause == (r.done == report::error ? error_of(r) : make_error_code(fanout::errc::abandoned)) &&
                  (r.done == report::error || r.done == report::dropped),
              "the cause is not what the named branch reported");
      require(failure.suppressed == errors - 1 || (deadline_passed_ && failure.suppressed == errors),
              "suppressed errors are miscounted");
    } else if (stopped != 0) {
      require(failure.cause == fanout::errc::stopped, "the only noise was stop, and the cause is something else");
    } else {
      require(unstarted != 0, "a failure, although every branch succeeded");
      require(failure.cause == fanout::errc::stopped || (limit_ != n_ && failure.cause == fanout::errc::not_issued),
              "branches were not started, and the cause is something else");
    }
  }

  struct stop_task : task {
    fanout::inplace_stop_source* source = nullptr;
  };

  crew& crew_;
  random random_;  // the issuing thread's
  std::uint64_t seed_;
  const char* form_;
  abilities can_;
  std::size_t n_ = 0, limit_ = 0, hand_on_at_ = 0, handed_to_ = nobody, stop_at_ = 0;
  stop_plan stop_ = stop_plan::never;
  bool deadline_passed_ = false;
  std::array<std::size_t, most_branches> order_{};
  std::array<record*, most_branches> deferred_{};
  std::size_t deferred_size_ = 0;
  stop_task stop_task_;
  fanout::inplace_stop_source source_;
  std::atomic<int> completions_{0};
  std::atomic<std::size_t> called_twice_{0};
  std::atomic<bool> issued_{false};  // everything has been started, sealed and pumped
  std::array<record, most_branches> records_;
};

}  // namespace stress

#endif  // FANOUT_TESTS_STRESS_ROUND_HPP
