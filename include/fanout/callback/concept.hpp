// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_CALLBACK_CONCEPT_HPP
#define FANOUT_CALLBACK_CONCEPT_HPP

#include <concepts>
#include <system_error>

namespace fanout {

namespace detail {

// Stands for an operation's C door where a policy is checked on its own.
struct any_c_door {
  static int& value(void*) noexcept;
  static void set_value(void*) noexcept;
  static void set_error(void*, std::error_code) noexcept;
  static void set_stopped(void*) noexcept;
};

struct any_branch {
  using value_type = void;
  template <class... Args>
  void set_value(Args&&...) noexcept;
  template <class Error>
  void set_error(Error&&) noexcept;
  void set_stopped() noexcept;
};

}  // namespace detail

/// How a foreign C callback is spelled. What an implementer writes:
///
///     struct my_callback {
///       template <class Door>                                    // the function that the foreign library will call
///       static void function(request* r, int status) noexcept {  // its signature, wherever the context argument sits
///         if (status == 0) Door::set_value(r->user_data);        // Door takes the context that the library was given
///         else             Door::set_error(r->user_data, std::error_code(status, my_category()));
///       }
///     };
///
/// and promises that `function` is noexcept and calls exactly one of `Door::set_value`, `set_error` and `set_stopped`, once,
/// as its last act: the operation may be gone when that returns. A callback that brings the value itself assigns it to
/// `Door::value(context)` first. It may run on any thread.
template <class Policy>
concept c_callback_policy = requires { &Policy::template function<detail::any_c_door>; };

/// A C interface whose *return value* may report as well: for `issuer.start_c`. `completes_later(status)` says that the
/// callback will come; otherwise the initiator is done, will not call back, and `succeeded(status)` or `error(status)`
/// tells how. Exactly one of the two channels reports.
template <class Policy, class Status = int>
concept c_initiator_policy = c_callback_policy<Policy> && requires(Status status) {
  { Policy::completes_later(status) } noexcept -> std::same_as<bool>;
  { Policy::succeeded(status) } noexcept -> std::same_as<bool>;
  { Policy::error(status) } noexcept -> std::convertible_to<std::error_code>;
};

/// The shape in which a branch handle is called: `branch(args...)` means `Policy::invoke(branch, args...)`, which completes
/// the branch exactly once, as its last act.
template <class Policy, class... Args>
concept handler_policy =
    requires(detail::any_branch& branch, Args&&... args) { Policy::invoke(branch, static_cast<Args&&>(args)...); };

}  // namespace fanout

#endif
