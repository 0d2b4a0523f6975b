// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_EACH_HPP
#define FANOUT_COMBINE_EACH_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/combine/concept.hpp"

namespace fanout::combine {

/// Gives every result to a sink as it arrives: `sink(index, fanout::result<T, E>)`, one call at a time, in the order of arrival, on
/// any of the completing threads; a slow sink makes nobody wait but the one that runs it, and with a window the producers. A sink
/// that returns `verdict::decided` has seen enough: the others are asked to stop, and what still arrives is not shown to it. If it
/// throws, that is the outcome (E6). No result is kept: with a window, memory does not grow with N.
///
/// A branch's failure stops no other. The outcome's value is the `tally` of what was shown.
template <class T, class Sink, class E = std::error_code>
class each_policy {
 public:
  using value_type = T;
  using error_type = E;
  static constexpr bool keeps_errors = true;
  static constexpr bool folds = true;
  static constexpr bool decides_early =
      std::is_same_v<typename std::conditional_t<std::is_invocable_v<Sink&, std::size_t, fanout::result<T, E>>,
                                                 std::invoke_result<Sink&, std::size_t, fanout::result<T, E>>,
                                                 std::type_identity<void>>::type,
                     verdict>;

  explicit each_policy(Sink sink) noexcept(std::is_nothrow_move_constructible_v<Sink>) : sink_(std::move(sink)) {}

  verdict on_value(std::size_t i, fanout::detail::stored_t<T>&& value) {
    ++shown_.successes;
    if constexpr (std::is_void_v<T>) {
      return show(i, fanout::result<T, E>());
    } else {
      return show(i, fanout::result<T, E>(std::move(value)));
    }
  }
  verdict on_error(std::size_t i, E&& error) {
    ++shown_.failures;
    return show(i, unexpected<E>(std::move(error)));
  }
  verdict on_stopped(std::size_t i) {
    ++shown_.stopped;
    return show(i, unexpected<E>(error_traits<E>::from(make_error_code(errc::stopped))));
  }

  tally result() noexcept {
    shown_.sealed = true;
    shown_.branches = shown_.reported();
    return shown_;
  }

 private:
  verdict show(std::size_t i, fanout::result<T, E> r) {
    static_assert(std::is_invocable_v<Sink&, std::size_t, fanout::result<T, E>>,
                  "fanout: a sink is called as sink(std::size_t index, fanout::result<T, E> what)");
    if constexpr (decides_early) {
      return sink_(i, std::move(r));
    } else {
      sink_(i, std::move(r));
      return verdict::go_on;
    }
  }

  Sink sink_;
  tally shown_;
};

template <class Sink, class E>
struct each_t {
  Sink sink;
  template <class T>
  each_policy<T, Sink, E> bind() && noexcept(std::is_nothrow_move_constructible_v<Sink>) {
    return each_policy<T, Sink, E>(std::move(sink));
  }
};

template <class E = std::error_code, class Sink>
each_t<Sink, E> each(Sink sink) {
  return {std::move(sink)};
}

}  // namespace fanout::combine

#endif
