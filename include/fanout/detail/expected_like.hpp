// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_EXPECTED_LIKE_HPP
#define FANOUT_DETAIL_EXPECTED_LIKE_HPP

#include <concepts>
#include <type_traits>
#include <utility>

#include "fanout/unexpected.hpp"

namespace fanout {

template <class T, class E>
class result;

namespace detail {

template <class X>
inline constexpr bool is_result = false;
template <class T, class E>
inline constexpr bool is_result<result<T, E>> = true;

/// Anything with the shape of std::expected: ours, std's, tl's. By shape, so that no header and no mode matters.
template <class X>
concept expected_like = requires(const X& x) {
  typename X::value_type;
  typename X::error_type;
  typename X::unexpected_type;
  { x.has_value() } -> std::same_as<bool>;
  x.error();
} && (std::is_void_v<typename X::value_type> || requires(const X& x) { *x; });

/// `*x`, or nothing: where the value is void there need not be an operator*.
template <class X>
constexpr decltype(auto) value_of(X&& x) {
  if constexpr (!std::is_void_v<typename std::remove_cvref_t<X>::value_type>) return *std::forward<X>(x);
}

/// What `value_of(x)` and `x.error()` are for an x of the qualified type X. The first may be void.
template <class X>
using value_in = decltype(value_of(std::declval<X>()));
template <class X>
using error_in = decltype(std::declval<X>().error());

template <class From, class To>
concept makes = std::is_constructible_v<To, From> || std::is_convertible_v<From, To>;

/// T takes a whole X as its own affair, as std::any does: a result<T> must not look inside.
template <class T, class X>
concept swallows = makes<X&, T> || makes<X, T> || makes<const X&, T> || makes<const X, T>;

template <class E, class X>
concept error_swallows =
    std::is_constructible_v<unexpected<E>, X&> || std::is_constructible_v<unexpected<E>, X> ||
    std::is_constructible_v<unexpected<E>, const X&> || std::is_constructible_v<unexpected<E>, const X>;

template <class T, class X>
concept unwraps_value =
    (std::is_void_v<T> && std::is_void_v<value_in<X>>) ||
    (!std::is_void_v<T> && !std::is_void_v<value_in<X>> && std::is_constructible_v<T, value_in<X>> &&
     (std::is_same_v<std::remove_cv_t<T>, bool> || !swallows<T, std::remove_cvref_t<X>>));

/// A result<T, E> can be made of what is in an X, which is qualified as it is passed.
template <class X, class T, class E>
concept unwraps_to =
    !std::is_same_v<std::remove_cvref_t<X>, result<T, E>> && expected_like<std::remove_cvref_t<X>> &&
    unwraps_value<T, X> && std::is_constructible_v<E, error_in<X>> && !error_swallows<E, std::remove_cvref_t<X>>;

/// A foreign X can be made of a V or a G. V may be void.
template <class X, class V, class G>
concept wraps = !is_result<X> && expected_like<X> && std::is_constructible_v<typename X::error_type, G> &&
                ((std::is_void_v<V> && std::is_void_v<typename X::value_type>) ||
                 (!std::is_void_v<V> && std::is_constructible_v<typename X::value_type, V>));

}  // namespace detail

}  // namespace fanout

#endif  // FANOUT_DETAIL_EXPECTED_LIKE_HPP
