// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_FUTURE_HPP
#define FANOUT_COMPLETION_FUTURE_HPP

#include <exception>
#include <future>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/config.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"

namespace fanout::completion {

namespace detail {

/// What a failure is thrown as: the exception behind it; else its cause, which an error code travels in a
/// std::system_error.
template <class E>
std::exception_ptr exception_from(failure<E> failed) noexcept {
  if (failed.exception) return std::move(failed.exception);
  FANOUT_TRY {
    if constexpr (std::is_same_v<E, std::exception_ptr>) {
      if (failed.cause) return std::move(failed.cause);
      return std::make_exception_ptr(std::system_error(make_error_code(errc::no_value)));
    } else if constexpr (std::is_convertible_v<E, std::error_code>) {
      return std::make_exception_ptr(std::system_error(std::error_code(std::move(failed.cause))));
    } else {
      return std::make_exception_ptr(std::move(failed.cause));
    }
  }
  FANOUT_CATCH_ALL { return std::current_exception(); }  // no memory for the text, say: that, then
}

/// The value is moved inside the standard's set_value. An exception there would have to be caught and set instead; but
/// that goes through std::call_once, which on many platforms never lets anybody pass again after an exception.
template <class Value>
consteval bool reaches_the_future() {
  static_assert(
      std::is_void_v<Value> || std::is_nothrow_move_constructible_v<Value>,
      "fanout: the outcome's value is moved to the future when nobody could catch, so moving it must not throw: "
      "let the combine policy return a std::unique_ptr to it");
  return true;
}

}  // namespace detail

/// A completion that makes a `std::future` ready. `get()` returns the outcome, a `fanout::result`, and does not throw:
///
///     fanout::completion::promise<Outcome> promise;
///     std::future<Outcome> future = promise.get_future();
///     auto issuer = fanout::issue<row>(n, fanout::combine::all, std::move(promise));
///
/// `fanout::async` does it in one call. The future becomes ready on the thread that reports last, directly: delivery
/// does not queue behind a completion that runs on that thread, which might be waiting for this very future. `get()`
/// knows nothing of completions queued on its own thread, though: inside a completion, `fanout::wait` is the better way
/// to block.
///
/// Once it is given to an operation, a promise is always kept: the completion runs exactly once (I1), whatever becomes
/// of the branches. `std::future_errc::broken_promise` can only come from one that never was, or whose `fanout::issue`
/// threw. Dropping the future neither waits nor asks the branches to stop.
///
/// Cost: the one allocation of the standard's shared state, when this object is made; it throws std::bad_alloc then,
/// and never later. Works without exceptions.
template <class Outcome>
class promise {
  static_assert(detail::reaches_the_future<Outcome>());

 public:
  static constexpr bool is_direct = true;

  promise() = default;

  /// Once.
  [[nodiscard("the outcome of the operation")]] std::future<Outcome> get_future() { return promise_.get_future(); }

  void operator()(Outcome&& outcome) && noexcept { promise_.set_value(std::move(outcome)); }

 private:
  std::promise<Outcome> promise_;
};

/// The same for callers who would rather catch: `get()` returns what the combine policy made, and throws what went
/// wrong. That is the exception behind the failure where there was one (out of an initiator or a combine policy);
/// otherwise a `std::system_error` with the cause as its code, or the cause itself if the error type is no error code.
/// Which branch it was, and how many failed after it, only the outcome tells.
///
/// Cost: as `promise`, and the exception's, made when the operation fails; if there is no memory for it, `get()` throws
/// std::bad_alloc. Needs exceptions.
template <class Outcome>
class value_promise {
  static_assert(FANOUT_HAS_EXCEPTIONS || sizeof(Outcome) == 0,
                "fanout: without exceptions get() could not tell of a failure: use fanout::completion::promise or "
                "fanout::async, where it returns the outcome");
  static_assert(detail::reaches_the_future<typename Outcome::value_type>());

 public:
  using value_type = typename Outcome::value_type;
  static constexpr bool is_direct = true;

  value_promise() = default;

  /// Once.
  [[nodiscard("the outcome of the operation")]] std::future<value_type> get_future() { return promise_.get_future(); }

  void operator()(Outcome&& outcome) && noexcept {
    if (!outcome) return promise_.set_exception(detail::exception_from(std::move(outcome).error()));
    if constexpr (std::is_void_v<value_type>) {
      promise_.set_value();
    } else {
      promise_.set_value(*std::move(outcome));
    }
  }

 private:
  std::promise<value_type> promise_;
};

}  // namespace fanout::completion

#endif
