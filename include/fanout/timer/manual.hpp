// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TIMER_MANUAL_HPP
#define FANOUT_TIMER_MANUAL_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <ratio>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/blocking.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/detail/timer_heap.hpp"
#include "fanout/timer.hpp"

namespace fanout::timer {

/// The clock of a `basic_manual_timer`: never goes backwards, and begins at `time_point{}`. There is no `now()` here,
/// for each timer has a time of its own.
struct manual_clock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<manual_clock>;
  static constexpr bool is_steady = true;
};

/// A timer whose time passes only when somebody says so: for tests, and for event loops that pump.
///
///     fanout::timer::manual_timer timer;
///     …                        // what is given the timer arms entries
///     timer.advance(200ms);    // what falls due in these 200 ms is called here
///
/// The service's thread is the one that is in `advance`, `run_until` or `run_due`. Entries are called in the order of
/// their times, those for the same time in the order in which they were armed; a time that has passed counts as the
/// time of arming. While an entry is called, `now()` is at least its time, and is that time exactly unless another
/// thread moves the clock too. If several threads do, each entry is called by one of them, and the order across them is
/// open.
///
/// Thread safety: any function of the same object from any thread. Arming wakes nobody: a loop that sleeps until
/// `next_expiry()`, and lets other threads arm, must see to it that it wakes. Lifetime: no entry may be armed when it
/// is destroyed; it ends the program rather than leave an operation without its deadline. Cost: a lock, and the heap's
/// (detail/timer_heap.hpp).
template <class Platform = std_platform>
class basic_manual_timer {
 public:
  using clock = manual_clock;
  using duration = clock::duration;
  using time_point = clock::time_point;
  using entry = fanout::detail::timer_entry<Platform, time_point>;

  basic_manual_timer() = default;
  basic_manual_timer(const basic_manual_timer&) = delete;
  basic_manual_timer& operator=(const basic_manual_timer&) = delete;
  ~basic_manual_timer() {
    if (!heap_.empty()) fanout::detail::fatal("a manual timer was destroyed while an entry was armed with it");
  }

  time_point now() const noexcept {
    const lock guard(mutex_);
    return now_;
  }

  /// See `timer_service`.
  void arm(entry& e, time_point t) noexcept {
    const lock guard(mutex_);
    heap_.push(e, std::max<time_point>(t, now_));
  }

  /// See `timer_service`.
  bool cancel(entry& e) noexcept {
    const lock guard(mutex_);
    if (!heap::is_armed(e)) return false;
    heap_.erase(e);
    return true;
  }

  /// When the first entry falls due; `time_point::max()` if none ever does.
  time_point next_expiry() const noexcept {
    const lock guard(mutex_);
    return heap_.empty() ? time_point::max() : heap::time_of(*heap_.first());
  }

  /// Moves the clock `d` beyond what it shows now, as `run_until` does. Saturates before `time_point::max()`.
  /// pre: d >= 0
  std::size_t advance(duration d) noexcept {
    FANOUT_ASSERT(d >= duration::zero(), "a manual timer was advanced by a negative duration");
    const time_point from = now();
    return run_until(d < last - from ? from + d : last);
  }

  /// Moves the clock on to `end`, stopping at each time for which an entry is armed, and calls those entries; entries
  /// that are armed meanwhile included, so one that arms itself for a time that has passed keeps this from returning.
  /// If `end` has passed, the clock stays where it is. Returns how many entries were called.
  /// pre: end < time_point::max(), which never comes
  std::size_t run_until(time_point end) noexcept {
    FANOUT_ASSERT(end <= last, "time_point::max() never comes: run_until cannot reach it");
    return run(std::min(end, last), std::numeric_limits<std::uint64_t>::max());
  }

  /// Calls what is due, and was armed before this call. The clock stands still: what arms itself again for a time that
  /// has passed waits for the next call. Returns how many entries were called.
  std::size_t run_due() noexcept {
    mutex_.lock();
    const time_point end = now_;
    const std::uint64_t last_number = heap_.pushed();
    mutex_.unlock();
    return run(end, last_number);
  }

 private:
  using mutex_type = typename fanout::detail::blocking<Platform>::mutex;
  using lock = std::lock_guard<mutex_type>;
  using heap = fanout::detail::timer_heap<Platform, time_point>;

  static constexpr time_point last = time_point::max() - duration(1);

  std::size_t run(time_point end, std::uint64_t last_number) noexcept {
    std::size_t called = 0;
    while (entry* due = take(end, last_number)) {
      heap::call(*due);  // outside the lock; what `due` points to may be gone after it
      ++called;
    }
    return called;
  }

  // Takes the first entry out, if it falls due by `end`, and moves the clock to its time; else to `end`.
  entry* take(time_point end, std::uint64_t last_number) noexcept {
    const lock guard(mutex_);
    entry* const first = heap_.first();
    // Times are never earlier than arming, so nothing that was armed before stands behind an entry that was armed
    // since.
    if (first != nullptr && heap::time_of(*first) <= end && heap::number_of(*first) <= last_number) {
      now_ = std::max<time_point>(now_, heap::time_of(*first));
      heap_.erase(*first);
      return first;
    }
    now_ = std::max<time_point>(now_, end);
    return nullptr;
  }

  mutable mutex_type mutex_;
  heap heap_;                                                       // guarded by mutex_
  typename Platform::template cell<time_point> now_{time_point{}};  // guarded by mutex_
};

using manual_timer = basic_manual_timer<>;

static_assert(timer_service<manual_timer>);

}  // namespace fanout::timer

#endif
