// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_FIGURES_OPERATIONS_HPP
#define FANOUT_BENCH_FIGURES_OPERATIONS_HPP

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

// The null operations that every contender starts. Each is a real call, which no compiler sees through, and what it
// reports is read at run time: neither side may know that it never fails.

#if defined(__GNUC__) && !defined(__clang__)
#define BENCH_OUT_OF_LINE [[gnu::noipa]]
#else
#define BENCH_OUT_OF_LINE [[gnu::noinline]]
#endif

namespace bench {

inline constexpr std::size_t most_branches = 1024;

/// What every operation reports. The value changes from fan-out to fan-out, so that a result of the one before, still in
/// the memory that malloc hands out again, does not pass for this one's.
struct report {
  int error;
  int value;
};
extern report null_report;

using c_callback = void (*)(int error, void* context);

// In C. Each returns -EINPROGRESS for "I shall call you", anything else for "done, I shall not".
int returns(int* out, c_callback callback, void* context);     // done at once: reports by its return value
int calls_back(int* out, c_callback callback, void* context);  // calls back before it returns
int keeps(int* out, c_callback callback, void* context);       // keeps the callback for `complete_kept`
void complete_kept();                                          // writes the results and calls back, in order

// The same with a branch's handle, taken by value, in the place of out-parameter, callback and context.
template <class Branch>
BENCH_OUT_OF_LINE void completes(Branch branch) {
  branch(null_report.error, null_report.value);
}

template <class Branch>
struct kept_branches {
  static inline std::size_t count = 0;
  alignas(Branch) static inline std::byte storage[most_branches * sizeof(Branch)];

  static Branch* at(std::size_t i) noexcept { return reinterpret_cast<Branch*>(storage) + i; }
};

template <class Branch>
BENCH_OUT_OF_LINE void keeps_branch(Branch branch) {
  using kept = kept_branches<Branch>;
  ::new (static_cast<void*>(kept::at(kept::count++))) Branch(std::move(branch));
}

template <class Branch>
BENCH_OUT_OF_LINE void complete_kept_branches() {
  using kept = kept_branches<Branch>;
  for (Branch *at = kept::at(0), *end = kept::at(kept::count); at != end; ++at) {
    Branch branch(std::move(*at));  // out of its storage before it is completed, as event loops do
    std::destroy_at(at);
    branch(null_report.error, null_report.value);
  }
  kept::count = 0;
}

}  // namespace bench

#endif
