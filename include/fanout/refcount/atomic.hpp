// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_ATOMIC_HPP
#define FANOUT_REFCOUNT_ATOMIC_HPP

#include <cstddef>
#include <cstdint>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// The default: one word, one read-modify-write per release. Right for any number of threads.
template <class Platform>
class basic_atomic {
 public:
  using platform = Platform;

  static constexpr storage_layout storage_for(std::size_t) noexcept { return {}; }

  explicit basic_atomic(std::size_t branches, std::byte* = nullptr) noexcept : count_(branches + issuer_weight) {}
  basic_atomic(const basic_atomic&) = delete;
  basic_atomic& operator=(const basic_atomic&) = delete;

  [[nodiscard]] bool release(std::size_t, std::uint64_t k) noexcept { return drop(k); }

  [[nodiscard]] bool release_any(std::uint64_t k) noexcept { return drop(k); }

  [[nodiscard]] bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return drop(issuer_weight + inline_done + not_started);
  }

  [[nodiscard]] bool try_hold() noexcept {
    // relaxed: the value only seeds the compare-exchange, which decides.
    std::uint64_t seen = count_.load(std::memory_order_relaxed);
    while (seen != 0) {  // zero: drained, and it stays drained
      // acquire: a holder that finds branches done may look at what they wrote. No release is needed to take a reference:
      // what the holder does is published by its own release_hold. relaxed on failure: it only tries again.
      if (count_.compare_exchange_weak(seen, seen + hold_weight, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    }
    return false;
  }

  [[nodiscard]] bool release_hold() noexcept { return drop(hold_weight); }

  [[nodiscard]] references_left references() const noexcept {
    // acquire: who asks reads the inline count next, which must not be older than this.
    return references_of(count_.load(std::memory_order_acquire));
  }

  void add(std::uint64_t k) noexcept {
    // relaxed: the caller holds the issuer's reference, so the count cannot reach zero meanwhile, and the new branches'
    // threads learn of the operation through the initiator, not through the count.
    count_.fetch_add(k, std::memory_order_relaxed);
  }

 private:
  bool drop(std::uint64_t k) noexcept {
    // release: the branch's writes (its slot, the first error) happen before the last decrement's reader;
    // acquire: whoever takes the count to zero reads them. One read-modify-write and a compare of its own result: x86
    // compiles it to `lock sub; je`. Nothing of the operation is touched after it unless it returned true.
    const std::uint64_t before = count_.fetch_sub(k, std::memory_order_acq_rel);
    FANOUT_ASSERT(before >= k, "more branches were released than there are: a branch completed twice");
    return before == k;
  }

  // #branches not released, of which those that completed inline are subtracted by the seal; + issuer_weight until the seal;
  // + hold_weight for each hold
  typename Platform::template atomic<std::uint64_t> count_;
};

using atomic = basic_atomic<std_platform>;

static_assert(holdable<atomic> && addable<atomic> && observable<atomic> && anonymous<atomic>);

}  // namespace fanout::refcount

#endif
