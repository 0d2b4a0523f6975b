// SPDX-License-Identifier: BSL-1.0
// Counts the allocations of one fan-out of every contender, and fails where one makes more or fewer than it should. A
// program of its own, because it replaces malloc: what is timed shall call the real one.
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "figures/contenders.hpp"
#include "harness/allocations.hpp"

#if defined(__GLIBC__)

// `name allocations` for each contender and N; exits with 1 if a count or a result is wrong.
int main() {
  bool good = true;
  for (const bench::contender& c : bench::contenders()) {
    for (const std::size_t n : bench::sizes) {
      fanout::bench::count_allocations();
      const bool right = bench::run_once(c, n);
      const auto counted = static_cast<int>(fanout::bench::stop_counting().count);
      good = good && right && counted == c.allocations;
      std::printf("%.*s/%.*s/%zu %d%s%s\n", static_cast<int>(name_of(c.when).size()), name_of(c.when).data(),
                  static_cast<int>(c.name.size()), c.name.data(), n, counted,
                  counted == c.allocations ? "" : "  WRONG: the number of allocations",
                  right ? "" : "  WRONG: the result");
    }
  }
  return good ? 0 : 1;
}

#else

int main() {
  std::puts("SKIPPED: malloc is replaced by glibc's means only");
  return 77;
}

#endif
