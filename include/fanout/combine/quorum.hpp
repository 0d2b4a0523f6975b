// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_QUORUM_HPP
#define FANOUT_COMBINE_QUORUM_HPP

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"

namespace fanout {

/// What a deadline makes of an operation that is still undecided.
enum class on_deadline_t : unsigned char { fail, partial };
/// The outcome is a failure, errc::deadline, that brings along what was reported in time. The default.
inline constexpr on_deadline_t fail = on_deadline_t::fail;
/// The outcome is a success with what was reported in time, and says what is missing.
inline constexpr on_deadline_t partial = on_deadline_t::partial;

namespace combine {

/// How many successes decide, how many failures, and what a deadline does: the rule behind first_success, quorum and
/// at_most_errors. A value; the policies hold one.
struct limits {
  static constexpr std::uint32_t none = static_cast<std::uint32_t>(-1);

  std::uint32_t successes = none;  // that many are enough; none: every branch is waited for
  std::uint32_t failures = none;   // that many may fail; none: any number, as long as enough can still succeed
  on_deadline_t at_deadline = fail;

  [[nodiscard]] constexpr ruling rule(const tally& t) const noexcept {
    if (successes != none) {
      if (t.successes >= successes) return ruling::met(reason::quorum);
      // More than can still succeed. While N is unknown, any number may.
      if (t.branches != tally::unknown && t.successes + t.left() < successes) return ruling::unmet(reason::error_limit);
    }
    if (failures != none && t.failures > failures) return ruling::unmet(reason::error_limit);
    if (successes == none && t.complete() && t.sealed) {
      if (failures == none || t.stopped + t.not_issued == 0) return ruling::met(reason::completed);
      return ruling::unmet(t.stopped != 0 ? reason::stopped : reason::error_limit);
    }
    return ruling::open();
  }
  [[nodiscard]] constexpr ruling on_deadline() const noexcept {
    return at_deadline == partial ? ruling::met(reason::deadline) : ruling::unmet(reason::deadline);
  }
};

/// The first `k` successes, in the order of their arrival, each with its index. Decided when there are k, or as soon as k can no
/// longer be reached; the others are asked to stop then. The outcome is `result<reports<T, E>, reported_failure<T, E>>`.
///
/// With `at_most_errors(n)` the failures have a limit as well. Alone, it waits for every branch and fails as soon as more than n
/// failed; the reports of all are the outcome then.
///
/// Zero of any number is reached at once, and nothing is started. More than N is errc::unreachable at once. A branch that gave
/// up because it was asked to is neither a success nor a cause.
///
/// Cost: two read-modify-writes per branch instead of one, and 48 bytes per slot.
template <class T, class E = std::error_code, bool Early = true>
struct limits_policy {
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = true;
  static constexpr bool votes = true;
  static constexpr bool decides_early = Early;  // it may succeed before every branch has reported

  limits limit;
  bool keep = false;

  ruling rule(const tally& t) const noexcept { return limit.rule(t); }
  ruling on_deadline(const tally&) const noexcept { return limit.on_deadline(); }
  bool keeps_losers() const noexcept { return keep; }

  template <class Reports>
  Reports result(Reports in) noexcept {
    return in;
  }
};

/// The description of a `limits_policy`; a value, whose members each return another.
template <class E, bool Early>
class limits_t {
 public:
  constexpr explicit limits_t(limits l) noexcept : limit_(l) {}

  /// At most `n` branches may fail.
  [[nodiscard]] constexpr limits_t at_most_errors(std::size_t n) const noexcept {
    limits_t other = *this;
    other.limit_.failures = clamped(n);
    return other;
  }
  /// What a deadline does: `fanout::fail` or `fanout::partial`.
  [[nodiscard]] constexpr limits_t on_deadline(on_deadline_t what) const noexcept {
    limits_t other = *this;
    other.limit_.at_deadline = what;
    return other;
  }
  /// Does not ask the others to stop once it is decided.
  [[nodiscard]] constexpr limits_t keep_losers() const noexcept {
    limits_t other = *this;
    other.keep_ = true;
    return other;
  }

  template <class T>
  constexpr limits_policy<T, E, Early> bind() const noexcept {
    return {limit_, keep_};
  }

  // As many as a tally can tell.
  static constexpr std::uint32_t clamped(std::size_t n) noexcept {
    return n < limits::none ? static_cast<std::uint32_t>(n) : limits::none - 1;
  }

 private:
  limits limit_;
  bool keep_ = false;
};

/// k successes.
template <class E = std::error_code>
[[nodiscard]] constexpr limits_t<E, true> quorum(std::size_t k) noexcept {
  limits l;
  l.successes = limits_t<E, true>::clamped(k);
  return limits_t<E, true>(l);
}

/// Every report, unless more than `n` branches fail.
template <class E = std::error_code>
[[nodiscard]] constexpr limits_t<E, false> at_most_errors(std::size_t n) noexcept {
  limits l;
  l.failures = limits_t<E, false>::clamped(n);
  return limits_t<E, false>(l);
}

}  // namespace combine

}  // namespace fanout

#endif
