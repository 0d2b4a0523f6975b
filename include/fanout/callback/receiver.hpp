// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_CALLBACK_RECEIVER_HPP
#define FANOUT_CALLBACK_RECEIVER_HPP

namespace fanout {

/// A branch is completed by name only: `set_value`, `set_error`, `set_stopped`. Calling it does not compile.
struct receiver {};

}  // namespace fanout

#endif
