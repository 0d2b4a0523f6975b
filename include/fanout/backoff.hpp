// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BACKOFF_HPP
#define FANOUT_BACKOFF_HPP

#include <chrono>
#include <cstdint>
#include <limits>

#include "fanout/detail/assert.hpp"

namespace fanout {

/// How the delays of operations that failed together are spread, so that they do not come back together.
enum class jitter : std::uint8_t {
  none,          ///< not at all
  full,          ///< anywhere from zero to the delay
  decorrelated,  ///< anywhere from `base` to `multiplier` times the delay before; use 3, since 2 hardly grows
};

struct backoff_options {
  std::chrono::nanoseconds base = std::chrono::milliseconds(10);  ///< the first delay: 0 or more
  std::chrono::nanoseconds cap = std::chrono::seconds(1);         ///< no delay is longer: base or more
  double multiplier = 2;                                          ///< each delay to the one before: 1 .. 10^9
  jitter spread = jitter::full;
  std::uint32_t max_attempts = 3;  ///< the first one included: 1 or more
};

/// When to try again: how many attempts there are, and delays between them that grow by `multiplier` up to `cap` and are
/// spread. A description: immutable, copyable, shared by any number of operations and threads. The two spreads are those
/// of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
class exponential_backoff {
 public:
  using duration = std::chrono::nanoseconds;

  /// For max_attempts: as many as it takes.
  static constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

  class delays;

  /// pre: as `backoff_options` says (else the nearest value is used)
  constexpr explicit exponential_backoff(const backoff_options& options = {}) noexcept : options_(options) {
    if (!(options_.base >= duration::zero())) {
      FANOUT_ASSERT(false, "a backoff's base, its first delay, is not negative");
      options_.base = duration::zero();
    }
    if (!(options_.cap >= options_.base)) {
      FANOUT_ASSERT(false, "a backoff's cap, its longest delay, is not less than its base");
      options_.cap = options_.base;
    }
    if (!(options_.multiplier >= 1 && options_.multiplier <= most_growth)) {
      FANOUT_ASSERT(false, "a backoff's multiplier is at least 1, or the delays would shrink, and at most 10^9");
      options_.multiplier = options_.multiplier > 1 ? most_growth : 1;
    }
    if (options_.max_attempts == 0) {
      FANOUT_ASSERT(false, "a backoff's max_attempts counts the first attempt: it is at least 1");
      options_.max_attempts = 1;
    }
    // duration::max() says that there is no next attempt, so no delay is as long.
    if (options_.base == duration::max()) options_.base -= duration(1);
    if (options_.cap == duration::max()) options_.cap -= duration(1);
  }

  /// One operation's delays. Equal seeds give equal delays, on any machine; operations that are to be spread need different
  /// ones.
  [[nodiscard("the delays")]] constexpr delays start(std::uint64_t seed) const noexcept;

  /// What was accepted.
  [[nodiscard]] constexpr const backoff_options& options() const noexcept { return options_; }

 private:
  static constexpr double most_growth = 1e9;

  backoff_options options_;
};

/// The delays of one operation, in order. Not thread-safe: it is that operation's.
class exponential_backoff::delays {
 public:
  /// How long to wait before the next attempt: from zero to `cap`. `duration::max()`: there is no next attempt.
  [[nodiscard("how long to wait")]] constexpr duration next() noexcept {
    if (attempts_ >= options_.max_attempts && options_.max_attempts != unlimited) return duration::max();
    if (attempts_ != unlimited) ++attempts_;
    duration::rep drawn = whole(longest_);
    if (options_.spread == jitter::full) drawn = between(0, drawn);
    if (options_.spread == jitter::decorrelated) drawn = between(options_.base.count(), drawn);
    grow_from(options_.spread == jitter::decorrelated ? static_cast<double>(drawn) : longest_);
    return duration(drawn);
  }

  /// #attempts that have been allowed: the first one, and one for each delay.
  [[nodiscard]] constexpr std::uint32_t attempts() const noexcept { return attempts_; }

 private:
  friend exponential_backoff;

  constexpr delays(const backoff_options& options, std::uint64_t seed) noexcept
      : options_(options), state_(seed), longest_(static_cast<double>(options.base.count())) {
    if (options_.spread == jitter::decorrelated) grow_from(longest_);
  }

  // Only double's own operations, whose results IEEE 754 lays down: the delays are the same on any machine.
  constexpr void grow_from(double delay) noexcept { longest_ = delay * options_.multiplier; }
  /// pre: 0 <= delay, which may be infinite. The cap as a double may be more than the cap, and more than a duration holds.
  constexpr duration::rep whole(double delay) const noexcept {
    return delay < static_cast<double>(options_.cap.count()) ? static_cast<duration::rep>(delay) : options_.cap.count();
  }
  /// Evenly distributed in [least, most], to 53 bits.
  constexpr duration::rep between(duration::rep least, duration::rep most) noexcept {
    const duration::rep span = most - least;
    const double share = static_cast<double>(random() >> 11) * 0x1p-53;  // in [0, 1)
    const double offset = share * (static_cast<double>(span) + 1);       // may round up to span + 1
    return offset < static_cast<double>(span) ? least + static_cast<duration::rep>(offset) : most;
  }
  /// SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014. Any seed is good.
  constexpr std::uint64_t random() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  backoff_options options_;
  std::uint64_t state_;         // of the random numbers
  double longest_;              // the next delay's upper end in nanoseconds, not capped yet
  std::uint32_t attempts_ = 1;  // stays at `unlimited`
};

constexpr exponential_backoff::delays exponential_backoff::start(std::uint64_t seed) const noexcept {
  return {options_, seed};
}

}  // namespace fanout

#endif
