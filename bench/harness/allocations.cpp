// SPDX-License-Identifier: BSL-1.0
#include "harness/allocations.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace fanout::bench {
namespace {

// Constant initialised: malloc is called before any constructor runs. relaxed: the threads that are counted have been
// joined before the sums are read.
constinit std::atomic<bool> counting{false};
constinit std::atomic<std::uint64_t> count{0};
constinit std::atomic<std::uint64_t> bytes{0};

void note(std::size_t n) noexcept {
  if (!counting.load(std::memory_order_relaxed)) [[likely]]
    return;
  count.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(n, std::memory_order_relaxed);
}

}  // namespace

void count_allocations() noexcept {
  count.store(0, std::memory_order_relaxed);
  bytes.store(0, std::memory_order_relaxed);
  counting.store(true, std::memory_order_relaxed);
}
allocated stop_counting() noexcept {
  counting.store(false, std::memory_order_relaxed);
  return {count.load(std::memory_order_relaxed), bytes.load(std::memory_order_relaxed)};
}

}  // namespace fanout::bench

#if defined(__GLIBC__)

// The C library's own names for what is replaced.
extern "C" {
void* __libc_malloc(std::size_t bytes);                       // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t bytes);    // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* block, std::size_t bytes);         // NOLINT(bugprone-reserved-identifier)
void* __libc_memalign(std::size_t align, std::size_t bytes);  // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t bytes) {
  fanout::bench::note(bytes);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  fanout::bench::note(count * bytes);
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  fanout::bench::note(bytes);
  return __libc_realloc(block, bytes);
}
void* memalign(std::size_t align, std::size_t bytes) {
  fanout::bench::note(bytes);
  return __libc_memalign(align, bytes);
}
void* aligned_alloc(std::size_t align, std::size_t bytes) {
  fanout::bench::note(bytes);
  return __libc_memalign(align, bytes);
}
int posix_memalign(void** block, std::size_t align, std::size_t bytes) {
  fanout::bench::note(bytes);
  *block = __libc_memalign(align, bytes);
  return *block == nullptr;
}
}

#else

void* operator new(std::size_t bytes) {
  fanout::bench::note(bytes);
  if (void* const block = std::malloc(bytes != 0 ? bytes : 1)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

#endif
