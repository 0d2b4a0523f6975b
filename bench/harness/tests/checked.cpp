// SPDX-License-Identifier: BSL-1.0
// Strategies that the library checks when the program starts, a template and a class, and one that nobody does, whose orders are too weak: on one thread
// that does not show.
#include <cstddef>
#include <cstdint>

#include "harness/check.hpp"

namespace {

template <class Platform, std::memory_order Order>
class flat {
 public:
  using platform = Platform;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit flat(std::size_t branches, std::byte* = nullptr) noexcept : left_(branches + 1) {}
  bool release(std::size_t, std::uint64_t k) noexcept { return left_.fetch_sub(k, Order) == k; }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return release(0, 1 + inline_done + not_started);
  }

 private:
  typename Platform::template atomic<std::uint64_t> left_;
};
template <class Platform>
using strong = flat<Platform, std::memory_order_acq_rel>;
template <class Platform>
using weak = flat<Platform, std::memory_order_relaxed>;

class one_kind : public strong<fanout::std_platform> {
 public:
  using strong<fanout::std_platform>::strong;
};

}  // namespace

FANOUT_BENCH_STRATEGY(one_kind);
FANOUT_BENCH_CHECK(one_kind);
FANOUT_BENCH_STRATEGY(strong);
FANOUT_BENCH_CHECK(strong);
FANOUT_BENCH_STRATEGY(weak);
