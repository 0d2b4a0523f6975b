// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_CONFORMANCE_HPP
#define FANOUT_BENCH_HARNESS_CONFORMANCE_HPP

#include <algorithm>
#include <cstddef>
#include <new>
#include <string>

#include "fanout/refcount/concept.hpp"
#include "fanout/testing/strategy/conformance.hpp"

namespace fanout::bench {

/// What a strategy asks for beside its own members, for n branches.
template <class S>
class strategy_storage {
 public:
  explicit strategy_storage(std::size_t n) : layout_(S::storage_for(n)) {
    if (layout_.bytes != 0)
      block_ = static_cast<std::byte*>(::operator new(layout_.bytes, std::align_val_t(alignment())));
  }
  strategy_storage(const strategy_storage&) = delete;
  strategy_storage& operator=(const strategy_storage&) = delete;
  ~strategy_storage() {
    if (block_ != nullptr) ::operator delete(block_, std::align_val_t(alignment()));
  }
  std::byte* get() const noexcept { return block_; }

 private:
  std::size_t alignment() const noexcept { return std::max(layout_.align, alignof(std::max_align_t)); }

  const refcount::storage_layout layout_;
  std::byte* block_ = nullptr;
};

/// Tries a strategy on one thread: few branches in many orders, with and without those that the issuer releases, and many in runs.
/// What is wrong with it, or nothing. It takes no time, and finds mistakes in counting only: whether the memory orders suffice is
/// for fanout::testing::check_strategy to say.
template <class S>
std::string conform() {
  return testing::detail::conformance<S>::check();
}

}  // namespace fanout::bench

#endif
