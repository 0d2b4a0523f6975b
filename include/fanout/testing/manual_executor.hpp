// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_MANUAL_EXECUTOR_HPP
#define FANOUT_TESTING_MANUAL_EXECUTOR_HPP

#include <cstddef>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/blocking.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/executor.hpp"

namespace fanout::testing {

/// A queue of work that runs when somebody says so, on the thread that says so: in a test, it decides when and where a
/// hop lands, and so makes an interleaving of one's choice:
///
///     fanout::testing::manual_executor loop;
///     fanout::all<int>(…).then(fanout::completion::via(loop.get_executor(), [](auto outcome) noexcept { … }));
///     loop.run_all();                                        // the completion runs here
///
/// First in, first out. Any thread may post, pump and ask, at the same time. Nothing is allocated, no user code runs
/// under the lock, and work may post and pump in turn. It is good for more than tests: a loop that comes round by
/// itself (a frame, a tick, the end of a select) calls `run_all` in each round. A loop that sleeps needs to be woken
/// besides, and that is for a handle of its own, whose `post` first does this one's and then wakes the loop.
///
/// Lifetime: outlives its handles' use and all work posted; `post`'s last access is its unlock, so that whoever has run
/// the last work may destroy the executor at once, also from inside that work if `run_one` runs it. Destroyed with work
/// in it, which would lose that work's outcome, it ends the program in every build.
template <class Platform = std_platform>
class basic_manual_executor {
 public:
  /// The handle: one pointer.
  class executor_type {
   public:
    void post(work& w) const noexcept { to_->post(w); }
    bool operator==(const executor_type&) const noexcept = default;

   private:
    friend basic_manual_executor;
    explicit executor_type(basic_manual_executor& to) noexcept : to_(&to) {}
    basic_manual_executor* to_;
  };

  basic_manual_executor() = default;
  basic_manual_executor(const basic_manual_executor&) = delete;
  basic_manual_executor& operator=(const basic_manual_executor&) = delete;
  ~basic_manual_executor() {
    if (pending_ == 0) return;
    FANOUT_ASSERT(false, "an executor was destroyed with work in it");
    fanout::detail::fatal("an executor was destroyed with work in it");
  }

  [[nodiscard]] executor_type get_executor() noexcept { return executor_type(*this); }

  /// Queues `w`, which has its `run`.
  void post(work& w) noexcept {
    w.next = nullptr;
    lock();
    if (pending_ == 0) {
      first_ = &w;
    } else {
      static_cast<work*>(last_)->next = &w;
    }
    last_ = &w;
    pending_ = pending_ + 1;
    unlock();
  }

  /// Runs the oldest work on this thread. False if there is none.
  bool run_one() noexcept {
    work* const w = take();
    if (w == nullptr) return false;
    w->run(w);
    return true;
  }

  /// Runs work on this thread until there is none, also what is posted meanwhile. Says how many.
  std::size_t run_all() noexcept {
    std::size_t n = 0;
    while (run_one()) ++n;
    return n;
  }

  /// How many works are queued. What is running is not.
  [[nodiscard]] std::size_t pending() const noexcept {
    lock();
    const std::size_t n = pending_;
    unlock();
    return n;
  }

 private:
  template <class T>
  using cell = typename Platform::template cell<T>;

  // Not a guard object: the unlock is the last access, and nothing here throws.
  void lock() const noexcept { mutex_.lock(); }
  void unlock() const noexcept { mutex_.unlock(); }

  work* take() noexcept {
    work* w = nullptr;
    lock();
    if (pending_ != 0) {
      w = first_;
      first_ = w->next;
      pending_ = pending_ - 1;
    }
    unlock();
    return w;
  }

  mutable typename fanout::detail::blocking<Platform>::mutex mutex_;
  // Guarded by mutex_. The list is linked by work::next; both ends mean something only while there is something in it.
  cell<work*> first_{nullptr};
  cell<work*> last_{nullptr};
  cell<std::size_t> pending_{0};
};

using manual_executor = basic_manual_executor<>;

static_assert(intrusive_executor<manual_executor::executor_type>);

}  // namespace fanout::testing

#endif
