// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_CONTEXT_TABLE_HPP
#define FANOUT_DETAIL_CONTEXT_TABLE_HPP

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "fanout/detail/config.hpp"

namespace fanout::detail {

/// Gives out handles in place of addresses, each of which can be redeemed once. A handle is an index and a generation; an entry
/// is good for a handle while their generations are equal and it is armed. Entries are never freed, only used again one
/// generation later, so that a handle may be presented at any time, by any thread, however late.
///
/// A generation has 31 bits and then comes round; a handle as wide as a 32-bit pointer carries only 11 of them.
/// Lock-free. All members may be called concurrently.
template <class Platform>
class context_table {
 public:
  struct redeemed {
    void* target;        // null: the handle had been redeemed before
    std::size_t number;  // as given to make, or to a later make of the same entry
  };

  constexpr context_table() noexcept = default;
  context_table(const context_table&) = delete;
  context_table& operator=(const context_table&) = delete;

  /// A handle for `target`; null if there is no memory or all entries are in use. `number` is what a message is to say.
  void* make(void* target, std::size_t number) noexcept {
    const std::uint32_t index = take_index();
    if (index == none) return nullptr;
    entry& e = at(index);
    e.target = target;
    // relaxed: a late presenter may read another branch's number, which no order could prevent.
    e.number.store(number, std::memory_order_relaxed);
    // relaxed: nobody else writes the generation of an entry that is not armed.
    const std::uint32_t generation = e.generation.load(std::memory_order_relaxed) | armed;
    // release: whoever redeems the handle sees the target, also if the handle reached it by relaxed means.
    e.generation.store(generation, std::memory_order_release);
    return handle(index, generation);
  }

  /// The target, for exactly one caller per handle.
  redeemed redeem(void* presented) noexcept {
    const std::uint32_t index = index_of(presented);
    if (!exists(index)) return {nullptr, static_cast<std::size_t>(-1)};  // never was a handle
    entry& e = at(index);
    // relaxed: only seeds the compare-exchange, which decides. Reading an older generation makes it fail as it should.
    std::uint32_t generation = e.generation.load(std::memory_order_relaxed);
    if ((generation & handle_mask) != (bits(presented) & handle_mask) || (generation & armed) == 0 ||
        // acquire: pairs with make's release. Unarmed and one generation on: no other call with this handle gets past here.
        !e.generation.compare_exchange_strong(generation, (generation & ~armed) + next_generation,
                                              std::memory_order_acquire, std::memory_order_relaxed)) {
      return {nullptr, e.number.load(std::memory_order_relaxed)};
    }
    const redeemed result{e.target, e.number.load(std::memory_order_relaxed)};
    give_index_back(index);
    return result;
  }

  /// For a table that does not live for ever. pre: no handle will be presented any more
  void free_all() noexcept {
    for (auto& block : blocks_) delete[] block.exchange(nullptr, std::memory_order_acquire);
  }

 private:
  template <class T>
  using atomic = typename Platform::template atomic<T>;

  struct entry {
    atomic<std::uint32_t> generation{0};    // 31..1: how often it was used, bit 0: armed
    atomic<std::uint32_t> next_free{none};  // while free: the index below it on the stack
    atomic<std::size_t> number{0};
    typename Platform::template cell<void*> target{
        nullptr};  // its user's; handed over by the generation and the free stack
  };

  static constexpr std::uint32_t armed = 1;
  static constexpr std::uint32_t next_generation = 2;
  static constexpr std::uint32_t none = 0;         // indices start at 1, so that no handle is null
  static constexpr std::uint32_t first_size = 64;  // block k has 64 * 2^k entries
  static constexpr std::uint32_t max_blocks = 14;  // in all 64 * (2^14 - 1): about a million callbacks in flight

  // Bits of a handle: the index above, the generation below.
  static constexpr unsigned generation_bits = sizeof(void*) >= 8 ? 32 : 12;
  static constexpr std::uint32_t handle_mask = static_cast<std::uint32_t>((std::uint64_t{1} << generation_bits) - 1);

  // A number in a pointer's clothes: nobody dereferences it.
  static void* handle(std::uint32_t index, std::uint32_t generation) noexcept {
    return reinterpret_cast<void*>((static_cast<std::uintptr_t>(index) << generation_bits) |
                                   (generation & handle_mask));
  }
  static std::uint32_t bits(void* handle) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle));
  }
  static std::uint32_t index_of(void* handle) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle) >> generation_bits);
  }

  static std::uint32_t block_of(std::uint32_t index) noexcept {
    return static_cast<std::uint32_t>(std::bit_width((index - 1) / first_size + 1)) - 1;
  }
  entry& at(std::uint32_t index) noexcept {
    const std::uint32_t k = block_of(index);
    // acquire: the block's entries were constructed before it was published.
    return blocks_[k].load(std::memory_order_acquire)[index - 1 - first_size * ((1u << k) - 1)];
  }

  bool exists(std::uint32_t index) noexcept {
    return index != none && block_of(index) < max_blocks &&
           blocks_[block_of(index)].load(std::memory_order_acquire) != nullptr;  // acquire: as in at
  }

  // The free entries are a stack. Its head is index | count of changes << 32: the count keeps a compare-exchange from
  // succeeding when the same entry has left and come back meanwhile.
  std::uint32_t take_index() noexcept {
    // acquire: pairs with the release in give_index_back; next_free is the value that was pushed with this head.
    std::uint64_t head = free_.load(std::memory_order_acquire);
    while (static_cast<std::uint32_t>(head) != none) {
      const std::uint32_t index = static_cast<std::uint32_t>(head);
      const std::uint32_t below = at(index).next_free.load(std::memory_order_relaxed);
      const std::uint64_t next = ((head >> 32) + 1) << 32 | below;
      if (free_.compare_exchange_weak(head, next, std::memory_order_acquire, std::memory_order_acquire)) return index;
    }
    return new_index();
  }

  void give_index_back(std::uint32_t index) noexcept {
    std::uint64_t head = free_.load(std::memory_order_relaxed);  // relaxed: only seeds the compare-exchange
    std::uint64_t next;
    do {
      at(index).next_free.store(static_cast<std::uint32_t>(head),
                                std::memory_order_relaxed);  // published by the exchange
      next = ((head >> 32) + 1) << 32 | index;
      // release: next_free, and that the target has been read
    } while (!free_.compare_exchange_weak(head, next, std::memory_order_release, std::memory_order_relaxed));
  }

  FANOUT_COLD std::uint32_t new_index() noexcept {
    std::uint32_t last = used_.load(std::memory_order_relaxed);  // relaxed: a number; blocks are published on their own
    for (;;) {
      const std::uint32_t index = last + 1;
      const std::uint32_t k = block_of(index);
      if (k >= max_blocks || !has_block(k)) return none;
      if (used_.compare_exchange_weak(last, index, std::memory_order_relaxed, std::memory_order_relaxed)) return index;
    }
  }

  FANOUT_COLD bool has_block(std::uint32_t k) noexcept {
    entry* block = blocks_[k].load(std::memory_order_acquire);
    if (block != nullptr) return true;
    auto* fresh = new (std::nothrow) entry[std::size_t{first_size} << k];
    if (fresh == nullptr) return false;
    // release: publishes the entries; acquire on failure: somebody else's are used.
    if (!blocks_[k].compare_exchange_strong(block, fresh, std::memory_order_release, std::memory_order_acquire))
      delete[] fresh;
    return true;
  }

  atomic<std::uint64_t> free_{0};        // 31..0: the topmost free index or none, 63..32: count of changes
  atomic<std::uint32_t> used_{0};        // indices 1 .. used_ have been given out at least once
  atomic<entry*> blocks_[max_blocks]{};  // null: not needed yet
};

}  // namespace fanout::detail

#endif
