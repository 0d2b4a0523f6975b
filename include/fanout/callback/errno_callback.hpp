// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_CALLBACK_ERRNO_CALLBACK_HPP
#define FANOUT_CALLBACK_ERRNO_CALLBACK_HPP

#include <cerrno>
#include <system_error>

#include "fanout/callback/concept.hpp"
#include "fanout/callback/handler.hpp"

namespace fanout {

/// The classic C shape: `void callback(int err, void* context)`, and an initiator that returns -EINPROGRESS for "I shall call
/// you" and anything else for "done, I shall not call you". Zero is success; errors are errno values, negative or positive.
/// The result goes through an out-parameter, which is the branch's slot. C++ code completes the handle as with `handler`.
struct errno_callback : handler {
  template <class Door>
  static void function(int err, void* context) noexcept {
    if (err == 0) [[likely]] {
      Door::set_value(context);
    } else {
      failed<Door>(err, context);
    }
  }

  static constexpr bool completes_later(int status) noexcept { return status == -EINPROGRESS; }
  static constexpr bool succeeded(int status) noexcept { return status == 0; }
  static std::error_code error(int status) noexcept { return errno_error(status); }

 private:
  template <class Door>
  FANOUT_COLD static void failed(int err, void* context) noexcept {
    Door::set_error(context, errno_error(err));
  }
};

static_assert(c_initiator_policy<errno_callback>);

}  // namespace fanout

#endif
