// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_HEDGE_HPP
#define FANOUT_COMBINE_HEDGE_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"
#include "fanout/combine/first.hpp"
#include "fanout/detail/call.hpp"

namespace fanout::combine {

namespace detail {

struct nothing_is_fatal {};

/// Who wants to know which attempt won.
struct hedge_watch {
  void (*won)(hedge_watch& self, std::size_t index) noexcept;
};

}  // namespace detail

/// As `first_success_policy`, and a failure that is `fatal` decides at once: it is the outcome, and the others are asked to stop.
/// The outcome is `result<winner<T>, reported_failure<T, E>>`.
template <class T, class E = std::error_code, class Fatal = detail::nothing_is_fatal>
struct hedge_policy : first_success_policy<T, E> {
  static constexpr bool hedges = true;

  [[no_unique_address]] Fatal fatal;
  bool keep = false;
  detail::hedge_watch* watch = nullptr;

  bool is_fatal(const E& error) const noexcept
    requires(!std::is_same_v<Fatal, detail::nothing_is_fatal>)
  {
    static_assert(std::is_nothrow_invocable_r_v<bool, const Fatal&, const E&>,
                  "fanout: fatal(f) calls f(error) on the thread that reports, where nobody could catch: it must be "
                  "const and noexcept and return whether to give up");
    return fanout::detail::call(fatal, error);
  }
  bool keeps_losers() const noexcept { return keep; }

  template <class Reports>
  winner<T> result(Reports in) noexcept(noexcept(detail::winner_of<T>(in))) {
    if (watch != nullptr) watch->won(*watch, (*in.begin()).index());
    return detail::winner_of<T>(in);
  }
};

/// The description of a `hedge_policy`; a value, whose members each return another.
template <class E, class Fatal = detail::nothing_is_fatal>
class hedge_t {
 public:
  constexpr hedge_t() = default;
  constexpr explicit hedge_t(Fatal fatal, bool keep) noexcept : fatal_(std::move(fatal)), keep_(keep) {}

  /// Errors after which another attempt is of no use: `f(error)` is called for each failure, concurrently.
  template <class F>
  [[nodiscard]] constexpr hedge_t<E, F> fatal(F f) const noexcept
    requires std::is_same_v<Fatal, detail::nothing_is_fatal>
  {
    return hedge_t<E, F>(std::move(f), keep_);
  }
  /// Does not ask the other attempts to stop once it is decided.
  [[nodiscard]] constexpr hedge_t keep_losers() const& { return hedge_t(fatal_, true); }
  [[nodiscard]] constexpr hedge_t keep_losers() && noexcept { return hedge_t(std::move(fatal_), true); }

  template <class T>
  constexpr hedge_policy<T, E, Fatal> bind() && noexcept {
    return {{}, std::move(fatal_), keep_, nullptr};
  }

 private:
  [[no_unique_address]] Fatal fatal_;
  bool keep_ = false;
};

inline constexpr hedge_t<std::error_code> hedge{};
template <class E>
inline constexpr hedge_t<E> hedge_with{};

}  // namespace fanout::combine

#endif
