// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_NO_ISSUER_REF_HPP
#define FANOUT_REFCOUNT_NO_ISSUER_REF_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// A count of N instead of N + 1, as stdexec and libunifex have it: one read-modify-write less, and **no reference for the issuing
/// code**. When it has started the last branch, the operation may be gone; so it must not touch it any more, and the completion may run
/// inside that start. What the compiler can see, it refuses: N unknown; policies that vote or fold; completions that need a reference of
/// their own (stop tokens, deadlines, waiters); initiators that may throw; descriptions, whose range lies in the operation; C doors.
/// What it cannot see is asserted: branches are started in order, with none after the last. The rest is up to you: after the last
/// start, of the issuer's members only `seal` and the destructor, which then do nothing.
///
/// Branches that complete inline are released one by one: with the issuer's reference they cost nothing. So this is for N of one or
/// two that complete elsewhere.
template <class Platform>
class basic_no_issuer_ref {
 public:
  using platform = Platform;
  static constexpr bool has_issuer_reference = false;

  static constexpr storage_layout storage_for(std::size_t) noexcept { return {}; }

  explicit basic_no_issuer_ref(std::size_t branches, std::byte* = nullptr) noexcept : count_(branches) {}
  basic_no_issuer_ref(const basic_no_issuer_ref&) = delete;
  basic_no_issuer_ref& operator=(const basic_no_issuer_ref&) = delete;

  [[nodiscard]] bool release(std::size_t, std::uint64_t k) noexcept { return drop(k); }
  [[nodiscard]] bool release_any(std::uint64_t k) noexcept { return drop(k); }
  /// Only where not all were started, or there are none.
  [[nodiscard]] bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return drop(inline_done + not_started);
  }

 private:
  bool drop(std::uint64_t k) noexcept {
    // release, acquire: as in refcount::atomic
    const std::uint64_t before = count_.fetch_sub(k, std::memory_order_acq_rel);
    FANOUT_ASSERT(before >= k, "more branches were released than there are: a branch completed twice");
    return before == k;
  }

  typename Platform::template atomic<std::uint64_t> count_;  // #branches not released
};

using no_issuer_ref = basic_no_issuer_ref<std_platform>;

static_assert(without_issuer_reference<no_issuer_ref> && anonymous<no_issuer_ref>);
static_assert(!holdable<no_issuer_ref> && !addable<no_issuer_ref>);

}  // namespace fanout::refcount

#endif
