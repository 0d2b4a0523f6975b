// SPDX-License-Identifier: BSL-1.0
// A strategy that forgets the issuer's reference, the classic mistake: the harness must not run it.
#include <cstddef>
#include <cstdint>

#include "harness/harness.hpp"

namespace {

template <class Platform>
class no_issuer {
 public:
  using platform = Platform;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit no_issuer(std::size_t branches, std::byte* = nullptr) noexcept : left_(branches) {}
  bool release(std::size_t, std::uint64_t k) noexcept { return left_.fetch_sub(k) == k; }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return release(0, inline_done + not_started);
  }

 private:
  typename Platform::template atomic<std::uint64_t> left_;
};

}  // namespace

FANOUT_BENCH_STRATEGY(no_issuer);
FANOUT_BENCH_CHECKED(no_issuer);  // no word of honour makes up for it
