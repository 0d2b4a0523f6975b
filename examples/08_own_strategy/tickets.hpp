// SPDX-License-Identifier: BSL-1.0
#ifndef OWN_STRATEGY_TICKETS_HPP
#define OWN_STRATEGY_TICKETS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "fanout/refcount/concept.hpp"

/// A count that goes up: branches and issuer draw tickets, and whoever draws the last one is the last. What a total would have to be
/// read from, after the ticket is drawn, may be gone by then: here it is in the ticket itself.
template <class Platform>
class tickets {
 public:
  using platform = Platform;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit tickets(std::size_t branches, std::byte* = nullptr) noexcept : next_(~std::uint64_t{branches}) {}

  bool release(std::size_t, std::uint64_t k) noexcept { return draw(k); }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return draw(1 + inline_done + not_started);
  }

 private:
  // release: what a branch wrote, for the last one, which acquires it. The last ticket is the one after which the number wraps.
  bool draw(std::uint64_t k) noexcept { return next_.fetch_add(k, std::memory_order_acq_rel) + k == 0; }

  typename Platform::template atomic<std::uint64_t> next_;  // 2^64 - #references
};

#endif
