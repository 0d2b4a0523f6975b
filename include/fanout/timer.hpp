// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TIMER_HPP
#define FANOUT_TIMER_HPP

#include <concepts>
#include <type_traits>

namespace fanout::timer {

/// Something that calls functions at given times: a service with a thread of its own, an event loop, or a test that
/// moves the clock by hand. Deadlines, delays and hedges are measured by one; any type of this shape will do.
///
/// An entry lies in the operation that waits for the time. It is made from the function to call, and derived from where
/// the function needs more than the entry. So arming allocates nothing and cannot fail.
///
///     struct deadline : Timer::entry {
///       deadline() : Timer::entry([](Timer::entry& e) noexcept { static_cast<deadline&>(e).passed(); }) {}
///       void passed() noexcept;
///     };
///
/// What an implementer promises:
///  - `arm(e, t)`: e's function is called once, with e, as soon as the clock has reached t, unless e is cancelled
///    before. The call is made on the service's thread (which that is, it says), never inside `arm`, and never under a
///    lock of the service's: the function may call anything of the service, for any entry. A time that has passed is
///    reached at once; `time_point::max()` never is. What happened before `arm` happens before the call.
///  - `cancel(e)` returns **true** if e was armed and its function will not be called. The service has then made its
///    last access to e, which may be destroyed or armed again. It returns **false** if e is not armed: it never was, it
///    has been cancelled, or its function has been called, is running, or is about to be called. So if you have armed
///    it and nobody else cancels it, false means that the function is called, exactly once, and that you must keep e
///    alive until it has been. `cancel` waits for no function: inside e's own it returns false at once.
///  - Whether the function will be called is decided in the service's own memory, under its own lock, and nowhere else:
///    an operation learns it from `cancel` and keeps no flag of its own about it.
///  - The service takes e out before it calls the function, and makes no access to e once it has called it. The
///    function may destroy e, and may arm it again.
///  - `now()` is the clock's time; it never goes backwards.
///  - All three may be called from any thread at any time, for the same entry too: a `cancel(e)` that races an `arm(e)`
///    may come first, and is then false. None throws, allocates, or waits for anything but the service's short critical
///    sections.
///
/// What a user promises:
///  - e is armed only while it is not armed already, and is cancelled with the service that it was armed with.
///  - e lives until `cancel(e)` has returned true or its function has been called, and through every call to
///    `cancel(e)`.
///  - The service outlives every armed entry and every call to it.
///  - The function is short and does not block: other entries wait for it.
template <class S>
concept timer_service = requires(S& s, typename S::entry& e, typename S::time_point t) {
  typename S::clock;
  typename S::duration;
  requires std::constructible_from<typename S::entry, void (*)(typename S::entry&) noexcept>;
  requires !std::move_constructible<typename S::entry>;
  requires std::same_as<typename S::duration, typename S::time_point::duration>;
  { s.now() } noexcept -> std::same_as<typename S::time_point>;
  { s.arm(e, t) } noexcept -> std::same_as<void>;
  { s.cancel(e) } noexcept -> std::same_as<bool>;
};

}  // namespace fanout::timer

namespace fanout::detail {

/// The service that durations are measured by where none is named: `get()` returns a reference to a `type`.
/// <fanout/timer/default_service.hpp> defines it, and a program that wants another one there may define it instead;
/// without either it is incomplete. `Dependent` is any type that depends on a template parameter of the caller's, so
/// that it is looked for where the caller is used.
template <class Dependent>
struct default_timer;

template <class Dependent>
concept has_default_timer = requires { sizeof(default_timer<Dependent>); };

/// The default service. Does not compile without one, and says what to write.
template <class Dependent>
decltype(auto) get_default_timer() {
  static_assert(has_default_timer<Dependent>,
                "fanout: a time from now needs a timer: include <fanout/timer/default_service.hpp> or pass one: "
                ".deadline(200ms, timer)");
  if constexpr (has_default_timer<Dependent>) return default_timer<Dependent>::get();
}

}  // namespace fanout::detail

#endif
