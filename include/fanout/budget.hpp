// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BUDGET_HPP
#define FANOUT_BUDGET_HPP

#include <chrono>
#include <cstdint>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"

namespace fanout {

/// How much extra load a `budget` allows. Shares and tokens count to the millionth.
struct budget_options {
  double ratio = 0.05;    ///< extra attempts per request: 0 .. cap
  double initial = 10;    ///< tokens at the start, so that the first requests may be hedged or retried: 0 .. cap
  double cap = 100;       ///< the most that is saved up, and so the longest burst of extra attempts: 1 .. 10^9
  double per_second = 0;  ///< tokens that time brings, whatever the load: 0 .. cap; see `deposit_for`
};

/// Extra load, limited: a bucket of tokens that hedges and retries share. Each request that is made anyway puts `ratio` of
/// a token in; each extra attempt takes a whole one out, or is not made. So a service that fails or slows down as a whole
/// gets `ratio` more load, not twice the load, and that from all that share the bucket together. After Finagle's
/// RetryBudget and gRPC's retry throttling.
///
/// Share one budget among all requests to one service. It must outlive the operations that use it.
///
/// Thread safety: any thread, at any time; lock-free. Nothing throws, nothing allocates. A token that is there is given to
/// exactly one; a deposit is lost only to the cap.
/// Cost: two uncontended read-modify-writes for each deposit and withdrawal; with a full bucket, or an empty one, one.
template <class Platform>
class basic_budget {
 public:
  struct counts {
    std::uint64_t deposited;  ///< #requests that were made anyway
    std::uint64_t withdrawn;  ///< #extra attempts granted: withdrawn / deposited is the extra load
    std::uint64_t refused;    ///< #extra attempts refused
  };

  /// pre: as `budget_options` says (else the nearest value is used)
  explicit basic_budget(const budget_options& options = {}) noexcept
      : cap_(in_units(options.cap, token, largest_cap)),
        per_request_(in_units(options.ratio, 0, cap_)),
        per_second_(static_cast<double>(in_units(options.per_second, 0, cap_))),
        balance_(in_units(options.initial, 0, cap_)) {
    FANOUT_ASSERT(options.cap >= 1 && options.cap <= 1e9,
                  "a budget's cap is at least 1 token, or none could be withdrawn, and at most 10^9");
    FANOUT_ASSERT(options.ratio >= 0 && options.ratio <= options.cap,
                  "a budget's ratio is extra attempts per request: from 0, as in 0.05, to the cap");
    FANOUT_ASSERT(options.initial >= 0 && options.initial <= options.cap,
                  "a budget starts with no less than 0 tokens and no more than its cap");
    FANOUT_ASSERT(options.per_second >= 0 && options.per_second <= options.cap,
                  "a budget's tokens per second are from 0 to its cap");
  }
  basic_budget(const basic_budget&) = delete;
  basic_budget& operator=(const basic_budget&) = delete;

  /// A request is made that would be made anyway.
  void deposit() noexcept {
    deposited_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a statistic
    put(per_request_);
  }

  /// So much time has passed: puts `per_second` tokens in for each second. There is no clock inside; call it from a timer,
  /// with the time since the last call. Less than a millionth of a token is dropped, so not more often than that.
  void deposit_for(std::chrono::nanoseconds elapsed) noexcept {
    const double units = static_cast<double>(elapsed.count()) * 1e-9 * per_second_;
    if (units >= 1) put(units < static_cast<double>(cap_) ? static_cast<std::uint64_t>(units) : cap_);
  }

  /// May one extra attempt be made? If so, it is paid for.
  [[nodiscard("whether the extra attempt may be made")]] bool try_withdraw() noexcept {
    // Memory orders here and in put(): relaxed. The word is the whole state: no other memory is read because of what it
    // says, so all that is needed is that each change is one atomic step. A first load may be older than a change that
    // another thread makes at the same time; it is as if that change came after.
    std::uint64_t seen = balance_.load(std::memory_order_relaxed);
    while (seen >= token) {  // there is one: it is ours if nobody was faster
      if (balance_.compare_exchange_weak(seen, seen - token, std::memory_order_relaxed, std::memory_order_relaxed)) {
        withdrawn_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a statistic, like refused_
        return true;
      }
    }
    refused_.fetch_add(1, std::memory_order_relaxed);  // less than a token is left
    return false;
  }

  /// Tokens that are there at the moment.
  [[nodiscard("the balance")]] double available() const noexcept {
    return static_cast<double>(balance_.load(std::memory_order_relaxed)) / static_cast<double>(token);
  }

  /// Since the beginning, for monitoring. Each number is exact, but they may be read at different moments.
  [[nodiscard("the counts")]] counts counted() const noexcept {
    return {deposited_.load(std::memory_order_relaxed), withdrawn_.load(std::memory_order_relaxed),
            refused_.load(std::memory_order_relaxed)};
  }

 private:
  // Decimal, so that 5 % is exactly 5 %.
  static constexpr std::uint64_t token = 1'000'000;
  static constexpr std::uint64_t largest_cap = 1'000'000'000 * token;  // a double holds it exactly

  /// The nearest number of units from `least` to `most`; `least` for what is not a number.
  static std::uint64_t in_units(double tokens, std::uint64_t least, std::uint64_t most) noexcept {
    const double units = tokens * static_cast<double>(token);
    if (!(units > static_cast<double>(least))) return least;
    return units < static_cast<double>(most) ? static_cast<std::uint64_t>(units + 0.5) : most;
  }

  void put(std::uint64_t units) noexcept {
    std::uint64_t seen = balance_.load(std::memory_order_relaxed);
    while (seen != cap_) {  // room for at least a part
      const std::uint64_t full = seen + units < cap_ ? seen + units : cap_;
      if (balance_.compare_exchange_weak(seen, full, std::memory_order_relaxed, std::memory_order_relaxed)) return;
    }
  }

  const std::uint64_t cap_;  // in millionths of a token, as the next two
  const std::uint64_t per_request_;
  const double per_second_;
  typename Platform::template atomic<std::uint64_t> balance_;  // millionths of a token: 0 .. cap_
  typename Platform::template atomic<std::uint64_t> deposited_{0};
  typename Platform::template atomic<std::uint64_t> withdrawn_{0};
  typename Platform::template atomic<std::uint64_t> refused_{0};
};

using budget = basic_budget<std_platform>;

}  // namespace fanout

#endif
