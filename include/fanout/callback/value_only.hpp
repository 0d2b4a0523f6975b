// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_CALLBACK_VALUE_ONLY_HPP
#define FANOUT_CALLBACK_VALUE_ONLY_HPP

#include <utility>

#include "fanout/callback/concept.hpp"

namespace fanout {

/// For interfaces that cannot fail: a branch is called as `branch(value...)`.
struct value_only {
  template <class Branch, class... Values>
  static void invoke(Branch& branch, Values&&... values) noexcept {
    branch.set_value(std::forward<Values>(values)...);
  }
};

static_assert(handler_policy<value_only> && handler_policy<value_only, int>);

}  // namespace fanout

#endif
