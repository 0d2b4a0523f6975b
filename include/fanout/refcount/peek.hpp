// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_PEEK_HPP
#define FANOUT_REFCOUNT_PEEK_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// One word that is looked at first: who finds no references left but its own is the last, and needs no read-modify-write. For one
/// word that few branches release, mostly one after the other. Each release but the last costs a load more than `atomic`'s, and
/// where many processors release at once that load fetches the line a second time: slower then.
///
/// It has no `try_hold`, and must not: between the look and the end somebody could take a reference.
template <class Platform>
class basic_peek {
 public:
  using platform = Platform;

  static constexpr storage_layout storage_for(std::size_t) noexcept { return {}; }

  explicit basic_peek(std::size_t branches, std::byte* = nullptr) noexcept : count_(branches + issuer_weight) {}
  basic_peek(const basic_peek&) = delete;
  basic_peek& operator=(const basic_peek&) = delete;

  [[nodiscard]] bool release(std::size_t, std::uint64_t k) noexcept { return drop(k); }
  [[nodiscard]] bool release_any(std::uint64_t k) noexcept { return drop(k); }
  [[nodiscard]] bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return drop(issuer_weight + inline_done + not_started);
  }

 private:
  bool drop(std::uint64_t k) noexcept {
    // acquire: if what is left is this caller's, nobody else will come, and it reads what the others wrote before their releases.
    if (count_.load(std::memory_order_acquire) == k) return true;
    // release, acquire: as in refcount::atomic. Others may have released meanwhile: it may be the last after all.
    const std::uint64_t before = count_.fetch_sub(k, std::memory_order_acq_rel);
    FANOUT_ASSERT(before >= k, "more branches were released than there are: a branch completed twice");
    return before == k;
  }

  // #branches not released, + issuer_weight until the seal; what the last one had is left in it
  typename Platform::template atomic<std::uint64_t> count_;
};

using peek = basic_peek<std_platform>;

static_assert(strategy<peek> && anonymous<peek>);
static_assert(!holdable<peek> && !addable<peek>);

}  // namespace fanout::refcount

#endif
