// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_DEADLINE_HPP
#define FANOUT_COMPLETION_DEADLINE_HPP

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/completion/adaptor.hpp"
#include "fanout/timer.hpp"

namespace fanout::completion {

/// Adds a deadline to a completion: if it passes first, the outcome is errc::deadline, or whatever the combine policy makes of
/// one, and all branches are asked to stop. When it is delivered then is the operation's: at drained, the default, when the
/// branches have reported; so a deadline bounds when they are *asked* to stop.
///
/// Completion wins over a deadline that passes when every branch has reported, even if the seal is still to come; an error or a stop
/// that came first wins, too (E7). The timer does not hold the operation, only its memory: once disarmed by the last completer,
/// whether its function still runs is known to the timer service alone, and if it does, it finds the operation drained.
///
/// The timer service outlives the operation, and its function runs the branches' stop callbacks and, if it takes the last
/// reference away, the completion: on the service's thread.
template <class Timer, class Completion>
class deadline : public adaptor<Completion> {
 public:
  using time_point = typename Timer::time_point;
  static constexpr bool keeps_storage = true;

  deadline(Timer& timer, time_point when, Completion completion) noexcept
      : adaptor<Completion>(std::move(completion)), timer_(&timer), when_(when) {}
  /// pre: not connected
  deadline(deadline&& other) noexcept
      : adaptor<Completion>(std::move(other)), timer_(other.timer_), when_(other.when_) {}
  ~deadline() {
    if (op_ != nullptr) std::destroy_at(&entry_);
  }

  template <class Op>
  void connect(Op& op) noexcept {
    this->connect_inner(op);
    op_ = &op;
    passed_ = [](void* to) noexcept {
      Op& late = *static_cast<Op*>(to);
      if (late.try_hold()) {  // not drained
        late.deadline_passed();
        late.release_hold();
      }
      late.drop_storage();
    };
    drop_ = [](void* to) noexcept { static_cast<Op*>(to)->drop_storage(); };
    op.keep_storage();  // the timer's
    ::new (static_cast<void*>(&entry_)) entry(this);
    timer_->arm(entry_, when_);
  }

  void disconnect() noexcept {
    // Inside the entry's own function: false, and that function drops what it keeps.
    if (timer_->cancel(entry_)) drop_(op_);
    this->disconnect_inner();
  }

 private:
  struct entry : Timer::entry {
    explicit entry(deadline* of)
        : Timer::entry([](typename Timer::entry& e) noexcept {
            deadline& passed = *static_cast<entry&>(e).self;
            passed.passed_(passed.op_);  // may be the end of both
          }),
          self(of) {}
    deadline* self;
  };

  Timer* timer_;
  time_point when_;
  void* op_ = nullptr;  // set by connect
  void (*passed_)(void*) noexcept = nullptr;
  void (*drop_)(void*) noexcept = nullptr;
  union {
    entry entry_;  // exists from connect on
  };
};

}  // namespace fanout::completion

#endif
