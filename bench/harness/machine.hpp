// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_MACHINE_HPP
#define FANOUT_BENCH_HARNESS_MACHINE_HPP

#include <cstddef>
#include <cstdint>
#include <string>

namespace fanout::bench {

/// What two processors do not write to at once without waiting for one another.
inline constexpr std::size_t cache_line = 64;

/// How many processors this process may use; `pin_to(k)` binds the calling thread to the k-th of them.
std::size_t processors() noexcept;
void pin_to(std::size_t k) noexcept;

/// The processor's model name, or what the system calls the machine.
std::string machine_name();

/// Nanoseconds from one processor's read-modify-write of a line to the next one's, when the a-th and the b-th take turns at it:
/// median and quartiles of many samples. Takes some ten milliseconds.
struct transfer_cost {
  double lower_quartile, median, upper_quartile;
};
transfer_cost cache_line_transfer_ns(std::size_t a, std::size_t b);

/// Work for a branch: a loop that touches no memory. `laps_for` says how many laps take that long here, measured when it is first
/// called.
inline void work(std::uint64_t laps) noexcept {
  // No compiler may fold the laps.
  for (; laps != 0; --laps) asm volatile("" : "+r"(laps));
}
std::uint64_t laps_for(std::uint64_t nanoseconds);

}  // namespace fanout::bench

#endif
