// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_PACE_HPP
#define FANOUT_ALGORITHM_PACE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/detail/platform.hpp"

namespace fanout::detail {

/// In the place of a timer, where no time is to pass: attempts follow each other only as they fail.
struct no_timer {
  struct entry {};
  struct time_point {};
};
struct no_delay {};

/// Why an attempt is made.
enum class attempt_cause : unsigned char { first, time, failure };

/// What attempts cost, and who counts them: nothing, and nobody. See hedge_account.
struct no_account {
  static constexpr bool times = false;
  bool admits(attempt_cause) const noexcept { return true; }
};

/// A pace (see `pulling`) that starts one branch, and the next one
///
///   - as soon as one fails: one for each that does;
///   - when nothing is in flight, for whatever reason;
///   - `delay` after the last one was started, also if that was for another reason: each start sets the clock anew,
///
/// at most `window` in flight and `most` in all. Since something is in flight until it ends, a stop or a deadline is always noticed
/// by a report. What the account does not admit is not made; if nothing is in flight then, that is the end.
///
/// There is one timer entry. The issuing right arms and disarms it, and nobody else: a tick that could not be cancelled any more
/// arrives as a credit, of which the issuing right knows that it is out of date. The timer holds the operation's memory, not the
/// operation. If its function finds that the pump has ended, it leaves; if it is given the work, the issuing right is its own, and with
/// it the operation.
template <class Timer, class Delay, class Account, class Platform>
class stagger_pace {
  template <class T>
  using cell = typename Platform::template cell<T>;

  // Reports and failures since they were last taken in. They cannot run over: no more than `widest` are in flight.
  static constexpr std::uint64_t report = 1;
  static constexpr std::uint64_t failure = std::uint64_t{1} << 32;
  static constexpr std::uint64_t widest = std::uint64_t{1} << 28;

 public:
  static constexpr bool ticks = !std::is_same_v<Timer, no_timer>;
  static constexpr bool watches = ticks && Account::times;
  static constexpr std::uint64_t no_limit = static_cast<std::uint64_t>(-1);
  // The tick that was taken in, and the one that was armed because of it, may both be on the pump.
  static constexpr std::uint64_t tick = std::uint64_t{1} << 62;

  /// Where the pace is used: what the timer keeps, and what its tick calls.
  struct user {
    void* op;
    void* self;
    void (*keep)(void* op) noexcept;
    void (*drop)(void* op) noexcept;
    void (*tick)(void* self) noexcept;
  };

  stagger_pace(Timer* timer, Delay delay, std::uint64_t window, std::uint64_t most, Account account) noexcept
      : timer_(timer),
        delay_(std::move(delay)),
        window_(window < widest ? window : widest),
        most_(most),
        account_(std::move(account)) {}
  /// pre: not begun
  stagger_pace(stagger_pace&& other) noexcept
      : stagger_pace(other.timer_, std::move(other.delay_), other.window_, other.most_, std::move(other.account_)) {}
  ~stagger_pace() {
    if constexpr (ticks) {
      if (user_.op != nullptr) std::destroy_at(&entry_);
    }
  }

  // ---- asked by anybody -------------------------------------------------------------------------------------------------

  // As if the one before the first had just reported.
  std::uint64_t initial() const noexcept { return report; }
  std::uint64_t after(bool failed) const noexcept { return failed ? report + failure : report; }

  void started(std::size_t i) noexcept
    requires watches
  {
    account_.started(i, last_start_);
  }
  void reported(std::size_t i) noexcept
    requires watches
  {
    account_.reported(i, timer_->now());
  }

  // ---- asked by the issuing right ---------------------------------------------------------------------------------------

  void begin(const user& u) noexcept {
    user_ = u;
    ::new (static_cast<void*>(&entry_)) entry(this);
  }
  template <class Policy>
  void show_to(Policy& policy) noexcept {
    if constexpr (requires { account_.show_to(policy); }) account_.show_to(policy);
  }

  void take_in(std::uint64_t credits) noexcept {
    // Once it is decided, a credit may come that is no report's; nothing is counted any more then.
    in_flight_ = in_flight_ - credits % failure;
    failed_ = failed_ + credits % tick / failure;
    if (credits < tick) return;
    // If it is out of date, the clock has been set anew since.
    if constexpr (ticks) {
      due_ = !out_of_date_;
      if (due_) next_ = time_point::max();
      armed_ = out_of_date_ = false;
    }
  }
  bool wishes() noexcept {
    if (in_flight_ >= window_) return false;
    if (attempts_ == 0) {
      cause_ = attempt_cause::first;
    } else if (failed_ != 0) {
      failed_ = failed_ - 1;
      cause_ = attempt_cause::failure;
    } else if (in_flight_ == 0) {
      cause_ = attempt_cause::failure;
    } else if (is_time()) {
      due_ = false;
      cause_ = attempt_cause::time;
    } else {
      return false;
    }
    return true;
  }
  bool admits() noexcept {
    if (!account_.admits(cause_)) {
      gave_up_ = in_flight_ == 0 && failed_ == 0;
      return false;
    }
    attempts_ = attempts_ + 1;
    in_flight_ = in_flight_ + 1;
    if constexpr (ticks) {
      last_start_ = timer_->now();
      disarm();
      out_of_date_ = static_cast<bool>(armed_);
      due_ = asked_ = false;
    }
    return true;
  }
  bool gives_up() const noexcept { return gave_up_ || attempts_ == most_; }

  void rest() noexcept {
    const time_point next = next_;
    if (armed_ || !asked_ || due_ || next == time_point::max()) return;
    armed_ = true;
    user_.keep(user_.op);
    timer_->arm(entry_, next);
  }
  void end() noexcept { disarm(); }

 private:
  using time_point = typename Timer::time_point;

  struct entry : Timer::entry {
    explicit entry(stagger_pace* of)
      requires ticks
        : Timer::entry([](typename Timer::entry& e) noexcept {
            const user u = static_cast<entry&>(e).pace->user_;
            u.tick(u.self);
            u.drop(u.op);  // may be the end of all of them
          }),
          pace(of) {}
    stagger_pace* pace = nullptr;
  };

  // If the entry's function is on its way, `armed_` stands until its tick arrives.
  void disarm() noexcept {
    if (!armed_ || !timer_->cancel(entry_)) return;
    armed_ = false;
    user_.drop(user_.op);
  }

  // Asks for the delay once after each start, and not before it matters.
  bool is_time() noexcept {
    if constexpr (ticks) {
      if (!asked_) {
        asked_ = true;
        const time_point next = after_start(delay_.delay());
        due_ = next <= timer_->now();
        next_ = due_ ? time_point::max() : next;
      }
    }
    return due_;
  }
  time_point after_start(std::chrono::nanoseconds delay) const noexcept {
    using duration = typename Timer::duration;
    const time_point start = last_start_;
    if (delay <= delay.zero()) return start;
    // What is beyond the clock's end never comes.
    const auto rest = std::chrono::duration_cast<duration>(delay);
    const duration rounded_up = rest < delay ? rest + duration(1) : rest;
    const duration room = start < time_point{} ? duration::max() : time_point::max() - start;
    return delay == delay.max() || rounded_up >= room ? time_point::max() : start + rounded_up;
  }

  Timer* timer_;
  [[no_unique_address]] Delay delay_;
  std::uint64_t window_, most_;
  [[no_unique_address]] Account account_;
  user user_{};
  union {
    entry entry_;  // exists from begin on, where there is a timer
  };

  // The issuing right's, which the pump hands on.
  cell<std::uint64_t> attempts_{0};
  cell<std::uint64_t> in_flight_{1};  // #attempts whose report has not been taken in; at first the one before the first
  cell<std::uint64_t> failed_{0};     // #failures that another attempt may follow
  cell<attempt_cause> cause_{attempt_cause::first};  // of the attempt that was wished for last
  cell<bool> gave_up_{false};
  cell<bool> armed_{false};        // the tick is to come; until it is cancelled, or taken in
  cell<bool> out_of_date_{false};  // it is to come, and of no use
  cell<bool> asked_{false};        // for the delay, since the last start
  cell<bool> due_{false};          // it is time for the next one
  cell<time_point> last_start_{};
  cell<time_point> next_{};  // when that time will be, if asked_; max(): it will not, or it was
};

}  // namespace fanout::detail

#endif
