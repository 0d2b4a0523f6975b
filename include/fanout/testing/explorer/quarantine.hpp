// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_QUARANTINE_HPP
#define FANOUT_TESTING_EXPLORER_QUARANTINE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace fanout::testing::explorer::detail {

/// Memory of one execution. Freed memory is poisoned and not handed out again before reset(), so that a late access
/// meets neither somebody else's object nor the system. Addresses repeat from execution to execution.
class quarantine {
 public:
  struct block {
    std::byte* begin;
    std::size_t size;
    bool freed;
  };

  /// Raw memory until reset(); not a block, cannot be freed.
  void* take(std::size_t size, std::size_t alignment) {
    for (;; ++chunk_, used_ = 0) {
      if (chunk_ == chunks_.size()) {
        const std::size_t capacity = std::max(size + alignment, std::size_t{64 * 1024});
        chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(capacity), capacity});
      }
      const chunk& c = chunks_[chunk_];
      const auto address = reinterpret_cast<std::uintptr_t>(c.memory.get()) + used_;
      const std::size_t padding = (alignment - address % alignment) % alignment;
      if (c.capacity - used_ < padding + size) continue;
      used_ += padding + size;
      return c.memory.get() + (used_ - size);
    }
  }

  block& allocate(std::size_t size, std::size_t alignment) {
    auto* begin = static_cast<std::byte*>(take(std::max(size, std::size_t{1}), alignment));
    std::memset(begin, 0xCD, size);
    return blocks_.emplace_back(block{begin, size, false});
  }

  static void poison(block& b) noexcept {
    std::memset(b.begin, 0xDB, b.size);
    b.freed = true;
  }

  /// The block that holds the address, or null.
  block* find(const void* address) noexcept {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    for (block& b : blocks_) {
      const auto begin = reinterpret_cast<std::uintptr_t>(b.begin);
      if (wanted >= begin && wanted < begin + std::max(b.size, std::size_t{1})) return &b;
    }
    return nullptr;
  }

  std::size_t number(const block& b) const noexcept { return static_cast<std::size_t>(&b - blocks_.data()); }

  void reset() noexcept {
    blocks_.clear();
    chunk_ = used_ = 0;
  }

 private:
  struct chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t capacity;
  };
  std::vector<block> blocks_;
  std::vector<chunk> chunks_;
  std::size_t chunk_ = 0;  // the chunk in use; those before it are full
  std::size_t used_ = 0;   // bytes taken from it
};

}  // namespace fanout::testing::explorer::detail

#endif
