// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_ALL_HPP
#define FANOUT_COMBINE_ALL_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"
#include "fanout/combine/importance.hpp"
#include "fanout/combine/quorum.hpp"

namespace fanout::combine {

/// Every value, or the first cause. The outcome is `result<values<T>, failure<E>>`: the values in index order where the
/// branches wrote them, or {index, cause, suppressed count}. The first branch that fails, or gives up, has the others asked to
/// stop; the completion runs when they have all reported.
template <class T, class E = std::error_code>
struct all_policy {
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = false;
  static constexpr bool passes_on = true;  // the outcome is what was collected, made where it is needed

  verdict on_error(std::size_t, const E&) noexcept { return verdict::decided; }
  verdict on_stopped(std::size_t) noexcept { return verdict::decided; }

  template <class Collected>
  Collected result(Collected collected) noexcept {
    return collected;
  }
};

/// `all` where it is delivered at decided: no branch may fail, and every report is kept.
template <class E>
struct all_vote_t : limits_t<E, false> {
  constexpr all_vote_t() noexcept : limits_t<E, false>(at_most_errors<E>(0)) {}
  template <class F>
  important_t<F, E> importance(F f) const {
    return {std::move(f)};
  }
};

template <class E>
struct all_t {
  template <class T>
  all_policy<T, E> bind() const noexcept {
    return {};
  }
  /// Some branches matter less: see `important`.
  template <class F>
  important_t<F, E> importance(F f) const {
    return {std::move(f)};
  }
  /// For delivery at decided: every report, in the order of their arrival, or the first cause.
  all_vote_t<E> as_vote() const noexcept { return {}; }
};

inline constexpr all_t<std::error_code> all{};

/// `all` with an error type other than std::error_code.
template <class E>
inline constexpr all_t<E> all_with{};

static_assert(policy<all_policy<int>> && policy<all_policy<void>>);

}  // namespace fanout::combine

#endif
