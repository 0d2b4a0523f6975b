// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_CALL_HPP
#define FANOUT_DETAIL_CALL_HPP

#include <type_traits>
#include <utility>

namespace fanout::detail {

/// The object that a member of C is a member of, as std::invoke finds it: itself, in a reference_wrapper or pointed at.
template <class M, class C, class A>
constexpr decltype(auto) object_of(M C::*, A&& a) {
  using bare = std::remove_cvref_t<A>;
  if constexpr (std::is_base_of_v<C, bare>) {
    return static_cast<A&&>(a);
  } else if constexpr (requires { requires std::is_same_v<decltype(a.get()), typename bare::type&>; }) {
    return a.get();
  } else {
    return *std::forward<A>(a);
  }
}

/// std::invoke: <functional> would cost more to compile than everything that uses this.
template <class F>
constexpr decltype(auto) call(F&& f) {
  return std::forward<F>(f)();
}
template <class F, class A, class... Rest>
constexpr decltype(auto) call(F&& f, A&& a, Rest&&... rest) {
  if constexpr (std::is_member_function_pointer_v<std::remove_cvref_t<F>>) {
    return (object_of(f, std::forward<A>(a)).*f)(std::forward<Rest>(rest)...);
  } else if constexpr (std::is_member_object_pointer_v<std::remove_cvref_t<F>>) {
    return (object_of(f, std::forward<A>(a)).*f);
  } else {
    return std::forward<F>(f)(std::forward<A>(a), std::forward<Rest>(rest)...);
  }
}

}  // namespace fanout::detail

#endif  // FANOUT_DETAIL_CALL_HPP
