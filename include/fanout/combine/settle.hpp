// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_SETTLE_HPP
#define FANOUT_COMBINE_SETTLE_HPP

#include <system_error>
#include <utility>

#include "fanout/combine/concept.hpp"
#include "fanout/combine/quorum.hpp"

namespace fanout::combine {

/// What became of each branch. Nothing decides early and no branch's failure stops another: the outcome is `results<T, E>`, one value,
/// error or stopped per branch, in index order. `result<results<T, E>, failure<E>>` holds a failure only where there was no
/// operation at all, for want of memory.
template <class T, class E = std::error_code>
struct settle_policy {
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = true;

  template <class Collected>
  Collected result(Collected collected) noexcept {
    return collected;
  }
};

template <class E>
struct settle_t {
  template <class T>
  settle_policy<T, E> bind() const noexcept {
    return {};
  }
  /// For delivery at decided: the reports that were in, in the order of their arrival; all of them, unless a deadline passes.
  limits_t<E, false> as_vote() const noexcept { return limits_t<E, false>(limits{}).on_deadline(partial); }
};

inline constexpr settle_t<std::error_code> settle{};

/// `settle` with an error type other than std::error_code: std::exception_ptr keeps each branch's exception.
template <class E>
inline constexpr settle_t<E> settle_with{};

static_assert(policy<settle_policy<int>> && policy<settle_policy<void>>);

}  // namespace fanout::combine

#endif
