// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_LAZY_SEED_HPP
#define FANOUT_REFCOUNT_LAZY_SEED_HPP

#include <cstddef>
#include <cstdint>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// For N that is found out while issuing: no increment per branch. The count starts at a bias that no number of releases
/// can use up; the seal takes the bias away and puts the number of started branches in its place, in its one
/// read-modify-write. The default of operations whose N is unknown; with a known N it costs what `atomic` costs.
///
/// The idea is that of differential (split) counting, whose reference counts are settled when the reader is known.
template <class Platform>
class basic_lazy_seed {
 public:
  using platform = Platform;

  static constexpr storage_layout storage_for(std::size_t) noexcept { return {}; }

  explicit basic_lazy_seed(std::size_t branches, std::byte* = nullptr) noexcept : count_(bias + branches) {}
  basic_lazy_seed(const basic_lazy_seed&) = delete;
  basic_lazy_seed& operator=(const basic_lazy_seed&) = delete;

  [[nodiscard]] bool release(std::size_t, std::uint64_t k) noexcept { return drop(k); }
  [[nodiscard]] bool release_any(std::uint64_t k) noexcept { return drop(k); }
  [[nodiscard]] bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return drop(bias + inline_done + not_started);
  }
  [[nodiscard]] bool correct(std::uint64_t started, std::uint64_t inline_done) noexcept {
    return drop(bias - started + inline_done);
  }

  [[nodiscard]] bool try_hold() noexcept {
    std::uint64_t seen = count_.load(std::memory_order_relaxed);  // relaxed: only seeds the compare-exchange
    while (seen != 0) {
      // orders as in refcount::atomic
      if (count_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  [[nodiscard]] bool release_hold() noexcept { return drop(1); }

 private:
  // Twice the issuer's weight: with at most max_branches = 2^31 released before the seal, the count stays above 2^32.
  static constexpr std::uint64_t bias = 2 * issuer_weight;

  bool drop(std::uint64_t k) noexcept {
    // release: the branch's writes are visible to the last; acquire: the last reads them.
    const std::uint64_t before = count_.fetch_sub(k, std::memory_order_acq_rel);
    FANOUT_ASSERT(before >= k, "more branches were released than there are: a branch completed twice");
    return before == k;
  }

  // sealed:   #branches not released + #holds
  // unsealed: bias + seeded branches + #holds - #branches released (inline ones are subtracted by the seal)
  typename Platform::template atomic<std::uint64_t> count_;
};

using lazy_seed = basic_lazy_seed<std_platform>;

static_assert(holdable<lazy_seed> && correctable<lazy_seed> && anonymous<lazy_seed>);

}  // namespace fanout::refcount

#endif
