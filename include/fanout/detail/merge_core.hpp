// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_MERGE_CORE_HPP
#define FANOUT_DETAIL_MERGE_CORE_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/block.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/loser_tree.hpp"

namespace fanout::detail {

/// The key of an item that is its own, as std::identity, for which <functional> would be needed.
struct itself {
  template <class T>
  constexpr T&& operator()(T&& item) const noexcept {
    return static_cast<T&&>(item);
  }
};

/// Items in a row that came together: `begin()` and `end()` are pointers to them, `next` is the merge's while it has the chunk.
template <class C>
concept merge_chunk = requires(C& chunk) {
  requires std::is_pointer_v<decltype(chunk.begin())>;
  { chunk.end() } -> std::same_as<decltype(chunk.begin())>;
  requires std::same_as<decltype(chunk.next), C*>;
};

/// What a view of characters looks like. As a key it would refer to an item that is gone.
template <class Key>
concept looks_borrowed = requires(Key& key) {
  typename Key::traits_type;
  key.remove_prefix(1);
};

/// Why a merge stopped delivering.
enum class merge_pause : unsigned char {
  waiting,   // for a stream that may still bring the next item; `awaited` names one
  declined,  // the sink wants no more for now
  finished,  // all streams have ended and all items are delivered; a further stream may still join
};

/// The arithmetic of a merge of sorted streams: what may be delivered now, and what comes first. One thread at a time; who
/// calls it when is the policy's business.
///
/// **Order.** Items go out by (key, index of the stream, position in the stream). An item goes out as soon as nothing can
/// precede it any more, given that every stream keeps its word:
///
///   - a stream with items queued brings its first one next;
///   - an open stream without, has a *bound*: the greater of its watermark and the key of its last item. It may bring an item
///     with exactly this key, which counts as (bound, its index). So an item with an equal key goes out if its stream's
///     index is lower, and waits if it is higher;
///   - an open stream that had neither item nor watermark may bring anything: nothing goes out;
///   - a stream that ended and has nothing queued is out of it.
///
/// **Broken words.** A stream may join when others are far ahead, bring an item below its watermark or below its last one.
/// Such an item is not lost: it goes out when it is its turn among those that are there, which may be at once, and if
/// something greater went out before, `disorder` counts it.
///
/// **Chunks** belong to whoever pushes them and are lent to the merge, from `push` until `drained(stream, chunk)`: then all
/// their items are delivered, and the merge makes no further access. That is also the moment to resume a paused producer:
/// `queued(stream)` says what is left.
///
/// **Cost.** One allocation each for streams and tree when they double, in try_reserve alone. Per item one call of the
/// projection and log2 k comparisons, k being the number of streams that have not ended; less while one stream has many
/// items in a row. Per chunk, watermark and end at most 2 log2 k comparisons.
///
/// Nothing throws. The sink and `drained` are noexcept; a projection or comparison that throws ends the program. `drained` may
/// call back, except for `pump` and `give_up`; the sink may not.
template <merge_chunk Chunk, class Projection, class Compare = ascending, class Allocator = std::allocator<std::byte>>
class merge_core {
 public:
  using item = std::remove_pointer_t<decltype(std::declval<Chunk&>().begin())>;
  using key = std::remove_cvref_t<decltype(detail::call(std::declval<Projection&>(), std::declval<item&>()))>;
  static_assert(
      tournament_key<key>,
      "fanout: a merge keeps keys after their items are gone, so a key must copy without throwing: merge by a "
      "number or a time, not by a string");
  static_assert(
      !looks_borrowed<key>,
      "fanout: a merge keeps keys after their items are gone, so a key must not be a string_view into its item: "
      "merge by a number or a time, or by an array of the first characters");

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  explicit merge_core(Projection projection = Projection(), const Compare& compare = Compare(),
                      const Allocator& allocator = Allocator()) noexcept
      : tree_(compare, allocator), projection_(std::move(projection)), compare_(compare), allocator_(allocator) {}
  /// `other` is as good as new, but for what it merges by.
  merge_core(merge_core&& other) noexcept
      : lanes_(std::exchange(other.lanes_, nullptr)),
        streams_(std::exchange(other.streams_, nullptr)),
        heard_(std::exchange(other.heard_, 0)),
        silent_(std::exchange(other.silent_, 0)),
        delivered_(std::exchange(other.delivered_, 0)),
        disorder_(std::exchange(other.disorder_, 0)),
        greatest_(other.greatest_),
        tree_(std::move(other.tree_)),
        open_(std::exchange(other.open_, 0)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)),
        projection_(std::move(other.projection_)),
        compare_(other.compare_),
        allocator_(other.allocator_) {}
  merge_core& operator=(const merge_core&) = delete;
  /// pre: no chunk is queued; see give_up
  ~merge_core() {
    for (std::size_t i = 0; i != size_; ++i) FANOUT_ASSERT(streams_[i].front == nullptr, "a merge still has chunks");
    if (lanes_ != nullptr) free(lanes_, streams_, capacity_);
  }

  /// Room for n streams in all, those that have ended included. False if there is no memory: then nothing has changed.
  [[nodiscard("false: there is no room")]] bool try_reserve(std::size_t n) noexcept {
    return n <= capacity_ || grow(n);
  }

  /// A stream joins; its index, from 0. Nothing goes out until it has brought an item or a watermark, or has ended.
  /// pre: size() < capacity()
  std::size_t join() noexcept {
    FANOUT_ASSERT(size_ < capacity_, "reserve before joining");
    ++open_;
    ++silent_;
    return size_++;
  }

  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t size() const noexcept { return size_; }
  /// Streams that have not ended.
  std::size_t open() const noexcept { return open_; }
  /// Items that a stream has brought and that are not delivered.
  std::size_t queued(std::size_t index) const noexcept {
    const stream& s = streams_[index];
    return s.front == nullptr ? 0 : s.in_chunks - static_cast<std::size_t>(lanes_[index].head - s.front->begin());
  }
  /// Items that went out after a greater one. 0: what was delivered is sorted.
  std::size_t disorder() const noexcept { return disorder_; }
  std::size_t delivered() const noexcept { return delivered_; }

  /// pre: the stream is open, the chunk is not empty
  void push(std::size_t index, Chunk& chunk) noexcept {
    stream& s = streams_[index];
    FANOUT_ASSERT(index < size_ && !s.ended, "a stream that has ended brings nothing");
    FANOUT_ASSERT(chunk.begin() != chunk.end(), "an empty chunk says nothing");
    chunk.next = nullptr;
    s.in_chunks += static_cast<std::size_t>(chunk.end() - chunk.begin());
    if (s.front != nullptr) {
      s.back = s.back->next = std::addressof(chunk);
      return;
    }
    s.front = s.back = std::addressof(chunk);
    lanes_[index] = {chunk.begin(), chunk.end()};
    stand(index, key_of(*chunk.begin()));
  }

  /// Nothing with a lower key comes from this stream after what it has brought. A watermark below an earlier one says
  /// nothing new. pre: the stream is open
  void watermark(std::size_t index, const key& bound) noexcept {
    stream& s = streams_[index];
    FANOUT_ASSERT(index < size_ && !s.ended, "a stream that has ended promises nothing");
    if (s.has_bound && !compare_(s.bound, bound)) return;
    s.bound = bound;
    s.has_bound = true;
    if (s.front == nullptr) stand(index, bound);
  }

  /// The stream brings nothing more. What it has brought is still delivered. pre: the stream is open
  void end(std::size_t index) noexcept {
    stream& s = streams_[index];
    FANOUT_ASSERT(index < size_ && !s.ended, "a stream ends once");
    s.ended = true;
    --open_;
    if (!s.seated) {
      --silent_;
    } else if (s.front == nullptr) {
      leave(s);
    }
  }

  /// Delivers what may be delivered: `sink(stream, item&&)`, and where a chunk is through, `drained(stream, chunk)`. The sink
  /// returns nothing, or false to stop after this item.
  template <class Sink, class Drained>
  merge_pause pump(Sink&& sink, Drained&& drained) noexcept {
    static_assert(std::is_nothrow_invocable_v<Sink&, std::size_t, item&&>,
                  "fanout: a merge's sink is called as sink(index, item&&) and must be noexcept");
    static_assert(std::is_nothrow_invocable_v<Drained&, std::size_t, Chunk&>,
                  "fanout: `drained` is called as drained(index, chunk) and must be noexcept");
    std::uint32_t previous = 0;
    std::uint64_t in_a_row = 0;
    while (silent_ == 0 && !tree_.empty()) {
      const auto& winner = tree_.top();
      const std::uint32_t index = winner.rank();
      lane& at = lanes_[index];
      if (at.head == at.end) return merge_pause::waiting;
      in_a_row = (in_a_row + 1) & (0 - opaque(index == previous));  // without a branch: with two streams it is a toss
      previous = index;
      if (in_a_row == patience) [[unlikely]] {
        in_a_row = 0;
        if (!deliver_run(index, sink, drained)) return merge_pause::declined;
        continue;
      }
      const key went = winner.key();
      const bool go_on = deliver(went, index, *at.head, sink);
      if (++at.head != at.end) [[likely]] {
        tree_.replace_top(key_of(*at.head));
      } else {
        next_chunk(index, went, drained);
      }
      if (!go_on) return merge_pause::declined;
    }
    return open_ == 0 ? merge_pause::finished : merge_pause::waiting;
  }

  /// A stream for which the merge waits, or `none`. All calls together look at each stream once.
  std::size_t awaited() noexcept {
    if (silent_ != 0) {
      while (streams_[heard_].seated || streams_[heard_].ended) ++heard_;
      return heard_;
    }
    if (tree_.empty()) return none;
    const std::size_t winner = tree_.top().rank();
    return streams_[winner].front == nullptr ? winner : none;
  }

  /// Ends all streams: what they have brought may go out.
  void end_all() noexcept {
    for (std::size_t i = 0; i != size_; ++i) {
      if (!streams_[i].ended) end(i);
    }
  }

  /// Hands back all chunks, delivered or not, and ends all streams.
  template <class Drained>
  void give_up(Drained&& drained) noexcept {
    for (std::size_t i = 0; i != size_; ++i) {
      stream& s = streams_[i];
      if (!s.ended) end(i);
      if (s.front == nullptr) continue;
      leave(s);
      while (s.front != nullptr) drained(i, *std::exchange(s.front, s.front->next));
    }
  }

 private:
  // What a delivery touches, by itself: 1000 streams fit into the first-level cache.
  struct lane {
    item* head = nullptr;  // the first item not yet delivered; head == end: nothing is queued
    item* end = nullptr;   // of the front chunk
  };
  struct stream {
    Chunk* front = nullptr;
    Chunk* back = nullptr;
    std::size_t in_chunks = 0;  // items in all chunks that are here, also those that were delivered from the front one
    key bound{};
    std::uint32_t leaf = 0;
    bool has_bound = false;
    bool seated = false;  // it is in the tree: with its head, or with its bound
    bool ended = false;
  };

  // So often in a row must a stream win before a run is looked for: with two streams at random, one time in 2^patience.
  static constexpr std::uint64_t patience = 6;

  key key_of(item& x) noexcept { return detail::call(projection_, x); }

  // Shows the tree a stream's key, whether or not it was there.
  void stand(std::size_t index, const key& k) noexcept {
    stream& s = streams_[index];
    if (s.seated) {
      tree_.update(s.leaf, static_cast<std::uint32_t>(index), k);
    } else {
      s.seated = true;
      --silent_;
      s.leaf = tree_.insert(static_cast<std::uint32_t>(index), k, moved());
    }
  }
  void leave(stream& s) noexcept {
    s.seated = false;
    tree_.erase(s.leaf, moved());
  }
  auto moved() noexcept {
    return [this](std::uint32_t rank, std::uint32_t leaf) noexcept { streams_[rank].leaf = leaf; };
  }

  template <class Sink>
  FANOUT_ALWAYS_INLINE bool deliver(const key& went, std::uint32_t index, item& x, Sink& sink) noexcept {
    if (delivered_++ != 0 && compare_(went, greatest_)) [[unlikely]] {
      ++disorder_;
    } else {
      greatest_ = went;
    }
    if constexpr (std::is_void_v<std::invoke_result_t<Sink&, std::size_t, item&&>>) {
      sink(std::size_t{index}, std::move(x));
      return true;
    } else {
      return static_cast<bool>(sink(std::size_t{index}, std::move(x)));
    }
  }

  // The winner has been winning for a while: as long as it comes before the runner-up, one comparison per item will do.
  template <class Sink, class Drained>
  FANOUT_NOINLINE bool deliver_run(std::uint32_t index, Sink& sink, Drained& drained) noexcept {
    const auto rival = tree_.runner_up();
    key k = tree_.top().key();
    lane& at = lanes_[index];
    for (;;) {
      const bool go_on = deliver(k, index, *at.head, sink);
      if (++at.head == at.end) return next_chunk(index, k, drained), go_on;
      k = key_of(*at.head);
      if (!go_on || !tree_.stays_before(k, rival)) return tree_.replace_top(k), go_on;
    }
  }

  // The winner's front chunk is through.
  template <class Drained>
  FANOUT_NOINLINE void next_chunk(std::uint32_t index, const key& last, Drained& drained) noexcept {
    stream& s = streams_[index];
    Chunk& through = *std::exchange(s.front, s.front->next);
    s.in_chunks -= static_cast<std::size_t>(through.end() - through.begin());
    if (s.front != nullptr) {
      lanes_[index] = {s.front->begin(), s.front->end()};
      tree_.replace_top(key_of(*s.front->begin()));
    } else {
      lanes_[index] = {};
      if (s.ended) {
        leave(s);
      } else {
        if (!s.has_bound || compare_(s.bound, last)) s.bound = last;
        s.has_bound = true;
        tree_.replace_top(s.bound);
      }
    }
    drained(std::size_t{index}, through);
  }

  using lane_memory = block_memory<alignof(lane), Allocator>;
  using stream_memory = block_memory<alignof(stream), Allocator>;

  FANOUT_COLD bool grow(std::size_t n) noexcept {
    if (n < 2 * capacity_) n = 2 * capacity_;
    if (!tree_.try_reserve(n)) return false;  // checks n as well
    std::byte* const lanes_block = lane_memory::allocate(allocator_, n * sizeof(lane));
    if (lanes_block == nullptr) return false;
    std::byte* const streams_block = stream_memory::allocate(allocator_, n * sizeof(stream));
    if (streams_block == nullptr) {
      lane_memory::deallocate(allocator_, lanes_block, n * sizeof(lane));
      return false;
    }
    auto* const lanes = reinterpret_cast<lane*>(lanes_block);
    auto* const streams = reinterpret_cast<stream*>(streams_block);
    for (std::size_t i = 0; i != n; ++i) {
      std::construct_at(lanes + i, i < size_ ? lanes_[i] : lane());
      std::construct_at(streams + i, i < size_ ? streams_[i] : stream());
    }
    lane* const old_lanes = std::exchange(lanes_, lanes);
    stream* const old_streams = std::exchange(streams_, streams);
    const std::size_t old_capacity = std::exchange(capacity_, n);
    if (old_lanes != nullptr) free(old_lanes, old_streams, old_capacity);
    return true;
  }

  void free(lane* lanes, stream* streams, std::size_t capacity) noexcept {
    std::destroy_n(streams, capacity);
    lane_memory::deallocate(allocator_, lanes, capacity * sizeof(lane));
    stream_memory::deallocate(allocator_, streams, capacity * sizeof(stream));
  }

  lane* lanes_ = nullptr;
  stream* streams_ = nullptr;
  std::size_t heard_ = 0;      // none before it is silent
  std::size_t silent_ = 0;     // open streams that have brought neither item nor watermark: they are not in the tree
  std::size_t delivered_ = 0;  // items
  std::size_t disorder_ = 0;   // of these, those that went out after a greater one
  key greatest_{};             // key that went out
  loser_tree<key, Compare, Allocator> tree_;
  std::size_t open_ = 0;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  [[no_unique_address]] Projection projection_;
  [[no_unique_address]] Compare compare_;
  [[no_unique_address]] Allocator allocator_;
};

}  // namespace fanout::detail

#endif  // FANOUT_DETAIL_MERGE_CORE_HPP
