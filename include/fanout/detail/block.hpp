// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_BLOCK_HPP
#define FANOUT_DETAIL_BLOCK_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "fanout/detail/config.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::detail {

constexpr std::size_t larger(std::size_t a, std::size_t b) noexcept { return a < b ? b : a; }

/// Memory in units of `Align`, through any allocator. Null when there is none: nothing here throws.
template <std::size_t Align, class Allocator>
struct block_memory {
  struct alignas(Align) unit {
    std::byte bytes[Align];
  };
  using traits = typename std::allocator_traits<Allocator>::template rebind_traits<unit>;
  using allocator = typename std::allocator_traits<Allocator>::template rebind_alloc<unit>;

  static std::byte* allocate(const Allocator& from, std::size_t bytes) noexcept {
    allocator a(from);
    FANOUT_TRY {
#if !FANOUT_HAS_EXCEPTIONS
      // std::allocator could only abort.
      if constexpr (std::is_same_v<allocator, std::allocator<unit>>) {
        const std::size_t rounded = units(bytes) * sizeof(unit);
        if constexpr (Align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
          return static_cast<std::byte*>(::operator new(rounded, std::nothrow));
        } else {
          return static_cast<std::byte*>(::operator new(rounded, std::align_val_t{Align}, std::nothrow));
        }
      }
#endif
      return reinterpret_cast<std::byte*>(std::to_address(traits::allocate(a, units(bytes))));
    }
    FANOUT_CATCH_ALL { return nullptr; }
  }
  static void deallocate(const Allocator& from, void* block, std::size_t bytes) noexcept {
    allocator a(from);
    using pointer = typename traits::pointer;
    traits::deallocate(a, std::pointer_traits<pointer>::pointer_to(*static_cast<unit*>(block)), units(bytes));
  }

 private:
  static constexpr std::size_t units(std::size_t bytes) noexcept { return (bytes + sizeof(unit) - 1) / sizeof(unit); }
};

/// Where things lie in an operation's block:
///
///     operation | [chunk header, if N is unknown] | slots | the strategy's storage | a bit per branch
///
/// The bits say which branches were started; nobody touches them before one is started out of order.
template <class Op, class Slot, class Refcount, bool Open>
struct block_layout {
  static constexpr std::size_t first_array_size = 8;  // N unknown: slots in the operation's own block

  static constexpr std::size_t align() noexcept {
    return larger(larger(alignof(Op), alignof(Slot)), larger(slot_alignment, Refcount::storage_for(0).align));
  }
  static constexpr std::size_t slots_offset() noexcept {
    return round_up(sizeof(Op) + (Open ? sizeof(chunk) : 0), larger(alignof(Slot), slot_alignment));
  }

  static constexpr std::size_t slots_in_block(std::size_t n) noexcept { return Open ? first_array_size : n; }
  static constexpr std::size_t strategy_offset(std::size_t n) noexcept {
    return round_up(slots_offset() + slots_in_block(n) * sizeof(Slot), Refcount::storage_for(n).align);
  }
  static std::byte* strategy_storage(std::byte* block, std::size_t n) noexcept {
    return Refcount::storage_for(n).bytes == 0 ? nullptr : block + strategy_offset(n);
  }
  static constexpr std::size_t bits_offset(std::size_t n) noexcept {
    return strategy_offset(n) + Refcount::storage_for(n).bytes;
  }
  static constexpr std::size_t bytes(std::size_t n) noexcept { return bits_offset(n) + (Open ? 0 : (n + 7) / 8); }

  /// Whether n branches can be had at all: E20, and what this machine's size_t can say.
  static constexpr bool fits(std::size_t n) noexcept {
    return n <= refcount::max_branches && n <= (static_cast<std::size_t>(-1) / 2 - slots_offset()) / (sizeof(Slot) + 1);
  }

  /// The header before an array of slots; arrays are 16-aligned and so is what precedes them.
  static chunk* chunk_of(std::byte* array) noexcept { return reinterpret_cast<chunk*>(array - sizeof(chunk)); }
  static_assert(sizeof(chunk) % alignof(chunk) == 0 && slot_alignment % alignof(chunk) == 0);

  FANOUT_COLD static void begin_bits(void* op, std::size_t n, std::size_t already) noexcept {
    std::byte* bits = bits_of(op, n);
    std::memset(bits, 0, (n + 7) / 8);
    for (std::size_t i = 0; i != already; ++i) bits[i / 8] |= bit(i);
  }
  /// False if it was set already.
  FANOUT_COLD static bool set_bit(void* op, std::size_t n, std::size_t i) noexcept {
    if (test_bit(op, n, i)) return false;
    bits_of(op, n)[i / 8] |= bit(i);
    return true;
  }
  static bool test_bit(void* op, std::size_t n, std::size_t i) noexcept {
    return (bits_of(op, n)[i / 8] & bit(i)) != std::byte{0};
  }

 private:
  static std::byte* bits_of(void* op, std::size_t n) noexcept { return static_cast<std::byte*>(op) + bits_offset(n); }
  static constexpr std::byte bit(std::size_t i) noexcept { return std::byte{1} << (i % 8); }
};

/// The arrays of slots that an operation with unknown N gets as it grows: array k holds 8 * 2^k slots, from index 8 * 2^k on.
/// They are never moved, so a slot's address is good for the operation's life.
template <class Slot, std::size_t FirstSize>
class slot_arrays {
 public:
  slot_arrays() noexcept = default;
  slot_arrays(const slot_arrays&) = delete;
  slot_arrays& operator=(const slot_arrays&) = delete;

  Slot* current(Slot* first, std::size_t i) const noexcept {
    return i < FirstSize ? first + i : arrays_[count_ - 1] + (i - (FirstSize << (count_ - 1)));
  }
  Slot* const* arrays() const noexcept { return arrays_; }

  template <class Allocator>
  FANOUT_COLD bool grow(const Allocator& from, void* operation, std::size_t next, std::size_t& limit) noexcept {
    if (next >= refcount::max_branches) return false;
    std::byte* block = block_memory<align, Allocator>::allocate(from, bytes(count_));
    if (block == nullptr) return false;
    auto* array = reinterpret_cast<Slot*>(block + header);
    ::new (static_cast<void*>(block + header - sizeof(chunk))) chunk{operation, next};
    for (std::size_t i = 0; i != size(count_); ++i) ::new (static_cast<void*>(array + i)) Slot(i);
    arrays_[count_] = array;
    limit = next + size(count_);
    ++count_;
    return true;
  }

  template <class Allocator>
  void free(const Allocator& to) noexcept {
    for (std::size_t k = 0; k != count_; ++k) {
      if constexpr (!std::is_trivially_destructible_v<Slot>) std::destroy_n(arrays_[k], size(k));
      block_memory<align, Allocator>::deallocate(to, reinterpret_cast<std::byte*>(arrays_[k]) - header, bytes(k));
    }
  }

 private:
  static constexpr std::size_t align = larger(alignof(Slot), slot_alignment);
  static constexpr std::size_t header = round_up(sizeof(chunk), align);
  static constexpr std::size_t size(std::size_t k) noexcept { return FirstSize << k; }
  static constexpr std::size_t bytes(std::size_t k) noexcept { return header + size(k) * sizeof(Slot); }

  std::size_t count_ = 0;
  Slot* arrays_[28];  // 8 + 8 + 16 + … + 8 * 2^27 = 2^31 slots; the first count_ are set
};

/// In the place of a member that this kind of operation has no use for.
struct absent {
  constexpr explicit absent(auto&&...) noexcept {}
};

}  // namespace fanout::detail

#endif
