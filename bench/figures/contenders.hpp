// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_FIGURES_CONTENDERS_HPP
#define FANOUT_BENCH_FIGURES_CONTENDERS_HPP

#include <cstddef>
#include <string_view>

namespace bench {

/// How an operation completes.
enum class mode : unsigned char {
  inline_c,  // it returns its result to the C code that called it
  inline_,   // it calls back, or completes its handle, before it returns
  deferred,  // its callback or handle is kept, and completed later on the same thread
  cross,     // … on another thread
};

constexpr std::string_view name_of(mode m) {
  switch (m) {
    case mode::inline_c:
      return "inline_c";
    case mode::inline_:
      return "inline";
    case mode::deferred:
      return "deferred";
    case mode::cross:
      return "cross";
  }
  return {};
}

/// One way to fan out, in one mode. `issue(n)` makes the operation and starts its n branches; `complete`, null where they
/// complete inline, completes them. Together they run the completion once, which leaves the sum of all values in `sum`.
struct contender {
  mode when;
  std::string_view name;
  int allocations;  // that it may make per fan-out
  void (*issue)(std::size_t n);
  void (*complete)();
};

extern int sum;

/// All of them, `handwritten` first in each mode.
struct contender_list {
  const contender* first;
  const contender* last;
  const contender* begin() const noexcept { return first; }
  const contender* end() const noexcept { return last; }
};
contender_list contenders() noexcept;

/// The sizes that are measured.
inline constexpr std::size_t sizes[] = {1, 4, 16, 64, 256, 1024};

/// One fan-out on this thread. False if its result is wrong.
bool run_once(const contender& c, std::size_t n) noexcept;

/// To be called before each fan-out, and what `sum` must be after it.
int next_expected_sum(std::size_t n) noexcept;

}  // namespace bench

#endif
