// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_PACE_HEDGE_HPP
#define FANOUT_ALGORITHM_PACE_HEDGE_HPP

#include <chrono>
#include <cstddef>
#include <type_traits>

#include "fanout/algorithm/pace.hpp"
#include "fanout/combine/hedge.hpp"
#include "fanout/detail/option_set.hpp"
#include "fanout/detail/platform.hpp"

namespace fanout {

/// Which attempts a hedge's budget pays for.
enum class charges_t : unsigned char { every_attempt, attempts_by_time };
/// Every attempt but the first, also one that follows a failure: a service that fails as a whole is not asked over and over. The
/// default.
inline constexpr charges_t every_attempt = charges_t::every_attempt;
/// Only those that are made because the ones before take too long. One that follows a failure is always made.
inline constexpr charges_t attempts_by_time = charges_t::attempts_by_time;

namespace detail {

/// What a hedged operation's attempts cost, who counts them, and how long the winner took: by the options that say so, or no_option.
template <class Budget, class Statistics, class Tracker, class Timer, class Platform>
class hedge_account : public combine::detail::hedge_watch {
  static constexpr bool pays = !std::is_same_v<Budget, no_option>;
  static constexpr bool counts = !std::is_same_v<Statistics, no_option>;

 public:
  static constexpr bool times = !std::is_same_v<Tracker, no_option>;
  /// So many attempts of an operation are timed.
  static constexpr std::size_t timed = 8;

  hedge_account(Budget budget, Statistics statistics, Tracker tracker) noexcept
      : combine::detail::hedge_watch{[](combine::detail::hedge_watch& self, std::size_t index) noexcept {
          static_cast<hedge_account&>(self).note_winner(index);
        }},
        pays_(budget),
        counts_(statistics),
        records_(tracker) {}
  /// pre: nothing has been started
  hedge_account(hedge_account&& other) noexcept : hedge_account(other.pays_, other.counts_, other.records_) {}

  template <class Policy>
  void show_to(Policy& policy) noexcept {
    if constexpr (counts || times) policy.watch = this;
  }

  // By the issuing right.
  bool admits(attempt_cause cause) noexcept {
    if (cause == attempt_cause::first) {
      if constexpr (pays) pays_.budget->deposit();
      if constexpr (counts) counts_.statistics->note_request();
      return true;
    }
    if constexpr (pays) {
      const bool charged = cause == attempt_cause::time || pays_.charges == every_attempt;
      if (charged && !pays_.budget->try_withdraw()) {
        if constexpr (counts) counts_.statistics->note_exhausted();
        return false;
      }
    }
    if constexpr (counts) {
      cause == attempt_cause::time ? counts_.statistics->note_sent() : counts_.statistics->note_failed_over();
    }
    return true;
  }

  // Before attempt i is started, and when it reports, on that thread.
  template <class TimePoint>
  void started(std::size_t i, TimePoint at) noexcept {
    if (i < timed) started_[i] = at;
  }
  template <class TimePoint>
  void reported(std::size_t i, TimePoint at) noexcept {
    if (i < timed) {
      took_[i] = std::chrono::duration_cast<std::chrono::nanoseconds>(at - static_cast<TimePoint>(started_[i]));
    }
  }

 private:
  void note_winner([[maybe_unused]] std::size_t index) noexcept {
    if constexpr (counts) {
      if (index != 0) counts_.statistics->note_won();
    }
    if constexpr (times) {
      if (index < timed) records_.tracker->record(took_[index]);
    }
  }

  struct nothing {};
  template <class T>
  using for_each_timed = std::conditional_t<times, typename Platform::template cell<T>[timed], nothing>;

  [[no_unique_address]] Budget pays_;
  [[no_unique_address]] Statistics counts_;
  [[no_unique_address]] Tracker records_;
  [[no_unique_address]] for_each_timed<typename Timer::time_point> started_{};
  [[no_unique_address]] for_each_timed<std::chrono::nanoseconds> took_{};
};

}  // namespace detail

}  // namespace fanout

#endif
