// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ISSUER_HPP
#define FANOUT_ISSUER_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/refcount/concept.hpp"
#include "fanout/result.hpp"

namespace fanout {

namespace detail {
struct issuing;
}

/// The issuing right: the RAII handle of the N+1st reference. While it exists the operation cannot complete, so that the
/// issuing code may read and write whatever belongs to it, even after the last remote completion. `seal` (or the destructor)
/// drops it; if all branches have reported by then, the completion runs inside that call, on this thread.
///
/// Move-only. One thread at a time: it may be handed to another thread between two starts (with the synchronisation that any
/// handing over of an object needs), but it is never moved, sealed or destroyed from inside its own `start`, and an
/// initiator returns on the thread that called it. Both are asserted.
///
/// Destroyed while an exception unwinds the issuing code: the branches not started settle as errc::not_issued, stop is
/// requested, the operation's cause is errc::issuer_threw, and the exception goes on to the caller. `fanout::issue(issuer, f)`
/// delivers the exception itself through the operation instead.
template <class Op>
class [[nodiscard("an issuer destroyed at once seals its operation with no branch started")]] basic_issuer {
  using platform = typename Op::platform;
  using slot_type = typename Op::slot_type;

 public:
  using operation = Op;
  using branch = typename Op::branch;
  using stop_token_type = typename Op::stop_token_type;

  basic_issuer() noexcept = default;
  basic_issuer(basic_issuer&& other) noexcept
      : op_(std::exchange(other.op_, nullptr)),
        next_(std::exchange(other.next_, no_index)),
        limit_(std::exchange(other.limit_, 0)),
        started_(other.started_),
        exceptions_(std::uncaught_exceptions()) {
    FANOUT_ASSERT(!inside_own_start(), "an issuer must not be moved from inside its own start");
  }
  basic_issuer& operator=(basic_issuer&& other) noexcept {
    basic_issuer taken(std::move(other));
    std::swap(op_, taken.op_);
    std::swap(next_, taken.next_);
    std::swap(limit_, taken.limit_);
    std::swap(started_, taken.started_);
    std::swap(exceptions_, taken.exceptions_);
    return *this;
  }
  ~basic_issuer() {
    if (op_ == nullptr) return;
    if (std::uncaught_exceptions() > exceptions_) [[unlikely]] {
      abort(std::exception_ptr{});
    } else {
      std::move(*this).seal();
    }
  }

  /// Starts branch `i`: calls `initiator(branch)` or `initiator(branch, stop_token)` on this thread, where `branch` is the
  /// handle through which it completes. A branch may complete before `start` returns, which costs no atomic operation.
  ///
  /// Each index at most once, in any order; increasing from 0 is cheapest. Once stop has been requested, the branch is
  /// settled as stopped and the initiator does not run. An exception out of the initiator is that branch's error.
  /// Started twice, or i >= N: asserts; runs nothing; the operation's cause becomes errc::already_started or
  /// errc::no_such_branch.
  template <class Initiator>
  void start(std::size_t i, Initiator&& initiator) {
    if (slot_type* slot = claim(i)) [[likely]] {
      if (op_->stop_.stop_requested()) [[unlikely]] return op_->settle_unstarted(slot);
      launch(slot, initiator);
    }
  }

  /// Starts the next branch: the only way where N is unknown, where it may have to allocate.
  /// When there is no memory: runs nothing; the operation's cause becomes errc::out_of_memory.
  template <class Initiator>
  void start(Initiator&& initiator) {
    if (slot_type* slot = claim_next()) [[likely]] {
      if (op_->stop_.stop_requested()) [[unlikely]] return op_->settle_unstarted(slot);
      launch(slot, initiator);
    }
  }

  /// As `start`, but once stop has been requested it leaves the branch alone, to settle as not issued at the seal, and says
  /// so. The error tells why the initiator did not run.
  template <class Initiator>
  [[nodiscard("whether the initiator has run")]] result<void> try_start(std::size_t i, Initiator&& initiator) {
    if (op_ == nullptr) return unexpected(make_error_code(errc::closed));
    if (op_->stop_.stop_requested()) return unexpected(make_error_code(errc::stopped));
    slot_type* slot = claim(i);
    if (slot == nullptr) return unexpected(make_error_code(refused_));
    launch(slot, initiator);
    return {};
  }
  template <class Initiator>
  [[nodiscard("whether the initiator has run")]] result<void> try_start(Initiator&& initiator) {
    if (op_ == nullptr) return unexpected(make_error_code(errc::closed));
    if (op_->stop_.stop_requested()) return unexpected(make_error_code(errc::stopped));
    slot_type* slot = claim_next();
    if (slot == nullptr) return unexpected(make_error_code(refused_));
    launch(slot, initiator);
    return {};
  }

  /// Starts branch `i` through a C interface: calls `initiator(out, callback, context)`, where `out` points to the branch's
  /// slot (no `out` if the branch has no value), and reads what it returns as the callback policy does. For
  /// `errno_callback`: -EINPROGRESS means "I shall call you", anything else "done, I shall not call you": 0 for success,
  /// otherwise an error. Exactly one of the two channels reports. Otherwise as `start`.
  template <class Initiator>
  void start_c(std::size_t i, Initiator&& initiator) {
    if (slot_type* slot = claim(i)) [[likely]] {
      if (op_->stop_.stop_requested()) [[unlikely]] return op_->settle_unstarted(slot);
      launch_c(slot, initiator);
    }
  }
  template <class Initiator>
  void start_c(Initiator&& initiator) {
    if (slot_type* slot = claim_next()) [[likely]] {
      if (op_->stop_.stop_requested()) [[unlikely]] return op_->settle_unstarted(slot);
      launch_c(slot, initiator);
    }
  }

  /// Drops the issuer's reference: no further branches. Branches that were not started settle as errc::not_issued. Runs the
  /// completion before it returns if every branch has reported. Costs one read-modify-write, or none when every branch
  /// completed inline and nothing else ever held a reference.
  void seal() && noexcept {
    FANOUT_ASSERT(op_ != nullptr, "this issuer has been sealed already, or was moved from");
    if (op_ == nullptr) return;
    FANOUT_ASSERT(!inside_own_start(), "an issuer must not be sealed from inside its own start");
    // The issuing code's own fields go first: after the release the operation may be gone.
    Op* op = std::exchange(op_, nullptr);
    const std::size_t issued = started();
    const std::size_t known = op->known_branches();
    if (issued < known) [[unlikely]] op->settle_not_issued(*this, issued);
    next_ = no_index;
    limit_ = 0;
    op->seal(issued);
  }

  /// How many branches have been started.
  [[nodiscard]] std::size_t started() const noexcept { return next_ != no_index ? next_ : started_; }

  /// Whether stop has been requested: starting more is pointless. pre: not spent
  [[nodiscard]] bool stop_requested() const noexcept { return op_->stop_.stop_requested(); }
  /// Asks the started branches to stop. They report all the same. pre: not spent
  void request_stop() noexcept { op_->stop_.request_stop(); }
  /// pre: not spent
  [[nodiscard]] auto stop_token() const noexcept { return op_->stop_.get_token(); }

  /// The policies where they lie in the operation. Whatever the issuing code has to read or write there, now is the time:
  /// nothing completes before the seal. What branches touch too (on_error) is the policy's to synchronise. pre: not spent
  [[nodiscard]] auto& completion() noexcept { return op_->completion_; }
  [[nodiscard]] auto& combine() noexcept { return op_->combine_; }

  /// False once sealed or moved from.
  explicit operator bool() const noexcept { return op_ != nullptr; }

 private:
  friend Op;
  friend struct detail::issuing;

  explicit basic_issuer(Op* op) noexcept
      : op_(op), next_(0), limit_(op->first_limit()), exceptions_(std::uncaught_exceptions()) {}

  bool inside_own_start() const noexcept {
    if constexpr (Op::counts_inline) {
      return op_ != nullptr && platform::extent() == op_;
    } else {
      return false;
    }
  }

  // The dynamic extent of start: pushes the operation on this thread's stack of "operations now in start".
  class extent {
   public:
    explicit extent(Op* op) noexcept {
      if constexpr (Op::counts_inline) {
        op_ = op;
        previous_ = std::exchange(platform::extent(), op);
      }
    }
    extent(const extent&) = delete;
    extent& operator=(const extent&) = delete;
    ~extent() {
      if constexpr (Op::counts_inline) {
        FANOUT_ASSERT(platform::extent() == op_, "an initiator must return on the thread that called it");
        platform::extent() = previous_;
      }
    }

   private:
    const void* op_ = nullptr;  // dead in release builds
    const void* previous_ = nullptr;
  };

  slot_type* claim(std::size_t i) noexcept {
    if (i == next_ && i < limit_) [[likely]] return op_->slot_at_next(next_++);
    return claim_out_of_order(i);
  }

  slot_type* claim_next() noexcept {
    if (next_ < limit_) [[likely]] return op_->slot_at_next(next_++);
    return claim_beyond();
  }

  FANOUT_COLD slot_type* claim_out_of_order(std::size_t i) noexcept {
    FANOUT_ASSERT(op_ != nullptr, "start on an issuer that has been sealed or moved from");
    if (op_ == nullptr) return nullptr;
    if constexpr (Op::is_open) {
      FANOUT_ASSERT(i == next_, "where N is unknown, branches are started in order: start(initiator)");
      return i == next_ ? claim_next() : refuse(i, i < next_ ? errc::already_started : errc::no_such_branch);
    } else {
      FANOUT_ASSERT(i < op_->known_branches(), "start(i) with i >= N");
      if (i >= op_->known_branches()) return refuse(i, errc::no_such_branch);
      if (next_ != no_index) {  // from here on a bit per branch says which were started
        op_->begin_started_bits(next_);
        started_ = next_;
        next_ = no_index;
      }
      const bool fresh = op_->set_started_bit(i);
      FANOUT_ASSERT(fresh, "start(i) twice with the same i");
      if (!fresh) return refuse(i, errc::already_started);
      ++started_;
      return op_->slot_at(i);
    }
  }

  FANOUT_COLD slot_type* claim_beyond() noexcept {
    FANOUT_ASSERT(op_ != nullptr, "start on an issuer that has been sealed or moved from");
    if (op_ == nullptr) return nullptr;
    if constexpr (Op::is_open) {
      if (!op_->grow(next_, limit_)) {
        refused_ = next_ < refcount::max_branches ? errc::out_of_memory : errc::too_many;
        return refuse(no_index, refused_);
      }
      return op_->slot_at_next(next_++);
    } else {
      FANOUT_ASSERT(false, "start(initiator) after N branches, or after start(i) out of order");
      return refuse(no_index, errc::no_such_branch);
    }
  }

  FANOUT_COLD slot_type* refuse(std::size_t i, errc why) noexcept {
    refused_ = why;
    op_->refuse(i, why);
    return nullptr;
  }

  template <class Initiator>
  void launch(slot_type* slot, Initiator& initiator) {
    op_->count_started();
    extent now(op_);
    if constexpr (std::is_invocable_v<Initiator&, branch, stop_token_type>) {
      guard<std::is_nothrow_invocable_v<Initiator&, branch, stop_token_type>>(
          slot, [&] { static_cast<void>(initiator(branch(slot), op_->stop_.get_token())); });
    } else {
      static_assert(std::is_invocable_v<Initiator&, branch>,
                    "fanout: an initiator is called as f(branch) or f(branch, stop_token): take the branch by value, e.g. "
                    "[&](auto branch) { async_read(host, std::move(branch)); }");
      guard<std::is_nothrow_invocable_v<Initiator&, branch>>(
          slot, [&] { static_cast<void>(initiator(branch(slot))); });
    }
  }

  template <bool Nothrow, class F>
  void guard(slot_type* slot, F&& call) {
    if constexpr (Nothrow) {
      call();
    } else {
      FANOUT_TRY { call(); }
      FANOUT_CATCH_ALL { op_->initiator_threw(slot, Op::is_open ? next_ - 1 : op_->index_at(slot)); }
    }
  }

  template <class Initiator>
  void launch_c(slot_type* slot, Initiator& initiator) {
    using policy = typename Op::callback_type;
    op_->count_started();
    const auto door = Op::open_c_door(slot);
    if (!door) [[unlikely]] return op_->c_door_failed(slot);
    FANOUT_TRY {
      auto status = [&] {
        extent now(op_);
        if constexpr (std::is_void_v<typename Op::value_type>) {
          return initiator(door.callback, door.context);
        } else {
          return initiator(door.out, door.callback, door.context);
        }
      }();
      if (policy::completes_later(status)) return;
      op_->completed_by_return(slot, door.context, status);
    }
    FANOUT_CATCH_ALL { op_->c_initiator_threw(slot, door.context); }
  }

  // Settles what was not started because the issuing code failed, and seals.
  FANOUT_COLD void abort(std::exception_ptr exception) noexcept {
    if (op_ == nullptr) return;
    if (Op::is_open || started() < op_->known_branches() || exception) {
      op_->issuing_failed(std::move(exception));
    }
    std::move(*this).seal();
  }

  Op* op_ = nullptr;
  std::size_t next_ = no_index;  // in order: the next index. no_index: spent, or started out of order
  std::size_t limit_ = 0;        // next_ < limit_: there is a slot for it
  std::size_t started_ = 0;      // out of order only
  int exceptions_ = 0;           // exceptions in flight when this object was made
  errc refused_ = errc::closed;  // why the last claim failed
};

}  // namespace fanout

#endif
