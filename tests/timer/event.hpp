// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_TIMER_EVENT_HPP
#define FANOUT_TESTS_TIMER_EVENT_HPP

#include <condition_variable>
#include <mutex>

/// Set once, waited for by any number of threads. It may be destroyed as soon as a wait has returned, which a
/// std::latch may not: the lock is held while it notifies.
class event {
 public:
  void set() {
    const std::lock_guard guard(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock guard(mutex_);
    changed_.wait(guard, [this] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

#endif
