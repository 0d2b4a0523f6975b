// SPDX-License-Identifier: BSL-1.0
// Compiled several times: in C++20 and C++23, with and without NDEBUG, without exceptions and run-time type information.
#include "layout.hpp"

#include <fanout/version.hpp>

#define FANOUT_TYPE(...) layout{#__VA_ARGS__, sizeof(__VA_ARGS__), alignof(__VA_ARGS__)}

const layout* FANOUT_LAYOUT() {
  static constexpr layout table[] = {
      FANOUT_TYPE(decltype(fanout::version)),
      {nullptr, 0, 0},
  };
  return table;
}
