// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_FOLDING_HPP
#define FANOUT_DETAIL_FOLDING_HPP

#include <atomic>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/baton.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/verdict.hpp"

namespace fanout::detail {

/// What an operation has besides where its policy folds: the baton, what is published and no report, and what the one that
/// has the baton does with it all. A member of `Op`, which is passed to each function. The baton carries the count: what
/// is published is released, and nothing may be touched afterwards.
template <class Op, class Slot, class Platform>
class folding {
  using node = fold_node<Platform>;
  template <class T>
  using cell = typename Platform::template cell<T>;

 public:
  /// By the policy, and not by a failure. The folder's, and after the last report anybody's.
  bool decided() const noexcept { return decided_; }
  /// At decided.
  bool delivered() const noexcept { return delivered_; }
  bool all_folded(const Op& op) const noexcept { return done_ == op.branches_; }
  bool sealed() const noexcept { return sealed_; }
  /// The folder's: nothing more is asked of the policy.
  bool is_over(const Op& op) const noexcept { return decided_ || op.failure_.any(); }

  FANOUT_NOINLINE void publish(Op& op, node& n) noexcept {
    [[maybe_unused]] bool due = false;
    const bool last = baton_.publish(n, [this, &op, &due](node& one) noexcept { return fold(op, one, due); });
    // Not the last: nothing of the operation is touched any more, unless it is kept for a delivery.
    if constexpr (Op::delivers_at_decided) {
      if (due) op.deliver_held();
    }
    // The baton carried the count, so that all references are released in one.
    if (last && op.release_all()) op.drained();
  }
  void deadline(Op& op) noexcept { publish(op, deadline_); }
  void seal(Op& op, std::size_t not_issued) noexcept {
    not_issued_ = not_issued;
    publish(op, seal_);
  }

  /// A branch has reported inside its own start. Nobody else folds meanwhile if it is `alone`.
  void report_inline(Op& op, Slot* slot) noexcept {
    if (!op.alone()) return publish(op, *slot);
    op.inline_done_.store(op.started_, std::memory_order_relaxed);  // the issuing right's
    if constexpr (Op::streams) op.streaming_.announce(op);
    fold_report(op, slot);
    if constexpr (Op::streams) op.streaming_.settle(op);
  }

  /// Asks the policy what may throw and returns a verdict.
  template <class Ask>
  void ask(Op& op, Ask&& ask) noexcept {
    FANOUT_TRY {
      if (ask() == verdict::go_on) return;
      decided_ = true;
    }
    FANOUT_CATCH_ALL { policy_threw(op); }
    op.stop_branches();
  }
  std::size_t not_issued() const noexcept { return not_issued_; }

 private:
  bool fold(Op& op, node& n, [[maybe_unused]] bool& due) noexcept {
    if constexpr (Op::streams) op.streaming_.announce(op);
    switch (n.what) {
      case published::report:
        fold_report(op, static_cast<Slot*>(&n));
        break;
      case published::seal:
        sealed_ = true;
        done_ = done_ + not_issued_;
        if constexpr (Op::streams) op.streaming_.announce_seal(op);
        break;
      case published::deadline:
        fold_deadline(op);
        op.pull_no_more();
        break;
      default:
        if constexpr (Op::streams) op.streaming_.fold(op, n);
        break;
    }
    if constexpr (Op::streams) op.streaming_.settle(op);
    if constexpr (Op::delivers_at_decided) {
      if ((decided_ || op.failure_.is_written()) && sealed_ && !delivered_ && !all_folded(op)) {
        delivered_ = due = true;
        [[maybe_unused]] const bool held = op.count_.try_hold();
      }
    }
    return sealed_ && all_folded(op);
  }

  void fold_report(Op& op, Slot* slot) noexcept {
    const std::size_t i = Op::index_of(slot);
    const branch_state state = slot->state();
    if constexpr (Op::streams) op.streaming_.end(op, slot);
    if (is_over(op) || (!Op::keeps_errors && op.failure_.any_stopped())) {
      op.late(slot, i);
    } else {
      verdict decision = verdict::go_on;
      bool threw = false;
      FANOUT_TRY {
        if (state == branch_state::value) {
          decision = fold_value(op, i, slot->value());
        } else if constexpr (Op::keeps_errors) {
          if (state == branch_state::failed) decision = op.combine_.on_error(i, std::move(slot->error()));
          if constexpr (requires { op.combine_.on_stopped(i); }) {
            if (state == branch_state::stopped) decision = op.combine_.on_stopped(i);
          }
        }
      }
      FANOUT_CATCH_ALL {
        policy_threw(op);
        threw = true;
      }
      slot->consume();
      if (decision == verdict::decided || threw) {
        decided_ = !threw;
        op.stop_branches();
      }
    }
    done_ = done_ + 1;
    if constexpr (Op::recycles) {
      slot->reopen();
      op.free_.give(*slot);
    }
    if constexpr (Op::pulls) op.completion_.pull_after(op, state != branch_state::value);
  }
  static verdict fold_value(Op& op, std::size_t i, typename Op::stored_type& value) {
    using returned = decltype(op.combine_.on_value(i, std::move(value)));
    if constexpr (std::is_same_v<returned, verdict>) {
      return op.combine_.on_value(i, std::move(value));
    } else {
      static_assert(std::is_void_v<returned>,
                    "fanout: a folding policy's on_value returns a fanout::verdict, or nothing");
      op.combine_.on_value(i, std::move(value));
      return verdict::go_on;
    }
  }
  FANOUT_COLD void fold_deadline(Op& op) noexcept {
    if (is_over(op) || (!Op::is_open && all_folded(op))) return;
    if constexpr (requires { op.combine_.on_deadline(); }) {
      FANOUT_TRY { decided_ = op.combine_.on_deadline(); }
      FANOUT_CATCH_ALL { policy_threw(op); }
      if (decided_) {
        op.stop_branches();
        return;
      }
    }
    // Unless on_deadline threw, or a branch has failed meanwhile.
    op.failure_.note_unless_any(error_traits<typename Op::error_type>::from(make_error_code(errc::deadline)),
                                reason::deadline);
    op.stop_branches();
  }
  FANOUT_COLD static void policy_threw(Op& op) noexcept {
    std::exception_ptr exception = std::current_exception();
    auto error = Op::error_from(exception, errc::policy_threw);
    op.failure_.note(no_index, std::move(error), std::move(exception));
  }

  baton<Platform> baton_;
  // What only the folder touches, until the last report and the seal are folded.
  cell<std::size_t> done_{0};        // #reports folded
  cell<std::size_t> not_issued_{0};  // the issuing right's, until the seal is published
  cell<bool> sealed_{false};
  cell<bool> decided_{false};    // by the policy, and not by a failure; it stays so
  cell<bool> delivered_{false};  // at decided
  node seal_{published::seal}, deadline_{published::deadline};
};

/// Slots whose reports are folded, on their way to the next branch. Given by the folder, taken by the issuing right.
template <class Slot, class Platform>
class free_slots {
  using node = fold_node<Platform>;

 public:
  void give(Slot& slot) noexcept {
    node* top = given_.load(std::memory_order_relaxed);  // relaxed: only seeds the exchange
    do {
      slot.next = top;
      // release: the slot as it was left. There is no ABA: nodes are taken all at once only.
    } while (!given_.compare_exchange_weak(top, &slot, std::memory_order_release, std::memory_order_relaxed));
  }
  /// pre: there is one
  Slot* take() noexcept {
    node* first = taken_;
    if (first == nullptr) first = given_.exchange(nullptr, std::memory_order_acquire);  // acquire: see above
    FANOUT_ASSERT(first != nullptr, "more branches were started at once than the window has slots");
    taken_ = first->next;
    return static_cast<Slot*>(first);
  }

 private:
  typename Platform::template atomic<node*> given_{nullptr};
  typename Platform::template cell<node*> taken_{nullptr};  // the issuing right's
};

}  // namespace fanout::detail

#endif
