// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_PATIENCE_HPP
#define FANOUT_BENCH_HARNESS_PATIENCE_HPP

#include <chrono>
#include <cstdint>
#include <string>

namespace fanout::bench {

/// Spins, but not for ever: a contender that loses a completion ends the program, with a sentence that names it.
///
///     for (patience left; !ready.load(std::memory_order_acquire);) left.spin();
class patience {
 public:
  void spin() noexcept {
    if (++spins_ % (1 << 20) == 0) [[unlikely]]
      look_at_the_clock();
  }

  /// What runs from now on, and how long its work takes at most. While no other thread waits.
  static void begin(std::string what, std::chrono::nanoseconds work);

 private:
  void look_at_the_clock() noexcept;

  std::uint64_t spins_ = 0;
  std::chrono::steady_clock::time_point since_{};  // when it was first looked at
};

}  // namespace fanout::bench

#endif
