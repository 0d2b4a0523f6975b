// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_PROCESSORS_HPP
#define FANOUT_BENCH_PROCESSORS_HPP

#include <algorithm>
#include <cstddef>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace bench {

/// The processors that this process may use; `pin_to(k)` binds the calling thread to the k-th of them.
#if defined(__linux__)
inline const cpu_set_t& allowed_processors() noexcept {
  static const cpu_set_t at_start = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    return set;
  }();
  return at_start;
}
inline std::size_t processors() noexcept { return static_cast<std::size_t>(CPU_COUNT(&allowed_processors())); }
inline void pin_to(std::size_t k) noexcept {
  for (std::size_t cpu = 0; cpu != CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed_processors()) || k-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}
#else
inline std::size_t processors() noexcept { return std::max(1U, std::thread::hardware_concurrency()); }
inline void pin_to(std::size_t) noexcept {}
#endif

}  // namespace bench

#endif
