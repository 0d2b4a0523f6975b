// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_WITH_HPP
#define FANOUT_COMBINE_WITH_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"

namespace fanout::combine {

/// One function over all values, called by the last branch: the seed's combine-and-sort. `f(values<T>)` (`f()` without
/// values) runs only if every branch succeeded; otherwise the outcome is the first cause, as with `all`. What f returns is the
/// outcome's value; if it throws, that is the outcome's failure (E6).
template <class T, class F, class E = std::error_code>
class with_policy {
 public:
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = false;

  explicit with_policy(F f) noexcept(std::is_nothrow_move_constructible_v<F>) : f_(std::move(f)) {}

  verdict on_error(std::size_t, const E&) noexcept { return verdict::decided; }
  verdict on_stopped(std::size_t) noexcept { return verdict::decided; }

  template <class Collected>
  auto result(Collected collected) {
    if constexpr (std::is_void_v<T>) {
      static_assert(std::is_invocable_v<F&>, "fanout: combine::with(f) over branches without values calls f()");
      return std::move(collected).transform([this] { return f_(); });
    } else {
      using all_values = typename Collected::value_type;
      static_assert(std::is_invocable_v<F&, all_values>,
                    "fanout: combine::with(f) calls f(fanout::values<T>): take it by value or as auto&&");
      return std::move(collected).transform([this](all_values&& v) { return f_(std::move(v)); });
    }
  }

 private:
  F f_;
};

template <class F, class E>
struct with_t {
  F f;

  template <class T>
  with_policy<T, F, E> bind() && noexcept(std::is_nothrow_move_constructible_v<F>) {
    return with_policy<T, F, E>(std::move(f));
  }
};

template <class E = std::error_code, class F>
with_t<std::decay_t<F>, E> with(F&& f) {
  return {std::forward<F>(f)};
}

}  // namespace fanout::combine

#endif
