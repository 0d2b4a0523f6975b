// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_MONITORED_HPP
#define FANOUT_COMPLETION_MONITORED_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "fanout/completion/adaptor.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/errc.hpp"

namespace fanout::completion {

/// Adds a monitor to a completion: the operation tells it of each start and each report, and that it is delivered.
///
///     fanout::monitor m;
///     auto issuer = fanout::issue<row>(n, fanout::combine::all, fanout::completion::monitored(m, completion));
///
/// What the monitor keeps is its own, so it holds neither the operation nor a branch, and may go, or be asked, at any time. Room for
/// its records is taken when the operation is made (where N is unknown, also while it grows); if there is none, the operation's cause
/// is errc::out_of_memory and no branch runs any more.
///
/// Cost: per branch a look at the clock, three stores and one relaxed load; per report a store and one read-modify-write on a
/// word that all branches of the operation share. An operation without a monitor has none of it.
template <class Monitor, class Completion>
class monitored : public adaptor<Completion> {
  using base = adaptor<Completion>;
  static constexpr bool has_labels = requires(base& b) { b.label(std::size_t{}); };

 public:
  static constexpr bool watches = true;

  monitored(Monitor monitor, Completion completion) noexcept
      : base(std::move(completion)), monitor_(std::move(monitor)) {}
  monitored(monitored&&) = default;

  template <class Op>
  void connect(Op& op) noexcept {
    this->connect_inner(op);
    op_ = &op;
    fail_ = [](void* to) noexcept { static_cast<Op*>(to)->fail(errc::out_of_memory); };
    if (!monitor_.template begin<Op::is_open, Op::grows>(op.width(), has_labels)) fail();
  }

  void started(std::size_t i) noexcept {
    bool noted = true;
    FANOUT_TRY {
      if constexpr (has_labels) {
        noted = monitor_.started(i, base::label(i));
      } else {
        noted = monitor_.started(i, {});
      }
    }
    FANOUT_CATCH_ALL { noted = monitor_.started(i, {}); }
    if (!noted) [[unlikely]]
      fail();
    if constexpr (base::watches) base::started(i);
  }
  void failing(std::size_t i) noexcept {
    monitor_.failing(i);
    if constexpr (requires(base& b) { b.failing(i); }) base::failing(i);
  }
  void reported(std::size_t i, bool failed) noexcept {
    monitor_.reported(i);
    if constexpr (base::watches) base::reported(i, failed);
  }

  /// What is wrapped.
  Completion& inner() noexcept { return this->inner_; }

  // Stays, for stragglers: what leaves has a handle of its own.
  auto take() noexcept {
    using taken = decltype(base::take());
    return monitored<Monitor, taken>(monitor_, base::take());
  }

  template <class Outcome>
    requires std::is_invocable_v<Completion, Outcome>
  void operator()(Outcome&& outcome) && noexcept(std::is_nothrow_invocable_v<Completion, Outcome>) {
    // A thread that is woken up with the outcome finds it delivered.
    if constexpr (base::hands_over) monitor_.delivered();
    static_cast<base&&>(*this)(std::forward<Outcome>(outcome));
    if constexpr (!base::hands_over) monitor_.delivered();
  }

 private:
  // Once.
  FANOUT_COLD void fail() noexcept {
    if (fail_ != nullptr) std::exchange(fail_, nullptr)(op_);
  }

  Monitor monitor_;
  void* op_ = nullptr;  // set by connect
  void (*fail_)(void*) noexcept = nullptr;
};

}  // namespace fanout::completion

#endif
