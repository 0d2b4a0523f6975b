// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_CALLBACK_HANDLER_HPP
#define FANOUT_CALLBACK_HANDLER_HPP

#include <concepts>
#include <cstdlib>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/callback/concept.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/errc.hpp"

namespace fanout {

/// An error number of a C interface as an error code: errno values, negative or positive.
inline std::error_code errno_error(int number) noexcept {
  return {number < 0 ? static_cast<int>(0u - static_cast<unsigned>(number)) : number, std::generic_category()};
}

/// An error number on its way to become one: converted where it is settled, out of line.
struct errno_number {
  int number;
  operator std::error_code() const noexcept { return errno_error(number); }
};

/// The default: a branch is called as a completion handler, `branch(error)` or `branch(error, value...)`. An error that
/// converts to true is the branch's error, and the values that came with it are dropped. A plain int is an errno value, so
/// `branch(result)` is not how a result is reported: success without a value, where there is to be one, is errc::no_value.
struct handler {
  template <class Branch, class Error, class... Values>
  static void invoke(Branch& branch, Error&& error, Values&&... values) noexcept {
    if (static_cast<bool>(error)) [[unlikely]] {
      if constexpr (std::is_same_v<std::remove_cvref_t<Error>, int>) {
        branch.set_error(errno_number{error});
      } else {
        branch.set_error(std::forward<Error>(error));
      }
    } else if constexpr (sizeof...(Values) == 0 && !std::is_void_v<typename Branch::value_type>) {
      branch.set_error(make_error_code(errc::no_value));
    } else {
      branch.set_value(std::forward<Values>(values)...);
    }
  }
};

static_assert(handler_policy<handler, std::error_code> && handler_policy<handler, int, int>);

}  // namespace fanout

#endif
