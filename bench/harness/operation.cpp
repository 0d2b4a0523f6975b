// SPDX-License-Identifier: BSL-1.0
#include "harness/operation.hpp"

namespace fanout::bench {

null_report reported;
std::byte* kept_branches::memory_ = nullptr;

FANOUT_BENCH_OUT_OF_LINE void complete_now_c(std::size_t i, int* out, void (*callback)(int, void*), void* context) {
  if (reported.laps != 0) work(reported.laps);
  *out = value_of(i);
  callback(reported.error, context);
}
FANOUT_BENCH_OUT_OF_LINE void keep_c(std::size_t i, int* out, void (*callback)(int, void*), void* context) {
  keep_in_place(i, c_branch{callback, context, out});
}

void kept_branches::reserve(std::size_t n) {
  static std::unique_ptr<std::byte[]> memory;
  static std::size_t room = 0;
  if (n <= room) return;
  // Not initialised: what a contender does not use costs no memory.
  memory.reset(new std::byte[n * most_bytes]);
  memory_ = memory.get();
  room = n;
}

}  // namespace fanout::bench
