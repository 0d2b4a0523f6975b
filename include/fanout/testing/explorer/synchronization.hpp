// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_SYNCHRONIZATION_HPP
#define FANOUT_TESTING_EXPLORER_SYNCHRONIZATION_HPP

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <string>

#include "fanout/testing/explorer/tracked.hpp"
#if FANOUT_HAS_EXPLORER

namespace fanout::testing::explorer {

/// A clock that stands still, except that a wait that times out moves it to its deadline.
struct clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    detail::execution& e = detail::execution::required();
    e.announce({.what = detail::action::read});
    return time_point(duration(e.time));
  }
};

/// std::mutex: not recursive. Locking it twice is found as a deadlock, unlocking another thread's by name.
class mutex : public detail::tracked<detail::object_kind::mutex> {
 public:
  mutex() noexcept = default;

  void lock() {
    detail::object& o = world().reach(me(), {.gate = world().flag(me()), .opens_at = false});
    take(o, "lock");
  }
  bool try_lock() {
    detail::object& o = world().reach(me(), {});
    if (o.flag) world().note(o, [] { return std::string("try_lock fails"); });
    else take(o, "try_lock");
    return o.owner == world().thread_number() && o.flag;
  }
  void unlock() {
    detail::object& o = world().reach(me(), {});
    if (!o.flag || o.owner != world().thread_number())
      world().fail("unlock of a mutex that this thread has not locked", o.name);
    world().note(o, [] { return std::string("unlock"); });
    o.flag = false;
    o.message = world().release();
  }

 private:
  static void take(detail::object& o, const char* verb) {
    o.flag = true;
    o.owner = world().thread_number();
    world().acquire(o.message);
    world().note(o, [verb] { return std::string(verb); });
  }
};

/// std::condition_variable and std::condition_variable_any: waits with any Lock that has lock() and unlock().
/// A wait with a deadline may time out at any moment. See options::spurious_wakeups.
class condition_variable : public detail::tracked<detail::object_kind::condition_variable> {
 public:
  condition_variable() noexcept = default;

  template <class Lock>
  void wait(Lock& lock) {
    world().fall_asleep(me());  // before the unlock: a notification from here on is not lost
    lock.unlock();
    world().sleep(me(), false);
    lock.lock();
  }
  template <class Lock, class Predicate>
  void wait(Lock& lock, Predicate done) {
    while (!done()) wait(lock);
  }

  template <class Lock, class Clock, class Duration>
  std::cv_status wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& deadline) {
    world().fall_asleep(me());
    lock.unlock();
    const bool in_time = world().sleep(me(), true);
    if (!in_time) world().pass_time(std::chrono::nanoseconds(deadline.time_since_epoch()).count());
    lock.lock();
    return in_time ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
  template <class Lock, class TimePoint, class Predicate>
  bool wait_until(Lock& lock, const TimePoint& deadline, Predicate done) {
    while (!done()) {
      if (wait_until(lock, deadline) == std::cv_status::timeout) return done();
    }
    return true;
  }
  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& d) {
    return wait_until(lock, clock::now() + d);
  }

  void notify_one() noexcept { world().wake(me(), false); }
  void notify_all() noexcept { world().wake(me(), true); }
};

/// Scaffolding of a scenario: one thread hands something to others. Set once, waited for by any number.
class event : public detail::tracked<detail::object_kind::event> {
 public:
  event() noexcept = default;

  /// Release: what this thread did is visible to whoever waits.
  void set() {
    detail::object& o = world().reach(me(), {});
    o.flag = true;
    o.message.join(world().release());
    world().note(o, [] { return std::string("set"); });
  }
  /// Blocks until it is set. Without `acquire` nothing becomes visible by it: plants a missing synchronisation.
  void wait(bool acquire = true) {
    detail::object& o = world().reach(me(), {.what = detail::action::read, .gate = world().flag(me())});
    if (acquire) world().acquire(o.message);
    world().note(o, [acquire] { return std::string(acquire ? "wait returns" : "wait returns, without acquire"); });
  }
  /// Whether it is set; relaxed.
  bool is_set() const {
    const detail::object& o = world().reach(me(), {.what = detail::action::read});
    world().note(o, [&o] { return std::string(o.flag ? "is set" : "is not set"); });
    return o.flag;
  }
};

}  // namespace fanout::testing::explorer

#endif
#endif
