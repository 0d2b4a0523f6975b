// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_FANOUT_OP_HPP
#define FANOUT_FANOUT_OP_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/branch.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/block.hpp"
#include "fanout/detail/first_failure.hpp"
#include "fanout/detail/folding.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/detail/protocol.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/detail/slot_range.hpp"
#include "fanout/detail/streaming.hpp"
#include "fanout/detail/trampoline.hpp"
#include "fanout/detail/voting.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/issuer.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/reports.hpp"
#include "fanout/result.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/values.hpp"
#include "fanout/verdict.hpp"

namespace fanout {

template <class T, class E, class Platform>
class results;

/// In the place of an allocator: the operation lies in memory that its owner provides (`embedded`).
struct no_allocator {};

namespace detail {

template <class T>
inline constexpr bool is_outcome = false;
template <class T, class E>
inline constexpr bool is_outcome<result<T, failure<E>>> = true;
template <class T, class V, class E, class Platform>
inline constexpr bool is_outcome<result<T, reported_failure<V, E, Platform>>> = true;

[[noreturn]] FANOUT_COLD inline void throw_not_made(errc why) {
#if FANOUT_HAS_EXCEPTIONS
  if (why == errc::out_of_memory) throw std::bad_alloc();
  throw std::system_error(make_error_code(why), "fanout::issue");
#else
  static_cast<void>(why);
  fatal("fanout::issue failed: too many branches or no memory; fanout::try_issue returns the error");
#endif
}

}  // namespace detail

/// One fan-out: the count, the branches' slots, the policies. Made by `fanout::issue`, `fanout::embedded` or an algorithm;
/// finite, single use, pinned. One allocation holds all of it; with N unknown, slots come in arrays that double.
///
///   Callback    how foreign callbacks are spelled                       fanout/callback/concept.hpp
///   Combine     what the branches' results become                       fanout/combine/concept.hpp
///   Completion  who is told, where and when                             fanout/completion/concept.hpp
///   Refcount    how the count is kept                                   fanout/refcount/concept.hpp
///   Allocator   of the one allocation, or no_allocator
///   Width       known_width or open_width
///
/// Life of an operation: *issuing* (the issuer exists; the completion cannot run) → sealed → *drained* (the count is zero,
/// seen by exactly one thread, which then deregisters from stop tokens and timers, combines, and completes) → *delivered*
/// (the library has made its last access).
///
/// Invariants, referred to by number elsewhere: I1 the completion runs exactly once, after the seal. I2 nobody but the
/// library touches the operation between its own release and *delivered*. I3 each branch's writes happen before the combine
/// step. I4 a branch completes once. I5 no user code runs under a lock, nothing recurses with N. I6 external parties are
/// joined or hold storage. I7 the first real cause wins. I8 layout depends on no build mode.
template <class Callback, class Combine, class Completion, class Refcount = refcount::atomic,
          class Allocator = std::allocator<std::byte>, class Width = known_width>
class fanout_op : private work {
 public:
  using callback_type = Callback;
  using combine_type = Combine;
  using completion_type = Completion;
  using refcount_type = Refcount;
  using platform = typename Refcount::platform;
  using value_type = typename Combine::value_type;
  using error_type = typename Combine::error_type;
  using stored_type = detail::stored_t<value_type>;
  using branch = basic_branch<fanout_op>;
  using issuer = basic_issuer<fanout_op>;
  using stop_token_type = basic_inplace_stop_token<platform>;

  static constexpr bool keeps_errors = Combine::keeps_errors;
  /// N is found out while issuing.
  static constexpr bool is_open = !std::is_same_v<Width, known_width>;
  /// Slots come in arrays that double; otherwise they are one array, in the operation's block.
  static constexpr bool grows = std::is_same_v<Width, open_width>;
  /// Slots are used again for later branches, once what they held is folded.
  static constexpr bool recycles = std::is_same_v<Width, recycled_width>;
  static constexpr bool is_embedded = std::is_same_v<Allocator, no_allocator>;
  /// The issuing code has a reference: the N+1st.
  static constexpr bool issuer_has_reference = !refcount::without_issuer_reference<Refcount>;
  /// Branches that complete inside their own start are counted by the issuer.
  static constexpr bool counts_inline = issuer_has_reference && !refcount::single_threaded<Refcount>;
  /// Each branch is released by its own index.
  static constexpr bool tells_each = refcount::wants_each_branch<Refcount>;

  /// Whether reports are voted on, for a policy that may decide before all are in, or folded one by one.
  static constexpr bool votes = detail::protocol_of<Combine> == detail::protocol::vote;
  static constexpr bool folds = detail::protocol_of<Combine> == detail::protocol::fold;
  /// Whether branches may emit items before they complete.
  static constexpr bool streams = detail::has_items<Combine>;
  using item_type = typename detail::item_of<Combine>::type;
  using key_type = typename detail::key_of<Combine>::type;
  /// Delivered as soon as it is decided and sealed, instead of drained.
  static constexpr bool delivers_at_decided = requires { requires Combine::delivers_at_decided; };
  /// The completion is run by an executor.
  static constexpr bool posts = requires(Completion& c, work& w) {
    { c.post(w) } noexcept;
  };
  /// Several parties share its memory; otherwise the outcome owns it alone.
  static constexpr bool is_kept = votes || delivers_at_decided || requires { requires Completion::keeps_storage; };

 private:
  // What the combine policy is given: the reports that were voted on, every branch's result where it keeps errors, otherwise the
  // values or the first cause. What was folded it has been given already.
  static auto collects() {
    using values_type = std::conditional_t<std::is_void_v<value_type>, void, values<value_type, platform, Width>>;
    if constexpr (votes) {
      return std::type_identity<reports<value_type, error_type, platform>>{};
    } else if constexpr (folds) {
      return std::type_identity<result<void, failure<error_type>>>{};
    } else if constexpr (keeps_errors) {
      return std::type_identity<results<value_type, error_type, platform>>{};
    } else {
      return std::type_identity<result<values_type, failure<error_type>>>{};
    }
  }
  static auto combines() {
    using collected = typename decltype(collects())::type;
    if constexpr (folds) {
      return std::type_identity<decltype(std::declval<Combine&>().result())>{};
    } else {
      return std::type_identity<decltype(std::declval<Combine&>().result(std::declval<collected>()))>{};
    }
  }
  using failure_type =
      std::conditional_t<votes, reported_failure<value_type, error_type, platform>, failure<error_type>>;

 public:
  using collected_type = typename decltype(collects())::type;
  using combined_type = typename decltype(combines())::type;
  /// What the completion is called with.
  using outcome_type =
      std::conditional_t<detail::is_outcome<combined_type>, combined_type, result<combined_type, failure_type>>;

  static_assert(!std::is_reference_v<value_type>,
                "fanout: a branch's value cannot be a reference: use a pointer or std::reference_wrapper");
  static_assert(!std::is_const_v<value_type>, "fanout: a branch's value is written by the branch: drop the const");
  static_assert(std::is_nothrow_move_constructible_v<error_type>,
                "fanout: an error is moved to where it is kept, so moving the error type must not throw");
  static_assert(std::is_void_v<value_type> || std::is_nothrow_destructible_v<stored_type>,
                "fanout: a branch's value must have a destructor that does not throw");
  static_assert(std::is_default_constructible_v<error_type>,
                "fanout: the error type must be default constructible: an outcome without an error holds an empty one");
  static_assert(
      std::is_nothrow_move_constructible_v<Completion>,
      "fanout: a completion is moved out of the operation before it runs, so moving it must not throw: capture by "
      "move what moves without throwing, or by pointer");
  static_assert(std::is_nothrow_move_constructible_v<Combine>,
                "fanout: a combine policy is moved out of the operation before it runs, so moving it must not throw");
  static_assert(
      std::is_invocable_v<Completion, outcome_type>,
      "fanout: the completion must be callable with the outcome: [](auto outcome) noexcept { … }, where outcome is a "
      "fanout::result of what the combine policy makes, or a fanout::failure");
  static_assert(std::is_nothrow_invocable_v<Completion, outcome_type>,
                "fanout: the completion must be noexcept, since nobody could catch: [](auto outcome) noexcept { … }");
  // A misspelt hook would be taken for an absent one.
  static_assert(
      votes || folds || !requires(Combine& c, const error_type& e) { c.on_error(std::size_t{}, e); } ||
          requires(Combine& c, const error_type& e) {
            { c.on_error(std::size_t{}, e) } noexcept -> std::same_as<verdict>;
          },
      "fanout: a combine policy's on_error is noexcept and returns a fanout::verdict");
  static_assert(
      votes || folds || !requires(Combine& c) { c.on_stopped(std::size_t{}); } ||
          requires(Combine& c) {
            { c.on_stopped(std::size_t{}) } noexcept -> std::same_as<verdict>;
          },
      "fanout: a combine policy's on_stopped is noexcept and returns a fanout::verdict");
  static_assert(
      posts || !requires(Completion& c, work& w) { c.post(w); },
      "fanout: a completion policy's post must be noexcept: nobody could make up for a hop that is not made");
  static_assert(!streams || folds, "fanout: a policy that has an item_type folds: see fanout/combine/concept.hpp");
  static_assert(!streams || !recycles,
                "fanout: all streams must be open at once, or the first ones wait for ever for those outside the "
                "window: a merge takes no .window(W)");
  static_assert(!streams || !is_embedded, "fanout: what streams emit needs an allocator: use fanout::issue");
  static_assert(!streams ||
                    (std::is_nothrow_move_constructible_v<item_type> && std::is_nothrow_destructible_v<item_type>),
                "fanout: emitted items are moved, so moving and destroying them must not throw");
  static_assert(!recycles || folds, "fanout: slots can be used again only where reports are folded as they arrive");
  static_assert(
      !delivers_at_decided || votes || folds,
      "fanout: only a policy that votes or folds can be delivered at decided: see fanout/combine/decided.hpp");
  static_assert(
      !is_kept || !is_embedded,
      "fanout: an embedded operation cannot outlive its owner's memory, so nothing that keeps memory (votes, early "
      "delivery, a timer) goes with it: use fanout::issue");
  static_assert(!is_open || refcount::addable<Refcount> || refcount::correctable<Refcount>,
                "fanout: with N unknown the refcount strategy must have add or correct: use refcount::lazy_seed");
  static_assert(issuer_has_reference || (!is_open && !votes && !folds),
                "fanout: only where N is known and branches are neither voted on nor folded can the issuing code do "
                "without a reference: use refcount::atomic");
  static_assert(issuer_has_reference || !tells_each,
                "fanout: a refcount strategy that wants to be told each branch needs the issuing code's reference: "
                "drop has_issuer_reference = false");
  static_assert(!delivers_at_decided || refcount::holdable<Refcount>,
                "fanout: delivery at decided needs a refcount strategy with try_hold and release_hold: use "
                "refcount::atomic");

  fanout_op(const fanout_op&) = delete;
  fanout_op& operator=(const fanout_op&) = delete;

  // ---- what completions and other parties that know of the operation may call -----------------------------------------

  /// Takes a reference unless the operation is drained. Only through a handle that was created in the completion policy's
  /// `connect`, which runs while the issuing right is held.
  [[nodiscard("a reference that nobody drops keeps the operation from completing")]] bool try_hold() noexcept {
    static_assert(refcount::holdable<Refcount>,
                  "fanout: a stop token or a deadline needs a refcount strategy with try_hold and release_hold: use "
                  "refcount::atomic");
    return count_.try_hold();
  }
  /// Drops it, and delivers if it was the last.
  void release_hold() noexcept {
    if (count_.release_hold()) drained();
  }
  /// Asks all branches to stop. pre: a reference is held
  void request_stop() noexcept {
    stop_all();
    pull_no_more();
  }
  /// Fixes the outcome to this cause unless an error or an early decision came first, and asks all branches to stop. pre: a reference
  /// is held
  FANOUT_COLD void decide(std::error_code cause) noexcept {
    failure_.note_unless_any(error_traits<error_type>::from(cause), reason::error_limit);
    stop_all();
  }
  /// The deadline has passed: unless every branch has reported, or an error or a stop decided before, that is the outcome, and
  /// all branches are asked to stop (E7). pre: a reference is held
  FANOUT_COLD void deadline_passed() noexcept {
    // A stop that came before has decided; a failure has if it comes before this. Delivery at decided does not wait for those that
    // were asked, so there a deadline is one all the same.
    if constexpr (!delivers_at_decided) {
      if (stop_.stop_requested()) return;
    }
    if constexpr (votes) {
      voting_.deadline(*this);
      pull_no_more();
    } else if constexpr (folds) {
      folding_.deadline(*this);
    } else {
      // A branch that completed inline is still in the count until the seal: the inline count tells. N unknown: nobody knows.
      if constexpr (!is_open && refcount::observable<Refcount>) {
        const auto left = count_.references();  // first: see refcount::observable
        if (left.branches == (left.sealed ? 0 : inline_done_.load(std::memory_order_relaxed))) return;
      }
      failure_.note_unless_any(error_traits<error_type>::from(make_error_code(errc::deadline)), reason::deadline);
      stop_branches();
      pull_no_more();
    }
  }

  /// Fails for this reason, unless something else was its cause before, and asks all branches to stop. pre: a reference is held
  FANOUT_COLD void fail(errc why) noexcept { refuse(no_index, why); }
  /// Whether more branches would make no difference: stop was requested, or it is decided.
  bool is_decided() const noexcept {
    if (stop_.stop_requested()) return true;
    if constexpr (votes) {
      return voting_.decided();
    } else {
      return false;
    }
  }
  /// N; where slots are used again, how many there are; 0 where they come as they are wanted.
  std::size_t width() const noexcept { return in_block(); }

  /// A party that cannot be joined, such as a timer, keeps the memory (not the operation: that is try_hold's) until it drops
  /// it. Taken in the completion policy's `connect`; the policy says `keeps_storage`.
  void keep_storage() noexcept
    requires is_kept
  {
    // relaxed: who takes one has one, or is the only one yet
    storage_.fetch_add(1, std::memory_order_relaxed);
  }
  void drop_storage() noexcept
    requires is_kept
  {
    // release: this party's last access; acquire: all others', by the last.
    if (storage_.fetch_sub(1, std::memory_order_acq_rel) == 1) free_storage(this);
  }

 private:
  static constexpr bool slots_keep_errors = keeps_errors || votes;
  using node_type = typename detail::node_for<Combine, platform>::type;
  using slot_type = detail::slot<value_type, std::conditional_t<slots_keep_errors, error_type, detail::unit>,
                                 slots_keep_errors, platform, node_type>;
  template <class T>
  using cell = typename platform::template cell<T>;
  template <bool Wanted, class T>
  using only_if = std::conditional_t<Wanted, T, detail::absent>;
  template <class T>
  using atomic = typename platform::template atomic<T>;
  // What the policy's protocol adds.
  using voting = only_if<votes, detail::voting<fanout_op, slot_type, platform>>;
  using folding = only_if<folds, detail::folding<fanout_op, slot_type, platform>>;
  using streaming = only_if<streams, detail::streaming<fanout_op, slot_type, platform>>;
  using slots_type =
      std::conditional_t<slots_keep_errors, detail::slot_range<slot_type>, detail::slots_of<slot_type, Width>>;
  using layout = detail::block_layout<fanout_op, slot_type, Refcount, grows>;

  friend branch;
  friend issuer;
  friend struct detail::batching;
  friend voting;
  friend folding;
  friend streaming;
  friend layout;

  static constexpr bool connects = requires(Completion& c, fanout_op& op) { c.connect(op); };
  static constexpr bool is_direct = requires { requires Completion::is_direct; };
  static constexpr bool pulls = requires { requires Completion::pulls; };
  // Not all reports are equal: see combine/importance.hpp.
  static constexpr bool weighs = requires(const Combine& c) { c.importance_of(std::size_t{}); };
  static constexpr bool watches = requires { requires Completion::watches; };

  template <class C, class D, class A>
  fanout_op(std::size_t n, C&& combine, D&& completion, const A& allocator, std::byte* strategy_storage)
      : gate_(recycles ? std::size_t{refcount::max_branches} : layout::slots_in_block(n)),
        count_(recycles ? 0 : n, strategy_storage),
        branches_(n),
        width_(n),
        combine_(std::forward<C>(combine)),
        completion_(std::forward<D>(completion)),
        allocator_(allocator) {}
  ~fanout_op() = default;

  // ---- slots ----------------------------------------------------------------------------------------------------------

  static fanout_op& of(slot_type* slot) noexcept { return of_array(slot->array()); }
  static fanout_op& of_array(std::byte* array) noexcept {
    if constexpr (grows) {
      return *static_cast<fanout_op*>(layout::chunk_of(array)->operation);
    } else {
      return *reinterpret_cast<fanout_op*>(array - layout::slots_offset());
    }
  }
  // What stands for the operation in this thread's extent: where a slot's tag leads, so that a completion compares without
  // computing any further.
  static const void* identity_of(std::byte* array) noexcept {
    if constexpr (grows) {
      return layout::chunk_of(array)->operation;
    } else {
      return array;
    }
  }
  const void* identity() noexcept {
    if constexpr (grows) {
      return this;
    } else {
      return first_array();
    }
  }
  static std::size_t index_of(slot_type* slot) noexcept {
    if constexpr (recycles) {
      return slot->branch;
    } else if constexpr (grows) {
      return layout::chunk_of(slot->array())->first + slot->index();
    } else {
      return slot->index();
    }
  }
  slot_type* first_array() noexcept {
    return reinterpret_cast<slot_type*>(reinterpret_cast<std::byte*>(this) + layout::slots_offset());
  }

  // ---- issuing: called by the issuer, so through the issuing right ------------------------------------------------------

  std::size_t known_branches() const noexcept { return is_open ? 0 : static_cast<std::size_t>(branches_); }
  slot_type* slot_at(std::size_t i) noexcept { return first_array() + i; }
  slot_type* slot_at_next(std::size_t i) noexcept {
    if constexpr (recycles) {
      slot_type* const slot = free_.take();
      slot->branch = i;
      return slot;
    } else if constexpr (grows) {
      return more_.current(first_array(), i);
    } else {
      return slot_at(i);
    }
  }
  void count_started([[maybe_unused]] std::size_t i) noexcept {
    if constexpr (watches) completion_.started(i);
    if constexpr (is_open && !folds && !refcount::correctable<Refcount>) count_.add(1);
    if constexpr (streams) {
      // relaxed: a stream that has brought something was counted before
      started_.store(started_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else if constexpr (votes || folds) {
      started_ = started_ + 1;
    }
  }
  // With N known, all that keeps a start from its usual course is in the one word that it looks at: a stop request, and the issuing
  // code itself once it starts branches out of order, close the gate. release: whoever finds it closed by a stop sees what the
  // requester wrote. With N unknown the gate is the issuing code's, which opens it further as it grows, and start asks twice.
  // True if nobody had requested it before.
  bool stop_branches() noexcept {
    if constexpr (!is_open) gate_.store(0, std::memory_order_release);
    return stop_.request_stop();
  }
  // The same where no report is at hand whose folding would tell the streams that wait.
  void stop_all() noexcept {
    [[maybe_unused]] const bool first = stop_branches();
    if constexpr (streams) {
      if (first) streaming_.stop(*this);
    }
  }
  // Where branches are started out of order, a bit per branch says which.
  std::size_t started(std::size_t in_order) const noexcept {
    const std::size_t out_of_order = out_of_order_;
    return out_of_order == no_index ? in_order : out_of_order;
  }
  struct claimed {
    slot_type* slot;
    errc refused;
  };
  // start(i) that is out of order, or too late, or stopped. `in_order`: the index that was in order.
  FANOUT_COLD static claimed claim_otherwise(fanout_op* op, std::size_t i, std::size_t in_order, bool settle) noexcept {
    FANOUT_ASSERT(op != nullptr, "start on an issuer that has been sealed or moved from");
    if (op == nullptr) return {nullptr, errc::closed};
    const std::size_t n = op->branches_;
    slot_type* slot = nullptr;
    if (i == in_order && i < n && op->out_of_order_ == no_index) {  // in order: stopped
      slot = op->slot_at(i);
    } else {
      if (op->out_of_order_ == no_index) {
        layout::begin_bits(op, n, in_order);
        op->out_of_order_ = in_order;
        op->gate_.store(0, std::memory_order_relaxed);
      }
      FANOUT_ASSERT(i < n, "start(i) with i >= N");
      if (i >= n) return {nullptr, op->refuse(i, errc::no_such_branch)};
      if (!settle && op->stop_.stop_requested()) return {nullptr, errc::stopped};
      const bool fresh = layout::set_bit(op, n, i);
      FANOUT_ASSERT(fresh, "start(i) twice with the same i");
      if (!fresh) return {nullptr, op->refuse(i, errc::already_started)};
      op->out_of_order_ = op->out_of_order_ + 1;
      op->last_out_of_order_ = i;
      slot = op->slot_at(i);
      if (!op->stop_.stop_requested()) return {slot, {}};
    }
    if (settle) op->settle_unstarted(slot);
    return {nullptr, errc::stopped};
  }
  // start(initiator) for which there is no slot, or stopped. Open: the caller counts it if `slot` or `counted`.
  struct claimed_next {
    slot_type* slot;
    errc refused;
    bool counted;
  };
  FANOUT_COLD static claimed_next claim_next_otherwise(fanout_op* op, std::size_t in_order, bool settle) noexcept {
    FANOUT_ASSERT(op != nullptr, "start on an issuer that has been sealed or moved from");
    if (op == nullptr) return {nullptr, errc::closed, false};
    if constexpr (is_open) {
      const bool stopped = op->stop_.stop_requested();
      if (stopped && !settle) return {nullptr, errc::stopped, false};
      // relaxed, here and below: the gate is the issuing right's
      if (std::size_t room = op->gate_.load(std::memory_order_relaxed); in_order == room) {
        if (!op->grow(in_order, room)) {
          return {nullptr,
                  op->refuse(no_index, in_order < refcount::max_branches ? errc::out_of_memory : errc::too_many),
                  false};
        }
        op->gate_.store(room, std::memory_order_relaxed);
      }
      if (!stopped) return {op->slot_at_next(in_order), {}, true};
      op->settle_unstarted(op->slot_at_next(in_order));
      return {nullptr, errc::stopped, true};
    } else {
      if (in_order < op->branches_ && op->out_of_order_ == no_index) {  // in order: stopped
        if (settle) op->settle_unstarted(op->slot_at(in_order));
        return {nullptr, errc::stopped, settle};
      }
      FANOUT_ASSERT(false, "start(initiator) after N branches, or after start(i) out of order");
      return {nullptr, op->refuse(no_index, errc::no_such_branch), false};
    }
  }
  FANOUT_COLD bool grow(std::size_t in_order, std::size_t& room) noexcept {
    if constexpr (grows) {
      return more_.grow(allocator_, this, in_order, room);
    } else {
      return false;
    }
  }
  FANOUT_COLD static errc refuse_index(fanout_op* op, std::size_t i, std::size_t in_order) noexcept {
    FANOUT_ASSERT(op != nullptr, "start on an issuer that has been sealed or moved from");
    if (op == nullptr) return errc::closed;
    FANOUT_ASSERT(i == in_order, "where N is unknown, branches are started in order: start(initiator)");
    return op->refuse(i, i < in_order ? errc::already_started : errc::no_such_branch);
  }

  // Around the initiator of branch i, where reports are folded: see abandon. Returns what end_start wants back.
  std::size_t begin_start([[maybe_unused]] std::size_t i) noexcept {
    if constexpr (folds) {
      const std::size_t outer = starting_;
      starting_ = i;
      return outer;
    } else {
      return no_index;
    }
  }
  void end_start([[maybe_unused]] slot_type* slot, [[maybe_unused]] std::size_t i,
                 [[maybe_unused]] std::size_t outer) noexcept {
    if constexpr (folds) {
      starting_ = outer;
      if (dropped_ == i) [[unlikely]]
        settle_dropped(slot, error_traits<error_type>::from(make_error_code(errc::abandoned)));
    }
  }
  FANOUT_COLD void settle_dropped(slot_type* slot, error_type error,
                                  const std::exception_ptr& exception = {}) noexcept {
    dropped_ = no_index;
    note_error(slot, std::move(error), exception);
    finish(slot);
  }

  FANOUT_COLD errc refuse(std::size_t i, errc why) noexcept {
    failure_.note(i, error_traits<error_type>::from(make_error_code(why)));
    stop_all();
    return why;
  }

  FANOUT_COLD void settle_not_issued(std::size_t issued) noexcept {
    const std::size_t n = branches_;
    const bool in_order = out_of_order_ == no_index;
    std::size_t first = n;
    for (std::size_t i = in_order ? issued : 0; i != n; ++i) {
      if (!in_order && layout::test_bit(this, n, i)) continue;
      if (i < first) first = i;
      slot_type* slot = slot_at(i);
      if constexpr (slots_keep_errors && !folds) {
        slot->construct_error(error_traits<error_type>::from(make_error_code(errc::not_issued)));
      }
      slot->mark(folds ? detail::branch_state::stopped : detail::branch_state::failed);
    }
    first_not_issued_ = first;
  }

  void settle_unstarted(slot_type* slot) noexcept {
    count_started(index_of(slot));
    slot->mark(detail::branch_state::stopped);
    if constexpr (!slots_keep_errors) failure_.note_stopped();
    report_inline(slot);
  }

  FANOUT_COLD void issuing_failed(std::exception_ptr exception) noexcept {
    failure_.note(no_index, error_from(exception, errc::issuer_threw), exception);
    stop_all();
  }

  FANOUT_COLD void abort(std::size_t issued, std::exception_ptr exception) noexcept {
    if (is_open || issued < branches_ || exception) issuing_failed(std::move(exception));
    seal(issued);
  }

  void seal(std::size_t issued) noexcept {
    // relaxed: the inline count belongs to the issuing right, which this thread holds.
    const std::uint64_t inline_done = inline_done_.load(std::memory_order_relaxed);
    std::uint64_t not_started = 0;
    if constexpr (is_open) {
      branches_ = issued;
    } else if (const std::size_t total = branches_; issued != total) [[unlikely]] {
      settle_not_issued(issued);
      not_started = total - issued;
    }
    if constexpr (votes) {
      // Where N is unknown and issuing was cut short, there was at least one more.
      const std::uint64_t missed = is_open && first_not_issued_ != no_index ? 1 : not_started;
      voting_.seal(*this, issued + missed, missed);
    }
    // Everything completed inline and no handle was ever created: nobody else has seen the operation, nor ever will.
    // (Nobody but a delivery at decided, perhaps.)
    // (Nor has a policy of streams, which may have waited for the seal.)
    if (inline_done == issued && !shared_ && !tells_each && !(votes && delivers_at_decided) && !streams)
      return drained();
    if constexpr (folds) {
      folding_.seal(*this, not_started);
    } else {
      if constexpr (tells_each) {
        for_each_not_issued(not_started != 0 ? branches_ : 0, [this](std::size_t i) noexcept { release_own(i); });
        not_started = 0;
      }
      if (release_issuer(issued, inline_done, not_started)) drained();
    }
  }
  // Where the baton carried the count, no branch has been released, nor any started one been added.
  bool release_all() noexcept {
    if constexpr (is_open) {
      return release_issuer(0, 0, 0);
    } else if constexpr (tells_each) {
      for (std::size_t i = 0; i != branches_; ++i) release_own(i);
      return count_.release_issuer(0, 0);
    } else {
      return count_.release_issuer(branches_, 0);
    }
  }
  // Branch i's reference, while the issuer's stands.
  void release_own(std::size_t i) noexcept {
    [[maybe_unused]] const bool last = count_.release(i, 1);
    FANOUT_ASSERT(!last, "a branch completed twice");
  }
  bool release_issuer(std::size_t issued, std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    if constexpr (is_open && refcount::correctable<Refcount>) {
      return count_.correct(issued, inline_done);
    } else {
      return count_.release_issuer(inline_done, not_started);
    }
  }

  // ---- completing: called through a branch or the C door, from any thread ----------------------------------------------

  // The branch completed inside start on this thread: the issuer's reference still stands, and the seal will subtract it.
  void count_inline([[maybe_unused]] slot_type* slot) noexcept {
    if constexpr (!issuer_has_reference) {
      if (count_.release(index_of(slot), 1)) drained();
    } else if constexpr (tells_each) {
      release_own(index_of(slot));
    } else if constexpr (counts_inline) {
      // relaxed, and a load and a store instead of a read-modify-write: only the holder of the issuing right writes it;
      // handing the right on is release/acquire. Atomic at all only so that others may read it.
      inline_done_.store(inline_done_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else {
      release_own(index_of(slot));
    }
  }

  static void finish(slot_type* slot) noexcept { finish_in(slot, slot->array()); }
  static void finish_in(slot_type* slot, std::byte* array) noexcept {
    if constexpr (streams) slot->revoke_wish();
    if constexpr (counts_inline) {
      if (platform::extent() == identity_of(array)) return of_array(array).report_inline(slot);
    }
    if constexpr (folds) {
      if constexpr (watches) of_array(array).completion_.reported(index_of(slot), failed_in(slot));
      of_array(array).folding_.publish(of_array(array), *slot);  // which releases it, too
    } else {
      const std::size_t i = slot->index();  // first: once it has voted, the slot may be an outcome's
      of_array(array).report(slot);
      if constexpr (refcount::joins_batches<Refcount>) {
        if (auto* const open = detail::batch<platform>::innermost()) return of_array(array).release_later(i, *open);
      }
      if (of_array(array).count_.release(i, 1)) [[unlikely]]
        of_array(array).drained();
    }
    // after a release that was not the last, the operation may be gone
  }

  // The branch has reported; its reference keeps the operation until the batch releases it.
  void release_later(std::size_t i, detail::batch<platform>& batch) noexcept {
    constexpr bool any = refcount::anonymous<Refcount>;
    batch.template add<any>(this, &release_batched, any ? 0 : i);
  }
  FANOUT_NOINLINE static void release_batched(void* of, [[maybe_unused]] std::size_t first, std::uint64_t k) noexcept {
    auto& op = *static_cast<fanout_op*>(of);
    if constexpr (refcount::anonymous<Refcount>) {
      if (op.count_.release_any(k)) op.drained();
    } else {
      if (op.count_.release(first, k)) op.drained();
    }
  }

  // set_value for many: released by `own`, or by the innermost batch scope where the strategy joins those.
  template <class... Args>
  static void set_value_in(detail::batch<platform>& own, slot_type* slot, Args&&... args) noexcept {
    FANOUT_TRY { slot->construct_value(std::forward<Args>(args)...); }
    FANOUT_CATCH_ALL {
      fail_with_exception(slot);
      return finish(slot);
    }
    std::byte* const array = slot->mark_value_by_handle();
    if constexpr (folds) {
      finish_in(slot, array);
    } else {
      fanout_op& op = of_array(array);
      if constexpr (counts_inline) {
        if (platform::extent() == identity_of(array)) return op.report_inline(slot);
      }
      const std::size_t i = slot->index();  // first: see finish_in
      op.report(slot);
      auto* const open = refcount::joins_batches<Refcount> ? detail::batch<platform>::innermost() : nullptr;
      op.release_later(i, open != nullptr ? *open : own);
    }
  }

  // What the policies do with a report before it is released.
  void report([[maybe_unused]] slot_type* slot, [[maybe_unused]] bool alone = false) noexcept {
    [[maybe_unused]] const bool failed = watches && failed_in(slot);  // first: see finish_in
    [[maybe_unused]] const bool in_vain = pulls && was_in_vain(slot);
    if constexpr (watches) completion_.reported(index_of(slot), failed);
    if constexpr (votes) voting_.report(*this, slot, alone);
    if constexpr (pulls) completion_.pull_after(*this, in_vain);
  }
  // Decided, but by no report: there may be none to come that would end the issuing.
  void pull_no_more() noexcept {
    if constexpr (pulls) {
      if (is_decided()) completion_.pull_no_more(*this);
    }
  }
  // Slots that cannot tell are those of policies that stop the others at the first failure.
  static bool failed_in(slot_type* slot) noexcept {
    if constexpr (slots_keep_errors) {
      return slot->state() == detail::branch_state::failed;
    } else {
      return false;
    }
  }
  // For the pace it is all one whether a branch failed or gave up. Where its slot cannot tell, another one's may be taken for it.
  bool was_in_vain(slot_type* slot) const noexcept {
    if constexpr (slots_keep_errors) {
      return slot->state() != detail::branch_state::value;
    } else {
      return failure_.any() || failure_.any_stopped();
    }
  }
  void report_inline(slot_type* slot) noexcept {
    if constexpr (folds) {
      if constexpr (recycles) c_start::note_report(*this, index_of(slot));
      if constexpr (watches) completion_.reported(index_of(slot), failed_in(slot));
      folding_.report_inline(*this, slot);
    } else {
      report(slot, alone());
      count_inline(slot);
    }
  }
  // Inside start: whether every branch before this one completed inline, and nobody else knows of the operation. Then nobody
  // votes or folds meanwhile.
  bool alone() const noexcept {
    if constexpr ((votes || folds) && !tells_each) {
      // relaxed: the issuing right's
      return !shared_ && counts_inline && inline_done_.load(std::memory_order_relaxed) + 1 == started_;
    } else {
      return false;
    }
  }

  // A report that came after the decision: a success may hold what has to be given back (E5).
  FANOUT_COLD void late(slot_type* slot, [[maybe_unused]] std::size_t i) noexcept {
    if constexpr (requires { combine_.on_late(i, std::move(slot->value())); }) {
      static_assert(noexcept(combine_.on_late(i, std::move(slot->value()))),
                    "fanout: on_late must be noexcept: it runs on a completing thread, where nobody could catch");
      if (slot->state() == detail::branch_state::value) combine_.on_late(i, std::move(slot->value()));
    }
    slot->consume();
  }

  // Of n branches, those that were not started. After settle_not_issued.
  template <class F>
  void for_each_not_issued(std::size_t n, F&& f) noexcept {
    const bool in_order = out_of_order_ == no_index;
    for (std::size_t i = first_not_issued_; i < n; ++i) {
      if (in_order || !layout::test_bit(this, n, i)) f(i);
    }
  }

  // ---- what a stream branch may do besides --------------------------------------------------------------------------------

  template <class Item>
  static flow emit(slot_type* slot, Item* items, std::size_t n) noexcept {
    return streaming::emit(of(slot), slot, items, n);
  }
  static flow emit_watermark(slot_type* slot, const key_type& bound) noexcept {
    return streaming::emit_watermark(of(slot), slot, bound);
  }
  template <class F>
  static void on_resume(slot_type* slot, F&& f) noexcept {
    streaming::on_resume(of(slot), slot, std::forward<F>(f));
  }

  // ---- what a branch came to ----------------------------------------------------------------------------------------------

  template <class... Args>
  static void set_value(slot_type* slot, Args&&... args) noexcept {
    if constexpr (std::is_nothrow_constructible_v<stored_type, Args...>) {
      slot->construct_value(std::forward<Args>(args)...);
    } else {
      bool threw = false;
      FANOUT_TRY { slot->construct_value(std::forward<Args>(args)...); }
      FANOUT_CATCH_ALL {
        fail_with_exception(slot);
        threw = true;
      }
      if (threw) return finish(slot);
    }
    finish_in(slot, slot->mark_value_by_handle());
  }

  // Small errors come by value: a reference would give every caller a frame, also on the path without an error.
  template <class Error>
  static void set_error(slot_type* slot, Error&& error) noexcept {
    using plain = std::remove_cvref_t<Error>;
    if constexpr (std::is_trivially_copyable_v<plain> && !std::is_array_v<plain> &&
                  sizeof(plain) <= 2 * sizeof(void*)) {
      settle_error<plain>(slot, error);
    } else {
      settle_error<Error&&>(slot, std::forward<Error>(error));
    }
  }
  template <class Error>
  FANOUT_COLD static void settle_error(slot_type* slot, Error error) noexcept {
    using plain = std::remove_cvref_t<Error>;
    if constexpr (std::is_same_v<plain, error_type>) {
      note_error(slot, made_error([&] { return error_type(std::forward<Error>(error)); }));
    } else if constexpr (std::is_same_v<plain, std::exception_ptr>) {
      note_error(slot, error_from(error, errc::initiator_threw), error);
    } else if constexpr (std::is_error_code_enum_v<plain> || std::is_same_v<plain, std::errc>) {
      note_error(slot, error_traits<error_type>::from(make_error_code(error)));
    } else if constexpr (std::is_convertible_v<Error, std::error_code>) {
      note_error(slot, error_traits<error_type>::from(std::error_code(std::forward<Error>(error))));
    } else {
      static_assert(
          std::is_constructible_v<error_type, Error>,
          "fanout: this cannot become the operation's error type: set_error takes that type, a std::error_code, an "
          "error enumeration, a std::exception_ptr or what the error type can be made from");
      note_error(slot, made_error([&] { return error_type(std::forward<Error>(error)); }));
    }
    finish(slot);
  }
  // What makes an error may throw; the branch has failed all the same.
  template <class Make>
  static error_type made_error(Make&& make) noexcept {
    FANOUT_TRY { return make(); }
    FANOUT_CATCH_ALL { return error_traits<error_type>::from(make_error_code(errc::out_of_memory)); }
  }

  FANOUT_COLD static void set_stopped(slot_type* slot) noexcept {
    note_stopped(slot);
    finish(slot);
  }

  FANOUT_COLD static void abandon(slot_type* slot) noexcept {
    fanout_op& op = of(slot);
    // Without a reference of the issuing code's, initiators do not throw: there is nothing to be said afterwards.
    [[maybe_unused]] const bool in_start =
        issuer_has_reference && (!counts_inline || platform::extent() == op.identity());
    if constexpr (folds) {
      // What is folded is gone. Perhaps the initiator is being unwound: start will know, and say so.
      if (in_start && op.starting_ == index_of(slot)) {
        op.dropped_ = index_of(slot);
        return;
      }
    }
    const bool first = note_error(slot, error_traits<error_type>::from(make_error_code(errc::abandoned)));
    // The same, but it can be said afterwards.
    if constexpr (!folds) {
      if (in_start) op.note_dropped(index_of(slot), first);
    }
    finish(slot);
  }
  // An initiator may drop older branches' handles besides its own. Its own is the one that was started last: in order, the
  // highest index of all.
  void note_dropped(std::size_t i, bool first) noexcept {
    const std::size_t before = dropped_;
    const bool in_order = out_of_order_ == no_index;
    if (in_order ? before == no_index || i > before : i == last_out_of_order_) {
      dropped_ = i;
      dropped_is_first_ = first;
    }
  }

  // The first real error is the cause, and asks the others to stop before this branch's own release (I7).
  // True if this one was the first.
  FANOUT_COLD static bool note_error(slot_type* slot, error_type error,
                                     const std::exception_ptr& exception = {}) noexcept {
    if constexpr (streams) slot->revoke_wish();  // before anybody else is told of it
    fanout_op& op = of(slot);
    const std::size_t i = index_of(slot);
    // What is voted on or folded is the policy's business then.
    verdict decision = folds && !keeps_errors ? verdict::decided : verdict::go_on;
    if constexpr (!votes && !folds && requires {
                    { op.combine_.on_error(i, error) } noexcept -> std::same_as<verdict>;
                  }) {
      decision = op.combine_.on_error(i, error);
    }
    bool first = false;
    if constexpr (slots_keep_errors) {
      slot->construct_error(std::move(error));
    } else {
      first = op.failure_.note(i, std::move(error), exception);
    }
    slot->mark(detail::branch_state::failed);
    if constexpr (requires { op.completion_.failing(i); }) op.completion_.failing(i);
    if (decision == verdict::decided) op.stop_branches();
    return first;
  }

  FANOUT_COLD static void note_stopped(slot_type* slot) noexcept {
    if constexpr (streams) slot->revoke_wish();  // see note_error
    fanout_op& op = of(slot);
    verdict decision = folds && !keeps_errors ? verdict::decided : verdict::go_on;
    if constexpr (!votes && !folds && requires {
                    { op.combine_.on_stopped(std::size_t{}) } noexcept -> std::same_as<verdict>;
                  }) {
      decision = op.combine_.on_stopped(index_of(slot));
    }
    slot->mark(detail::branch_state::stopped);
    if constexpr (!slots_keep_errors) op.failure_.note_stopped();
    if (decision == verdict::decided) op.stop_branches();
  }

  static error_type error_from([[maybe_unused]] const std::exception_ptr& exception, errc otherwise) noexcept {
    if constexpr (std::is_same_v<error_type, std::exception_ptr>) {
      if (exception) return exception;
    }
    return error_traits<error_type>::from(make_error_code(otherwise));
  }

  FANOUT_COLD static void fail_with_exception(slot_type* slot) noexcept {
    std::exception_ptr exception = std::current_exception();
    note_error(slot, error_from(exception, errc::initiator_threw), exception);
  }

  // Inside start's handler. The handle was a temporary of the call, so either it was dropped by the unwinding, which settled
  // the branch as abandoned, or somebody else has it.
  FANOUT_COLD void initiator_threw(slot_type* slot, std::size_t i) noexcept {
    std::exception_ptr exception = std::current_exception();
    error_type error = error_from(exception, errc::initiator_threw);
    if (dropped_ == i) {
      // Counted inline, so nobody else looks at it before the seal: tell the true cause.
      if constexpr (folds) {
        settle_dropped(slot, std::move(error), exception);
      } else if constexpr (slots_keep_errors) {
        if (slot->state() == detail::branch_state::failed) slot->error() = std::move(error);
      } else {
        if (dropped_is_first_) failure_.replace(i, std::move(error), std::move(exception));
      }
      return;
    }
    // The branch will report, or has, through its handle. The exception must not be lost: it is the operation's.
    failure_.note(i, std::move(error), std::move(exception));
    // Where results are kept, that decides nothing; but nothing is folded after it.
    if constexpr (!slots_keep_errors || folds) stop_all();
  }

  // ---- the C door -------------------------------------------------------------------------------------------------------

  /// What a callback policy's function completes a branch through. All take the context that the C interface was given.
  struct c_door {
    /// The out-parameter, for policies whose callback carries the value: assign to it, then set_value.
    static stored_type& value(void* context) noexcept { return static_cast<slot_type*>(context)->value(); }

    static void set_value(void* context) noexcept {
      auto* slot = static_cast<slot_type*>(context);
      if (slot->reported()) [[unlikely]]
        return duplicate(slot);
      finish_in(slot, slot->mark(detail::branch_state::value));
    }
    template <class Error>
    FANOUT_COLD static void set_error(void* context, Error&& error) noexcept {
      auto* slot = static_cast<slot_type*>(context);
      if (slot->reported()) return duplicate(slot);
      slot->destroy_value();
      fanout_op::set_error(slot, std::forward<Error>(error));
    }
    FANOUT_COLD static void set_stopped(void* context) noexcept {
      auto* slot = static_cast<slot_type*>(context);
      if (slot->reported()) return duplicate(slot);
      slot->destroy_value();
      fanout_op::set_stopped(slot);
    }

   private:
    friend fanout_op;
    // A duplicate that arrives after the first was recorded, while the operation lives: the strategy's to name, or the assertion's,
    // and otherwise ignored.
    FANOUT_COLD static void duplicate([[maybe_unused]] slot_type* slot) noexcept {
      if constexpr (refcount::wants_duplicates<Refcount>) of(slot).count_.completed_again(index_of(slot));
      FANOUT_ASSERT(false, "a C callback came twice for the same branch");
    }
  };

  // Around a C initiator: whether its branch has reported inside it. A slot tells, unless it is used again: then it may be as good as
  // new by now.
  class c_start {
   public:
    c_start([[maybe_unused]] fanout_op& op, [[maybe_unused]] slot_type* slot) noexcept : op_(op) {
      if constexpr (recycles) {
        branch_ = index_of(slot);
        outer_ = op.c_starts_;
        op.c_starts_ = this;
      }
    }
    c_start(const c_start&) = delete;
    c_start& operator=(const c_start&) = delete;
    ~c_start() {
      if constexpr (recycles) op_.c_starts_ = outer_;
    }
    static void note_report(fanout_op& op, std::size_t branch) noexcept {
      for (c_start* s = op.c_starts_; s != nullptr; s = s->outer_) s->reported_ = s->reported_ || s->branch_ == branch;
    }
    bool has_reported(slot_type* slot) const noexcept { return recycles ? reported_ : slot->reported(); }

   private:
    fanout_op& op_;
    c_start* outer_ = nullptr;
    std::size_t branch_ = no_index;
    bool reported_ = false;
  };

  static constexpr bool makes_contexts = requires(void* slot, std::size_t i) { Callback::make_context(slot, i); };

  struct opened_c_door {
    stored_type* out;
    decltype(&Callback::template function<c_door>) callback;
    void* context;
    explicit operator bool() const noexcept { return !makes_contexts || context != nullptr; }
  };

  static opened_c_door open_c_door(slot_type* slot) noexcept {
    static_assert(
        requires { &Callback::template function<c_door>; },
        "fanout: this callback policy has no C function: use fanout::errno_callback or one of your own");
    static_assert(
        std::is_nothrow_default_constructible_v<stored_type>,
        "fanout: a C out-parameter must exist before the call, so its type must be default constructible without "
        "throwing");
    stored_type* out = slot->construct_out_parameter();
    if constexpr (makes_contexts) {
      return {out, &Callback::template function<c_door>, Callback::make_context(slot, index_of(slot))};
    } else {
      return {out, &Callback::template function<c_door>, slot};
    }
  }
  static opened_c_door c_door_for(slot_type* slot) noexcept {
    const opened_c_door door = open_c_door(slot);
    if (!door) [[unlikely]]
      c_door::set_error(slot, make_error_code(errc::out_of_memory));
    return door;
  }

  // The C initiator's return value reported. It did so inside start, known without looking at the thread.
  template <class Status>
  void completed_by_return(const c_start& start, slot_type* slot, [[maybe_unused]] void* context,
                           Status status) noexcept {
    if constexpr (makes_contexts) {
      if (!Callback::retire_context(context)) return;  // its callback came as well: named there, and it came first
    }
    if (start.has_reported(slot)) [[unlikely]]
      return c_door::duplicate(slot);  // the same, without a context that could tell
    if (Callback::succeeded(status)) [[likely]] {
      slot->mark(detail::branch_state::value);
      report_inline(slot);
    } else {
      failed_in_start(slot, Callback::error(status));
    }
  }
  FANOUT_COLD void failed_in_start(slot_type* slot, std::error_code error) noexcept {
    slot->destroy_value();
    note_error(slot, error_traits<error_type>::from(error));
    report_inline(slot);
  }
  FANOUT_COLD void c_door_failed(slot_type* slot) noexcept {
    failed_in_start(slot, make_error_code(errc::out_of_memory));
  }
  FANOUT_COLD void c_initiator_threw(const c_start& start, slot_type* slot, [[maybe_unused]] void* context) noexcept {
    if constexpr (makes_contexts) {
      if (!Callback::retire_context(context)) return initiator_threw(slot, index_of(slot));
    }
    if (start.has_reported(slot)) return initiator_threw(slot, index_of(slot));
    slot->destroy_value();
    fail_with_exception(slot);
    report_inline(slot);
  }

  static stop_token_type stop_token_of(slot_type* slot) noexcept { return of(slot).stop_.get_token(); }

  // ---- delivering: by the one thread that saw zero, or that made "decided and sealed" true ---------------------------------

  // The count is zero.
  FANOUT_ALWAYS_INLINE void drained() noexcept {
    if constexpr (delivers_at_decided) {
      if (was_delivered()) return drop_storage();
    }
    deliver();
  }
  bool was_delivered() const noexcept {
    if constexpr (votes) {
      return voting_.decided();
    } else {
      return folding_.delivered();
    }
  }

  // Out of line: inlined, each completion would pay for its prologue.
  FANOUT_NOINLINE void deliver() noexcept { dispatch<&deliver_queued>(); }
  static void deliver_queued(work* self) noexcept {
    auto* op = static_cast<fanout_op*>(self);
    op->deliver_now();
    // Decided by the last report only, or never: the operation's own reference is not the outcome's here, either.
    if constexpr (delivers_at_decided) op->drop_storage();
  }

  // At decided: the branches that are still out do not wait for the completion, which may have to queue; so it has a reference of
  // its own, taken while the caller's stands.
  FANOUT_NOINLINE void deliver_decided() noexcept {
    [[maybe_unused]] const bool held = count_.try_hold();
    deliver_held();
  }
  void deliver_held() noexcept { dispatch<&deliver_held_queued>(); }
  static void deliver_held_queued(work* self) noexcept {
    auto* op = static_cast<fanout_op*>(self);
    op->deliver_now();
    op->release_hold();
  }

  template <void (*Deliver)(work*) noexcept>
  static void deliver_posted(work* self) noexcept {
    detail::trampoline<platform>::template deliver_on_top<Deliver>(*self);
  }
  template <void (*Deliver)(work*) noexcept>
  void dispatch() noexcept {
    if constexpr (is_direct) {
      Deliver(this);
    } else if constexpr (posts) {
      this->run = &deliver_posted<Deliver>;
      completion_.post(static_cast<work&>(*this));  // the executor's from here on
    } else {
      detail::trampoline<platform>::template deliver<Deliver>(*this);
    }
  }

  void deliver_now() noexcept {
    // 1. Deregister: whoever else knows of the operation is joined. Only then is what they wrote complete.
    if constexpr (requires { completion_.disconnect(); }) completion_.disconnect();
    // 2. Combine. Policy and completion leave first, since from here on the outcome owns the operation. (What others may still
    // need stays: the completion says what leaves.)
    auto completion = [this]() noexcept {
      if constexpr (is_kept && requires { completion_.take(); }) {
        return completion_.take();
      } else {
        return Completion(std::move(completion_));
      }
    }();
    if constexpr (is_embedded) delivered_ = true;
    // 3. Complete, with the outcome made in the completion's parameter. The library has made its last access, unless the operation
    // is held for stragglers.
    std::move(completion)(combined());
  }

  outcome_type combined() noexcept {
    if constexpr (delivers_at_decided) {
      return combined_by(combine_);  // where it is: stragglers ask it what to do
    } else {
      // In this frame, so that the policy is gone before anybody is told. (A parameter may live as long as the caller's expression.)
      Combine combine(std::move(combine_));
      return combined_by(combine);
    }
  }
  outcome_type combined_by(Combine& combine) noexcept {
    FANOUT_TRY {
      if constexpr (votes) {
        auto counted = voting_.count(*this, combine);
        if (!counted.met) return unexpected(failure_type{std::move(counted.cause), std::move(counted.all)});
        return result_of([&]() -> decltype(auto) { return combine.result(std::move(counted.all)); });
      } else if constexpr (folds) {
        auto collected = collect();
        if (!collected) return unexpected(std::move(collected).error());
        return result_of([&]() -> decltype(auto) { return combine.result(); });
      } else if constexpr (requires { requires Combine::passes_on; }) {
        return collect();
      } else {
        return result_of([&]() -> decltype(auto) { return combine.result(collect()); });
      }
    }
    FANOUT_CATCH_ALL {
      std::exception_ptr exception = std::current_exception();
      error_type error = error_from(exception, errc::policy_threw);
      return unexpected(failure_type(failure<error_type>{no_index, std::move(error), 0, std::move(exception)}));
    }
  }
  template <class Combined>
  static outcome_type result_of(Combined&& combined) {
    if constexpr (std::is_void_v<combined_type>) {
      combined();
      return {};
    } else {
      return combined();
    }
  }

  slots_type all_slots() noexcept {
    slots_type slots;
    slots.first = first_array();
    slots.size = branches_;
    if constexpr (!is_embedded) slots.free = &destroy;
    if constexpr (grows) {
      slots.first_size = layout::first_array_size;
      slots.more = more_.arrays();
    } else if constexpr (requires { slots.first_size; }) {
      slots.first_size = slots.size = static_cast<std::size_t>(in_block());
    }
    return slots;
  }

  collected_type collect() noexcept
    requires(!votes)
  {
    if constexpr (keeps_errors && !folds) {
      // Where N is known, the slots tell what was not started.
      if (is_open && first_not_issued_ != no_index) return collected_type(all_slots(), first_cause(), true);
      return collected_type(all_slots(), failure_.take(), failure_.any());
    } else {
      bool failed = failure_.any();
      if constexpr (folds) {
        // Decided without a failure: that stays. Who has failed or given up since, or was not started, is not missed.
        failed = !folding_.decided() && (failed || failure_.any_stopped() || first_not_issued_ != no_index);
      } else {
        failed = failed || failure_.any_stopped() || first_not_issued_ != no_index;
      }
      if (failed) [[unlikely]] {
        failure<error_type> cause = first_cause();
        free_slots();
        return unexpected(std::move(cause));
      }
      if constexpr (std::is_void_v<value_type> || folds) {
        free_slots();
        return {};
      } else {
        return collected_type(std::in_place, all_slots());
      }
    }
  }
  // At decided, stragglers use the slots; what they are part of goes when the last of them has reported.
  void free_slots() noexcept {
    if constexpr (!delivers_at_decided) detail::slot_owner<slots_type>{all_slots()};
  }

  FANOUT_COLD failure<error_type> first_cause() noexcept {
    failure<error_type> cause = failure_.take();
    if (!failure_.any()) {  // no real error, so the noise is all there is to tell
      const bool stopped = failure_.any_stopped() || stop_.stop_requested();
      if (!stopped) cause.index = first_not_issued_;
      cause.cause = error_traits<error_type>::from(make_error_code(stopped ? errc::stopped : errc::not_issued));
      if (stopped) cause.why = reason::stopped;
    }
    return cause;
  }

  // ---- making and destroying -------------------------------------------------------------------------------------------

 public:
  /// Makes an operation for `n` branches (0 where N is unknown) and returns its issuer: the count is N + 1. Takes `combine`
  /// and `completion` only if it succeeds. Errors: errc::too_many, errc::out_of_memory; nothing has happened then.
  [[nodiscard("an issuer destroyed at once seals its operation with no branch started")]] static result<issuer> make(
      std::size_t n, Combine&& combine, Completion&& completion, const Allocator& allocator = Allocator()) noexcept
    requires(!is_embedded)
  {
    const made m = make_block(n, std::move(combine), std::move(completion), allocator);
    if (m.op == nullptr) [[unlikely]]
      return unexpected(make_error_code(m.error));
    return issuer(m.op);
  }

  /// The same, but throws what standard containers do: std::bad_alloc, or std::system_error(errc::too_many).
  [[nodiscard(
      "an issuer destroyed at once seals its operation with no branch started")]] FANOUT_ALWAYS_INLINE static issuer
  make_or_throw(std::size_t n, Combine&& combine, Completion&& completion, const Allocator& allocator = Allocator())
    requires(!is_embedded)
  {
    const made m = make_block(n, std::move(combine), std::move(completion), allocator);
    if (m.op == nullptr) [[unlikely]]
      detail::throw_not_made(m.error);
    return issuer(m.op);
  }

  /// The same in memory of the caller's: at least `bytes_for(n)` bytes, aligned to `alignment()`. It must stay until the
  /// operation is delivered and then be given to `destroy_in`.
  [[nodiscard("an issuer destroyed at once seals its operation with no branch started")]] static issuer make_in(
      std::byte* block, std::size_t n, Combine&& combine, Completion&& completion) noexcept
    requires is_embedded
  {
    return issuer(construct(block, n, std::move(combine), std::move(completion), Allocator()));
  }
  static constexpr std::size_t bytes_for(std::size_t n) noexcept { return layout::bytes(n); }
  static constexpr std::size_t alignment() noexcept { return layout::align(); }

  /// pre: delivered; anything else is a programming error that ends the program, in every build: there is nobody left who
  /// could wait, and detaching would write to freed memory.
  static void destroy_in(std::byte* block) noexcept
    requires is_embedded
  {
    auto* op = std::launder(reinterpret_cast<fanout_op*>(block));
    if (!op->delivered_) {
      FANOUT_ASSERT(false, "an embedded operation was destroyed before it was delivered");
      detail::fatal("an embedded operation was destroyed before it was delivered");
    }
    op->destroy_slots();
    op->~fanout_op();
  }

 private:
  struct made {
    fanout_op* op;
    errc error;  // where op is null
  };
  FANOUT_NOINLINE static made make_block(std::size_t n, Combine&& combine, Completion&& completion,
                                         const Allocator& allocator) noexcept {
    if (!layout::fits(n)) [[unlikely]]
      return {nullptr, errc::too_many};
    std::byte* block = detail::block_memory<layout::align(), Allocator>::allocate(allocator, layout::bytes(n));
    if (block == nullptr) [[unlikely]]
      return {nullptr, errc::out_of_memory};
    return {construct(block, n, std::move(combine), std::move(completion), allocator), {}};
  }

  static fanout_op* construct(std::byte* block, std::size_t n, Combine&& combine, Completion&& completion,
                              const Allocator& allocator) noexcept {
    FANOUT_ASSERT(Refcount::storage_for(n).align == Refcount::storage_for(0).align,
                  "the strategy's storage_for(n) has another alignment for some n");
    auto* op = ::new (static_cast<void*>(block))
        fanout_op(n, std::move(combine), std::move(completion), allocator, layout::strategy_storage(block, n));
    slot_type* slots = op->first_array();
    if constexpr (grows) {
      ::new (static_cast<void*>(layout::chunk_of(reinterpret_cast<std::byte*>(slots)))) detail::chunk{op, 0};
    }
    detail::construct_slots(slots, layout::slots_in_block(n));
    if constexpr (recycles) {
      for (std::size_t i = n; i-- != 0;) op->free_.give(slots[i]);
    }
    if constexpr (votes) {
      op->voting_.open(*op);
    }
    if constexpr (requires { op->completion_.connect(*op); }) {
      op->shared_ = true;
      op->completion_.connect(*op);
    }
    return op;
  }

  // The n that the block was made for.
  std::size_t in_block() const noexcept {
    if constexpr (recycles) return width_;
    return known_branches();
  }
  void destroy_slots() noexcept {
    if constexpr (!std::is_trivially_destructible_v<slot_type>) {
      std::destroy_n(first_array(), layout::slots_in_block(in_block()));
    }
    if constexpr (grows) more_.free(allocator_);
  }

  FANOUT_NOINLINE static void destroy(slot_type* first) noexcept
    requires(!is_embedded)
  {
    fanout_op* op = &of_array(reinterpret_cast<std::byte*>(first));
    if constexpr (is_kept) {
      op->consume_slots();
      op->drop_storage();
    } else {
      free_storage(op);
    }
  }
  void consume_slots() noexcept {
    if constexpr (!std::is_trivially_destructible_v<slot_type>) {
      const slots_type slots = all_slots();
      for (std::size_t i = 0; i != slots.size; ++i) slots[i].consume();
    }
  }
  static void free_storage(fanout_op* op) noexcept
    requires(!is_embedded)
  {
    const std::size_t n = op->in_block();
    op->destroy_slots();
    const Allocator allocator(std::move(op->allocator_));
    op->~fanout_op();
    detail::block_memory<layout::align(), Allocator>::deallocate(allocator, op, layout::bytes(n));
  }

  // ---- state -----------------------------------------------------------------------------------------------------------

  // First what the issuing code reads and writes, last what every completion on every thread writes: apart by distance, not
  // by alignment, which would leave the allocator's fast path.
  // start goes its usual course for the next branch below it. N known: N, or 0 once stop was requested or a branch was started out
  // of order. N unknown: how many slots there are.
  atomic<std::size_t> gate_;
  basic_inplace_stop_source<platform> stop_;
  atomic<std::uint64_t> inline_done_{0};  // #branches completed inside their own start; the issuing right's
  cell<std::size_t> dropped_{no_index};   // a branch dropped inside a start: see note_dropped; the issuing right's
  cell<bool> dropped_is_first_{false};    // whether that was the first failure
  cell<bool> shared_{false};              // a handle was created that may take a reference; the issuing right's
  [[no_unique_address]] only_if<is_embedded, cell<bool>> delivered_{};
  cell<std::size_t> first_not_issued_{no_index};  // the issuing right's; written before the seal, or by it
  cell<std::size_t> out_of_order_{no_index};      // #branches started, once one was out of order; the issuing right's
  cell<std::size_t> last_out_of_order_;           // the branch that was started last, then
  detail::first_failure<error_type, platform, folds && delivers_at_decided> failure_;
  // References to the memory: one until drained, one of the outcome's where that is earlier, one per party that keeps it.
  [[no_unique_address]] only_if<is_kept, atomic<std::uint32_t>> storage_{1u};
  [[no_unique_address]] voting voting_;
  [[no_unique_address]] folding folding_;
  [[no_unique_address]] streaming streaming_;
  // The issuing right's; where branches are streams, the folder reads it.
  [[no_unique_address]] only_if<votes || folds, std::conditional_t<streams, atomic<std::size_t>, cell<std::size_t>>>
      started_{};
  [[no_unique_address]] only_if<folds, cell<std::size_t>> starting_{
      no_index};  // the branch whose initiator runs; likewise
  Refcount count_;
  cell<std::size_t> branches_;  // N; where unknown, written by the seal
  [[no_unique_address]] only_if<recycles, cell<std::size_t>> width_;
  [[no_unique_address]] only_if<recycles, cell<c_start*>> c_starts_{nullptr};  // the innermost; the issuing right's
  [[no_unique_address]] only_if<recycles, detail::free_slots<slot_type, platform>> free_;
  [[no_unique_address]] only_if<grows, detail::slot_arrays<slot_type, layout::first_array_size>> more_;
  [[no_unique_address]] Combine combine_;
  [[no_unique_address]] Completion completion_;
  [[no_unique_address]] Allocator allocator_;
};

}  // namespace fanout

#endif
