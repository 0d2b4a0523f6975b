// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_CONCEPT_HPP
#define FANOUT_COMBINE_CONCEPT_HPP

#include <concepts>
#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/platform.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/failure.hpp"
#include "fanout/reports.hpp"
#include "fanout/result.hpp"
#include "fanout/results.hpp"
#include "fanout/values.hpp"
#include "fanout/verdict.hpp"

namespace fanout::combine {

namespace detail {

template <class P>
concept votes = requires { requires P::votes; };
template <class P>
concept folds = requires { requires P::folds; };

template <class P>
using collected_t = std::conditional_t<
    votes<P>, reports<typename P::value_type, typename P::error_type>,
    std::conditional_t<
        P::keeps_errors, results<typename P::value_type, typename P::error_type>,
        result<std::conditional_t<std::is_void_v<typename P::value_type>, void, values<typename P::value_type>>,
               failure<typename P::error_type>>>>;

template <class P>
concept collecting_policy = !folds<P> && requires(P& p) { p.result(std::declval<collected_t<P>>()); };
template <class P>
concept voting_policy = votes<P> && requires(const P& p, const tally& t) {
  { p.rule(t) } noexcept -> std::same_as<ruling>;
};
template <class P>
concept folding_policy = folds<P> && requires(P& p, fanout::detail::stored_t<typename P::value_type>&& value) {
  p.on_value(std::size_t{}, std::move(value));
  p.result();
};

template <class P>
concept bound = requires { typename P::value_type; };

}  // namespace detail

/// What the branches' results become. What an implementer writes:
///
///     template <class T>
///     struct my_policy {
///       using value_type = T;                                  // what a branch completes with; may be void
///       using error_type = std::error_code;
///       static constexpr bool keeps_errors = true;             // every branch's error, or only the first?
///       auto result(fanout::results<T> all) { … }              // the outcome
///     };
///
/// `result` is called once, by the last thread to report, when every branch has reported and nothing else can touch the
/// results: everything the branches wrote is visible. It is given, by value,
///
///   - where `keeps_errors`: `results<T, E>`, what every branch came to, in index order;
///   - otherwise: `result<values<T>, failure<E>>` (`result<void, failure<E>>` without values): all values in index order, or
///     the first real cause. Slots need no room for errors then.
///
/// It may take values out, and may throw: the exception is the operation's cause, errc::policy_threw (E6). What it returns is
/// the outcome's value; if it returns a `result<X, failure<E>>`, that is the outcome.
///
/// Two more members are optional: `on_error(std::size_t index, const E&) noexcept` and `on_stopped(std::size_t index) noexcept`
/// return a `verdict`; `decided` asks the remaining branches to stop. They are called on the completing branch's thread,
/// **concurrently** for different branches, and before that branch is released: they touch only what they synchronise
/// themselves. A policy is moved once, without throwing, before `result` is called.
///
/// ## Voting: a policy that may decide before all are in
///
///     static constexpr bool votes = true;
///     ruling rule(const fanout::tally&) const noexcept;         // open, met(reason) or unmet(reason)
///     auto result(fanout::reports<T, E> in) { … }               // the outcome's value, where the rule was met
///
/// `rule` is a pure function of the tally: it is called **concurrently**, on the completing threads, more than once for one
/// report, and with the tally of every possible order. It stays with what it has decided, and once every branch has reported and
/// the issuer has sealed it decides. The reports that were in are passed on in the order of their arrival; where the rule was not met,
/// they are the failure's (`reported_failure::reported`). Optional: `ruling on_deadline(const tally&) const noexcept` (absent: unmet),
/// `errc unreachable(const tally&) const noexcept`, the cause where no branch failed, `bool keeps_losers() const noexcept`, and
/// `on_late(std::size_t index, T&&) noexcept`, which is given successes that came after the decision, concurrently too.
///
/// ## Folding: a policy that is given each report as it arrives
///
///     static constexpr bool folds = true;
///     void on_value(std::size_t index, T&&) { … }               // or returns a verdict
///     auto result() { … }                                       // the outcome's value
///
/// The members are called **one at a time**, each seeing what the ones before it did, on any of the completing threads, for other
/// branches too; never under a lock. What reports meanwhile waits on a list, nobody blocks. A report's value is gone afterwards.
/// With `keeps_errors`, errors are the policy's: `verdict on_error(std::size_t index, E&&)` and optionally
/// `on_stopped(std::size_t index)`; otherwise the first error is the operation's cause and the others are asked to stop. Optional:
/// `bool on_deadline()` (true: what there is, is the outcome; absent: errc::deadline), and `on_late` as above. They may throw (E6);
/// nothing more is folded then.
///
/// ## Streams: a folding policy whose branches deliver many items before they complete
///
///     using item_type = X;                                      // branch.emit(…)
///     using key_type = K;                                       // branch.watermark(…); optional
///     bool on_streams(std::size_t n) noexcept;                  // there are n streams; false: no memory for them
///     verdict on_all_streams();                                 // and no more will come
///     verdict on_items(std::size_t index, stream_chunk<X>&);    // lent until give_back(), also if this throws
///     verdict on_watermark(std::size_t index, const K&);        // where there is a key_type
///     verdict on_not_issued(std::size_t index);                 // of n known before, this one was never started
///     void give_up() noexcept;                                  // gives all chunks back; it is given nothing more
///     stream_limits limits() const noexcept;                    // optional; asked by producers, concurrently
///
/// These are folded like reports: one at a time, a stream's items and watermarks in the order in which it emitted them, and then
/// its report. `on_streams` comes before a stream's first, more than once where N is unknown, and then `on_all_streams` comes with
/// the seal. `give_up` comes once, before `result`. Chunks are given back inside the policy's members only.
template <class P>
concept policy = std::is_nothrow_move_constructible_v<P> && requires {
  typename P::value_type;
  typename P::error_type;
  { P::keeps_errors } -> std::convertible_to<bool>;
} && (detail::collecting_policy<P> || detail::folding_policy<P>) && (!detail::votes<P> || detail::voting_policy<P>);

/// A policy that is still to learn the value type: `bind<T>()` makes it.
template <class D, class T>
concept description = requires(D& d) {
  { std::move(d).template bind<T>() } -> policy;
};

}  // namespace fanout::combine

#endif
