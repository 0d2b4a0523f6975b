// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_PATTERNS_HPP
#define FANOUT_BENCH_HARNESS_PATTERNS_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace fanout::bench {

/// `strategy` times the count alone, `operation` whole fan-outs.
enum class family : unsigned char { strategy, operation };

/// Who completes which branch, and when.
enum class pattern : unsigned char {
  block,      // strategy: each thread releases neighbours, one at a time
  strided,    // strategy: thread t of T releases t, t + T, t + 2T, …
  batched,    // strategy: as block, `burst` branches at a time
  inline_,    // operation: each branch completes inside its start
  deferred,   // operation: the issuing thread completes all of them afterwards
  cross,      // operation: one other thread completes all of them afterwards
  all,        // operation: all threads complete a block each afterwards, at once
  streaming,  // operation: the other threads complete what is issued while more is issued
  bursty,     // operation: `burst` at a time, in turn on all threads; where a contender has turns, one turn
  skewed,     // both: one thread has nine branches of ten
};

/// How many branches arrive together, in `batched` and `bursty`.
inline constexpr std::size_t burst = 64;

struct pattern_info {
  family of;
  pattern what;
  std::string_view name;
  std::size_t least_threads;
  std::size_t most_threads;  // 0: as many as there are
};
inline constexpr pattern_info patterns[] = {
    {family::strategy, pattern::block, "block", 1, 0},
    {family::strategy, pattern::strided, "strided", 2, 0},
    {family::strategy, pattern::batched, "batched", 1, 0},
    {family::strategy, pattern::skewed, "skewed", 2, 0},
    {family::operation, pattern::inline_, "inline", 1, 1},
    {family::operation, pattern::deferred, "deferred", 1, 1},
    {family::operation, pattern::cross, "cross", 2, 2},
    {family::operation, pattern::all, "all", 2, 0},
    {family::operation, pattern::streaming, "streaming", 2, 0},
    {family::operation, pattern::bursty, "bursty", 1, 0},
    {family::operation, pattern::skewed, "skewed", 2, 0},
};

constexpr std::string_view name_of(family f) { return f == family::strategy ? "strategy" : "operation"; }

/// The most branches that are measured.
inline constexpr std::size_t most_branches = 1'000'000;

/// One benchmark, but for who runs in it.
struct setting {
  pattern_info arrival;
  std::size_t branches;
  std::uint64_t work_ns;  // per branch, before it completes
  std::size_t threads;    // the issuing one included
};

/// The branches [first, last) of thread t.
struct share {
  std::size_t first, last;
};
constexpr share block_of(std::size_t n, std::size_t t, std::size_t threads) {
  return {n * t / threads, n * (t + 1) / threads};
}
/// The last thread has nine of ten, the others the rest.
constexpr share skewed_block_of(std::size_t n, std::size_t t, std::size_t threads) {
  if (threads == 1) return {0, n};
  const std::size_t rest = n / 10;
  if (t + 1 == threads) return {rest, n};
  return block_of(rest, t, threads - 1);
}

}  // namespace fanout::bench

#endif
