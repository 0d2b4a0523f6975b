// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TIMER_LOOP_HPP
#define FANOUT_TIMER_LOOP_HPP

#include <mutex>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/blocking.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/detail/timer_heap.hpp"
#include "fanout/timer.hpp"

namespace fanout::timer {

/// A timer service without a thread: it is served by the thread that you send into `run()`. For a thread with a name,
/// an affinity or a priority of its own; `timer::service` is this and a thread.
///
///     fanout::timer::loop timer;
///     std::thread thread([&] { timer.run(); });
///     …
///     timer.finish();
///     thread.join();
///
/// The service's thread is the one that is in `run()`; while none is, entries wait. They are called in the order of
/// their times, those for the same time in the order in which they were armed, and as late as the functions before them
/// and the operating system make them; never early.
///
/// Thread safety: any function of the same object from any thread, `run` from one at a time. Lifetime: no entry may be
/// armed when it is destroyed, and no thread in `run()`; it ends the program rather than leave an operation without its
/// deadline, or with a service that is gone. Cost: a lock, and the heap's (detail/timer_heap.hpp). Arming wakes the
/// thread only for a time before the one that it sleeps until, and cancelling never does: deadlines of one length, all
/// cancelled in time, cost one wake-up in each such length.
template <class Platform = std_platform>
class basic_loop {
 public:
  using clock = typename fanout::detail::clock_of<Platform>::type;
  using duration = typename clock::duration;
  using time_point = typename clock::time_point;
  using entry = fanout::detail::timer_entry<Platform, time_point>;

  basic_loop() = default;
  basic_loop(const basic_loop&) = delete;
  basic_loop& operator=(const basic_loop&) = delete;
  ~basic_loop() {
    if (!heap_.empty()) fanout::detail::fatal("a timer service was destroyed while an entry was armed with it");
  }

  static time_point now() noexcept { return clock::now(); }

  /// See `timer_service`.
  void arm(entry& e, time_point t) noexcept {
    const lock guard(mutex_);
    heap_.push(e, t);
    if (const time_point wakes_at = wakes_at_; t < wakes_at) {
      wakes_at_ = t;  // the next one to arm need not wake it again
      // Under the lock: the call that this leads to may be what the owner waits for before it destroys the service.
      wake_.notify_one();
    }
  }

  /// See `timer_service`.
  bool cancel(entry& e) noexcept {
    const lock guard(mutex_);
    if (!heap::is_armed(e)) return false;
    heap_.erase(e);
    return true;
  }

  /// Calls entries as they fall due, until `finish()`. pre: no other thread is in it
  void run() noexcept {
    lock guard(mutex_);
    FANOUT_ASSERT(!running_, "a timer loop was run by two threads at once");
    running_ = true;
    time_point seen = clock::now();
    // When to look again, also if what was armed for then has been cancelled: else the next of those deadlines would be
    // the first again, and wake the thread like it.
    time_point alarm = time_point::max();
    while (true) {
      const time_point next = next_expiry();
      if (next <= seen && next != time_point::max()) {
        entry& due = *heap_.first();
        heap_.erase(due);
        guard.unlock();
        heap::call(due);  // it may be gone after this
        guard.lock();
      } else if (seen = clock::now(); next <= seen && next != time_point::max()) {
        continue;  // due by now
      } else if (finishing_) {
        break;
      } else {
        if (next < alarm || alarm <= seen) alarm = next;
        wakes_at_ = alarm;
        if (alarm == time_point::max()) wake_.wait(guard);
        else wake_.wait_until(guard, alarm);
        alarm = wakes_at_;  // or what it was woken for
        wakes_at_ = time_point::min();
      }
    }
    running_ = false;
  }

  /// Makes `run()` return, for good, once it has called what is due. From any thread, in an entry's function too.
  void finish() noexcept {
    const lock guard(mutex_);
    finishing_ = true;
    wake_.notify_one();
  }

 private:
  using mutex_type = typename fanout::detail::blocking<Platform>::mutex;
  using lock = std::unique_lock<mutex_type>;
  using heap = fanout::detail::timer_heap<Platform, time_point>;
  template <class T>
  using cell = typename Platform::template cell<T>;

  time_point next_expiry() const noexcept { return heap_.empty() ? time_point::max() : heap::time_of(*heap_.first()); }

  mutex_type mutex_;
  typename fanout::detail::blocking<Platform>::condition_variable wake_;
  // All guarded by mutex_.
  heap heap_;
  // When the sleeping thread will look again. time_point::min(): it is awake, or not there, and will look before it
  // sleeps.
  cell<time_point> wakes_at_{time_point::min()};
  cell<bool> finishing_{false}, running_{false};
};

using loop = basic_loop<>;

static_assert(timer_service<loop>);

}  // namespace fanout::timer

#endif
