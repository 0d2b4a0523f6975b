// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_PUMP_HPP
#define FANOUT_DETAIL_PUMP_HPP

#include <atomic>
#include <cstdint>

namespace fanout::detail {

/// Lets work be done one at a time, by whoever makes it due, without anybody waiting: the one that finds nothing due does it,
/// including what becomes due meanwhile, also through itself. So nothing recurses with the amount of work.
template <class Platform>
class pump {
 public:
  pump() noexcept = default;
  /// With work that is due from the beginning: it is the maker's to see to it that `run` is called. pre: credits > 0
  explicit pump(std::uint64_t credits) noexcept : due_(credits) {}
  pump(const pump&) = delete;
  pump& operator=(const pump&) = delete;

  /// True: it is the caller's to see to it that `run` is called, once.
  [[nodiscard("what is due now would never be done")]] bool add(std::uint64_t credits) noexcept {
    // acq_rel: release, for what the worker is to find; acquire, what the worker before left.
    return credits != 0 && due_.fetch_add(credits, std::memory_order_acq_rel) == 0;
  }

  /// Calls `work(credits)` with all that is due, until nothing is. If it returns false, that was the end: nothing will be done any
  /// more, and everything may be gone.
  template <class Work>
  void run(Work&& work) noexcept {
    std::uint64_t credits = due_.load(std::memory_order_acquire);  // acquire: as above, for what was added since
    while (work(credits)) {
      // acq_rel: release, for the next worker; acquire, what came with the credits that are left.
      credits = due_.fetch_sub(credits, std::memory_order_acq_rel) - credits;
      if (credits == 0) return;  // somebody else's from here on
    }
  }

 private:
  typename Platform::template atomic<std::uint64_t> due_{
      0};  // #credits not worked off; > 0: somebody works, or has ended it
};

}  // namespace fanout::detail

#endif
