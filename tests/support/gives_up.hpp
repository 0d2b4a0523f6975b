// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_GIVES_UP_HPP
#define FANOUT_TESTS_SUPPORT_GIVES_UP_HPP

#include <optional>

#include "fanout/stop_token.hpp"

namespace support {

/// A branch that gives up when it is asked to. It takes its callback away before it reports: the source is the operation's.
template <class Branch>
struct gives_up {
  struct on_stop {
    gives_up* self;
    void operator()() const noexcept {
      gives_up& me = *self;
      me.callback.reset();
      me.branch.set_stopped();
    }
  };
  Branch branch;
  std::optional<fanout::inplace_stop_callback<on_stop>> callback;
};

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_GIVES_UP_HPP
