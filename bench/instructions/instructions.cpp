// SPDX-License-Identifier: BSL-1.0
// fanout_instructions <mode> <contender> <N>: one fan-out, for callgrind to count. bench/instructions/count.py runs it, with
// collection switched on by the two functions below: it sees all from making the operation to the end of its completion,
// including malloc and the null operations, and nothing else.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "figures/contenders.hpp"

extern "C" {
[[gnu::noinline]] void measured_issue(const bench::contender& c, std::size_t n) {
  c.issue(n);
  asm volatile("");  // not a tail call: callgrind must see this function return
}
[[gnu::noinline]] void measured_complete(const bench::contender& c) {
  c.complete();
  asm volatile("");
}
}

int main(int argc, char** argv) {
  const std::size_t n = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 0;
  for (const bench::contender& c : bench::contenders()) {
    if (n == 0 || name_of(c.when) != argv[1] || c.name != argv[2]) continue;
    // What happens once per process (symbols are looked up, the heap grows) has happened after this.
    for (int i = 0; i != 3; ++i) {
      if (!bench::run_once(c, n)) return 1;
    }
    const int expected = bench::next_expected_sum(n);
    measured_issue(c, n);
    if (c.when == bench::mode::cross) {
      std::thread([&] {
        void* volatile block = std::malloc(1);  // volatile: not optimised away, for here malloc sets this thread up
        std::free(block);
        measured_complete(c);
      }).join();
    } else if (c.complete) {
      measured_complete(c);
    }
    return bench::sum == expected ? 0 : 1;
  }
  std::fprintf(stderr, "usage: fanout_instructions <mode> <contender> <N>\n");
  return 2;
}
