// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ISSUER_HPP
#define FANOUT_ISSUER_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/config.hpp"
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
/// initiator returns on the thread that called it. Both are asserted, where that start is the innermost on its thread.
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
  FANOUT_ALWAYS_INLINE basic_issuer(basic_issuer&& other) noexcept
      : op_(std::exchange(other.op_, nullptr)),
        next_(std::exchange(other.next_, 0)),
        gate_(std::exchange(other.gate_, closed())),
        exceptions_(exceptions_in_flight()),
        total_(other.total_) {
    FANOUT_ASSERT(!inside_own_start(), "an issuer must not be moved from inside its own start");
  }
  FANOUT_ALWAYS_INLINE basic_issuer& operator=(basic_issuer&& other) noexcept {
    basic_issuer taken(std::move(other));
    std::swap(op_, taken.op_);
    std::swap(next_, taken.next_);
    std::swap(gate_, taken.gate_);
    std::swap(exceptions_, taken.exceptions_);
    std::swap(total_, taken.total_);
    return *this;
  }
  // Inlined even where the compiler deems the path cold, as every member is that start's callers see: this object's address is
  // known to nobody then, and its fields live in registers across the calls to the initiators.
  FANOUT_ALWAYS_INLINE ~basic_issuer() {
    if (op_ == nullptr || is_out_of_hand()) return;
    // Where all were started, unwinding is nothing that the operation has to know of.
    if ((Op::is_open || started() != op_->known_branches()) && std::uncaught_exceptions() > exceptions_) [[unlikely]] {
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
  FANOUT_ALWAYS_INLINE void start(std::size_t i, Initiator&& initiator) {
    Op* const op = op_;
    slot_type* const slot = claim(i, true).slot;
    if (slot == nullptr) [[unlikely]]
      return;
    launch(op, slot, i, initiator);
  }

  /// Starts the next branch: the only way where N is unknown, where it may have to allocate.
  /// When there is no memory: runs nothing; the operation's cause becomes errc::out_of_memory.
  template <class Initiator>
  FANOUT_ALWAYS_INLINE void start(Initiator&& initiator) {
    Op* const op = op_;
    const std::size_t i = next_;
    slot_type* const slot = claim_next(true).slot;
    if (slot == nullptr) [[unlikely]]
      return;
    launch(op, slot, i, initiator);
  }

  /// As `start`, but once stop has been requested it leaves the branch alone, to settle as not issued at the seal, and says
  /// so. The error tells why the initiator did not run.
  template <class Initiator>
  [[nodiscard("whether the initiator has run")]] result<void> try_start(std::size_t i, Initiator&& initiator) {
    if (op_ == nullptr || is_out_of_hand()) return unexpected(make_error_code(errc::closed));
    if (op_->stop_.stop_requested()) return unexpected(make_error_code(errc::stopped));
    const auto one = claim(i, false);
    if (one.slot == nullptr) return unexpected(make_error_code(one.refused));
    launch(op_, one.slot, i, initiator);
    return {};
  }
  template <class Initiator>
  [[nodiscard("whether the initiator has run")]] result<void> try_start(Initiator&& initiator) {
    if (op_ == nullptr || is_out_of_hand()) return unexpected(make_error_code(errc::closed));
    if (op_->stop_.stop_requested()) return unexpected(make_error_code(errc::stopped));
    const std::size_t i = next_;
    const auto one = claim_next(false);
    if (one.slot == nullptr) return unexpected(make_error_code(one.refused));
    launch(op_, one.slot, i, initiator);
    return {};
  }

  /// Starts branch `i` through a C interface: calls `initiator(out, callback, context)`, where `out` points to the branch's
  /// slot (no `out` if the branch has no value), and reads what it returns as the callback policy does. For
  /// `errno_callback`: -EINPROGRESS means "I shall call you", anything else "done, I shall not call you": 0 for success,
  /// otherwise an error. Exactly one of the two channels reports. Otherwise as `start`.
  template <class Initiator>
  FANOUT_ALWAYS_INLINE void start_c(std::size_t i, Initiator&& initiator) {
    Op* const op = op_;
    slot_type* const slot = claim(i, true).slot;
    if (slot == nullptr) [[unlikely]]
      return;
    launch_c(op, slot, initiator);
  }
  template <class Initiator>
  FANOUT_ALWAYS_INLINE void start_c(Initiator&& initiator) {
    Op* const op = op_;
    slot_type* const slot = claim_next(true).slot;
    if (slot == nullptr) [[unlikely]]
      return;
    launch_c(op, slot, initiator);
  }

  /// Drops the issuer's reference: no further branches. Branches that were not started settle as errc::not_issued. Runs the
  /// completion before it returns if every branch has reported. Costs one read-modify-write, or none when every branch
  /// completed inline and nothing else ever held a reference.
  FANOUT_ALWAYS_INLINE void seal() && noexcept {
    FANOUT_ASSERT(op_ != nullptr, "this issuer has been sealed already, or was moved from");
    if (op_ == nullptr) return;
    if (is_out_of_hand()) return forget();
    FANOUT_ASSERT(!inside_own_start(), "an issuer must not be sealed from inside its own start");
    // The issuing code's own fields go first: after the release the operation may be gone.
    const std::size_t issued = started();
    Op* const op = op_;
    forget();
    op->seal(issued);
  }

  /// How many branches have been started; 0 once spent.
  [[nodiscard]] FANOUT_ALWAYS_INLINE std::size_t started() const noexcept {
    if constexpr (!Op::issuer_has_reference) return next_;
    else return op_ != nullptr ? op_->started(next_) : 0;
  }

  /// Whether stop has been requested: starting more is pointless. pre: not spent
  [[nodiscard]] bool stop_requested() const noexcept { return op_->stop_.stop_requested(); }
  /// Whether more branches would make no difference: stop was requested, or a policy that decides early has decided. pre: not spent
  [[nodiscard]] bool is_decided() const noexcept { return op_->is_decided(); }
  /// Asks the started branches to stop. They report all the same. pre: not spent
  void request_stop() noexcept { op_->stop_all(); }
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

  FANOUT_ALWAYS_INLINE explicit basic_issuer(Op* op) noexcept
      : op_(op), gate_(&op->gate_), exceptions_(exceptions_in_flight()), total_(op) {}

  // With N known only an issuer that dies before it has started all is ever asked whether it is being unwound, and then takes
  // any exception in flight for the reason: to ask when it is made costs as much as a branch.
  static int exceptions_in_flight() noexcept { return Op::is_open ? std::uncaught_exceptions() : 0; }

  bool inside_own_start() const noexcept {
    if constexpr (Op::counts_inline) {
      return op_ != nullptr && platform::extent() == op_->identity();
    } else {
      return false;
    }
  }

  // The dynamic extent of start: pushes the operation on this thread's stack of "operations now in start".
  class extent {
   public:
    explicit extent(Op* op) noexcept {
      if constexpr (Op::counts_inline) {
        op_ = op->identity();
        previous_ = std::exchange(platform::extent(), op_);
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

  using claimed = typename Op::claimed;
  using gate = typename platform::template atomic<std::size_t>;
  // What a spent issuer looks at, so that start need not ask whether there is an operation. A static object cannot be one of the
  // explorer's atomics; its scenarios start nothing on a spent issuer.
  static const gate* closed() noexcept {
    if constexpr (std::is_same_v<gate, std::atomic<std::size_t>>) {
      static constinit const gate shut{0};
      return &shut;
    } else {
      return nullptr;
    }
  }

  // What is not in order goes through the operation, and takes and returns values: see the destructor.
  // acquire: a gate that a stop request closed; see stop_branches.
  FANOUT_ALWAYS_INLINE claimed claim(std::size_t i, bool settle) noexcept {
    const std::size_t expected = next_;
    if constexpr (!Op::issuer_has_reference) {
      FANOUT_ASSERT(i == expected, "without a reference of the issuing code's, branches are started in order");
      return i == expected ? claim_next(settle) : claimed{nullptr, errc::no_such_branch};
    } else if constexpr (Op::is_open) {
      if (i == expected) [[likely]]
        return claim_next(settle);
      return {nullptr, Op::refuse_index(op_, i, expected)};
    } else {
      next_ = i + 1;  // out of order, nobody asks: so the compiler may find that it is the loop's own counter
      if (i == expected && i < gate_->load(std::memory_order_acquire)) [[likely]]
        return {op_->slot_at(i), {}};
      const claimed one = Op::claim_otherwise(op_, i, expected, settle);
      if (!settle && one.slot == nullptr) next_ = expected;
      return one;
    }
  }

  FANOUT_ALWAYS_INLINE claimed claim_next(bool settle) noexcept {
    const std::size_t i = next_;
    if constexpr (!Op::issuer_has_reference) {
      FANOUT_ASSERT(!is_out_of_hand(), "start after the last branch, on an operation that may be gone");
      if (is_out_of_hand()) return {nullptr, errc::closed};
    }
    if (i < gate_->load(std::memory_order_acquire) && (!Op::is_open || !op_->stop_.stop_requested())) [[likely]] {
      next_ = i + 1;
      return {op_->slot_at_next(i), {}};
    }
    const auto one = Op::claim_next_otherwise(op_, i, settle);
    if (one.counted) next_ = i + 1;
    return {one.slot, one.refused};
  }

  template <class Initiator>
  FANOUT_ALWAYS_INLINE static void launch(Op* op, slot_type* slot, std::size_t i, Initiator& initiator) {
    static_assert(Op::issuer_has_reference || std::is_nothrow_invocable_v<Initiator&, branch, stop_token_type> ||
                      std::is_nothrow_invocable_v<Initiator&, branch>,
                  "fanout: without a reference of the issuing code's nobody is there for an exception: make the "
                  "initiator noexcept");
    op->count_started(i);
    extent now(op);
    const auto outer = op->begin_start(i);
    if constexpr (std::is_invocable_v<Initiator&, branch, stop_token_type>) {
      guard<std::is_nothrow_invocable_v<Initiator&, branch, stop_token_type>>(
          op, slot, i, [&] { static_cast<void>(initiator(branch(slot), op->stop_.get_token())); });
    } else {
      static_assert(
          std::is_invocable_v<Initiator&, branch>,
          "fanout: an initiator is called as f(branch) or f(branch, stop_token): take the branch by value, e.g. "
          "[&](auto branch) { async_read(host, std::move(branch)); }");
      guard<std::is_nothrow_invocable_v<Initiator&, branch>>(op, slot, i,
                                                             [&] { static_cast<void>(initiator(branch(slot))); });
    }
    op->end_start(slot, i, outer);
  }

  template <bool Nothrow, class F>
  FANOUT_ALWAYS_INLINE static void guard(Op* op, slot_type* slot, std::size_t i, F&& call) {
    if constexpr (Nothrow) {
      call();
    } else {
      FANOUT_TRY { call(); }
      FANOUT_CATCH_ALL { op->initiator_threw(slot, i); }
    }
  }

  template <class Initiator>
  FANOUT_ALWAYS_INLINE static void launch_c(Op* op, slot_type* slot, Initiator& initiator) {
    using policy = typename Op::callback_type;
    static_assert(Op::issuer_has_reference,
                  "fanout: what a C function returns is looked at after it has returned, which takes a reference of "
                  "the issuing code's: use refcount::atomic");
    op->count_started(Op::index_of(slot));
    const auto door = Op::open_c_door(slot);
    if (!door) [[unlikely]]
      return op->c_door_failed(slot);
    const typename Op::c_start start(*op, slot);
    FANOUT_TRY {
      auto status = [&] {
        extent now(op);
        if constexpr (std::is_void_v<typename Op::value_type>) {
          return initiator(door.callback, door.context);
        } else {
          return initiator(door.out, door.callback, door.context);
        }
      }();
      if (policy::completes_later(status)) return;
      op->completed_by_return(start, slot, door.context, status);
    }
    FANOUT_CATCH_ALL { op->c_initiator_threw(start, slot, door.context); }
  }

  // Without a reference, from the last start on.
  bool is_out_of_hand() const noexcept {
    if constexpr (Op::issuer_has_reference) {
      return false;
    } else {
      return total_.branches != 0 && next_ == total_.branches;
    }
  }
  void forget() noexcept {
    op_ = nullptr;
    next_ = 0;
    gate_ = closed();
  }

  // N unknown, and there was more to start than was started. pre: not spent
  void cut_short() noexcept {
    if constexpr (Op::is_open) op_->first_not_issued_ = started();
  }

  // Settles what was not started because the issuing code failed, and seals.
  FANOUT_ALWAYS_INLINE void abort(std::exception_ptr exception) noexcept {
    if (op_ == nullptr) return;
    const std::size_t issued = started();
    Op* const op = op_;
    forget();
    op->abort(issued, std::move(exception));
  }

  Op* op_ = nullptr;             // null: spent
  std::size_t next_ = 0;         // in order: how many were started, and the next index
  const gate* gate_ = closed();  // the operation's; of its own where spent
  int exceptions_ = 0;           // exceptions in flight when this object was made

  // N, where the operation may be gone when the issuing code wants to know it.
  struct known {
    known() = default;
    explicit known(Op* op) noexcept : branches(op->known_branches()) {}
    std::size_t branches = 0;
  };
  struct unknown {
    unknown() = default;
    explicit unknown(Op*) noexcept {}
  };
  [[no_unique_address]] std::conditional_t<Op::issuer_has_reference, unknown, known> total_;
};

}  // namespace fanout

#endif
