// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_BLOCKING_HPP
#define FANOUT_DETAIL_BLOCKING_HPP

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace fanout::detail {

/// What a header that blocks takes from its platform, and from std where the platform has none.
template <class Platform>
struct blocking {
  using mutex = std::mutex;
  using condition_variable = std::condition_variable;
};
template <class Platform>
  requires requires { typename Platform::mutex; }
struct blocking<Platform> {
  using mutex = typename Platform::mutex;
  using condition_variable = typename Platform::condition_variable;
};

/// The clock that its `condition_variable` waits by.
template <class Platform>
struct clock_of {
  using type = std::chrono::steady_clock;
};
template <class Platform>
  requires requires { typename Platform::clock; }
struct clock_of<Platform> {
  using type = typename Platform::clock;
};

}  // namespace fanout::detail

#endif
