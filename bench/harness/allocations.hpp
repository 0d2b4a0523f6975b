// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_ALLOCATIONS_HPP
#define FANOUT_BENCH_HARNESS_ALLOCATIONS_HPP

#include <cstdint>

namespace fanout::bench {

struct allocated {
  std::uint64_t count;
  std::uint64_t bytes;
};

/// What all threads allocate between the two calls. With glibc every way into malloc counts, and with it operator new; elsewhere
/// operator new only. While nobody counts, an allocation costs a load and a jump more, for every contender alike.
void count_allocations() noexcept;
allocated stop_counting() noexcept;

}  // namespace fanout::bench

#endif
