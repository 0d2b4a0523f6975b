// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_HEDGE_STATISTICS_HPP
#define FANOUT_HEDGE_STATISTICS_HPP

#include <atomic>
#include <cstdint>

#include "fanout/detail/platform.hpp"

namespace fanout {

/// What hedging costs, and what it brings: counted by all hedged operations that are given it, `.count_in(statistics)`. It must
/// outlive them.
///
/// Thread safety: any thread, at any time; lock-free. Cost: one relaxed read-modify-write per event.
template <class Platform>
class basic_hedge_statistics {
 public:
  struct counts {
    std::uint64_t requests;     ///< #operations whose first attempt was started
    std::uint64_t sent;         ///< #attempts that were started because those before took too long
    std::uint64_t failed_over;  ///< #attempts that were started because one had failed
    std::uint64_t won;          ///< #operations that an attempt other than the first has won
    std::uint64_t exhausted;    ///< #attempts that the budget refused
  };

  basic_hedge_statistics() noexcept = default;
  basic_hedge_statistics(const basic_hedge_statistics&) = delete;
  basic_hedge_statistics& operator=(const basic_hedge_statistics&) = delete;

  /// Since the beginning. Each number is exact, but they may be read at different moments.
  [[nodiscard("the counts")]] counts counted() const noexcept {
    return {read(requests_), read(sent_), read(failed_over_), read(won_), read(exhausted_)};
  }

  // Called by hedged operations.
  void note_request() noexcept { add(requests_); }
  void note_sent() noexcept { add(sent_); }
  void note_failed_over() noexcept { add(failed_over_); }
  void note_won() noexcept { add(won_); }
  void note_exhausted() noexcept { add(exhausted_); }

 private:
  using counter = typename Platform::template atomic<std::uint64_t>;

  // relaxed: statistics; nothing is read because of what they say.
  static std::uint64_t read(const counter& c) noexcept { return c.load(std::memory_order_relaxed); }
  static void add(counter& c) noexcept { c.fetch_add(1, std::memory_order_relaxed); }

  counter requests_{0}, sent_{0}, failed_over_{0}, won_{0}, exhausted_{0};  // see counts
};

using hedge_statistics = basic_hedge_statistics<std_platform>;

}  // namespace fanout

#endif
