// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_STRATEGY_HPP
#define FANOUT_BENCH_HARNESS_STRATEGY_HPP

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>

#include "fanout/batch.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/refcount/concept.hpp"
#include "harness/conformance.hpp"
#include "harness/machine.hpp"
#include "harness/patterns.hpp"
#include "harness/registry.hpp"
#include "harness/report.hpp"
#include "harness/team.hpp"

namespace fanout::bench {

/// The count alone. A round: the issuer makes the strategy, T threads release their branches, the issuer its own and then its
/// reference, and exactly one of all calls must have returned true. Timed is all of that, with the hand-over to the threads and
/// back, which is the same for everybody. The strategy's storage is allocated before and used again: in an operation it lies in an
/// allocation that is made anyhow.
///
/// A strategy that joins batches is released inside batch scopes of `burst` branches, as in an event loop's turn.
template <class S>
class strategy_rounds {
 public:
  explicit strategy_rounds(const setting& s)
      : setting_(s), laps_(s.work_ns != 0 ? laps_for(s.work_ns) : 0), storage_(s.branches) {
    if (s.threads > 1) team_.emplace(s.threads);
  }

  /// False: not exactly one call returned true.
  bool run() noexcept {
    S* const count = ::new (static_cast<void*>(room_)) S(setting_.branches, storage_.get());
    std::uint64_t lasts = 0;
    if (team_) {
      auto job = [this, count](std::size_t t) noexcept { others_[t].lasts = release_share(*count, t); };
      team_->launch(job);
      lasts = release_share(*count, 0);
      lasts += release_issuer(*count);
      team_->join();
      for (std::size_t t = 1; t < setting_.threads; ++t) lasts += others_[t].lasts;
    } else {
      lasts = release_share(*count, 0);
      lasts += release_issuer(*count);
    }
    std::destroy_at(count);
    return lasts == 1;
  }

 private:
  static std::uint64_t release_issuer(S& count) noexcept {
    if constexpr (refcount::without_issuer_reference<S>) {
      return 0;
    } else {
      return std::uint64_t{count.release_issuer(0, 0)};
    }
  }
  // A function of its own: what is around it takes no registers from its loop, and nothing from what the compiler inlines there.
  [[gnu::noinline]] std::uint64_t release_share(S& count, std::size_t t) noexcept {
    return laps_ != 0 ? release_share<true>(count, t) : release_share<false>(count, t);
  }
  template <bool Works>
  std::uint64_t release_share(S& count, std::size_t t) noexcept {
    const std::size_t n = setting_.branches, threads = setting_.threads;
    switch (setting_.arrival.what) {
      case pattern::strided:
        return release_each<Works>(count, {t, n}, threads);
      case pattern::batched:
        return release_runs<Works>(count, block_of(n, t, threads));
      case pattern::skewed:
        return release_each<Works>(count, skewed_block_of(n, t, threads));
      default:
        return release_each<Works>(count, block_of(n, t, threads));
    }
  }

  // Between two releases other code runs: nobody may keep a count in a register.
  static void forget() noexcept { asm volatile("" ::: "memory"); }

  template <bool Works>
  std::uint64_t release_each(S& count, share mine, std::size_t step = 1) noexcept {
    if constexpr (refcount::joins_batches<S>) {
      return release_in_turns<Works>(count, mine, step);
    } else {
      std::uint64_t lasts = 0;
      for (std::size_t i = mine.first; i < mine.last; i += step) {
        if constexpr (Works) work(laps_);
        lasts += std::uint64_t{count.release(i, 1)};
        forget();
      }
      return lasts;
    }
  }

  // As fanout_op does it.
  template <bool Works>
  std::uint64_t release_in_turns(S& count, share mine, std::size_t step) noexcept {
    using batch = detail::batch<typename S::platform>;
    constexpr bool any = refcount::anonymous<S>;
    struct {
      S* count;
      std::uint64_t lasts;
    } to{&count, 0};
    const auto release = [](void* of, [[maybe_unused]] std::size_t first, std::uint64_t k) noexcept {
      auto& there = *static_cast<decltype(to)*>(of);
      if constexpr (any) {
        there.lasts += std::uint64_t{there.count->release_any(k)};
      } else {
        there.lasts += std::uint64_t{there.count->release(first, k)};
      }
    };
    for (std::size_t i = mine.first; i < mine.last;) {
      const basic_batch_scope<typename S::platform> turn;
      for (std::size_t k = 0; k != burst && i < mine.last; ++k, i += step) {
        if constexpr (Works) work(laps_);
        if (auto* const open = batch::innermost()) open->template add<any>(&to, release, any ? 0 : i);
        forget();
      }
    }
    return to.lasts;
  }

  // What a batch comes to: any k where the strategy does not care which.
  template <bool Works>
  std::uint64_t release_runs(S& count, share mine) noexcept {
    std::uint64_t lasts = 0;
    for (std::size_t i = mine.first; i < mine.last; i += burst) {
      const std::size_t k = std::min(burst, mine.last - i);
      if constexpr (Works) work(laps_ * k);
      lasts += std::uint64_t{release_together(count, i, k)};
      forget();
    }
    return lasts;
  }
  static bool release_together(S& count, std::size_t first, std::size_t k) noexcept {
    if constexpr (refcount::anonymous<S>) {
      return count.release_any(k);
    } else {
      return count.release(first, k);
    }
  }
  struct alignas(cache_line) line {
    std::uint64_t lasts = 0;
  };

  const setting setting_;
  const std::uint64_t laps_;
  const strategy_storage<S> storage_;
  std::unique_ptr<line[]> others_ = std::make_unique<line[]>(setting_.threads);
  // The count has lines of its own.
  alignas(std::max(alignof(S), cache_line)) std::byte room_[(sizeof(S) + cache_line - 1) / cache_line * cache_line];
  std::optional<team> team_;
};

template <class S>
entry strategy_entry(const char* name) {
  return {.in = family::strategy,
          .name = name,
          .fits = [](const setting& s) { return !refcount::single_threaded<S> || s.threads == 1; },
          .measure = [](::benchmark::State& state, const setting& s,
                        const entry& e) { measure_rounds<strategy_rounds<S>>(state, s, e); },
          .count = &count_rounds<strategy_rounds<S>>,
          .conforms = &conform<S>,
          .identity = identity_of<S>(),
          .checked = false,
          .own_threads = false};
}

}  // namespace fanout::bench

#endif
