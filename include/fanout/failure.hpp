// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_FAILURE_HPP
#define FANOUT_FAILURE_HPP

#include <cstddef>
#include <exception>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/config.hpp"
#include "fanout/errc.hpp"
#include "fanout/reason.hpp"

namespace fanout {

/// The index of no branch: the cause is the operation's own.
inline constexpr std::size_t no_index = static_cast<std::size_t>(-1);

/// Why an operation has no result.
template <class E = std::error_code>
struct failure {
  /// The branch whose error was the first real cause, or `no_index` where the cause is the operation's own: stop, deadline,
  /// memory, code between starts or a combine policy that threw.
  std::size_t index = no_index;
  E cause{};
  /// How many branches failed after that. Branches that merely gave up because they were asked to stop do not count.
  std::size_t suppressed = 0;
  /// The exception behind the cause, where there was one.
  std::exception_ptr exception{};
  /// What decided. error_limit also where the operation itself could not go on.
  reason why = reason::error_limit;
};

/// How the library's own reasons become the operation's error type. Works for std::error_code, std::exception_ptr and every
/// type that can be made from a std::error_code; specialise it for others. An error type is default constructible.
template <class E>
struct error_traits {
  static_assert(
      std::is_constructible_v<E, std::error_code>,
      "fanout: the error type must be constructible from std::error_code, or specialise fanout::error_traits<E>");
  static E from(std::error_code code) noexcept { return E(code); }
};

template <>
struct error_traits<std::exception_ptr> {
  static std::exception_ptr from(std::error_code code) noexcept {
    FANOUT_TRY { return std::make_exception_ptr(std::system_error(code)); }
    FANOUT_CATCH_ALL { return std::current_exception(); }  // no memory for the text: that, then
  }
};

}  // namespace fanout

#endif
