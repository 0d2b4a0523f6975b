// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_PLATFORM_HPP
#define FANOUT_DETAIL_PLATFORM_HPP

#include <atomic>
#include <cstddef>

namespace fanout {

/// What the library takes from the world. Strategies and the operation are templates on it, so that the interleaving
/// explorer (`fanout/testing/explorer.hpp`) runs the very headers that production compiles.
///
/// A platform gives `atomic<T>` and `cell<T>`, and pieces of thread-local storage. One that blocks may also give
/// `mutex` and `condition_variable`; where it has none, the headers that block use those of std.
struct std_platform {
  template <class T>
  using atomic = std::atomic<T>;

  /// A plain field that several threads touch, ordered by something else. In production it *is* T.
  template <class T>
  using cell = T;

  /// The operation whose `start` is the innermost on this thread, or null. `start` keeps the previous value in its own
  /// frame, so that this one pointer is the whole stack. constinit: no guard, one `%fs`-relative access on x86.
  static const void*& extent() noexcept {
    static constinit thread_local const void* innermost = nullptr;
    return innermost;
  }

  /// The queue of completions that this thread is running, or null.
  static void*& trampoline() noexcept {
    static constinit thread_local void* queue = nullptr;
    return queue;
  }

  /// The innermost batch scope of this thread, or null.
  static void*& batch() noexcept {
    static constinit thread_local void* innermost = nullptr;
    return innermost;
  }

  /// The innermost of its batches that nobody joins, but which have releases to make; or null.
  static void*& closed_batch() noexcept {
    static constinit thread_local void* innermost = nullptr;
    return innermost;
  }

  /// An identity of the calling thread; never null. Equal values mean the same thread only while that thread lives.
  static const void* self() noexcept { return &extent(); }

  /// A number of the calling thread, from 0 in the order in which threads first ask. Not used again by others.
  static std::size_t thread_number() noexcept {
    static constinit std::atomic<std::size_t> next{1};
    static constinit thread_local std::size_t mine = 0;                  // 0: none yet
    if (mine == 0) mine = next.fetch_add(1, std::memory_order_relaxed);  // relaxed: that it is another one is all
    return mine - 1;
  }
};

}  // namespace fanout

#endif
