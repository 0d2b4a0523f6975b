// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_DECIDED_HPP
#define FANOUT_COMBINE_DECIDED_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"

namespace fanout {

/// When the completion runs: `.deliver_at(fanout::decided)`, or when the last branch has reported.
struct decided_t {};
inline constexpr decided_t decided{};

namespace combine {

/// A policy whose operation is delivered as soon as it is decided *and* sealed. Branches that are still out report into an
/// operation that owns itself; they touch neither the outcome nor anything of the caller's that only the completion kept alive.
/// What a late success holds goes to `on_late`, or is destroyed.
template <class Policy>
struct at_decided_policy : Policy {
  static constexpr bool delivers_at_decided = true;
};

/// A policy that hands successes which come after the decision to `f(value)` or `f(index, value)` (`f()` or `f(index)` without
/// values), on the thread that reports.
template <class Policy, class F>
struct on_late_policy : Policy {
  using value = fanout::detail::stored_t<typename Policy::value_type>;
  static constexpr bool hands_late = true;
  static_assert(
      !requires { requires Policy::hands_late; },
      "fanout: on_late was given a function already, which this one would replace");

  F late;

  void on_late(std::size_t i, [[maybe_unused]] value&& v) noexcept {
    if constexpr (std::is_void_v<typename Policy::value_type>) {
      static_assert(std::is_nothrow_invocable_v<F&, std::size_t> || std::is_nothrow_invocable_v<F&>,
                    "fanout: on_late(f) over branches without values calls f(index) or f(), and f must be noexcept");
      if constexpr (std::is_invocable_v<F&, std::size_t>) {
        late(i);
      } else {
        late();
      }
    } else if constexpr (std::is_invocable_v<F&, std::size_t, value&&>) {
      static_assert(std::is_nothrow_invocable_v<F&, std::size_t, value&&>, "fanout: on_late(f): f must be noexcept");
      late(i, std::move(v));
    } else {
      static_assert(std::is_invocable_v<F&, value&&>, "fanout: on_late(f) calls f(value) or f(index, value)");
      static_assert(std::is_nothrow_invocable_v<F&, value&&>, "fanout: on_late(f): f must be noexcept");
      late(std::move(v));
    }
  }
};

namespace detail {

/// What the description inside may be told, the one around it may be told as well: in any order.
template <class Self, class Description>
struct passes_on {
  auto on_deadline(auto what)
    requires requires(Description& d) { d.on_deadline(what); }
  {
    return self().around(self().inner.on_deadline(what));
  }
  auto at_most_errors(std::size_t n)
    requires requires(Description& d) { d.at_most_errors(n); }
  {
    return self().around(self().inner.at_most_errors(n));
  }
  auto keep_losers()
    requires requires(Description& d) { d.keep_losers(); }
  {
    return self().around(std::move(self().inner).keep_losers());
  }
  template <class F>
  auto importance(F f)
    requires requires(Description& d) { d.importance(f); }
  {
    return self().around(self().inner.importance(std::move(f)));
  }
  auto as_vote()
    requires requires(Description& d) { d.as_vote(); }
  {
    return self().around(self().inner.as_vote());
  }
  template <class F>
  auto fatal(F f)
    requires requires(Description& d) { d.fatal(std::move(f)); }
  {
    return self().around(self().inner.fatal(std::move(f)));
  }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }
};

template <class Description>
struct at_decided_t : passes_on<at_decided_t<Description>, Description> {
  Description inner;
  explicit at_decided_t(Description d) noexcept : inner(std::move(d)) {}
  template <class Other>
  auto around(Other other) noexcept {
    return at_decided_t<Other>(std::move(other));
  }
  template <class T>
  auto bind() && noexcept {
    return at_decided_policy<decltype(std::move(inner).template bind<T>())>{std::move(inner).template bind<T>()};
  }
};

template <class Description, class F>
struct on_late_t : passes_on<on_late_t<Description, F>, Description> {
  Description inner;
  F f;
  on_late_t(Description d, F late) noexcept : inner(std::move(d)), f(std::move(late)) {}
  template <class Other>
  auto around(Other other) noexcept {
    return on_late_t<Other, F>(std::move(other), std::move(f));
  }
  template <class T>
  auto bind() && noexcept {
    return on_late_policy<decltype(std::move(inner).template bind<T>()), F>{std::move(inner).template bind<T>(),
                                                                            std::move(f)};
  }
};

}  // namespace detail

/// `combine::at_decided(combine::quorum(2))`: as `.deliver_at(fanout::decided)` for `fanout::issue`.
template <class Description>
auto at_decided(Description d) noexcept {
  if constexpr (requires { d.as_vote(); }) {
    // Reports are told apart while some are still being written: the outcome is `reports`, in the order of their arrival.
    return at_decided(d.as_vote());
  } else {
    return detail::at_decided_t<Description>(std::move(d));
  }
}

/// `combine::on_late(combine::first_success, close)`.
template <class Description, class F>
auto on_late(Description d, F f) noexcept {
  return detail::on_late_t<Description, F>(std::move(d), std::move(f));
}

}  // namespace combine

}  // namespace fanout

#endif
