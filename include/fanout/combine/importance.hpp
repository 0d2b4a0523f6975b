// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_IMPORTANCE_HPP
#define FANOUT_COMBINE_IMPORTANCE_HPP

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"
#include "fanout/importance.hpp"

namespace fanout {

namespace combine {

/// Every report, unless a branch that is required fails: `f(index)` says how important each is. The outcome is
/// `result<reports<T, E>, reported_failure<T, E>>`, in the order of arrival. Values of best-effort branches are destroyed, or go to
/// `on_late`. Delivered at drained, best-effort branches are waited for like all others; at decided, they are not.
///
/// `f` is called concurrently, on the completing threads, several times for a branch, and says the same each time; noexcept.
template <class T, class F, class E = std::error_code>
class importance_policy {
  static_assert(
      std::is_nothrow_invocable_r_v<importance, const F&, std::size_t>,
      "fanout: combine::important(f) calls f(std::size_t index), which returns a fanout::importance and is noexcept");

 public:
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = true;
  static constexpr bool votes = true;

  explicit importance_policy(F f) noexcept(std::is_nothrow_move_constructible_v<F>) : f_(std::move(f)) {}

  importance importance_of(std::size_t i) const noexcept { return f_(i); }

  ruling rule(const tally& t) const noexcept {
    if (t.failures != 0) return ruling::unmet(reason::error_limit);
    if (!t.complete() || !t.sealed) return ruling::open();
    if (t.stopped + t.not_issued == 0) return ruling::met(reason::completed);
    return ruling::unmet(t.stopped != 0 ? reason::stopped : reason::error_limit);
  }

  template <class Reports>
  Reports result(Reports in) noexcept {
    return in;
  }

 private:
  F f_;
};

template <class F, class E>
struct important_t {
  F f;
  template <class T>
  importance_policy<T, F, E> bind() && noexcept(std::is_nothrow_move_constructible_v<F>) {
    return importance_policy<T, F, E>(std::move(f));
  }
};

template <class E = std::error_code, class F>
important_t<F, E> important(F f) {
  return {std::move(f)};
}

}  // namespace combine

}  // namespace fanout

#endif
