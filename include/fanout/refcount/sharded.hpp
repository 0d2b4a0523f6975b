// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_SHARDED_HPP
#define FANOUT_REFCOUNT_SHARDED_HPP

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// Which shard a release goes to: neighbouring branches to the same one. Right where a thread completes neighbours, as when a range
/// is cut into a block per thread.
struct by_block {
  /// Whether a shard is often empty when a release comes to it: then it is looked at first.
  static constexpr bool often_finds_none = false;
  template <class Platform>
  static std::size_t shard(std::size_t branch, int bits_of_block, std::size_t) noexcept {
    return branch >> bits_of_block;
  }
};

/// Which shard a release goes to: one that belongs to the completing thread, as far as there are enough. Right where threads
/// complete whatever comes, as those of a pool do. Threads are numbered in the order in which they first ask.
struct by_thread {
  static constexpr bool often_finds_none = true;
  template <class Platform>
  static std::size_t shard(std::size_t, int, std::size_t shards) noexcept {
    return Platform::thread_number() % shards;
  }
};

/// Sizes of a sharded count.
struct sharded_limits {
  std::size_t most_shards = 16;        // pre: a power of two
  std::size_t branches_per_shard = 8;  // at least; with fewer than two shards' worth, the count is a flat one
  std::size_t line = 64;               // bytes that two processors do not write to at once
};

/// Several counts, each on a cache line of its own, for many branches that complete on many processors at once: these do not wait
/// for one another's line. One read-modify-write per release, as with `atomic`, and one more for each shard.
///
/// Each shard is seeded with its part of the branches' references, and the root with a reference for each shard and the issuer's. A
/// release takes references out of a shard, no matter whose they were; whoever takes a shard's last one drops that shard's
/// reference at the root. If the shard it was sent to has none left it goes on to the next; that happens where the issuer has
/// released branches that completed inline, and, with `by_thread`, where threads do not complete equally much. So where a release
/// goes decides how fast it is, and nothing else.
///
/// Memory: a line per shard and one to spare, 1088 bytes at most by default, in the operation's allocation.
///
/// A Home of one's own has what `by_block` has: `shard<Platform>(branch, bits_of_block, shards)` is noexcept and less than `shards`.
template <class Platform, class Home = by_block, sharded_limits Limits = sharded_limits{}>
class basic_sharded {
  static_assert(std::has_single_bit(Limits.most_shards) && std::has_single_bit(Limits.line),
                "fanout: the number of shards and the size of a line are powers of two");
  static_assert(Limits.branches_per_shard != 0, "fanout: a shard counts at least one branch");

  // May go below zero, by attempts to take what is not there.
  struct alignas(Limits.line) shard {
    shard(std::int64_t n, std::size_t next) noexcept : left(n), next_left(next) {}
    typename Platform::template atomic<std::int64_t> left;
    // Where to go on once this one is empty: all between were empty, and stay so.
    typename Platform::template atomic<std::size_t> next_left;
  };

 public:
  using platform = Platform;

  // The shards begin at the first line in there: an operation that is aligned to a line would have to come from the aligned
  // operator new, which takes several times as long, for few branches as well.
  static constexpr storage_layout storage_for(std::size_t n) noexcept {
    const std::size_t lines = most_shards_for(n);
    return {lines != 0 ? (lines + 1) * sizeof(shard) : 0, alignof(std::uint64_t)};
  }

  explicit basic_sharded(std::size_t branches, std::byte* storage = nullptr) noexcept
      : bits_of_block_(std::countr_zero(per_shard(branches))),
        shards_(shards_for(branches)),
        first_(first_line(storage)),
        root_(issuer_weight + (shards_ != 0 ? shards_ : branches)) {
    std::size_t rest = branches;
    for (std::size_t s = 0; s != shards_; ++s) {
      const std::size_t here = std::min(rest, std::size_t{1} << bits_of_block_);
      ::new (static_cast<void*>(first_ + s)) shard(static_cast<std::int64_t>(here), s + 1 != shards_ ? s + 1 : 0);
      rest -= here;
    }
  }
  basic_sharded(const basic_sharded&) = delete;
  basic_sharded& operator=(const basic_sharded&) = delete;
  ~basic_sharded() {
    for (std::size_t s = 0; s != shards_; ++s) first_[s].~shard();
  }

  [[nodiscard]] bool release(std::size_t first, std::uint64_t k) noexcept {
    if (shards_ == 0) return drop(k);
    const std::size_t home = Home::template shard<Platform>(first, bits_of_block_, shards_);
    FANOUT_ASSERT(home < shards_, "release of a branch that is not there, or a Home that names a shard that is not");
    const std::uint64_t emptied = take(home, k);
    return emptied != 0 && drop(emptied);
  }
  /// From this thread's shard, as far as there are enough: nobody else's batches begin there.
  [[nodiscard]] bool release_any(std::uint64_t k) noexcept {
    if (shards_ == 0) return drop(k);
    const std::uint64_t emptied = take(Platform::thread_number() % shards_, k);
    return emptied != 0 && drop(emptied);
  }
  [[nodiscard]] bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    const std::uint64_t k = inline_done + not_started;
    if (k == 0 || shards_ == 0) return drop(issuer_weight + k);
    // The issuer's own first, which is not the last, since these k are left. In the other order `references` could find the k gone
    // and the issuer there, and take as many others, that are still out, for them.
    const bool last = drop(issuer_weight);
    FANOUT_ASSERT(!last, "more branches were released than there are: a branch completed twice");
    // Those that were not started are the last ones, and so are the shards that nobody else is at.
    const std::uint64_t emptied = last ? 0 : take(shards_ - 1, k);
    return emptied != 0 && drop(emptied);
  }

  [[nodiscard]] bool try_hold() noexcept {
    std::uint64_t seen = root_.load(std::memory_order_relaxed);  // relaxed: only seeds the compare-exchange
    while (seen != 0) {
      // orders as in refcount::atomic
      if (root_.compare_exchange_weak(seen, seen + hold_weight, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  [[nodiscard]] bool release_hold() noexcept { return drop(hold_weight); }

  /// While the seal takes those that completed inline out of the shards, some may be counted as left; never the other way round.
  [[nodiscard]] references_left references() const noexcept {
    // acquire, here and below: who asks reads the inline count next, which must not be older than this.
    for (references_left root = references_of(root_.load(std::memory_order_acquire));;) {
      if (shards_ == 0) return root;
      std::uint64_t branches = 0;
      for (std::size_t s = 0; s != shards_; ++s) {
        const std::int64_t left = first_[s].left.load(std::memory_order_acquire);
        if (left > 0) branches += static_cast<std::uint64_t>(left);
      }
      // The seal takes those that completed inline out of the shards: a sum of before and after is of no use. Who has read what it
      // left has acquired it, and finds the issuer's reference gone here.
      const references_left again = references_of(root_.load(std::memory_order_acquire));
      if (again.sealed == root.sealed) return {branches, root.sealed};
      root = again;
    }
  }

 private:
  static constexpr std::size_t per_shard(std::size_t n) noexcept {
    return std::bit_ceil(
        std::max<std::size_t>((n + Limits.most_shards - 1) / Limits.most_shards, Limits.branches_per_shard));
  }
  static constexpr std::size_t shards_for(std::size_t n) noexcept {
    return n < 2 * Limits.branches_per_shard ? 0 : (n + per_shard(n) - 1) / per_shard(n);
  }
  // For n and everything below it: with one branch more there can be fewer, larger shards.
  static constexpr std::size_t most_shards_for(std::size_t n) noexcept {
    if (n < 2 * Limits.branches_per_shard) return 0;
    return std::min((n + Limits.branches_per_shard - 1) / Limits.branches_per_shard, Limits.most_shards);
  }
  static shard* first_line(std::byte* storage) noexcept {
    const std::size_t past = reinterpret_cast<std::uintptr_t>(storage) % alignof(shard);
    return reinterpret_cast<shard*>(past == 0 ? storage : storage + (alignof(shard) - past));
  }

  // Takes k references of branches, from shard `home` on; says how many shards that has emptied. pre: the caller has k, so they are
  // there
  FANOUT_ALWAYS_INLINE std::uint64_t take(std::size_t home, std::uint64_t k) noexcept {
    const auto wanted = static_cast<std::int64_t>(k);
    std::size_t s = home;
    std::int64_t there = 1;
    if constexpr (Home::often_finds_none) {
      // relaxed, here and below: a shard that is empty stays so, this one takes nothing from it, and the way past it is a hint that was
      // right when it was written. That there is something left proves nothing.
      there = first_[s].left.load(std::memory_order_relaxed);
      if (there <= 0) {
        s = first_[s].next_left.load(std::memory_order_relaxed);
        there = first_[s].left.load(std::memory_order_relaxed);
      }
    }
    if (there > 0) {
      there = take_from(first_[s], wanted);
      if (there > wanted) [[likely]]
        return 0;  // not touched any more
    }
    return take_on(first_[home], s, wanted, there);
  }
  // The same, where shard s has no more, or had only `there`, which the caller has taken.
  FANOUT_NOINLINE std::uint64_t take_on(shard& home, std::size_t s, std::int64_t wanted, std::int64_t there) noexcept {
    std::uint64_t emptied = 0;
    for (std::size_t steps = 0;;) {
      if (there > 0) {  // otherwise somebody was faster
        ++emptied;
        wanted -= there;
        if (wanted == 0) return emptied;
      }
      // What is empty stays so, hence once around finds all that is left. In every build: it would go round for ever.
      if (steps++ > 2 * shards_) [[unlikely]] {
        FANOUT_ASSERT(false, "more branches were released than there are: a branch completed twice");
        detail::fatal("more branches were released than there are: a branch completed twice");
      }
      s = first_[s].next_left.load(std::memory_order_relaxed);
      shard& here = first_[s];
      there = here.left.load(std::memory_order_relaxed);
      if (there <= 0) continue;
      // Before the release, after which it may be gone.
      if (&here != &home && home.next_left.load(std::memory_order_relaxed) != s)
        home.next_left.store(s, std::memory_order_relaxed);
      there = take_from(here, wanted);
      if (there > wanted) return emptied;  // not touched any more
    }
  }
  // Takes k out of a shard, or what it has; says what it had. Not more than zero: somebody was faster.
  static std::int64_t take_from(shard& from, std::int64_t k) noexcept {
    // release, acquire: as in refcount::atomic; who empties a shard passes on to the root what all its releases wrote.
    return from.left.fetch_sub(k, std::memory_order_acq_rel);
  }
  bool drop(std::uint64_t k) noexcept {
    // acq_rel, and not touched afterwards: see refcount::atomic
    const std::uint64_t before = root_.fetch_sub(k, std::memory_order_acq_rel);
    FANOUT_ASSERT(before >= k, "more branches were released than there are: a branch completed twice");
    return before == k;
  }

  const int bits_of_block_;   // a shard is seeded with 2 to the power of it
  const std::size_t shards_;  // 0: the root counts the branches
  shard* const first_;
  // #shards that are not empty (or branches); + issuer_weight until the seal; + hold_weight for each hold
  typename Platform::template atomic<std::uint64_t> root_;
};

using sharded = basic_sharded<std_platform>;
using sharded_by_thread = basic_sharded<std_platform, by_thread>;

static_assert(holdable<sharded> && observable<sharded> && anonymous<sharded>);
static_assert(!addable<sharded> && !correctable<sharded>);

}  // namespace fanout::refcount

#endif
