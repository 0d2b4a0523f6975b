// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_MEMORY_FAILING_NEW_HPP
#define FANOUT_TESTS_MEMORY_FAILING_NEW_HPP

// The program's operator new, all of it: counts what is live and fails when told. For one source file of a program.
// Tests that use it have one thread.

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace memory {

/// What the next allocations do.
enum class failing { none, one, all_from_then_on };

struct state {
  std::size_t live_bytes = 0;
  std::size_t live_blocks = 0;
  int countdown = 0;  // the allocation that takes it to zero fails
  failing how = failing::none;
  int failed = 0;
};
inline constinit state now;

/// The k-th allocation from here on fails, k >= 1.
inline void fail_at(int k, failing how) noexcept {
  now.countdown = k;
  now.how = how;
  now.failed = 0;
}
/// How many allocations have failed since fail_at; no more will.
inline int stop_failing() noexcept {
  now.how = failing::none;
  return now.failed;
}

// The size, and the address that malloc gave, precede each block.
struct header {
  void* base;
  std::size_t size;
};

inline void* allocate(std::size_t size, std::size_t align) noexcept {
  if (now.how != failing::none &&
      (--now.countdown == 0 || (now.countdown < 0 && now.how == failing::all_from_then_on))) {
    ++now.failed;
    return nullptr;
  }
  const std::size_t room = sizeof(header) + align;
  auto* const base = static_cast<std::byte*>(std::malloc(size + room));
  if (base == nullptr) return nullptr;
  std::size_t misfit = reinterpret_cast<std::size_t>(base + room) % align;
  std::byte* const block = base + room - misfit;
  ::new (static_cast<void*>(block - sizeof(header))) header{base, size};
  ++now.live_blocks;
  now.live_bytes += size;
  return block;
}

inline void deallocate(void* block) noexcept {
  if (block == nullptr) return;
  const header h = *reinterpret_cast<header*>(static_cast<std::byte*>(block) - sizeof(header));
  --now.live_blocks;
  now.live_bytes -= h.size;
  std::free(h.base);
}

inline void* allocate_or_throw(std::size_t size, std::size_t align) {
  if (void* block = allocate(size, align)) return block;
#if defined(__cpp_exceptions)
  throw std::bad_alloc();
#else
  std::fputs("operator new was asked for memory in a way that only an exception could refuse\n", stderr);
  std::abort();
#endif
}

inline constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace memory

void* operator new(std::size_t n) { return memory::allocate_or_throw(n, memory::usual); }
void* operator new[](std::size_t n) { return memory::allocate_or_throw(n, memory::usual); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return memory::allocate(n, memory::usual); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return memory::allocate(n, memory::usual); }
void* operator new(std::size_t n, std::align_val_t a) {
  return memory::allocate_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return memory::allocate_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return memory::allocate(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return memory::allocate(n, static_cast<std::size_t>(a));
}

void operator delete(void* p) noexcept { memory::deallocate(p); }
void operator delete[](void* p) noexcept { memory::deallocate(p); }
void operator delete(void* p, std::size_t) noexcept { memory::deallocate(p); }
void operator delete[](void* p, std::size_t) noexcept { memory::deallocate(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { memory::deallocate(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { memory::deallocate(p); }
void operator delete(void* p, std::align_val_t) noexcept { memory::deallocate(p); }
void operator delete[](void* p, std::align_val_t) noexcept { memory::deallocate(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { memory::deallocate(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { memory::deallocate(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { memory::deallocate(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { memory::deallocate(p); }

#endif  // FANOUT_TESTS_MEMORY_FAILING_NEW_HPP
