// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_LOSER_TREE_HPP
#define FANOUT_DETAIL_LOSER_TREE_HPP

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/block.hpp"
#include "fanout/detail/config.hpp"

// A tournament of k contenders that finds the next winner in log2 k comparisons (Knuth, volume 3, 5.4.1: a tree of losers).
//
// Who wins a match cannot be predicted when the contenders' items interleave, so a branch per match costs more than the
// match. What is here is written so that no compiler makes one: keys that are numbers are compared and exchanged as one
// 128-bit number, others of a few words by a mask that the optimiser cannot see through.

namespace fanout::detail {

/// The order of a merge unless its user says otherwise.
struct ascending {
  template <class A, class B>
  constexpr bool operator()(const A& a, const B& b) const noexcept(noexcept(a < b)) {
    return a < b;
  }
};

/// What a contender's key must be: a value that is copied often and kept when the item it was taken from is gone. Making a
/// default one must not throw either, although std::chrono's do not promise it.
template <class Key>
concept tournament_key = std::default_initializable<Key> && std::is_nothrow_copy_constructible_v<Key> &&
                         std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_copy_assignable_v<Key> &&
                         std::is_nothrow_move_assignable_v<Key> && std::is_nothrow_destructible_v<Key>;

/// 0 or 1, of which the optimiser does not know that it has but two values: g++ 12 and Clang 19 would branch on them.
FANOUT_ALWAYS_INLINE std::uint64_t opaque(bool yes) noexcept {
  std::uint64_t number = yes;
#if defined(__GNUC__)
  asm("" : "+r"(number));
#endif
  return number;
}

/// Exchanges a and b if `yes` is 1, not if it is 0. Without a branch if they are as small as a register.
template <class T>
FANOUT_ALWAYS_INLINE void exchange_if(std::uint64_t yes, T& a, T& b) noexcept {
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    std::uint64_t difference = (a ^ b) & (0 - yes);
#if defined(__GNUC__)
    asm("" : "+r"(difference));  // g++ 12 would do two of these in one vector register, and wait for memory in between
#endif
    a ^= difference;
    b ^= difference;
  } else if constexpr (std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t)) {
    std::uint64_t x = 0, y = 0;
    std::memcpy(&x, std::addressof(a), sizeof(T));
    std::memcpy(&y, std::addressof(b), sizeof(T));
    exchange_if(yes, x, y);
    std::memcpy(std::addressof(a), &x, sizeof(T));
    std::memcpy(std::addressof(b), &y, sizeof(T));
  } else {
    if (yes != 0) std::swap(a, b);
  }
}

/// Who plays: a key; a rank, which decides between equal keys and is nobody else's; the leaf where it enters the tree. A
/// leaf where nobody enters has a vacant contender, which loses against all others. This is the form for any key.
template <tournament_key Key, class Compare>
class contender {
 public:
  static constexpr std::uint32_t max_rank = std::numeric_limits<std::uint32_t>::max() - 1;

  contender(const Key& key, std::uint32_t rank, std::uint32_t leaf) noexcept
      : key_(key), rank_and_leaf_(static_cast<std::uint64_t>(rank) << 32 | leaf) {}
  static contender vacant(std::uint32_t leaf) noexcept { return {Key(), max_rank + 1, leaf}; }

  Key key() const noexcept { return key_; }
  std::uint32_t rank() const noexcept { return static_cast<std::uint32_t>(rank_and_leaf_ >> 32); }
  std::uint32_t leaf() const noexcept { return static_cast<std::uint32_t>(rank_and_leaf_); }
  bool is_vacant() const noexcept { return rank() > max_rank; }

  static bool before(const Compare& compare, const contender& a, const contender& b) noexcept {
    return is_before(compare, a, b) != 0;
  }

  /// `stored` lost the last match here; of the two, the winner is to climb on.
  FANOUT_ALWAYS_INLINE static void play(const Compare& compare, contender& stored, contender& climbing) noexcept {
    const std::uint64_t yes = is_before(compare, stored, climbing);
    exchange_if(yes, stored.key_, climbing.key_);
    exchange_if(yes, stored.rank_and_leaf_, climbing.rank_and_leaf_);
  }

 private:
  // 1 or 0.
  FANOUT_ALWAYS_INLINE static std::uint64_t is_before(const Compare& compare, const contender& a,
                                                      const contender& b) noexcept {
    // What a vacant contender has for a key is not for comparing.
    if (a.is_vacant()) [[unlikely]]
      return 0;
    if (b.is_vacant()) [[unlikely]]
      return 1;
    // All is computed, nothing skipped: neither outcome can be predicted.
    const std::uint64_t less = opaque(compare(a.key_, b.key_));
    const std::uint64_t not_greater = opaque(!compare(b.key_, a.key_));
    const std::uint64_t of_lower_rank = opaque(a.rank_and_leaf_ < b.rank_and_leaf_);
    return less | (not_greater & of_lower_rank);
  }

  Key key_;
  std::uint64_t rank_and_leaf_;  // 63 … 32: the rank, 31 … 0: the leaf
};

// Keys that are 64-bit numbers in disguise: integers, enumerations, and points in time that count in integers.
template <class Key>
concept time_like = requires(const Key& key) {
  requires std::integral<std::remove_cvref_t<decltype(key.time_since_epoch().count())>>;
  Key(typename Key::duration(key.time_since_epoch().count()));
};

template <class Key>
struct number_behind;
template <class Key>
  requires std::is_integral_v<Key>
struct number_behind<Key> {
  using type = Key;
  static constexpr type of(Key key) noexcept { return key; }
  static constexpr Key key(type number) noexcept { return number; }
};
template <class Key>
  requires std::is_enum_v<Key>
struct number_behind<Key> {
  using type = std::underlying_type_t<Key>;
  static constexpr type of(Key key) noexcept { return static_cast<type>(key); }
  static constexpr Key key(type number) noexcept { return static_cast<Key>(number); }
};
template <time_like Key>
struct number_behind<Key> {
  using type = std::remove_cvref_t<decltype(std::declval<const Key&>().time_since_epoch().count())>;
  static constexpr type of(const Key& key) noexcept { return key.time_since_epoch().count(); }
  static constexpr Key key(type number) noexcept { return Key(typename Key::duration(number)); }
};

#if defined(__SIZEOF_INT128__)
__extension__ typedef unsigned __int128 uint128;

template <class Key>
concept numeric_key = requires { typename number_behind<Key>::type; } &&
                      sizeof(typename number_behind<Key>::type) <= sizeof(std::uint64_t);

/// A contender whose key is a number, in ascending order, as one number:
///
///     127 … 64  the key, its sign flipped      63 … 32  the rank      31 … 0  the leaf
///
/// A vacant one is all ones above the leaf.
template <numeric_key Key>
class packed_contender {
  using number = typename number_behind<Key>::type;
  static constexpr std::uint64_t sign = std::is_signed_v<number> ? std::uint64_t{1} << 63 : 0;

 public:
  static constexpr std::uint32_t max_rank = std::numeric_limits<std::uint32_t>::max() - 1;

  packed_contender(const Key& key, std::uint32_t rank, std::uint32_t leaf) noexcept
      : packed_contender(static_cast<std::uint64_t>(number_behind<Key>::of(key)) ^ sign,
                         static_cast<std::uint64_t>(rank) << 32 | leaf, packed()) {}
  static packed_contender vacant(std::uint32_t leaf) noexcept {
    return {~std::uint64_t{0}, ~std::uint64_t{0} << 32 | leaf, packed()};
  }

  Key key() const noexcept {
    return number_behind<Key>::key(static_cast<number>(static_cast<std::uint64_t>(bits_ >> 64) ^ sign));
  }
  std::uint32_t rank() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32); }
  std::uint32_t leaf() const noexcept { return static_cast<std::uint32_t>(bits_); }
  bool is_vacant() const noexcept { return rank() > max_rank; }

  static bool before(ascending, const packed_contender& a, const packed_contender& b) noexcept {
    return a.bits_ < b.bits_;
  }

  FANOUT_ALWAYS_INLINE static void play(ascending, packed_contender& stored, packed_contender& climbing) noexcept {
    const uint128 lost = stored.bits_;
    const uint128 both = lost ^ climbing.bits_;
#if defined(__clang__)
    // Clang selects 128 bits by a branch, and two halves by two conditional moves, if nothing shows that they are one.
    const bool exchange = lost < climbing.bits_;
    std::uint64_t high = static_cast<std::uint64_t>((exchange ? lost : climbing.bits_) >> 64);
    std::uint64_t low = static_cast<std::uint64_t>(exchange ? lost : climbing.bits_);
    asm("" : "+r"(high), "+r"(low));
    climbing.bits_ = static_cast<uint128>(high) << 64 | low;
#else
    climbing.bits_ = lost < climbing.bits_ ? lost : climbing.bits_;
#endif
    stored.bits_ = both ^ climbing.bits_;  // the other one, with no second selection
  }

 private:
  struct packed {};
  packed_contender(std::uint64_t high, std::uint64_t low, packed) noexcept
      : bits_(static_cast<uint128>(high) << 64 | low) {}

  uint128 bits_;
};

template <class Key, class Compare>
struct contender_for {
  using type = contender<Key, Compare>;
};
template <numeric_key Key>
struct contender_for<Key, ascending> {
  using type = packed_contender<Key>;
};
template <class Key, class Compare>
using contender_t = typename contender_for<Key, Compare>::type;
#else
template <class Key, class Compare>
using contender_t = contender<Key, Compare>;
#endif

/// Contenders come, change their key, and go; the one with the smallest (key, rank) is known at all times.
///
/// The tree has `width` leaves, a power of two, and one contender per node: at node p, 0 < p < width, the loser of the last
/// match there; at node 0 the overall winner. Nodes 2p and 2p + 1 are played for below p, and the leaves lie, imagined, at
/// width … 2 * width - 1. So each contender, vacant ones included, lies in exactly one node: that where it lost, on the path
/// from its leaf. The width follows the number of contenders, down when three quarters have left.
///
/// Leaves are given by the tree. When it changes its width they change, and `moved(rank, leaf)` tells of each.
///
/// Not thread-safe. No member throws, if copying a key and comparing does not. Only try_reserve allocates.
template <tournament_key Key, class Compare, class Allocator>
class loser_tree {
 public:
  using contender_type = contender_t<Key, Compare>;

  explicit loser_tree(const Compare& compare = Compare(), const Allocator& allocator = Allocator()) noexcept
      : compare_(compare), allocator_(allocator) {}
  /// `other` is empty afterwards.
  loser_tree(loser_tree&& other) noexcept
      : nodes_(std::exchange(other.nodes_, nullptr)),
        width_(std::exchange(other.width_, 0)),
        entered_(std::exchange(other.entered_, 0)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        compare_(other.compare_),
        allocator_(other.allocator_) {}
  loser_tree& operator=(const loser_tree&) = delete;
  ~loser_tree() {
    if (nodes_ != nullptr) free(nodes_, capacity_);
  }

  /// Room for n contenders at a time. False if there is no memory for them: then nothing has changed. O(n), amortised O(1)
  /// per contender if n at least doubles.
  [[nodiscard("false: there is no room")]] bool try_reserve(std::size_t n) noexcept {
    return n <= capacity_ || grow(n);
  }

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t width() const noexcept { return width_; }

  /// The smallest (key, rank). pre: !empty()
  const contender_type& top() const noexcept { return nodes_[0]; }

  /// The winner's key has changed: log2 width comparisons, no branch on what they say. pre: !empty()
  void replace_top(const Key& key) noexcept { climb(contender_type(key, nodes_[0].rank(), nodes_[0].leaf())); }

  /// Any contender's key has changed. Twice log2 width comparisons.
  void update(std::uint32_t leaf, std::uint32_t rank, const Key& key) noexcept {
    lift(leaf);
    climb(contender_type(key, rank, leaf));
  }

  /// A new contender; its leaf. pre: size() < capacity(), and no other has this rank. O(log size) amortised, as long as the
  /// capacity is not exhausted by leaves that were left again; then O(capacity).
  template <class Moved>
  std::uint32_t insert(std::uint32_t rank, const Key& key, Moved&& moved) noexcept {
    FANOUT_ASSERT(size_ < capacity_, "reserve before inserting");
    FANOUT_ASSERT(rank <= contender_type::max_rank, "the rank is too large");
    if (entered_ == width_) resize(size_ <= width_ / 2 || width_ == capacity_ ? width_ : width_ * 2, moved);
    const auto leaf = static_cast<std::uint32_t>(entered_++);
    ++size_;
    update(leaf, rank, key);
    return leaf;
  }

  /// A contender leaves. O(log size) amortised.
  template <class Moved>
  void erase(std::uint32_t leaf, Moved&& moved) noexcept {
    lift(leaf);
    climb(contender_type::vacant(leaf));
    --size_;
    if (size_ <= width_ / 4 && width_ > min_width) resize(width_ / 2, moved);
  }

  /// Who would win if the winner left. log2 width comparisons. A vacant contender if there is only one. pre: !empty()
  contender_type runner_up() const noexcept {
    std::size_t node = parent(nodes_[0].leaf());
    contender_type best = nodes_[node];
    while ((node /= 2) != 0) {
      if (contender_type::before(compare_, nodes_[node], best)) best = nodes_[node];
    }
    return best;
  }

  /// Whether the winner, with this key instead, would still come before the other one.
  bool stays_before(const Key& key, const contender_type& other) const noexcept {
    return contender_type::before(compare_, contender_type(key, nodes_[0].rank(), nodes_[0].leaf()), other);
  }

 private:
  static constexpr std::size_t min_width = 2;
  using memory = block_memory<alignof(contender_type), Allocator>;

  std::size_t parent(std::uint32_t leaf) const noexcept { return (width_ + leaf) / 2; }

  FANOUT_ALWAYS_INLINE void climb(contender_type climbing) noexcept {
    contender_type* const nodes = nodes_;
    for (std::size_t node = parent(climbing.leaf()); node != 0; node /= 2) {
      contender_type::play(compare_, nodes[node], climbing);
    }
    nodes[0] = climbing;
  }

  // Undoes the matches on the path from a leaf: each node there gets the winner of the *other* subtree, and the leaf's
  // contender ends at node 0, to be played again from below. At every node the two that met are the one stored and the one
  // that came further, and which of them came from the leaf's side shows in its own leaf.
  void lift(std::uint32_t leaf) noexcept {
    contender_type& came_out = nodes_[0];
    const std::size_t place = width_ + leaf;
    for (int level = std::countr_zero(width_) - 1; level >= 0; --level) {
      contender_type& stored = nodes_[place >> (level + 1)];
      if ((width_ + stored.leaf()) >> level == place >> level) std::swap(stored, came_out);
    }
    FANOUT_ASSERT(came_out.leaf() == leaf, "a contender is not where it lost");
  }

  // Plays all again, in `width` leaves. The upper half of the memory is for the contenders meanwhile.
  template <class Moved>
  FANOUT_NOINLINE void resize(std::size_t width, Moved&& moved) noexcept {
    contender_type* const waiting = nodes_ + capacity_;
    std::size_t count = 0;
    for (std::size_t node = 0; node != width_; ++node) {
      if (!nodes_[node].is_vacant()) waiting[count++] = nodes_[node];
    }
    FANOUT_ASSERT(count == size_ && count <= width, "contenders were lost");
    clear(width);
    for (std::size_t i = 0; i != count; ++i) {
      const auto leaf = static_cast<std::uint32_t>(i);
      update(leaf, waiting[i].rank(), waiting[i].key());
      moved(waiting[i].rank(), leaf);
    }
    entered_ = count;
  }

  // Nobody plays. Of two vacant ones that meet, the left goes on: a node keeps the first of its right subtree's leaves.
  void clear(std::size_t width) noexcept {
    width_ = width;
    nodes_[0] = contender_type::vacant(0);
    const int levels = std::countr_zero(width);
    for (std::size_t node = 1; node != width; ++node) {
      const int below = levels - static_cast<int>(std::bit_width(node));
      nodes_[node] = contender_type::vacant(static_cast<std::uint32_t>(((2 * node + 1) << below) - width));
    }
  }

  // The memory grows, the tree stays as it is.
  FANOUT_COLD bool grow(std::size_t n) noexcept {
    constexpr std::size_t most = std::size_t{1} << 31;
    if (n > most || n > std::numeric_limits<std::size_t>::max() / sizeof(contender_type) / 4) return false;
    const std::size_t capacity = larger(std::bit_ceil(n), min_width);
    std::byte* const block = memory::allocate(allocator_, 2 * capacity * sizeof(contender_type));
    if (block == nullptr) return false;
    auto* const nodes = reinterpret_cast<contender_type*>(block);
    for (std::size_t i = 0; i != 2 * capacity; ++i) {
      std::construct_at(nodes + i, i < width_ ? nodes_[i] : contender_type::vacant(0));
    }
    contender_type* const old = std::exchange(nodes_, nodes);
    const std::size_t old_capacity = std::exchange(capacity_, capacity);
    if (old == nullptr) {
      clear(min_width);
    } else {
      free(old, old_capacity);
    }
    return true;
  }

  void free(contender_type* nodes, std::size_t capacity) noexcept {
    std::destroy_n(nodes, 2 * capacity);
    memory::deallocate(allocator_, nodes, 2 * capacity * sizeof(contender_type));
  }

  contender_type* nodes_ = nullptr;  // the tree, in the first half of the memory
  std::size_t width_ = 0;            // a power of two, or 0 before the first reservation
  std::size_t entered_ = 0;          // leaves with lower numbers have been given out
  std::size_t size_ = 0;             // contenders that are not vacant
  std::size_t capacity_ = 0;         // the greatest width that there is memory for
  [[no_unique_address]] Compare compare_;
  [[no_unique_address]] Allocator allocator_;
};

}  // namespace fanout::detail

#endif  // FANOUT_DETAIL_LOSER_TREE_HPP
