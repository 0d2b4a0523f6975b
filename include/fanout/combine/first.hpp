// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_FIRST_HPP
#define FANOUT_COMBINE_FIRST_HPP

#include <cstddef>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"

namespace fanout {

/// The value of one branch out of several, and which one it was.
template <class T>
struct winner {
  std::size_t index = no_index;
  T value;

  T& operator*() & noexcept { return value; }
  const T& operator*() const& noexcept { return value; }
  T&& operator*() && noexcept { return std::move(value); }
  T* operator->() noexcept { return std::addressof(value); }
  const T* operator->() const noexcept { return std::addressof(value); }
};
template <>
struct winner<void> {
  std::size_t index = no_index;
};

namespace combine {

namespace detail {

template <class T, class Reports>
winner<T> winner_of(Reports&& reports) noexcept(std::is_void_v<T> || std::is_nothrow_move_constructible_v<T>) {
  auto first = *reports.begin();
  if constexpr (std::is_void_v<T>) {
    return {first.index()};
  } else {
    return {first.index(), std::move(*first)};
  }
}

}  // namespace detail

/// The first branch that succeeds; the others are asked to stop. Fails when all have failed, with every cause; without
/// branches, errc::no_candidates. The outcome is `result<winner<T>, reported_failure<T, E>>`.
template <class T, class E = std::error_code>
struct first_success_policy {
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = true;
  static constexpr bool votes = true;
  static constexpr bool decides_early = true;

  ruling rule(const tally& t) const noexcept {
    if (t.successes != 0) return ruling::met(reason::quorum);
    if (t.branches != tally::unknown && t.left() == 0) return ruling::unmet(reason::error_limit);
    return ruling::open();
  }
  errc unreachable(const tally&) const noexcept { return errc::no_candidates; }

  template <class Reports>
  winner<T> result(Reports in) noexcept(noexcept(detail::winner_of<T>(in))) {
    return detail::winner_of<T>(in);
  }
};

/// The first branch that reports, whatever it reports; the others are asked to stop. A branch that gave up because it was asked
/// to has not reported anything. The outcome is `result<winner<T>, reported_failure<T, E>>`; without branches, errc::no_candidates.
template <class T, class E = std::error_code>
struct first_policy : first_success_policy<T, E> {
  ruling rule(const tally& t) const noexcept {
    if (t.failures != 0 && t.successes == 0) return ruling::unmet(reason::error_limit);
    return first_success_policy<T, E>::rule(t);
  }
};

template <class E, template <class, class> class Policy>
struct first_t {
  template <class T>
  Policy<T, E> bind() const noexcept {
    return {};
  }
};

inline constexpr first_t<std::error_code, first_success_policy> first_success{};
inline constexpr first_t<std::error_code, first_policy> first{};
template <class E>
inline constexpr first_t<E, first_success_policy> first_success_with{};
template <class E>
inline constexpr first_t<E, first_policy> first_with{};

}  // namespace combine

}  // namespace fanout

#endif
