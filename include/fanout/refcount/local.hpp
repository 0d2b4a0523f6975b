// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_LOCAL_HPP
#define FANOUT_REFCOUNT_LOCAL_HPP

#include <cstddef>
#include <cstdint>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// A plain integer, for loops that run on one thread: the issuer and every branch complete on the same thread, or one
/// after the other with synchronisation of the user's own between them. No atomic instruction at all.
template <class Platform>
class basic_local {
 public:
  using platform = Platform;
  static constexpr bool is_single_threaded = true;

  static constexpr storage_layout storage_for(std::size_t) noexcept { return {}; }

  explicit basic_local(std::size_t branches, std::byte* = nullptr) noexcept : count_(branches + issuer_weight) {}
  basic_local(const basic_local&) = delete;
  basic_local& operator=(const basic_local&) = delete;

  [[nodiscard]] bool release(std::size_t, std::uint64_t k) noexcept { return drop(k); }
  [[nodiscard]] bool release_any(std::uint64_t k) noexcept { return drop(k); }
  [[nodiscard]] bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return drop(issuer_weight + inline_done + not_started);
  }

  [[nodiscard]] bool try_hold() noexcept {
    if (count_ == 0) return false;
    count_ = count_ + hold_weight;
    return true;
  }
  [[nodiscard]] bool release_hold() noexcept { return drop(hold_weight); }

  [[nodiscard]] references_left references() const noexcept { return references_of(count_); }

  void add(std::uint64_t k) noexcept { count_ = count_ + k; }

 private:
  bool drop(std::uint64_t k) noexcept {
    const std::uint64_t before = count_;
    FANOUT_ASSERT(before >= k, "more branches were released than there are: a branch completed twice");
    count_ = before - k;
    return before == k;
  }

  // as in refcount::atomic; a cell, so that the explorer names the race when a second thread shows up
  typename Platform::template cell<std::uint64_t> count_;
};

using local = basic_local<std_platform>;

static_assert(holdable<local> && addable<local> && observable<local> && anonymous<local> && single_threaded<local>);

}  // namespace fanout::refcount

#endif
