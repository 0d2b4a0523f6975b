// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_DESCRIPTION_HPP
#define FANOUT_ALGORITHM_DESCRIPTION_HPP

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <ranges>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/algorithm/attempting.hpp"
#include "fanout/algorithm/carrying.hpp"
#include "fanout/algorithm/options.hpp"
#include "fanout/algorithm/pace.hpp"
#include "fanout/algorithm/pace_hedge.hpp"
#include "fanout/algorithm/pulling.hpp"
#include "fanout/backoff.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/concept.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/completion/deadline.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/detail/option_set.hpp"
#include "fanout/issue.hpp"
#include "fanout/latency.hpp"
#include "fanout/timer.hpp"

namespace fanout {

namespace completion {
template <class Monitor, class Completion>
class monitored;
}

namespace detail {

/// A time beyond what the timer's clock can tell is time_point::max(), which never comes; a duration that is negative, now.
template <class Timer, class Rep, class Period>
typename Timer::time_point time_from_now(const Timer& timer, std::chrono::duration<Rep, Period> d) noexcept {
  using seconds = std::chrono::duration<long double>;  // for these two questions all of them fit
  const typename Timer::time_point now = timer.now(), never = Timer::time_point::max();
  if (d <= d.zero()) return now;
  if (seconds(d) >= seconds(never - now)) return never;
  return now + std::chrono::ceil<typename Timer::duration>(d);
}

/// The initiator takes what a C interface takes: (element, out, callback, context).
template <class T, class Callback, class Initiator, class Element>
inline constexpr bool calls_c = [] {
  if constexpr (c_callback_policy<Callback>) {
    using function = decltype(&Callback::template function<any_c_door>);
    if constexpr (std::is_void_v<T>) {
      return std::is_invocable_v<Initiator&, Element, function, void*>;
    } else {
      return std::is_invocable_v<Initiator&, Element, stored_t<T>*, function, void*>;
    }
  } else {
    return false;
  }
}();

/// Starts one branch per element, through whatever its initiator takes.
template <class T, class Callback, class Element>
struct element_starter {
  template <class Issuer, class Initiator>
  static void one(Issuer& issuer, [[maybe_unused]] std::size_t i, Initiator& initiator, Element&& element) {
    constexpr bool counted = !Issuer::operation::is_open;
    if constexpr (calls_c<T, Callback, Initiator, Element>) {
      auto f = [&](auto... door) { return std::invoke(initiator, std::forward<Element>(element), door...); };
      if constexpr (counted) {
        issuer.start_c(i, f);
      } else {
        issuer.start_c(f);
      }
    } else {
      using branch = typename Issuer::branch;
      using stop_token = typename Issuer::stop_token_type;
      for_element<Initiator, Element> f{initiator, std::forward<Element>(element)};
      static_assert(std::is_invocable_v<decltype(f)&, branch> || std::is_invocable_v<decltype(f)&, branch, stop_token>,
                    "fanout: an initiator is called as f(element, branch) or f(element, branch, stop_token)");
      if constexpr (counted) {
        issuer.start(i, f);
      } else {
        issuer.start(f);
      }
    }
  }
};

/// What a description's operation carries, without the monitor around it.
template <class Completion>
auto& carried_by(Completion& completion) noexcept {
  return completion;
}
template <class Monitor, class Completion>
auto& carried_by(completion::monitored<Monitor, Completion>& watched) noexcept {
  return watched.inner();
}

/// The same where attempts stand between the initiator and the branch.
template <class Element>
struct attempt_starter {
  template <class Issuer, class Initiator>
  static void one(Issuer& issuer, [[maybe_unused]] std::size_t i, Initiator&, Element&& element) {
    auto& attempts = carried_by(issuer.completion());
    auto f = [&](typename Issuer::branch branch) {
      attempts.first_attempt(std::move(branch), std::forward<Element>(element));
    };
    if constexpr (!Issuer::operation::is_open) {
      issuer.start(i, f);
    } else {
      issuer.start(f);
    }
  }
};

}  // namespace detail

/// A fan-out that is described and not yet started: a range, an initiator that starts one branch per element, and a combine
/// policy. Nothing runs before `then` or `fanout::wait`. It owns copies of the range and the initiator (move them in, or borrow
/// with std::ref), and they live until the last branch has reported, so an initiator may keep a reference to its element: to one
/// that lies in the range, as in a container. What iteration makes on the way (a view that computes, an input range) lives only
/// until its initiator returns.
///
/// The initiator is called as `f(element, branch)` or `f(element, branch, stop_token)`, on the thread that starts the
/// description, once per element, in order; or, with a callback policy for C, as `f(element, out, callback, context)`.
/// An exception out of it is that branch's error; one out of the range's iteration ends the issuing (errc::issuer_threw).
/// Sized and forward ranges are counted first and take one allocation; input ranges at most 1 + log2 N.
///
/// Options are members that return another description, in any order, each once; what is not asked for costs nothing.
template <class T, class Combine, class Callback, class Range, class Initiator, class Options = detail::option_set<>>
class [[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] description {
  using range_type = detail::kept_t<Range>;
  using initiator_type = detail::kept_t<Initiator>;
  using element_type = std::ranges::range_reference_t<range_type>;
  using combine_type = detail::bound_combine_t<T, Combine>;

  template <class Kind>
  static constexpr bool has = detail::has_option<Kind, Options>;
  template <class Kind>
  using option = detail::option_t<Kind, Options>;

  static constexpr bool is_attempted = has<detail::timeout_kind> || has<detail::retry_kind> ||
                                       has<detail::retry_if_kind> || has<detail::cancel_kind> ||
                                       has<detail::attempt_counts_kind>;
  using starter = std::conditional_t<is_attempted, detail::attempt_starter<element_type>,
                                     detail::element_starter<T, Callback, element_type>>;

  static constexpr bool is_hedged = requires { requires combine_type::hedges; };
  static constexpr bool is_staggered = is_hedged || has<detail::stagger_kind>;
  static constexpr bool is_pulled =
      is_staggered || has<detail::window_kind> || has<detail::canary_kind> || has<detail::issue_on_kind>;
  // What is pulled may be endless.
  static constexpr bool is_counted =
      std::ranges::sized_range<range_type> || (std::ranges::forward_range<range_type> && !is_pulled);
  static constexpr bool at_decided = std::is_same_v<option<detail::delivery_kind>, detail::decided_option>;
  static constexpr bool folds = requires { requires combine_type::folds; };
  // What is folded as it arrives needs slots only for what is in flight.
  static constexpr bool is_streamed = folds && has<detail::window_kind>;

  using width =
      std::conditional_t<is_streamed, recycled_width, std::conditional_t<is_counted, known_width, open_width>>;

  static auto choose_refcount() {
    if constexpr (has<detail::count_kind>) {
      return std::type_identity<typename option<detail::count_kind>::refcount>{};
    } else {
      return std::type_identity<std::conditional_t<is_counted || is_streamed, refcount::atomic, refcount::lazy_seed>>{};
    }
  }
  static auto choose_allocator() {
    if constexpr (has<detail::memory_kind>) {
      return std::type_identity<decltype(option<detail::memory_kind>::allocator)>{};
    } else {
      return std::type_identity<std::allocator<std::byte>>{};
    }
  }
  using refcount_type = typename decltype(choose_refcount())::type;
  using allocator_type = typename decltype(choose_allocator())::type;
  using platform = typename refcount_type::platform;

  // .via(fanout::issuing_executor).
  static constexpr bool goes_back = requires(option<detail::via_kind>& o) {
    { o.executor } -> std::same_as<issuing_executor_t&>;
  };

  // What is wrapped around the completion, from the inside out. Each may be asked for its type only, too.
  template <class Completion>
  static auto add_hop(Options& o, Completion completion) noexcept {
    if constexpr (has<detail::via_kind>) {
      [[maybe_unused]] auto& executor = detail::get_option<detail::via_kind>(o).executor;
      if constexpr (goes_back) {
        if constexpr (has<detail::issue_on_kind>) {
          return completion::via(detail::get_option<detail::issue_on_kind>(o).executor, std::move(completion));
        } else {
          return completion;  // .issue_on is still to come: see then
        }
      } else {
        return completion::via(std::move(executor), std::move(completion));
      }
    } else {
      return completion;
    }
  }
  template <class Completion>
  static auto add_deadline(Options& o, Completion completion) noexcept {
    if constexpr (has<detail::deadline_kind>) {
      auto& deadline = detail::get_option<detail::deadline_kind>(o);
      using timer = std::remove_pointer_t<decltype(deadline.timer)>;
      return completion::deadline<timer, Completion>(*deadline.timer, deadline.at, std::move(completion));
    } else {
      return completion;
    }
  }
  template <class Completion>
  static auto add_stop(Options& o, Completion completion) noexcept {
    if constexpr (has<detail::stop_kind>) {
      auto& token = detail::get_option<detail::stop_kind>(o).token;
      if constexpr (unstoppable_token<std::remove_cvref_t<decltype(token)>>) {
        return completion;
      } else {
        return completion::stoppable(std::move(token), std::move(completion));
      }
    } else {
      return completion;
    }
  }
  static auto make_pace([[maybe_unused]] Options& o) noexcept {
    if constexpr (is_staggered) {
      static_assert(!has<detail::canary_kind>,
                    "fanout: .canary says what is started first, and so does .stagger: choose one of them");
      return make_stagger(o);
    } else {
      using pace = detail::window_pace<platform>;
      std::uint64_t window = pace::no_limit, canary = 0;
      if constexpr (has<detail::window_kind>) window = detail::get_option<detail::window_kind>(o).width;
      if constexpr (has<detail::canary_kind>) canary = detail::get_option<detail::canary_kind>(o).size;
      return pace(window, canary);
    }
  }
  static auto make_stagger([[maybe_unused]] Options& o) noexcept {
    const auto [timer, delay] = [&] {
      if constexpr (has<detail::stagger_kind>) {
        return move_option<detail::stagger_kind>(o);
      } else {
        return detail::stagger_option<detail::no_timer, detail::no_delay>{};
      }
    }();
    using timer_type = std::remove_pointer_t<std::remove_const_t<decltype(timer)>>;
    using delay_type = std::remove_const_t<decltype(delay)>;
    auto account = [&] {
      if constexpr (is_hedged) {
        return detail::hedge_account<option<detail::budget_kind>, option<detail::statistics_kind>,
                                     option<detail::tracker_kind>, timer_type, platform>(
            move_option<detail::budget_kind>(o), move_option<detail::statistics_kind>(o),
            move_option<detail::tracker_kind>(o));
      } else {
        return detail::no_account{};
      }
    }();
    using pace = detail::stagger_pace<timer_type, delay_type, decltype(account), platform>;
    std::uint64_t window = pace::no_limit, most = pace::no_limit;
    if constexpr (has<detail::window_kind>) window = detail::get_option<detail::window_kind>(o).width;
    if constexpr (has<detail::attempts_kind>) most = detail::get_option<detail::attempts_kind>(o).most;
    return pace(timer, delay, window, most, std::move(account));
  }

  // The option, or no_option.
  template <class Kind>
  static option<Kind> move_option([[maybe_unused]] Options& o) noexcept {
    if constexpr (has<Kind>) {
      return std::move(detail::get_option<Kind>(o));
    } else {
      return {};
    }
  }
  template <class Carrying>
  static auto add_attempts(Options& o, Carrying carrying) noexcept {
    if constexpr (is_attempted) {
      using options = detail::attempt_options<option<detail::timeout_kind>, option<detail::retry_kind>,
                                              option<detail::retry_if_kind>, option<detail::cancel_kind>,
                                              option<detail::attempt_counts_kind>>;
      // A forward iterator's elements stay; others are gone with the next one.
      constexpr bool stays = std::is_lvalue_reference_v<element_type> && std::ranges::forward_range<range_type>;
      constexpr bool c = detail::calls_c<T, Callback, initiator_type, element_type>;
      allocator_type allocator = [&]() -> allocator_type {
        if constexpr (has<detail::memory_kind>) {
          return detail::get_option<detail::memory_kind>(o).allocator;
        } else {
          return {};
        }
      }();
      return detail::attempting<Carrying, element_type, stays, c, options, allocator_type, platform>(
          std::move(carrying),
          options{move_option<detail::timeout_kind>(o), move_option<detail::retry_kind>(o),
                  move_option<detail::retry_if_kind>(o), move_option<detail::cancel_kind>(o),
                  move_option<detail::attempt_counts_kind>(o)},
          allocator);
    } else {
      return carrying;
    }
  }
  template <class Completion>
  static auto add_luggage(Options& o, detail::luggage<Range, Initiator>&& luggage, Completion completion) noexcept {
    constexpr bool stay = at_decided || has<detail::label_kind>;
    using label = option<detail::label_kind>;
    auto carrying = add_attempts(o, detail::carrying<Range, Initiator, label, stay, Completion>(
                                        std::move(luggage), move_option<detail::label_kind>(o), std::move(completion)));
    if constexpr (is_pulled) {
      auto pace = make_pace(o);
      auto executor = [&] {
        if constexpr (has<detail::issue_on_kind>) {
          return detail::get_option<detail::issue_on_kind>(o).executor;
        } else {
          return detail::no_executor{};
        }
      }();
      return detail::pulling<decltype(carrying), starter, decltype(pace), decltype(executor), platform>(
          std::move(carrying), std::move(pace), std::move(executor));
    } else {
      return carrying;
    }
  }
  template <class Completion>
  static auto load(Options& o, detail::luggage<Range, Initiator>&& luggage, Completion completion) noexcept {
    return add_monitor(
        o, add_luggage(o, std::move(luggage), add_stop(o, add_deadline(o, add_hop(o, std::move(completion))))));
  }
  // Outermost, where it may ask for labels.
  template <class Completion>
  static auto add_monitor([[maybe_unused]] Options& o, Completion completion) noexcept {
    if constexpr (has<detail::monitor_kind>) {
      auto& asked = detail::get_option<detail::monitor_kind>(o).monitor;
      return completion::monitored<std::remove_cvref_t<decltype(asked)>, Completion>(std::move(asked),
                                                                                     std::move(completion));
    } else {
      return completion;
    }
  }

  template <class Completion>
  using loaded = decltype(load(std::declval<Options&>(), std::declval<detail::luggage<Range, Initiator>>(),
                               std::declval<Completion>()));
  template <class Completion>
  using operation = fanout_op<Callback, combine_type, loaded<Completion>, refcount_type, allocator_type, width>;

  struct ignore {
    void operator()(auto&&) && noexcept {}
  };

  // A branch that ignores stop requests, of an operation that waits for it, makes an early decision or a deadline wait for ever.
  static constexpr bool decides_early = requires { requires combine_type::decides_early; };
  static constexpr bool asks_when = decides_early || has<detail::deadline_kind> || has<detail::timeout_kind>;
  template <class Op>
  static constexpr auto branch_of() {
    if constexpr (is_attempted) {
      using carried =
          std::remove_reference_t<decltype(detail::carried_by(std::declval<typename Op::completion_type&>()))>;
      return std::type_identity<typename carried::template attempt_of<Op>::branch>{};
    } else {
      return std::type_identity<typename Op::branch>{};
    }
  }
  template <class Op>
  static constexpr bool can_be_asked_to_stop =
      has<detail::cancel_kind> ||
      std::is_invocable_v<detail::for_element<initiator_type, element_type>&, typename decltype(branch_of<Op>())::type,
                          typename Op::stop_token_type>;

 public:
  using value_type = T;
  /// What the completion is called with, and what `fanout::wait` returns.
  using outcome_type = typename operation<ignore>::outcome_type;

  template <class R, class I>
  description(Combine combine, R&& range, I&& initiator)
      : combine_(std::move(combine)),
        range_(std::in_place, std::forward<R>(range)),
        initiator_(std::in_place, std::forward<I>(initiator)) {}

  /// Starts every branch on this thread, or as many as its options admit, and seals. `completion(outcome)` runs once, when all
  /// branches have reported (or as `.deliver_at` says): on the thread that reports last (or where `.via` says), inside this call if
  /// that is this thread. It must be noexcept. Whatever goes wrong arrives there, also a want of memory (errc::out_of_memory,
  /// errc::too_many), and nothing is thrown to the caller.
  template <class Completion>
  void then(Completion completion) && noexcept {
    using op = operation<Completion>;
    static_assert(
        !asks_when || has<detail::delivery_kind> || can_be_asked_to_stop<op>,
        "fanout: one branch that ignores stop would keep this operation from ever being delivered: let the "
        "initiator take a stop token, f(element, branch, stop_token), or say .deliver_at(fanout::decided), or "
        ".drain() to wait for every branch all the same");
    static_assert(
        !requires { requires combine_type::hands_late; } || op::votes || op::folds,
        "fanout: nothing comes too late for a policy that collects until the last report, so .on_late(f) would "
        "never be called: say .deliver_at(fanout::decided) as well, or let the values clean up after themselves");
    static_assert(!goes_back || has<detail::issue_on_kind>,
                  "fanout: .via(fanout::issuing_executor) goes back to where .issue_on(executor) said");
    static_assert(!has<detail::tracker_kind> || has<detail::stagger_kind>,
                  "fanout: .record_in(tracker) measures by the timer of .after(delay, timer)");
    std::size_t n = is_counted ? 0 : no_index;
    if constexpr (is_counted) {
      FANOUT_TRY { n = static_cast<std::size_t>(std::ranges::distance(range_.get())); }
      FANOUT_CATCH_ALL { return std::move(completion)(failed(errc::issuer_threw, std::current_exception())); }
    }
    std::size_t slots = is_counted ? n : 0;
    if constexpr (is_streamed) {
      const std::size_t wide = detail::get_option<detail::window_kind>(options_).width;
      slots = n < wide ? n : wide;
    }
    loaded<Completion> rider = load(
        options_, detail::luggage<Range, Initiator>{std::move(range_), std::move(initiator_)}, std::move(completion));
    auto made = op::make(slots, detail::bind_combine<T>(std::move(combine_)), std::move(rider), allocator());
    if (!made) [[unlikely]]
      return std::move(rider)(failed(made.error(), {}));
    // The range lies in the operation now, and stays while the issuer holds its reference.
    auto& rode = detail::carried_by(made->completion());
    if constexpr (is_attempted) {
      static_assert(
          !has<detail::retry_if_kind> || has<detail::retry_kind>,
          "fanout: .retry_if(f) says which errors are worth another attempt: add .retry(backoff), which makes it");
      std::size_t at_once = n;
      if constexpr (has<detail::window_kind>) {
        const std::size_t wide = detail::get_option<detail::window_kind>(options_).width;
        if (wide < at_once) at_once = wide;
      }
      if (at_once != no_index) rode.template expect<op>(at_once);
    }
    if constexpr (is_pulled) {
      rode.begin(*std::move(made), n);
    } else {
      fanout::issue(*std::move(made), [&](auto& issuer) { start_each(issuer, rode.range(), rode.initiator(), n); });
    }
  }

  // ---- options --------------------------------------------------------------------------------------------------------

  /// Asks the branches to stop when stop is requested through `token`: one of ours, or any stoppable token.
  /// Once: link sources (`linked_stop_source`) to listen to several.
  template <stoppable_token Token>
  auto stop_on(Token token) && {
    static_assert(!has<detail::stop_kind>,
                  "fanout: stop_on was given a token already, which this one would replace: use a linked_stop_source");
    return with(detail::stop_option<Token>{std::move(token)});
  }

  /// The deadline: a time point of the timer's clock, or a time from now, and the timer that measures it. Without one, the default
  /// service (<fanout/timer/default_service.hpp>), which may throw when it is first used. If it passes before the outcome is decided,
  /// that is errc::deadline, and the branches are asked to stop. The clock starts here, not at `then`.
  template <class Rep, class Period, timer::timer_service Timer>
  auto deadline(std::chrono::duration<Rep, Period> from_now, Timer& timer) && {
    return std::move(*this).deadline(detail::time_from_now(timer, from_now), timer);
  }
  template <class Rep, class Period>
  auto deadline(std::chrono::duration<Rep, Period> from_now) && {
    return std::move(*this).deadline(from_now, detail::get_default_timer<std::chrono::duration<Rep, Period>>());
  }
  template <timer::timer_service Timer>
  auto deadline(std::type_identity_t<typename Timer::time_point> at, Timer& timer) && {
    return with(detail::deadline_option<Timer>{&timer, at});
  }

  /// Completes on an executor, with exactly one hop; `.via(fanout::issuing_executor)`: on that of `issue_on`. If there is no memory
  /// for the operation, there is nothing to hop with, and the completion runs inside `then`.
  template <class Executor>
  auto via(Executor executor) && {
    return with(detail::via_option<Executor>{std::move(executor)});
  }
  /// Starts branches on an executor, one at a time, instead of on this thread and those that report.
  template <class Executor>
  auto issue_on(Executor executor) && {
    return with(detail::issue_on_option<Executor>{std::move(executor)});
  }

  /// At most `width` branches in flight. The range is read lazily: an element is fetched when there is room for its branch, on
  /// the thread that reported, and none once the outcome is decided; what is left is not issued then. Policies that fold (reduce,
  /// each) take memory for `width` branches only. pre: width > 0
  auto window(std::size_t width_in_branches) && {
    FANOUT_ASSERT(width_in_branches != 0, "fanout: a window of 0 would never start anything: give it at least 1");
    if (width_in_branches == 0) width_in_branches = 1;
    return with(detail::window_option{width_in_branches});
  }
  /// Starts the first `size` branches alone, and the others when all of these have succeeded; if one fails, the rest is not
  /// issued. 0: no canary.
  auto canary(std::size_t size) && {
    static_assert(
        !requires { typename combine_type::item_type; },
        "fanout: all streams must be open at once: a merge takes no .canary(k), which would wait for its end");
    return with(detail::canary_option{size});
  }

  /// Starts the first branch, and the next one `delay` after the last was started, or as soon as one fails, or nothing is in flight:
  /// Happy Eyeballs (RFC 8305). Nothing is started once the outcome is decided; what is left is not issued then. `delay` is a duration,
  /// or anything that is a `hedge_delay`. Branches are started on the threads that report and on the timer's, one at a time. The timer
  /// outlives the operation; without one, the default service (<fanout/timer/default_service.hpp>).
  template <class Delay, timer::timer_service Timer>
  auto stagger(Delay delay, Timer& timer) && {
    if constexpr (hedge_delay<Delay>) {
      return with(detail::stagger_option<Timer, Delay>{&timer, std::move(delay)});
    } else {
      return with(
          detail::stagger_option<Timer, fixed_delay>{&timer, std::chrono::ceil<std::chrono::nanoseconds>(delay)});
    }
  }
  template <class Delay>
  auto stagger(Delay delay) && {
    return std::move(*this).stagger(std::move(delay), detail::get_default_timer<Delay>());
  }

  // ---- attempts: see fanout/algorithm/attempt.hpp ----------------------------------------------------------------------

  /// How long one attempt may take. When the time has passed, its stop token is told; if it reports then that it has stopped, that is
  /// errc::deadline, an error like any other. A value that still arrives is a value, and an error that error: what a branch reports is
  /// what happened. So it bounds when an attempt is *asked* to stop, as a deadline does for the operation. The initiator's stop token
  /// is the attempt's own then, through which the operation's stop comes, too. The timer outlives the operation; without one, the
  /// default service (<fanout/timer/default_service.hpp>). Its thread runs the attempt's stop callbacks.
  template <class Rep, class Period, timer::timer_service Timer>
  auto timeout(std::chrono::duration<Rep, Period> time, Timer& timer) && {
    return with(detail::timeout_option<Timer>{&timer, std::chrono::ceil<typename Timer::duration>(time)});
  }
  template <class Rep, class Period>
  auto timeout(std::chrono::duration<Rep, Period> time) && {
    using duration = std::chrono::duration<Rep, Period>;
    static_assert(detail::has_default_timer<duration>,
                  "fanout: .timeout(duration) needs a timer: include <fanout/timer/default_service.hpp> or pass one: "
                  ".timeout(200ms, timer)");
    if constexpr (detail::has_default_timer<duration>) {
      return std::move(*this).timeout(time, detail::get_default_timer<duration>());
    }
  }
  /// Makes another attempt when one has failed: with an error, or because its time was over; not when it stopped because it was asked
  /// to, nor when its handle was dropped. Each is one more call of the initiator with the same element, after the backoff's delay, on
  /// the thread that failed or the timer's, one at a time for a branch; at most `max_attempts` of them. A budget pays for each right
  /// before it is made, and is paid into once for each branch; where it refuses, or there is no attempt left, the branch fails with the
  /// last attempt's error. Once the operation is asked to stop, nothing is retried, and what waits for its time stops.
  /// What the range makes on the way is kept, and each attempt given a copy. Budget and timer outlive the operation.
  template <timer::timer_service Timer>
  auto retry(const exponential_backoff& backoff, Timer& timer) && {
    return with(detail::retry_option<Timer, detail::no_budget>{&timer, backoff, nullptr});
  }
  template <class Platform, timer::timer_service Timer>
  auto retry(const exponential_backoff& backoff, basic_budget<Platform>& shared, Timer& timer) && {
    return with(detail::retry_option<Timer, basic_budget<Platform>>{&timer, backoff, &shared});
  }
  template <class Backoff>
    requires std::is_same_v<Backoff, exponential_backoff>
  auto retry(const Backoff& backoff) && {
    static_assert(detail::has_default_timer<Backoff>,
                  "fanout: .retry(backoff) needs a timer: include <fanout/timer/default_service.hpp> or pass one: "
                  ".retry(backoff, timer)");
    if constexpr (detail::has_default_timer<Backoff>) {
      return std::move(*this).retry(backoff, detail::get_default_timer<Backoff>());
    }
  }
  template <class Platform>
  auto retry(const exponential_backoff& backoff, basic_budget<Platform>& shared) && {
    static_assert(detail::has_default_timer<Platform>,
                  "fanout: .retry(backoff) needs a timer: include <fanout/timer/default_service.hpp> or pass one: "
                  ".retry(backoff, timer)");
    if constexpr (detail::has_default_timer<Platform>) {
      return std::move(*this).retry(backoff, shared, detail::get_default_timer<Platform>());
    }
  }
  /// Which errors are worth another attempt: those for which `f(error)` is true; errc::deadline is a timeout. It must be noexcept, and
  /// is asked on the threads that fail, concurrently.
  template <class F>
  auto retry_if(F f) && {
    return with(detail::retry_if_option<F>{std::move(f)});
  }
  /// For APIs that are cancelled by a function of theirs and not by a token: when an attempt is asked to stop, `hook(element)` is
  /// called; with a callback policy for C, `hook(element, context)` may be, with what the initiator was given. At most once for each
  /// attempt, never before the initiator has returned, and not after the handle's completion call has; a completion that meets the
  /// hook on another thread waits for it (`cancel_hook`). It must be noexcept; for different branches it is called concurrently.
  template <class F>
  auto cancel_with(F hook) && {
    return with(detail::cancel_option<F>{std::move(hook)});
  }
  /// Counts attempts in an `attempt_counts`, which must outlive the operation.
  template <class Platform>
  auto count_attempts(basic_attempt_counts<Platform>& counts) && {
    return with(detail::attempt_counts_option<basic_attempt_counts<Platform>>{&counts});
  }

  // ---- of a hedge only: see fanout/algorithm/hedge.hpp ------------------------------------------------------------------

  /// When to make another attempt while those before are out: a duration, or a `hedge_delay` such as `fanout::p95(tracker)`, and the
  /// timer that measures it. Absent: not before one has failed.
  template <class Delay, timer::timer_service Timer>
  auto after(Delay delay, Timer& timer) &&
    requires is_hedged
  {
    return std::move(*this).stagger(std::move(delay), timer);
  }
  template <class Delay>
  auto after(Delay delay) &&
    requires is_hedged
  {
    return std::move(*this).stagger(std::move(delay));
  }
  /// What pays for the attempts after the first: shared by all requests to one service. `fanout::every_attempt` (the default), or only
  /// `fanout::attempts_by_time`. The first attempt deposits. It must outlive the operation.
  template <class Budget>
  auto budget(Budget& shared, charges_t charges = every_attempt) &&
    requires is_hedged
  {
    return with(detail::budget_option<Budget>{&shared, charges});
  }
  /// At most so many attempts, the first included. pre: most > 0
  auto max_attempts(std::size_t most) &&
    requires is_hedged
  {
    FANOUT_ASSERT(most != 0, "fanout: a hedge of at most 0 attempts would never start anything: give it at least 1");
    return with(detail::attempts_option{most == 0 ? 1 : most});
  }
  /// Errors after which another attempt is of no use: `f(error)`, noexcept, is asked for each failure, concurrently. One that is fatal
  /// decides: the others are asked to stop, and it is the outcome's cause.
  template <class F>
  auto fatal(F f) &&
    requires requires(Combine c) { c.fatal(std::move(f)); }
  {
    return rebind(combine_.fatal(std::move(f)));
  }
  /// Counts in a `hedge_statistics`, which must outlive the operation.
  template <class Statistics>
  auto count_in(Statistics& statistics) &&
    requires is_hedged
  {
    return with(detail::statistics_option<Statistics>{&statistics});
  }
  /// Records in a `latency_tracker`, which must outlive the operation, how long the winner took from its own start: what `after` may
  /// measure by. (The first eight attempts are timed.)
  template <class Tracker>
  auto record_in(Tracker& tracker) &&
    requires is_hedged
  {
    return with(detail::tracker_option<Tracker>{&tracker});
  }

  /// Delivers when the last branch has reported, also where one that ignores stop would make that wait for ever.
  auto drain() && { return with(detail::drain_option{}); }
  /// Delivers as soon as the outcome is decided and all are issued; stragglers report into an operation that owns itself, and the
  /// range and the initiator live until they have. For policies that collect in index order (all, settle), the outcome is
  /// `reports`, in the order of arrival.
  auto deliver_at(decided_t) && {
    static_assert(requires { combine::at_decided(std::declval<Combine>()); });
    return rebind(combine::at_decided(std::move(combine_))).with(detail::decided_option{});
  }

  /// Hands successes that come after the decision to `f(value)` or `f(index, value)`, which must be noexcept, on the thread that
  /// reports.
  template <class F>
  auto on_late(F f) && {
    return rebind(combine::on_late(std::move(combine_), std::move(f)));
  }
  /// What a deadline does: `fanout::fail` (the default) or `fanout::partial`.
  auto on_deadline(on_deadline_t what) &&
    requires requires(Combine c) { c.on_deadline(what); }
  {
    return rebind(combine_.on_deadline(what));
  }
  /// Fails as soon as more than `n` branches have.
  auto at_most_errors(std::size_t n) &&
    requires requires(Combine c) { c.at_most_errors(n); }
  {
    return rebind(combine_.at_most_errors(n));
  }
  /// `f(index)` says how important each branch is: see `fanout::importance`.
  template <class F>
  auto importance(F f) &&
    requires requires(Combine c) { c.importance(f); }
  {
    return rebind(combine_.importance(std::move(f)));
  }
  /// Does not ask the other branches to stop once the outcome is decided.
  auto keep_losers() &&
    requires requires(Combine c) { c.keep_losers(); }
  {
    return rebind(std::move(combine_).keep_losers());
  }
  /// Names branches in outcomes and monitors: `f(element)` makes a string. The range lives as long as the outcome then.
  template <class F>
  auto label(F f) && {
    return with(detail::label_option<F>{std::move(f)});
  }
  /// Shows the operation to a `fanout::monitor` (<fanout/monitor.hpp>): what is outstanding, and for how long.
  template <class Monitor>
  auto monitor(Monitor asked) && {
    return with(detail::monitor_option<Monitor>{std::move(asked)});
  }

  /// Takes memory from `allocator`.
  template <class Other>
  auto allocate_with(const Other& allocator) && {
    return with(detail::memory_option<Other>{allocator});
  }
  /// Counts with another refcount strategy, e.g. `fanout::refcount::local` where everything runs on one thread.
  template <class Other>
  auto count_with() && {
    static_assert(refcount::strategy<Other>,
                  "fanout: this is not a refcount strategy: see fanout/refcount/concept.hpp");
    if constexpr (refcount::strategy<Other>) return with(detail::count_option<Other>{});
  }
  template <template <class> class Other>
  auto count_with() && {
    return std::move(*this).template count_with<Other<std_platform>>();
  }

 private:
  template <class, class, class, class, class, class>
  friend class description;

  description(Combine combine, detail::kept<Range>&& range, detail::kept<Initiator>&& initiator, Options options)
      : combine_(std::move(combine)),
        range_(std::move(range)),
        initiator_(std::move(initiator)),
        options_(std::move(options)) {}

  template <class Added>
  auto with(Added added) {
    auto options = detail::add_option(std::move(options_), std::move(added));
    return description<T, Combine, Callback, Range, Initiator, decltype(options)>(
        std::move(combine_), std::move(range_), std::move(initiator_), std::move(options));
  }
  template <class Other>
  auto rebind(Other combine) {
    return description<T, Other, Callback, Range, Initiator, Options>(std::move(combine), std::move(range_),
                                                                      std::move(initiator_), std::move(options_));
  }

  allocator_type allocator() {
    if constexpr (has<detail::memory_kind>) {
      return detail::get_option<detail::memory_kind>(options_).allocator;
    } else {
      return {};
    }
  }

  static outcome_type failed(std::error_code cause, std::exception_ptr exception) noexcept {
    using error_type = typename combine_type::error_type;
    return unexpected(typename outcome_type::error_type(
        failure<error_type>{no_index, error_traits<error_type>::from(cause), 0, std::move(exception)}));
  }

  template <class Issuer>
  static void start_each(Issuer& issuer, range_type& range, initiator_type& initiator, std::size_t n) {
    auto at = std::ranges::begin(range);
    const auto end = std::ranges::end(range);
    for (std::size_t i = 0; at != end && (!is_counted || i != n); ++at, ++i) starter::one(issuer, i, initiator, *at);
  }

  Combine combine_;
  detail::kept<Range> range_;
  detail::kept<Initiator> initiator_;
  [[no_unique_address]] Options options_{};
};

namespace detail {

template <class T, class Callback, class Combine, class Range, class Initiator>
auto describe(Combine combine, Range&& range, Initiator&& initiator) {
  static_assert(
      !std::is_array_v<std::remove_reference_t<Range>>,
      "fanout: a built-in array would be copied as a pointer: pass std::ref(array), a std::span or a std::array");
  if constexpr (std::is_lvalue_reference_v<Range> && std::ranges::range<Range>) {
    static_assert(
        std::ranges::view<std::remove_cvref_t<Range>> ||
            std::is_copy_constructible_v<std::ranges::range_value_t<Range>>,
        "fanout: a description keeps its range, and the elements of this one cannot be copied: move it in, or "
        "pass std::ref(range) if it stays where it is until the operation is delivered");
  }
  return description<T, Combine, Callback, std::decay_t<Range>, std::decay_t<Initiator>>(
      std::move(combine), std::forward<Range>(range), std::forward<Initiator>(initiator));
}

}  // namespace detail

}  // namespace fanout

#endif
