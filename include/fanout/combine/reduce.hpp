// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_REDUCE_HPP
#define FANOUT_COMBINE_REDUCE_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"
#include "fanout/detail/call.hpp"

namespace fanout::combine {

namespace detail {

/// `so_far = f(so_far, value)`, or `f(so_far, value)` in place where f returns nothing.
template <class A, class F, class T>
void fold_into(A& so_far, F& f, T&& value) {
  static_assert(std::is_invocable_v<F&, A, T> || std::is_invocable_v<F&, A&, T>,
                "fanout: reduce(init, f) calls f(init, value), as std::accumulate does, or f(so_far&, value)");
  if constexpr (std::is_invocable_v<F&, A, T>) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, A, T>>) {
      static_assert(std::is_invocable_v<F&, A&, T>,
                    "fanout: reduce(init, f): an f that returns nothing takes what it adds to by reference");
      fanout::detail::call(f, so_far, std::forward<T>(value));
    } else {
      so_far = fanout::detail::call(f, std::move(so_far), std::forward<T>(value));
    }
  } else {
    fanout::detail::call(f, so_far, std::forward<T>(value));
  }
}

}  // namespace detail

/// Folds each value into one as it arrives: `f(so_far, value)`, one call at a time, in the order of arrival, on any of the
/// completing threads. No value is kept, so with a window memory does not grow with N. The outcome is `result<A, failure<E>>`; the
/// first branch that fails, or gives up, has the others asked to stop, and nothing more is folded. With no branches it is `init`.
template <class T, class A, class F, class E = std::error_code>
class reduce_policy {
 public:
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;

  reduce_policy(A init,
                F f) noexcept(std::is_nothrow_move_constructible_v<A> && std::is_nothrow_move_constructible_v<F>)
      : so_far_(std::move(init)), f_(std::move(f)) {}

  void on_value(std::size_t, fanout::detail::stored_t<T>&& value) { detail::fold_into(so_far_, f_, std::move(value)); }
  A result() { return std::move(so_far_); }

 private:
  A so_far_;
  F f_;
};

/// The same in index order, whatever the order of arrival: by the last branch to report, over all values.
template <class T, class A, class F, class E = std::error_code>
class reduce_in_order_policy {
 public:
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = false;

  reduce_in_order_policy(A init, F f) noexcept(std::is_nothrow_move_constructible_v<A> &&
                                               std::is_nothrow_move_constructible_v<F>)
      : so_far_(std::move(init)), f_(std::move(f)) {}

  verdict on_error(std::size_t, const E&) noexcept { return verdict::decided; }
  verdict on_stopped(std::size_t) noexcept { return verdict::decided; }

  template <class Collected>
  fanout::result<A, failure<E>> result(Collected collected) {
    if (!collected) return unexpected(std::move(collected).error());
    for (auto& value : *collected) detail::fold_into(so_far_, f_, std::move(value));
    return std::move(so_far_);
  }

 private:
  A so_far_;
  F f_;
};

template <template <class, class, class, class> class Policy, class A, class F, class E>
struct reduce_t {
  A init;
  F f;

  template <class T>
  Policy<T, A, F, E> bind() && {
    static_assert(!std::is_void_v<T>, "fanout: reduce needs branches that have values");
    return {std::move(init), std::move(f)};
  }
};

/// As the values arrive.
template <class E = std::error_code, class A, class F>
reduce_t<reduce_policy, A, F, E> reduce(A init, F f) {
  return {std::move(init), std::move(f)};
}
/// In index order.
template <class E = std::error_code, class A, class F>
reduce_t<reduce_in_order_policy, A, F, E> reduce_in_order(A init, F f) {
  return {std::move(init), std::move(f)};
}

}  // namespace fanout::combine

#endif
