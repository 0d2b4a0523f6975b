// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_CONCEPT_HPP
#define FANOUT_COMBINE_CONCEPT_HPP

#include <concepts>
#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/platform.hpp"
#include "fanout/failure.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/result.hpp"
#include "fanout/results.hpp"
#include "fanout/values.hpp"

namespace fanout::combine {

namespace detail {

template <class P>
using collected_t = std::conditional_t<
    P::keeps_errors, results<typename P::value_type, typename P::error_type>,
    result<std::conditional_t<std::is_void_v<typename P::value_type>, void, values<typename P::value_type>>,
           failure<typename P::error_type>>>;

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
template <class P>
concept policy = std::is_nothrow_move_constructible_v<P> && requires(P& p) {
  typename P::value_type;
  typename P::error_type;
  { P::keeps_errors } -> std::convertible_to<bool>;
  p.result(std::declval<detail::collected_t<P>>());
};

/// A policy that is still to learn the value type: `bind<T>()` makes it.
template <class D, class T>
concept description = requires(D& d) {
  { std::move(d).template bind<T>() } -> policy;
};

}  // namespace fanout::combine

#endif
