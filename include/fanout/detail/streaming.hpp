// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_STREAMING_HPP
#define FANOUT_DETAIL_STREAMING_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/baton.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/stream.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/stream.hpp"
#include "fanout/verdict.hpp"

namespace fanout::detail {

/// What a folding operation has besides where branches are streams: what producers do, and what the one that has the baton
/// does for them. A member of `Op`, which is passed to each function. See detail/stream.hpp.
template <class Op, class Slot, class Platform>
class streaming {
  using item_type = typename Slot::item_type;
  using key_type = typename Slot::key_type;
  using stream = stream_node<item_type, key_type, Platform>;
  using emission = detail::emission<item_type, key_type, Platform>;
  using link = typename stream::link;
  using node = fold_node<Platform>;
  template <class T>
  using cell = typename Platform::template cell<T>;

 public:
  streaming() noexcept {
    waiting_.next = waiting_.previous = &waiting_;
    ready_.next = ready_.previous = &ready_;
  }

  // ---- by the branch, which keeps the operation: nothing that it publishes here is the last -------------------------------

  template <class Item>
  static flow emit(Op& op, Slot* slot, Item* items, std::size_t n) noexcept {
    static_assert(std::is_nothrow_constructible_v<item_type, Item&&>,
                  "fanout: emitted items are moved out of their range: pass one whose items are not const");
    if (op.stop_.stop_requested()) return flow::stop;
    if (n != 0) {
      emission* const e = take(op, slot, n);
      if (e == nullptr) return flow::stop;
      e->fill(items, n);
      slot->count_emitted(n);
      op.folding_.publish(op, *e);
    }
    return flow_of(op, slot);
  }
  static flow emit_watermark(Op& op, Slot* slot, const key_type& bound) noexcept {
    if (op.stop_.stop_requested()) return flow::stop;
    emission* const e = take(op, slot, 0);
    if (e == nullptr) return flow::stop;
    e->mark(bound);
    op.folding_.publish(op, *e);
    return flow_of(op, slot);
  }
  template <class F>
  static void on_resume(Op& op, Slot* slot, F&& f) noexcept {
    const bool fresh = slot->wish(std::forward<F>(f));
    FANOUT_ASSERT(fresh, "on_resume was given a function already, which has not been called yet");
    if (fresh) op.folding_.publish(op, slot->wish_node());
  }
  /// Somebody has requested a stop: nobody need wait any more. pre: a reference is held
  void stop(Op& op) noexcept { op.folding_.publish(op, stop_); }

  // ---- by the folder ------------------------------------------------------------------------------------------------------

  void fold(Op& op, node& n) noexcept {
    if (n.what == published::emission) {
      fold_emission(op, static_cast<emission&>(n));
    } else if (n.what == published::resume) {
      stream& s = stream::of_wish(n);
      s.waiting.insert_before(may_resume(op, s) ? ready_ : waiting_);
    }
  }

  /// Before the policy hears of a stream, it knows how many there are.
  void announce(Op& op) noexcept {
    if (closed_ || op.folding_.is_over(op)) return;
    const std::size_t n =
        Op::is_open ? op.started_.load(std::memory_order_relaxed) : static_cast<std::size_t>(op.branches_);
    if (n > announced_) {
      if (!op.combine_.on_streams(n)) [[unlikely]]
        return no_memory(op);
      announced_ = n;
    }
    if constexpr (!Op::is_open) announce_all(op);
  }
  void announce_seal(Op& op) noexcept {
    if (closed_ || op.folding_.is_over(op)) return;
    if constexpr (Op::is_open) {
      announce_all(op);
    } else if (op.folding_.not_issued() != 0) [[unlikely]] {
      op.for_each_not_issued(op.branches_, [&](std::size_t i) noexcept {
        if (!op.folding_.is_over(op)) op.folding_.ask(op, [&] { return op.combine_.on_not_issued(i); });
      });
    }
  }

  /// The branch has reported.
  void end(Op& op, Slot* slot) noexcept {
    if (slot->waiting.is_linked()) slot->waiting.unlink();
    slot->end(op.allocator_);
  }

  /// After what may have changed something: does what has become due.
  void settle(Op& op) noexcept {
    if (!closed_ && (op.folding_.is_over(op) || (op.folding_.sealed() && op.folding_.all_folded(op)))) {
      closed_ = true;
      op.combine_.give_up();
    }
    // There may be no room, but nobody wants more: that is what they are to be told.
    if (!waiting_.is_alone() && op.stop_.stop_requested()) [[unlikely]] {
      while (!waiting_.is_alone()) make_ready(waiting_.first());
    }
    while (!ready_.is_alone()) {
      auto& first = ready_.first();
      first.unlink();
      first.of->call_resume();  // which may do whatever a producer may
    }
  }

 private:
  static emission* take(Op& op, Slot* slot, std::size_t n) noexcept {
    FANOUT_ASSERT(!slot->has_wish(), "a branch that waits to be resumed emits nothing until then");
    emission* const e = slot->take(op.allocator_, n, {slot, Op::index_of(slot), &op, &give_back});
    if (e == nullptr) [[unlikely]]
      no_memory(op);
    return e;
  }
  static flow flow_of(const Op& op, Slot* slot) noexcept {
    if (op.stop_.stop_requested()) return flow::stop;
    return slot->buffered() >= limits(op).pause_at ? flow::pause : flow::go;
  }
  static stream_limits limits(const Op& op) noexcept {
    if constexpr (requires { op.combine_.limits(); }) {
      return op.combine_.limits();
    } else {
      return {};
    }
  }
  FANOUT_COLD static void no_memory(Op& op) noexcept {
    op.failure_.note(no_index, error_traits<typename Op::error_type>::from(make_error_code(errc::out_of_memory)));
    op.stop_branches();
  }

  void fold_emission(Op& op, emission& e) noexcept {
    const std::size_t i = e.from.index;
    if (closed_ || op.folding_.is_over(op)) return e.give_back();
    if (!e.is_watermark) return op.folding_.ask(op, [&] { return op.combine_.on_items(i, e); });
    if constexpr (requires { op.combine_.on_watermark(i, e.bound); }) {
      op.folding_.ask(op, [&] { return op.combine_.on_watermark(i, e.bound); });
    }
    e.give_back();
  }
  void announce_all(Op& op) noexcept {
    if (all_) return;
    all_ = true;
    op.folding_.ask(op, [&op] { return op.combine_.on_all_streams(); });
  }

  static bool may_resume(const Op& op, const stream& s) noexcept { return s.buffered() <= limits(op).resume_at; }
  void make_ready(link& waiting) noexcept {
    waiting.unlink();
    waiting.insert_before(ready_);
  }
  static void give_back(stream_chunk<item_type>& c) noexcept {
    auto& e = static_cast<emission&>(c);
    stream& from = *e.from.stream;
    Op& op = *static_cast<Op*>(e.from.operation);
    from.give(op.allocator_, e);
    if (from.waiting.is_linked() && may_resume(op, from)) op.streaming_.make_ready(from.waiting);
  }

  // All the folder's.
  cell<std::size_t> announced_{0};  // streams that the policy knows of
  cell<bool> all_{false};           // and that there are no others
  cell<bool> closed_{false};        // the policy is given nothing more, and has given everything back
  link waiting_, ready_;            // rings: who waits to be resumed, and who is to be called
  node stop_{published::stop};
};

}  // namespace fanout::detail

#endif
