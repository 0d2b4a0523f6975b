// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_WAIT_HPP
#define FANOUT_COMPLETION_WAIT_HPP

#include <mutex>
#include <optional>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/blocking.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/errc.hpp"

namespace fanout::completion {

/// A thread that blocks until an operation is delivered to it.
///
///     fanout::completion::waiter<Outcome> done;
///     {
///       auto issuer = fanout::issue<row>(n, fanout::combine::all, done.completion());
///       …                                      // start branches
///     }                                        // sealed: unsealed, it would wait for itself
///     Outcome outcome = done.wait();
///
/// Lives on the waiting thread's stack, serves one operation, and must not be destroyed before `wait` has returned. The
/// outcome is handed over and the waiter is notified **under the mutex**: its unlock is the library's last access, so that the
/// waiter may destroy everything as soon as it sees *delivered*. (Notifying after the unlock, or through an atomic flag
/// as std::latch does, would touch memory that the woken thread may have freed.)
///
/// Delivery does not queue behind completions that run on the delivering thread; and `wait` first runs what is queued on its
/// own and releases what this thread's batch scopes hold back, so that waiting inside one of these does not wait for itself. What
/// only this thread could complete otherwise, such as a handler in an event loop that it runs, it cannot: that is a documented
/// precondition.
template <class Outcome, class Platform = std_platform>
class waiter {
 public:
  waiter() = default;
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;
  ~waiter() {
    if (made_ && !waited_) fanout::detail::fatal("a waiter was destroyed before wait() returned");
  }

  /// The completion policy that delivers here. Once.
  [[nodiscard("nothing is delivered to the waiter without it")]] auto completion() noexcept {
    made_ = true;
    return delivers{this};
  }

  /// The same for `wait_until`: the waiter keeps a way to ask the operation to stop.
  [[nodiscard("nothing is delivered to the waiter without it")]] auto completion_with_deadline() noexcept {
    made_ = true;
    return delivers_until{{this}};
  }

  /// Blocks until the operation is delivered. Once, on the thread that owns the waiter. pre: sealed, or sealed by another thread
  [[nodiscard("the outcome of the operation")]] Outcome wait() {
    fanout::detail::settle_debts<Platform>();
    lock guard(mutex_);
    while (!outcome_) delivered_.wait(guard);
    return take();
  }

  /// Blocks until the operation is delivered. If the deadline passes before the last branch has reported, the outcome is
  /// decided as errc::deadline and the branches are asked to stop; the wait goes on until they have reported, so it may overrun.
  /// pre: the operation was made with `completion_with_deadline()`
  template <class TimePoint>
  [[nodiscard("the outcome of the operation")]] Outcome wait_until(const TimePoint& deadline) {
    fanout::detail::settle_debts<Platform>();
    lock guard(mutex_);
    while (!outcome_) {
      if (delivered_.wait_until(guard, deadline) == std::cv_status::no_timeout) continue;
      if (outcome_) break;  // delivered in the same moment: completion wins
      // The link is cut, under this mutex, before anything of the operation goes away: while it stands a reference can be
      // asked for. If there is none to be had, every branch has reported and the delivery is on its way: completion wins.
      const stop_link link = link_;
      if (link.op != nullptr && link.try_hold(link.op)) {
        guard.unlock();  // no user code under the lock: stop callbacks run in there
        link.decide_and_release(link.op);
        // What that made due on this thread waits behind the completion that this wait may be in.
        fanout::detail::settle_debts<Platform>();
        guard.lock();
      }
      while (!outcome_) delivered_.wait(guard);
    }
    return take();
  }

 private:
  using mutex_type = typename fanout::detail::blocking<Platform>::mutex;
  using lock = std::unique_lock<mutex_type>;

  struct stop_link {
    void* op = nullptr;
    bool (*try_hold)(void*) noexcept = nullptr;
    void (*decide_and_release)(void*) noexcept = nullptr;
  };

  struct delivers {
    static constexpr bool is_direct = true;
    waiter* to;
    void operator()(Outcome&& outcome) && noexcept { to->deliver(std::move(outcome)); }
  };

  struct delivers_until : delivers {
    template <class Op>
    void connect(Op& op) noexcept {
      this->to->link_ = {&op, [](void* o) noexcept { return static_cast<Op*>(o)->try_hold(); },
                         [](void* o) noexcept {
                           static_cast<Op*>(o)->deadline_passed();
                           static_cast<Op*>(o)->release_hold();
                         }};
    }
    void disconnect() noexcept {
      this->to->mutex_.lock();
      this->to->link_ = {};
      this->to->mutex_.unlock();
    }
  };

  // Under the lock to the end; see above. What is left of the outcome, moved from, is destroyed by the caller.
  void deliver(Outcome&& outcome) noexcept {
    mutex_.lock();
    outcome_.emplace(std::move(outcome));
    delivered_.notify_one();
    mutex_.unlock();
  }

  Outcome take() {
    waited_ = true;
    return *std::move(outcome_);
  }

  mutex_type mutex_;
  typename fanout::detail::blocking<Platform>::condition_variable delivered_;
  std::optional<Outcome> outcome_;      // guarded by mutex_; has a value once delivered
  stop_link link_;                      // set while the operation is made, before it is shared; cut under mutex_
  bool made_ = false, waited_ = false;  // the owner's
};

}  // namespace fanout::completion

#endif
