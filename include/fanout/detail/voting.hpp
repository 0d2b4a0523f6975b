// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_VOTING_HPP
#define FANOUT_DETAIL_VOTING_HPP

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/ballot.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/importance.hpp"
#include "fanout/reports.hpp"

namespace fanout::detail {

/// What an operation has besides where its policy votes: the ballot, the votes that are no reports, and what follows from
/// them. A member of `Op`, which is passed to each function.
template <class Op, class Slot, class Platform>
class voting {
  using node = vote_node<Platform>;
  using standing = typename node::standing;

 public:
  bool decided() const noexcept { return ballot_.decided(); }

  /// Some things are decided before anything starts: nothing to choose from, more wanted than there are. Then nothing is
  /// started, whether losers are kept or not.
  void open(Op& op) noexcept {
    if (!op.combine_.rule(opening(op)).decided()) return;
    cast(op, opening_, vote::opening, no_index);
    op.stop_branches();
  }

  /// A branch has reported. `alone`: nobody else votes meanwhile. The slot may be an outcome's afterwards.
  FANOUT_NOINLINE void report(Op& op, Slot* slot, bool alone) noexcept {
    const branch_state state = slot->state();
    const vote kind = state == branch_state::value    ? vote::success
                      : state == branch_state::failed ? vote::failure
                                                      : vote::stopped;
    const std::size_t i = Op::index_of(slot);
    vote_weight weight = vote_weight::full;
    if constexpr (Op::weighs) {
      if (!counts(op, i)) return op.late(slot, i);
      if (op.combine_.importance_of(i) == importance::optional) weight = vote_weight::excused;
    }
    if (kind == vote::failure && is_fatal(op.combine_, slot)) weight = vote_weight::fatal;
    if (!cast(op, *slot, kind, i, {}, weight, alone)) op.late(slot, i);
  }

  FANOUT_COLD void deadline(Op& op) noexcept { cast(op, deadline_, vote::deadline, no_index); }

  FANOUT_COLD void seal(Op& op, std::size_t branches, std::uint64_t not_issued) noexcept {
    tally closing;
    closing.branches = counted_of(op, branches);
    closing.not_issued = static_cast<std::uint32_t>(not_issued);
    if constexpr (Op::weighs) {
      if (not_issued != 0) {
        closing.not_issued = 0;
        op.for_each_not_issued(branches, [&](std::size_t i) noexcept { closing.not_issued += counts(op, i); });
      }
    }
    // Not started because a stop was requested: stopped, as those are that start settles.
    if (op.stop_.stop_requested()) closing.stopped = std::exchange(closing.not_issued, 0u);
    cast(op, seal_, vote::seal, no_index, closing);
  }

  /// What was in when it was decided: the reports, and whether they met the rule, or why they did not.
  auto count(Op& op, [[maybe_unused]] typename Op::combine_type& combine) noexcept {
    using V = typename Op::value_type;
    using E = typename Op::error_type;
    const standing at = ballot_.last()->at;
    // Where the rule is undecided although all have reported, none of them makes a difference any more.
    const ruling verdict = at.verdict.decided() ? at.verdict : ruling::unmet(reason::error_limit);
    const standing decided_at = at.decider != nullptr ? static_cast<standing>(at.decider->at) : at;
    node* newest = at.decider != nullptr ? at.decider : const_cast<node*>(ballot_.last());

    counted_votes<V, E, Platform> in;
    in.slots = op.all_slots();
    in.count = decided_at.count;
    in.why = verdict.why();
    for (node* n = newest; n != nullptr;) {
      node* const before = n->link;
      n->link = in.first;
      n->counted = true;
      in.first = n;
      n = before;
    }
    if constexpr (Op::delivers_at_decided) op.keep_storage();
    if constexpr (requires { op.completion_.label(std::size_t{}); }) {
      in.label = [](void* of, std::size_t i) { return static_cast<Op*>(of)->completion_.label(i); };
    }
    in.op = &op;
    in.drop = [](void* of) noexcept { static_cast<Op*>(of)->drop_storage(); };
    failure<E> cause;
    if (!verdict.is_met()) cause = unmet(op, combine, in, verdict.why());

    struct counted {
      reports<V, E, Platform> all;
      failure<E> cause;
      bool met;
    };
    return counted{reports<V, E, Platform>(in), std::move(cause), verdict.is_met()};
  }

 private:
  // How many of n branches count. The others are drained, and nothing else.
  static std::uint32_t counted_of([[maybe_unused]] const Op& op, std::size_t n) noexcept {
    auto counted = static_cast<std::uint32_t>(n);
    if constexpr (Op::weighs) {
      for (std::size_t i = 0; i != n; ++i) counted -= !counts(op, i);
    }
    return counted;
  }
  static bool counts(const Op& op, std::size_t i) noexcept {
    return op.combine_.importance_of(i) != importance::best_effort;
  }
  static tally opening(const Op& op) noexcept {
    tally t;
    t.branches = Op::is_open ? tally::unknown : counted_of(op, op.known_branches());
    return t;
  }
  // A policy may know errors after which it is no use to go on.
  static bool is_fatal([[maybe_unused]] const typename Op::combine_type& combine,
                       [[maybe_unused]] const Slot* failed) noexcept {
    if constexpr (requires { combine.is_fatal(failed->error()); }) {
      return combine.is_fatal(failed->error());
    } else {
      return false;
    }
  }
  static bool stops_the_others(const Op& op) noexcept {
    if constexpr (requires { op.combine_.keeps_losers(); }) {
      return !op.combine_.keeps_losers();
    } else {
      return true;
    }
  }

  // Casts a vote, and does what is due if it decides. False if it came too late.
  bool cast(Op& op, node& n, vote kind, std::size_t index, const tally& closing = {},
            vote_weight weight = vote_weight::full, bool alone = false) noexcept {
    const auto result = ballot_.cast(n, kind, index, opening(op), closing, weight, alone,
                                     [&op, weight](const tally& t, vote what) noexcept {
                                       if (what == vote::deadline) {
                                         if constexpr (requires { op.combine_.on_deadline(t); }) {
                                           return op.combine_.on_deadline(t);
                                         } else {
                                           return ruling::unmet(reason::deadline);
                                         }
                                       }
                                       if (weight == vote_weight::fatal || (what == vote::seal && op.failure_.any()))
                                         return ruling::unmet(reason::error_limit);
                                       return op.combine_.rule(t);
                                     });
    if (result.late) return false;
    if (result.decided && stops_the_others(op)) op.stop_branches();
    if constexpr (Op::delivers_at_decided) {
      if (result.due) op.deliver_decided();
    }
    return true;
  }

  template <class V, class E>
  FANOUT_COLD static failure<E> unmet(Op& op, [[maybe_unused]] typename Op::combine_type& combine,
                                      counted_votes<V, E, Platform>& in, reason why) noexcept {
    if (op.failure_.any()) return op.failure_.take();
    failure<E> cause;
    cause.why = why;
    cause.suppressed = in.count.failures;
    errc code = errc::unreachable;
    if (why == reason::deadline || why == reason::stopped) {
      code = why == reason::deadline ? errc::deadline : errc::stopped;
    } else if (in.count.failures != 0) {
      const node* first = in.first;
      while (first->kind != vote::failure) first = first->link;
      // A fatal one has decided: it is the last that is in.
      for (const node* n = first; n != nullptr; n = n->link) {
        if (n->kind == vote::failure && is_fatal(combine, static_cast<const Slot*>(n))) first = n;
      }
      cause.index = first->index;
      --cause.suppressed;
      if constexpr (std::is_nothrow_copy_constructible_v<E>) {
        cause.cause = static_cast<const Slot*>(first)->error();
        return cause;
      }
    } else if (in.count.stopped != 0) {
      code = errc::stopped;
      cause.why = in.why = reason::stopped;
    } else if (in.count.not_issued != 0) {
      code = errc::not_issued;
      cause.index = op.first_not_issued_;
    } else if constexpr (requires { combine.unreachable(in.count); }) {
      code = combine.unreachable(in.count);
    }
    cause.cause = error_traits<E>::from(make_error_code(code));
    return cause;
  }

  ballot<Platform> ballot_;
  node opening_, seal_, deadline_;
};

}  // namespace fanout::detail

#endif
