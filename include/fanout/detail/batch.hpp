// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_BATCH_HPP
#define FANOUT_DETAIL_BATCH_HPP

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fanout/detail/config.hpp"
#include "fanout/detail/trampoline.hpp"

namespace fanout::detail {

/// References of branches that have reported, put together to be released at once, each operation's in one call. What is in
/// here keeps its operation from draining, so a pointer to it is good until then. One thread's.
///
/// Room for 16 operations (or runs of branches, where the strategy releases only neighbours); for one more, the one that has
/// been in here longest makes place.
template <class Platform>
class batch {
 public:
  using release_function = void(void* op, std::size_t first, std::uint64_t k) noexcept;

  batch() noexcept {}  // the table is not written before it is used
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;

  /// The one that branches on this thread join, or null.
  static batch* innermost() noexcept { return static_cast<batch*>(Platform::batch()); }

  /// Makes this one the innermost of its thread, or no longer.
  void enter() noexcept { push(Platform::batch()); }
  void leave() noexcept { Platform::batch() = outer_; }

  /// Calls `f()`, then releases what is in here, and runs the completions that either made due only then. Nobody joins this batch;
  /// but what would wait on this thread for one of its releases, in `f` or in what a release runs at once, finds it.
  template <class F>
  void closed(F&& f) noexcept {
    push(Platform::closed_batch());
    trampoline<Platform>::hold_back([this, &f]() noexcept {
      f();
      flush();
      Platform::closed_batch() = outer_;
    });
  }

  /// Branch `i` of an operation has reported. `Any`: branches are released together whether they are neighbours or not.
  template <bool Any>
  void add(void* op, release_function* release, std::size_t i) noexcept {
    if (Any && last_ != nullptr && last_->op == op) {
      ++last_->k;
    } else {
      add_otherwise(op, release, i, Any);
    }
  }

  /// Releases all that is in here, then runs the completions that this made due, then what these added. True if there was any.
  FANOUT_NOINLINE bool flush() noexcept {
    const bool any = used_ != 0;
    while (used_ != 0) {
      trampoline<Platform>::hold_back([this]() noexcept {
        while (used_ != 0) {
          const entry e = entries_[--used_];  // out of the table first: see below
          last_ = nullptr;
          e.release(e.op, e.first, e.k);
        }
      });
    }
    oldest_ = 0;
    return any;
  }

  /// Every batch of this thread.
  static bool flush_all() noexcept {
    bool any = false;
    for (void* top : {Platform::batch(), Platform::closed_batch()}) {
      for (auto* b = static_cast<batch*>(top); b != nullptr; b = b->outer_) any = b->flush() || any;
    }
    return any;
  }

 private:
  void push(void*& top) noexcept {
    outer_ = static_cast<batch*>(top);
    top = this;
  }

  static constexpr std::size_t room = 16;
  struct entry {
    void* op;
    release_function* release;
    std::size_t first;
    std::uint64_t k;  // #references
  };

  FANOUT_NOINLINE void add_otherwise(void* op, release_function* release, std::size_t i, bool any) noexcept {
    for (std::size_t at = used_; at-- != 0;) {
      entry& e = entries_[at];
      if (e.op != op || !(any || i == e.first + e.k || i + 1 == e.first)) continue;
      if (!any && i < e.first) e.first = i;
      ++e.k;
      last_ = &e;
      return;
    }
    const entry one{op, release, i, 1};
    if (used_ != room) {
      last_ = &entries_[used_++];
      *last_ = one;
      return;
    }
    // Its release comes last: it may run a completion, which may add to this batch.
    last_ = &entries_[oldest_];
    const entry longest = std::exchange(*last_, one);
    oldest_ = (oldest_ + 1) % room;
    longest.release(longest.op, longest.first, longest.k);
  }

  batch* outer_ = nullptr;
  entry* last_ = nullptr;  // the one that was added to last, where it is still in use
  std::size_t used_ = 0;
  std::size_t oldest_ = 0;  // the entry that makes place next
  entry entries_[room];     // the first used_ are in use
};

/// What this thread owes others before it blocks: completions that are queued on it, and releases that wait on it.
template <class Platform>
FANOUT_COLD void settle_debts() noexcept {
  do {
    trampoline<Platform>::drain();
  } while (batch<Platform>::flush_all());
}

}  // namespace fanout::detail

#endif
