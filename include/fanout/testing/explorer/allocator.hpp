// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_ALLOCATOR_HPP
#define FANOUT_TESTING_EXPLORER_ALLOCATOR_HPP

#include <cstddef>

#include "fanout/testing/explorer/execution.hpp"
#if FANOUT_HAS_EXPLORER

namespace fanout::testing::explorer {

/// Allocates from the current execution. What is freed stays poisoned and is not handed out again before the execution
/// ends: a late access to an atomic, cell, ... in it is a failure with a name, and so are a double free, a free of foreign memory
/// and a free that another thread's access is not ordered before. What is never freed vanishes with the execution.
template <class T>
struct allocator {
  using value_type = T;

  allocator() noexcept = default;
  template <class U>
  allocator(const allocator<U>&) noexcept {}

  [[nodiscard("the memory is lost")]] T* allocate(std::size_t n) {
    return static_cast<T*>(detail::execution::required().allocate(n * sizeof(T), alignof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept {
    // Without an execution the memory is gone already: something outlived it.
    if (detail::execution* e = detail::execution::current()) e->deallocate(p, n * sizeof(T));
  }

  friend bool operator==(const allocator&, const allocator&) noexcept { return true; }
};

}  // namespace fanout::testing::explorer

#endif
#endif
