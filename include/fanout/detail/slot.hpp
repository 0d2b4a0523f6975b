// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_SLOT_HPP
#define FANOUT_DETAIL_SLOT_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"

namespace fanout::detail {

/// What a slot holds where a branch has no value.
struct unit {
  friend constexpr bool operator==(unit, unit) noexcept { return true; }
};

template <class T>
using stored_t = std::conditional_t<std::is_void_v<T>, unit, T>;

/// What most slots need besides a value and a tag.
struct no_node {};

enum class branch_state : unsigned char {
  open = 0,     // not reported; the value may exist already where a C initiator writes through its out-parameter
  value = 1,    // the value exists
  failed = 2,   // an error; kept in the slot only where the combine policy keeps errors
  stopped = 3,  // gave up because it was asked to; neither value nor error
};

template <class T, class E>
union value_or_error {
  T value;
  E error;
  value_or_error() noexcept {}
  ~value_or_error() {}
};

template <class T>
union value_only {
  T value;
  value_only() noexcept {}
  ~value_only() {}
};

// Every slot array starts at a multiple of this. operator new grants it, so that nothing leaves the allocator's fast path.
inline constexpr std::size_t slot_alignment = 16;

constexpr std::size_t round_up(std::size_t n, std::size_t to) noexcept { return (n + to - 1) / to * to; }

/// One branch's place in the operation's block: its value (or error) and a tag. Its address is the branch's identity, the
/// C context and, through the value, the C out-parameter. It holds no pointer to the operation: its distance from the first
/// slot, kept in the tag, leads there. What travels between cores is slots, so that for an int a slot is 8 bytes, not 16.
///
/// The tag is written when the block is made and once more by the completion; starting a branch writes nothing here, which
/// would pull the line away from a neighbour that completes meanwhile.
///
///   compact (at most 4 bytes, nothing to destroy, no errors kept): 31..1 = index, 0 = reported. The slot is 8 bytes. What a
///       branch came to need not be told apart: nobody asks, unless all have succeeded.
///   wide: 63..2 = distance from the first slot in bytes (slots are multiples of 8), 1..0 = state.
///
/// `Node` is what the operation's protocol needs in a slot beyond that: nothing, unless reports are voted on or folded.
template <class T, class E, bool KeepsError, class Platform, class Node = no_node>
class slot : public Node {
  using payload_type = std::conditional_t<KeepsError, value_or_error<stored_t<T>, E>, value_only<stored_t<T>>>;
  static constexpr bool compact = !KeepsError && std::is_empty_v<Node> &&
                                  std::is_trivially_destructible_v<stored_t<T>> && sizeof(payload_type) <= 4 &&
                                  sizeof(typename Platform::template cell<std::uint32_t>) == 4;
  using tag_type = std::conditional_t<compact, std::uint32_t, std::uint64_t>;

 public:
  static constexpr bool keeps_error = KeepsError;
  static constexpr bool is_two_words = compact && sizeof(payload_type) == 4 &&
                                       std::is_same_v<typename Platform::template cell<std::uint32_t>, std::uint32_t>;

  explicit slot(std::size_t index) noexcept : tag_(first_tag(index)) {}
  slot(const slot&) = delete;
  slot& operator=(const slot&) = delete;
  ~slot() {
    if constexpr (!(std::is_trivially_destructible_v<stored_t<T>> &&
                    (!KeepsError || std::is_trivially_destructible_v<E>))) {
      destroy_payload();
    }
  }

  /// What the branch came to. pre: wide, or all have succeeded
  branch_state state() const noexcept { return static_cast<branch_state>(tag() & state_mask); }
  bool reported() const noexcept { return (tag() & state_mask) != 0; }

  /// The first slot of the array that this slot is in.
  std::byte* array() noexcept { return array_from(tag() & ~state_mask); }

  /// Its index in that array.
  std::size_t index() const noexcept {
    const std::size_t distance = tag() & ~state_mask;
    return compact ? distance / 2 : distance / sizeof(slot);
  }

  stored_t<T>& value() noexcept { return payload_.value; }
  const stored_t<T>& value() const noexcept { return payload_.value; }
  E& error() noexcept
    requires KeepsError
  {
    return payload_.error;
  }
  const E& error() const noexcept
    requires KeepsError
  {
    return payload_.error;
  }

  template <class... Args>
  void construct_value(Args&&... args) noexcept(std::is_nothrow_constructible_v<stored_t<T>, Args...>) {
    ::new (static_cast<void*>(std::addressof(payload_.value))) stored_t<T>(std::forward<Args>(args)...);
  }
  /// Begins the value's life without writing to it where it has nothing to write: a C initiator fills it in.
  stored_t<T>* construct_out_parameter() noexcept(std::is_nothrow_default_constructible_v<stored_t<T>>) {
    return ::new (static_cast<void*>(std::addressof(payload_.value))) stored_t<T>;
  }
  void destroy_value() noexcept { std::destroy_at(std::addressof(payload_.value)); }

  template <class Error>
  void construct_error(Error&& e) noexcept {
    static_assert(KeepsError);
    ::new (static_cast<void*>(std::addressof(payload_.error))) E(std::forward<Error>(e));
  }

  /// pre: open. The count's release publishes it together with the payload. Returns the array: while the slot is open, its
  /// tag is the distance and nothing else.
  std::byte* mark(branch_state s) noexcept {
    const tag_type open = tag();
    tag_ = static_cast<tag_type>(open | (compact ? tag_type{1} : static_cast<tag_type>(s)));
    return array_from(open);
  }
  /// Ends the life of what was reported: folded, or come too late. Afterwards there is nothing left to destroy.
  void consume() noexcept {
    destroy_payload();
    tag_ = static_cast<tag_type>(tag() | static_cast<tag_type>(branch_state::stopped));
  }
  /// For the next branch that takes this place. pre: consumed
  void reopen() noexcept { tag_ = static_cast<tag_type>(tag() & ~state_mask); }

  /// The same for a branch that got its value through its handle. Such a branch completes once by its type, so where the mark
  /// would tell no more than that, nobody reads it, and it is not written.
  std::byte* mark_value_by_handle() noexcept {
    if constexpr (compact) {
      return array_from(tag());
    } else {
      return mark(branch_state::value);
    }
  }

 private:
  static constexpr tag_type state_mask = compact ? 1 : 3;

  tag_type tag() const noexcept { return static_cast<tag_type>(tag_); }

  std::byte* array_from(tag_type distance) noexcept {
    auto* here = reinterpret_cast<std::byte*>(this);
    return here - (compact ? std::size_t{distance} * (sizeof(slot) / 2) : std::size_t{distance});
  }

  static constexpr tag_type first_tag(std::size_t index) noexcept {
    return static_cast<tag_type>(compact ? index * 2 : index * sizeof(slot));
  }

  FANOUT_NOINLINE void destroy_payload() noexcept {
    if (state() == branch_state::value) {
      destroy_value();
    } else if constexpr (KeepsError) {
      if (state() == branch_state::failed) std::destroy_at(std::addressof(payload_.error));
    }
  }

  payload_type payload_;
  typename Platform::template cell<tag_type> tag_;
};

/// Begins the life of `n` slots. Where a slot is a value that is still to come and an index, in two words of 32 bits, GNU
/// vectors write two slots at a time, whatever the optimisation level says about vectorising loops: 1.2 instructions per
/// branch instead of 5.
template <class Slot>
FANOUT_ALWAYS_INLINE void construct_slots(Slot* first, std::size_t n) noexcept {
  std::size_t i = 0;
#if defined(__GNUC__)
  if constexpr (Slot::is_two_words) {
    using words [[gnu::vector_size(16)]] = std::uint32_t;
    words a = {0, 0, 0, 2}, b = a + words{0, 4, 0, 4}, c = a + words{0, 8, 0, 8}, d = a + words{0, 12, 0, 12};
    for (; i + 8 <= n; i += 8) {
      std::memcpy(static_cast<void*>(first + i), &a, sizeof a);
      std::memcpy(static_cast<void*>(first + i + 2), &b, sizeof b);
      std::memcpy(static_cast<void*>(first + i + 4), &c, sizeof c);
      std::memcpy(static_cast<void*>(first + i + 6), &d, sizeof d);
      const words step = {0, 16, 0, 16};
      a += step, b += step, c += step, d += step;
    }
  }
#endif
  // Pointers, not indices: g++ -O3 warns of an index that no allocation could have let through.
  for (Slot *at = first + i, *end = first + n; at != end; ++at, ++i) ::new (static_cast<void*>(at)) Slot(i);
}

/// What precedes a slot array in an operation whose N is unknown. Arrays double, so that index i is found by a logarithm.
struct chunk {
  void* operation;
  std::size_t first;  // index of its first slot
};

}  // namespace fanout::detail

#endif
