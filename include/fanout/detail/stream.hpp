// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_STREAM_HPP
#define FANOUT_DETAIL_STREAM_HPP

#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/detail/baton.hpp"
#include "fanout/detail/block.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/stream.hpp"

// A stream branch's part of its slot, and what travels between its producer and the folder:
//
//   producer  →  chunks of items, and watermarks, through the baton, in the order of emission
//   folder    →  empty chunks, through a list, to be filled again; the number of items that it has given back
//
// All else belongs to one of them, so that a producer that pauses and one that is resumed cannot miss each other: the wish
// to be resumed goes through the baton as well, and only the folder decides.

namespace fanout::detail {

/// What stands for the item and key of a policy that has none. Takes anything, so that misuse is named by one sentence.
struct no_item {
  no_item() = default;
  template <class X>
  no_item(X&&) noexcept {}  // NOLINT
};

template <class Policy>
struct item_of {
  using type = no_item;
};
template <class Policy>
  requires requires { typename Policy::item_type; }
struct item_of<Policy> {
  using type = typename Policy::item_type;
};
template <class Policy>
struct key_of {
  using type = no_item;
};
template <class Policy>
  requires requires { typename Policy::key_type; }
struct key_of<Policy> {
  using type = typename Policy::key_type;
};

/// Contiguous items, as std::span, std::vector and std::array have them.
template <class R, class Item>
concept contiguous_items = requires(R& r) {
  requires std::is_pointer_v<decltype(r.data())>;
  requires std::same_as<std::remove_cv_t<std::remove_pointer_t<decltype(r.data())>>, Item>;
  { r.size() } -> std::convertible_to<std::size_t>;
};

/// A function of at most four words that is called once, or dropped. Empties itself before the call, which may set it again.
template <class Platform>
class resumption {
  static constexpr std::size_t size = 4 * sizeof(void*);

 public:
  template <class F>
  static constexpr bool holds = sizeof(F) <= size && alignof(F) <= alignof(void*);

  explicit operator bool() const noexcept { return act_ != nullptr; }

  /// pre: empty
  template <class F>
  void set(F&& f) noexcept {
    using held = std::remove_cvref_t<F>;
    ::new (static_cast<void*>(bytes_)) held(std::forward<F>(f));
    act_ = [](std::byte* bytes, bool call) noexcept {
      held& here = *std::launder(reinterpret_cast<held*>(bytes));
      held f_alone(std::move(here));
      std::destroy_at(&here);
      if (call) static_cast<void>(f_alone());
    };
  }
  /// pre: not empty
  void call() noexcept { take()(bytes_, true); }
  void drop() noexcept {
    if (act_ != nullptr) take()(bytes_, false);
  }

 private:
  using act = void (*)(std::byte*, bool) noexcept;

  act take() noexcept {
    const act taken = act_;
    act_ = nullptr;
    return taken;
  }

  typename Platform::template cell<act> act_{nullptr};
  alignas(void*) std::byte bytes_[size];
};

template <class Item, class Key, class Platform>
class stream_node;

/// Whose an emission is. It says so itself, since its slot is its producer's until that has reported.
template <class Stream, class Item>
struct emitter {
  Stream* stream;
  std::size_t index;
  void* operation;
  void (*give_back)(stream_chunk<Item>&) noexcept;
};

/// A chunk with room for items, or a watermark. The items lie behind it.
template <class Item, class Key, class Platform>
struct emission : fold_node<Platform>, stream_chunk<Item> {
  using stream = stream_node<Item, Key, Platform>;

  emission(const emitter<stream, Item>& e, std::size_t n) noexcept
      : fold_node<Platform>(published::emission), stream_chunk<Item>(e.give_back), from(e), capacity(n) {}

  const emitter<stream, Item> from;
  const std::size_t capacity;
  Key bound{};
  typename Platform::template cell<bool> is_watermark{false};

  Item* room() noexcept {
    return std::launder(reinterpret_cast<Item*>(reinterpret_cast<std::byte*>(this) + room_offset()));
  }
  static constexpr std::size_t align() noexcept { return larger(alignof(emission), alignof(Item)); }
  static constexpr std::size_t room_offset() noexcept { return round_up(sizeof(emission), alignof(Item)); }
  static constexpr std::size_t bytes(std::size_t n) noexcept { return room_offset() + n * sizeof(Item); }

  template <class From>
  void fill(From* items, std::size_t n) noexcept {
    is_watermark = false;
    Item* const to = room();
    for (std::size_t i = 0; i != n; ++i) ::new (static_cast<void*>(to + i)) Item(std::move(items[i]));
    this->first_ = to;
    this->last_ = to + n;
  }
  void mark(const Key& key) noexcept {
    is_watermark = true;
    bound = key;
  }
  void clear() noexcept {
    std::destroy(this->first_, this->last_);
    this->first_ = this->last_ = nullptr;
  }
};

template <class Item, class Key, class Platform>
class stream_node : public fold_node<Platform> {
 public:
  using item_type = Item;
  using key_type = Key;
  using chunk = emission<Item, Key, Platform>;

  // ---- the producer's -----------------------------------------------------------------------------------------------

  /// An empty chunk with room for n items; null if there is no memory. What has come back is used again, unless it is too
  /// small, or so large that a few items would hold the memory of many.
  template <class Allocator>
  chunk* take(const Allocator& from, std::size_t n, const emitter<stream_node, Item>& by) noexcept {
    if (spare_ == nullptr) spare_ = given_.exchange(nullptr, std::memory_order_acquire);  // acquire: as they were left
    const std::size_t wanted = capacity_for(n);
    if (chunk* const c = spare_; c != nullptr) {
      spare_ = static_cast<chunk*>(c->stream_chunk<Item>::next);
      if (c->capacity >= n && (n == 0 || c->capacity / 8 <= wanted)) return c;
      free(from, c);
    }
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() / 4 / sizeof(Item);
    if (n > most) return nullptr;
    std::byte* const block = memory<Allocator>::allocate(from, chunk::bytes(wanted));
    if (block == nullptr) return nullptr;
    return ::new (static_cast<void*>(block)) chunk(by, wanted);
  }
  /// So many items are about to be published.
  void count_emitted(std::size_t n) noexcept {
    // relaxed, and no read-modify-write: only the producer writes it; the folder learns of the items through the baton.
    emitted_.store(emitted_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// False: it is set already, and was not called.
  template <class F>
  bool wish(F&& f) noexcept {
    // relaxed: what clears it is this wish's call, and who wishes again inside or after it has seen that.
    if (wished_.load(std::memory_order_relaxed)) return false;
    wished_.store(true, std::memory_order_relaxed);
    resume_.set(std::forward<F>(f));
    wish_.of = waiting.of = this;
    return true;
  }
  /// The branch completes: what has not begun to run will not.
  void revoke_wish() noexcept {
    // relaxed: call_resume's exchange comes before or after this, and neither reads more because of it. (The function itself goes when
    // the report is folded.)
    wished_.store(false, std::memory_order_relaxed);
  }
  bool has_wish() const noexcept { return wished_.load(std::memory_order_relaxed); }  // relaxed: see wish
  fold_node<Platform>& wish_node() noexcept { return wish_; }

  // ---- anybody's who keeps the branch from completing -----------------------------------------------------------------

  /// Items emitted and not given back.
  std::size_t buffered() const noexcept {
    // relaxed: each side has the newest of its own count. The producer may not know yet of what was given back, and pauses
    // once too often; then its wish comes through the baton, and with it, for the folder, what was emitted before.
    const std::uint64_t back = given_back_.load(std::memory_order_relaxed);
    return static_cast<std::size_t>(emitted_.load(std::memory_order_relaxed) - back);
  }

  // ---- the folder's --------------------------------------------------------------------------------------------------

  static stream_node& of_wish(fold_node<Platform>& n) noexcept { return *static_cast<wish_type&>(n).of; }

  /// The items are destroyed; the chunk goes back to the producer, or is freed if there is none any more.
  template <class Allocator>
  void give(const Allocator& to, chunk& c) noexcept {
    const std::size_t n = c.size();
    c.clear();
    given_back_.store(given_back_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    if (ended_) return free(to, &c);
    chunk* top = given_.load(std::memory_order_relaxed);  // relaxed: only seeds the exchange
    do {
      c.stream_chunk<Item>::next = top;
      // release: the chunk as it is left. There is no ABA: they are taken all at once only.
    } while (!given_.compare_exchange_weak(top, &c, std::memory_order_release, std::memory_order_relaxed));
  }
  /// The branch has reported: its producer has made its last access.
  template <class Allocator>
  void end(const Allocator& to) noexcept {
    ended_ = true;
    resume_.drop();
    free_all(to, spare_);
    free_all(to, given_.exchange(nullptr, std::memory_order_acquire));  // acquire: as in take
    spare_ = nullptr;
  }
  /// Unless the branch has completed meanwhile.
  void call_resume() noexcept {
    if (wished_.exchange(false, std::memory_order_relaxed)) resume_.call();  // relaxed: see wish and revoke_wish
  }

  // A ring of those that wait to be resumed; the head is a node of its own.
  struct link {
    typename Platform::template cell<link*> next{nullptr}, previous{nullptr};
    stream_node* of = nullptr;

    bool is_linked() const noexcept { return next != nullptr; }
    bool is_alone() const noexcept { return next == this; }
    link& first() const noexcept { return *static_cast<link*>(next); }
    void insert_before(link& at) noexcept {
      link* const before = at.previous;
      next = &at;
      previous = before;
      before->next = this;
      at.previous = this;
    }
    void unlink() noexcept {
      link *const after = next, *const before = previous;
      before->next = after;
      after->previous = before;
      next = previous = nullptr;
    }
  };
  link waiting;

 private:
  template <class Allocator>
  using memory = block_memory<chunk::align(), Allocator>;

  struct wish_type : fold_node<Platform> {
    wish_type() noexcept : fold_node<Platform>(published::resume) {}
    typename Platform::template cell<stream_node*> of{nullptr};
  };

  // A power of two, so that chunks fit each other's place; single items share an allocation of some bytes.
  static constexpr std::size_t capacity_for(std::size_t n) noexcept {
    constexpr std::size_t least = sizeof(Item) < 128 ? 128 / sizeof(Item) : 1;
    return n <= least ? least : std::bit_ceil(n);
  }
  template <class Allocator>
  static void free(const Allocator& to, chunk* c) noexcept {
    const std::size_t n = c->capacity;
    std::destroy_at(c);
    memory<Allocator>::deallocate(to, c, chunk::bytes(n));
  }
  template <class Allocator>
  static void free_all(const Allocator& to, chunk* first) noexcept {
    while (first != nullptr) {
      chunk* const c = first;
      first = static_cast<chunk*>(c->stream_chunk<Item>::next);
      free(to, c);
    }
  }

  template <class T>
  using atomic = typename Platform::template atomic<T>;
  template <class T>
  using cell = typename Platform::template cell<T>;

  cell<chunk*> spare_{nullptr};       // empty chunks; the producer's, at last the folder's
  atomic<std::uint64_t> emitted_{0};  // #items emitted; written by the producer
  atomic<bool> wished_{false};        // resume_ is set, or about to be; see wish
  wish_type wish_;
  resumption<Platform> resume_;          // the producer's until its wish is published, then the folder's
  atomic<chunk*> given_{nullptr};        // empty chunks, on their way from the folder to the producer
  atomic<std::uint64_t> given_back_{0};  // #items given back; written by the folder
  cell<bool> ended_{false};              // the folder's
};

}  // namespace fanout::detail

#endif
