// SPDX-License-Identifier: BSL-1.0
// Counts the allocations of one fan-out of every contender, and fails where one makes more or fewer than it should. A
// program of its own, because it replaces malloc: what is timed shall call the real one.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "figures/contenders.hpp"

#if defined(__GLIBC__)

namespace {
bool counting = false;
int counted = 0;
}  // namespace

// Every way into malloc: operator new, too, comes here. The C library's own names for what is replaced.
extern "C" {
void* __libc_malloc(std::size_t bytes);                       // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t bytes);    // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* block, std::size_t bytes);         // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t align, std::size_t bytes);  // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t bytes) {
  if (counting) ++counted;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  if (counting) ++counted;
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  if (counting) ++counted;
  return __libc_realloc(block, bytes);
}
void* memalign(std::size_t align, std::size_t bytes) {
  if (counting) ++counted;
  return __libc_memalign(align, bytes);
}
void* aligned_alloc(std::size_t align, std::size_t bytes) {
  if (counting) ++counted;
  return __libc_memalign(align, bytes);
}
int posix_memalign(void** block, std::size_t align, std::size_t bytes) {
  if (counting) ++counted;
  *block = __libc_memalign(align, bytes);
  return *block == nullptr;
}
}

// `name allocations` for each contender and N; exits with 1 if a count or a result is wrong.
int main() {
  bool good = true;
  for (const bench::contender& c : bench::contenders()) {
    for (const std::size_t n : bench::sizes) {
      counted = 0;
      counting = true;
      const bool right = bench::run_once(c, n);
      counting = false;
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
