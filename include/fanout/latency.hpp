// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_LATENCY_HPP
#define FANOUT_LATENCY_HPP

#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"

namespace fanout {

namespace detail {

/// How often each of `Buckets` things happened lately. Three windows: the current one, which takes what happens; the one
/// before, which is remembered with it; and one that is clear and waits for its turn. Filling the current window, or
/// `turn`, opens the clear one and forgets the oldest.
///
/// The fill is counted once per `Batch` events of a bucket, so that counting an event is one read-modify-write.
template <class Platform, std::size_t Buckets, std::uint32_t Batch>
class recent_counts {
  using counter = typename Platform::template atomic<std::uint32_t>;

 public:
  /// What is remembered, while nobody turns.
  struct view {
    const counter* current;
    const counter* before;
    // relaxed: a count stands for itself; nothing is read because of it.
    std::uint64_t operator[](std::size_t bucket) const noexcept {
      return std::uint64_t{current[bucket].load(std::memory_order_relaxed)} +
             before[bucket].load(std::memory_order_relaxed);
    }
  };

  explicit recent_counts(std::uint32_t full) noexcept : full_(full) {}

  void add(std::size_t bucket) noexcept {
    // acquire: the zeros that this window was cleared to come before this event. relaxed: an event publishes nothing.
    counter& count = windows_[current_.load(std::memory_order_acquire)][bucket];
    const std::uint32_t before = count.fetch_add(1, std::memory_order_relaxed);
    if (before % Batch != Batch - 1) return;
    // acquire: see turn(). Only one can find the fill below full and leave it there or above, until the turn resets it.
    const std::uint64_t filled = filled_.fetch_add(Batch, std::memory_order_acquire);
    if (filled < full_ && filled + Batch >= full_) open_next();
  }

  void turn() noexcept {
    // acquire: reads from the last turn's reset, so that what that turn cleared is clear.
    if (filled_.exchange(full_, std::memory_order_acquire) < full_) open_next();
  }

  view remembered() const noexcept {
    const std::uint32_t current = current_.load(std::memory_order_acquire);  // as in add
    return {windows_[current], windows_[(current + 2) % 3]};
  }

 private:
  /// pre: the caller took the fill from below full to full or above
  void open_next() noexcept {
    // relaxed: only turns write it, and they follow each other through filled_.
    const std::uint32_t opened = (current_.load(std::memory_order_relaxed) + 1) % 3;
    // release: the zeros in this window, stored by the last turn, are visible to whoever finds it open.
    current_.store(opened, std::memory_order_release);
    // relaxed: these zeros are published by the next turn, when it opens this window.
    for (counter& count : windows_[(opened + 1) % 3]) count.store(0, std::memory_order_relaxed);
    // release: that next turn, which may begin now, comes after the zeros.
    filled_.store(0, std::memory_order_release);
  }

  const std::uint64_t full_;
  typename Platform::template atomic<std::uint32_t> current_{0};  // the window that is open: 0, 1 or 2
  typename Platform::template atomic<std::uint64_t> filled_{0};   // Batch * #batches since; >= full_: turning
  counter windows_[3][Buckets] = {};                              // #events by bucket
};

}  // namespace detail

/// How long requests took lately: a histogram that forgets. Record what each request took; ask for a percentile.
///
/// `percentile(p)` is not less than the exact percentile of the remembered durations, and at most 1/32 above it, up to
/// `longest_measured()`. So no more than 1 - p of the remembered requests took longer than the answer.
///
/// It remembers the latest `window` to 2 * `window` records, give or take eight for each of the intervals in use (32 to
/// each doubling of the duration), and takes them all for equally old. There is no clock inside: to forget by time, give
/// `turned_by_hand` for the window and call `turn()` from a timer.
///
/// Thread safety: any thread may record, ask and turn, at any time; lock-free. Nothing throws, nothing allocates.
/// Cost: 14 KiB. A record is one relaxed read-modify-write on a counter that equal latencies share, every eighth one more
/// on a counter that all share; one record in a window clears the oldest window, some 1200 counters. Asking reads twice as
/// many: about a microsecond.
template <class Platform>
class basic_latency_tracker {
 public:
  using duration = std::chrono::nanoseconds;

  /// A window as large as the counters allow: about two thousand million records.
  static constexpr std::uint32_t turned_by_hand = std::uint32_t{1} << 31;

  /// pre: 1 <= window <= turned_by_hand (else the nearer of the two is used)
  explicit basic_latency_tracker(std::uint32_t window = 8192) noexcept : counts_(accepted(window)) {}
  basic_latency_tracker(const basic_latency_tracker&) = delete;
  basic_latency_tracker& operator=(const basic_latency_tracker&) = delete;

  /// One request took this long. Less than nothing counts as nothing; more than `longest_measured()` as longer than that.
  /// A record that is being made while others turn the tracker twice may be forgotten at once.
  void record(duration took) noexcept { counts_.add(bucket_of(took)); }

  /// The duration that a share `p` of the remembered requests did not exceed. `duration::max()`, which a hedge takes for
  /// "never", if fewer than `enough` are remembered, or none, or if it is more than `longest_measured()`. Records and turns
  /// made meanwhile are in the answer, or not, or in part.
  /// pre: 0 < p <= 1 (else the nearer end is used)
  [[nodiscard("the percentile")]] duration percentile(double p, std::uint64_t enough = 1) const noexcept;

  /// #requests remembered.
  [[nodiscard("the number of records")]] std::uint64_t count() const noexcept {
    const auto remembered = counts_.remembered();
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i != buckets; ++i) sum += remembered[i];
    return sum;
  }

  /// Forgets all but what was recorded since the last turn. While another thread turns it, this does nothing.
  void turn() noexcept { counts_.turn(); }

  /// 2^40 - 1 ns: 18 minutes and 19 seconds.
  static constexpr duration longest_measured() noexcept { return duration((duration::rep{1} << measured_bits) - 1); }

 private:
  // Nanoseconds below 64 have a bucket each. From there on each doubling, [2^k, 2^(k+1)), is 32 buckets of equal width; two
  // rows of 32 cover what is below 64. The bucket behind the last row counts what is beyond.
  static constexpr unsigned measured_bits = 40;
  static constexpr std::size_t in_row = 32;
  static constexpr std::size_t rows = measured_bits - 4;
  static constexpr std::size_t beyond = rows * in_row;
  static constexpr std::size_t buckets = beyond + 1;

  static constexpr std::size_t bucket_of(duration took) noexcept {
    if (took <= duration::zero()) return 0;
    if (took > longest_measured()) return beyond;
    const auto ns = static_cast<std::uint64_t>(took.count());
    const auto width = static_cast<std::size_t>(std::bit_width(ns | in_row)) - 6;  // log2 of the bucket's
    return width * in_row + static_cast<std::size_t>(ns >> width);
  }
  /// The longest duration in a bucket.
  static constexpr duration upper_end(std::size_t bucket) noexcept {
    if (bucket == beyond) return duration::max();
    const std::size_t width = bucket < 2 * in_row ? 0 : bucket / in_row - 1;
    const std::uint64_t in_units = bucket - width * in_row;
    return duration(static_cast<duration::rep>(((in_units + 1) << width) - 1));
  }
  static_assert(bucket_of(longest_measured()) == beyond - 1 && upper_end(beyond - 1) == longest_measured());
  static_assert(bucket_of(duration(63)) == 63 && bucket_of(duration(64)) == 64 && bucket_of(duration(65)) == 64);

  static std::uint32_t accepted(std::uint32_t window) noexcept {
    const bool possible = window >= 1 && window <= turned_by_hand;
    FANOUT_ASSERT(possible, "a latency tracker's window holds at least 1 record and at most turned_by_hand");
    if (possible) return window;
    return window == 0 ? 1 : turned_by_hand;
  }

  detail::recent_counts<Platform, buckets, 8> counts_;
};

using latency_tracker = basic_latency_tracker<std_platform>;

template <class Platform>
auto basic_latency_tracker<Platform>::percentile(double p, std::uint64_t enough) const noexcept -> duration {
  FANOUT_ASSERT(p > 0 && p <= 1, "a percentile is a share of the requests: more than 0 and at most 1, as in 0.95");
  while (true) {
    // The first pass counts by row; the second looks into the one row that the rank lies in.
    const auto remembered = counts_.remembered();
    std::uint64_t by_row[rows];
    std::uint64_t total = remembered[beyond];
    for (std::size_t row = 0; row != rows; ++row) {
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i != in_row; ++i) sum += remembered[row * in_row + i];
      by_row[row] = sum;
      total += sum;
    }
    if (total == 0 || total < enough) return duration::max();

    const double share = p > 0 ? (p < 1 ? p : 1) * static_cast<double>(total) : 0;  // not a number: as 0
    auto rank = static_cast<std::uint64_t>(share);
    if (static_cast<double>(rank) < share || rank == 0) ++rank;  // rounded up: 1 .. total

    std::size_t row = 0;
    while (row != rows && by_row[row] < rank) rank -= by_row[row++];
    if (row == rows) return duration::max();
    for (std::size_t bucket = row * in_row; bucket != (row + 1) * in_row; ++bucket) {
      const std::uint64_t here = remembered[bucket];
      if (here >= rank) return upper_end(bucket);
      rank -= here;
    }
    // Fewer than a moment ago: another thread has turned the tracker, twice. Ask again.
  }
}

/// When to start the next attempt although the last one is still out: what a hedge takes for `after`.
/// `d.delay()` is asked once for each attempt that may follow, on the thread that started the last one. Zero or less: at
/// once; `max()`: never. It must not block or throw, and is asked by many operations at once if they share it.
template <class D>
concept hedge_delay = std::copyable<D> && requires(const D& d) {
  { d.delay() } noexcept -> std::same_as<std::chrono::nanoseconds>;
};

/// Always the same delay.
class fixed_delay {
 public:
  /// Implicit: a duration is a delay.
  template <std::convertible_to<std::chrono::nanoseconds> Duration>
  constexpr fixed_delay(Duration after) noexcept : after_(after) {}
  [[nodiscard]] constexpr std::chrono::nanoseconds delay() const noexcept { return after_; }

 private:
  std::chrono::nanoseconds after_;
};

/// A percentile of what requests took lately: made by `p95(tracker)`. Not less than `at_least`, since an attempt that may
/// answer at any moment is not worth a second one; never, until the tracker knows enough requests to tell.
/// Refers to the tracker, which must outlive it.
template <class Tracker>
class percentile_delay {
 public:
  percentile_delay(const Tracker& tracker, double p, std::chrono::nanoseconds at_least, std::uint64_t enough) noexcept
      : tracker_(&tracker), p_(p), at_least_(at_least), enough_(enough) {}
  [[nodiscard]] std::chrono::nanoseconds delay() const noexcept {
    const std::chrono::nanoseconds known = tracker_->percentile(p_, enough_);
    return known < at_least_ ? at_least_ : known;
  }

 private:
  const Tracker* tracker_;
  double p_;
  std::chrono::nanoseconds at_least_;
  std::uint64_t enough_;
};

namespace detail {
// Not constexpr: called in a constant expression it is an error, and its name is what the compiler prints.
inline void a_percentile_is_more_than_0_and_at_most_1_as_in_0_95() noexcept {}
}  // namespace detail

/// A share of all requests; applied to a tracker, the delay that this share of the tracker's requests did not exceed:
/// `.after(p95(tracker))`, `.after(percentile(0.97)(tracker, 5ms))`. Hedging after p costs at most 1 - p more requests.
class percentile {
 public:
  /// pre: 0 < p <= 1 (else the nearer end is used; in a constant expression it does not compile)
  constexpr explicit percentile(double p) noexcept : p_(p) {
    if (p > 0 && p <= 1) return;
    if (std::is_constant_evaluated()) detail::a_percentile_is_more_than_0_and_at_most_1_as_in_0_95();
    FANOUT_ASSERT(false, "a percentile is a share of the requests: more than 0 and at most 1, as in 0.95");
    p_ = p > 1 ? 1 : std::numeric_limits<double>::min();
  }
  [[nodiscard]] constexpr double value() const noexcept { return p_; }

  /// Never less than `at_least`; never at all while the tracker remembers fewer than `enough` requests.
  template <class Platform>
  [[nodiscard("the delay to hedge after")]] percentile_delay<basic_latency_tracker<Platform>> operator()(
      const basic_latency_tracker<Platform>& tracker, std::chrono::nanoseconds at_least = std::chrono::milliseconds(1),
      std::uint64_t enough = 100) const noexcept {
    return {tracker, p_, at_least, enough};
  }
  template <class Platform>
  void operator()(const basic_latency_tracker<Platform>&& tracker, std::chrono::nanoseconds = {},
                  std::uint64_t = 0) const = delete;  // the tracker must outlive the delay

 private:
  double p_;
};

inline constexpr percentile p90{0.90};
inline constexpr percentile p95{0.95};
inline constexpr percentile p99{0.99};

static_assert(hedge_delay<fixed_delay> && hedge_delay<percentile_delay<latency_tracker>>);

}  // namespace fanout

#endif
