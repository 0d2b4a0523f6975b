// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_OPERATION_HPP
#define FANOUT_BENCH_HARNESS_OPERATION_HPP

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "harness/machine.hpp"
#include "harness/patterns.hpp"
#include "harness/registry.hpp"
#include "harness/report.hpp"
#include "harness/team.hpp"

// A call that no compiler sees through: the initiators and whoever completes branches are somebody else's code.
#if defined(__GNUC__) && !defined(__clang__)
#define FANOUT_BENCH_OUT_OF_LINE [[gnu::noipa]]
#else
#define FANOUT_BENCH_OUT_OF_LINE [[gnu::noinline]]
#endif

namespace fanout::bench {

/// What the branches of this round report: `first_value + i` for branch i, and an error that is always 0, read at run time so that
/// nobody knows it. The value changes from round to round: a result that is left in memory does not pass for this one's.
struct null_report {
  int error = 0;
  int first_value = 0;
  std::uint64_t laps = 0;  // of work, before each
};
extern null_report reported;

inline int value_of(std::size_t i) noexcept { return reported.first_value + static_cast<int>(i); }

/// Where a completion leaves the sum of all values; once.
class answer {
 public:
  void deliver(std::int64_t sum) noexcept {
    sum_ = sum;
    ready_.store(true, std::memory_order_release);
  }
  std::int64_t wait() noexcept {
    while (!ready_.load(std::memory_order_acquire)) {}
    return sum_;
  }

 private:
  std::int64_t sum_ = -1;
  std::atomic<bool> ready_{false};  // publishes sum_
};

// A whole contender is a class C, of which an object is one fan-out:
//
//   C(n, to)           what it takes to fan out to n branches, and the `answer` to deliver to; noexcept is not needed
//   issue(start)       makes n branches and calls `start(i, branch)` for each, i from 0. A branch is movable and is called once,
//                      on any thread, with (error, value); maybe before `start` returns. For C it is a `c_branch`
//   wait()             optional: blocks in the contender's own way until the sum is there, and delivers it. Without it the answer
//                      is what one waits for, and whoever completes last delivers
//
// and for those that are special:
//
//   C::turn            a type of which an object lives around each burst, as a turn of an event loop
//   C::takes(n)        whether it can fan out to n branches; static. For what knows its sizes when it is compiled
//   C::max_threads     1 for what must not leave a thread
//   C::own_threads     has threads of its own: `use_threads(T)` is called before, and the initiator completes each branch at once,
//                      on whichever thread `issue` calls it. Takes part in inline and all
//   C::joins_first     counts nothing: it may be waited for when all threads are back

template <class C>
inline constexpr bool has_own_threads = requires { requires C::own_threads; };
template <class C>
inline constexpr bool joins_first = requires { requires C::joins_first; };

template <class C>
bool operation_fits(const setting& s) noexcept {
  if constexpr (requires { C::takes(s.branches); }) {
    if (!C::takes(s.branches)) return false;
  }
  if constexpr (has_own_threads<C>) return s.arrival.what == pattern::inline_ || s.arrival.what == pattern::all;
  if constexpr (requires { C::max_threads; }) return s.threads <= C::max_threads;
  return true;
}

/// Branches that wait to be completed: of one type at a time, in memory that is used again.
class kept_branches {
 public:
  using complete_type = void (*)(std::size_t first, std::size_t last);

  static void reserve(std::size_t n);
  template <class Branch>
  static Branch* at(std::size_t i) noexcept {
    static_assert(
        sizeof(Branch) <= most_bytes && alignof(Branch) <= alignof(std::max_align_t),
        "fanout::bench: a contender's branch has at most 64 bytes, and no alignment above that of new memory");
    return std::launder(reinterpret_cast<Branch*>(memory_ + i * sizeof(Branch)));
  }

  /// Completes some of those that are kept.
  static inline complete_type complete = nullptr;

 private:
  static constexpr std::size_t most_bytes = 64;
  static std::byte* memory_;
};

/// A branch in C. It is passed in three registers, as C passes it, and not as an object in memory, which costs several nanoseconds.
struct c_branch {
  void (*callback)(int error, void* context);
  void* context;
  int* out;

  void operator()(int error, int value) const noexcept {
    *out = value;
    callback(error, context);
  }
};

template <class Branch>
FANOUT_BENCH_OUT_OF_LINE void complete_now(std::size_t i, Branch branch) {
  if (reported.laps != 0) work(reported.laps);
  std::move(branch)(reported.error, value_of(i));
}
void complete_now_c(std::size_t i, int* out, void (*callback)(int, void*), void* context);
template <class Branch>
FANOUT_BENCH_OUT_OF_LINE void complete_kept(std::size_t first, std::size_t last) {
  const std::uint64_t laps = reported.laps;
  Branch* at = kept_branches::at<Branch>(first);
  for (std::size_t i = first; i != last; ++i, ++at) {
    if (laps != 0) work(laps);
    Branch branch(std::move(*at));  // out of its storage before it is completed, as event loops do
    std::destroy_at(at);
    std::move(branch)(reported.error, value_of(i));
  }
}
template <class Branch>
void keep_in_place(std::size_t i, Branch&& branch) {
  using kept = std::remove_cvref_t<Branch>;
  // Written once: in `streaming` the others read it while more is kept.
  if (kept_branches::complete != &complete_kept<kept>) kept_branches::complete = &complete_kept<kept>;
  ::new (static_cast<void*>(kept_branches::at<kept>(i))) kept(std::forward<Branch>(branch));
}
template <class Branch>
FANOUT_BENCH_OUT_OF_LINE void keep(std::size_t i, Branch branch) {
  keep_in_place(i, std::move(branch));
}
void keep_c(std::size_t i, int* out, void (*callback)(int, void*), void* context);

/// Whole fan-outs. A round: from making the operation to the answer and the return of all threads. Exactly the sum of all branches'
/// values must arrive.
template <class C>
class operation_rounds {
 public:
  explicit operation_rounds(const setting& s) : setting_(s) {
    reported.laps = s.work_ns != 0 ? laps_for(s.work_ns) : 0;
    kept_branches::reserve(s.branches);
    if constexpr (has_own_threads<C>) {
      pin_to(0);
      C::use_threads(s.threads);
    } else if (s.threads > 1) {
      team_.emplace(s.threads);
    }
  }

  bool run() {
    const auto n = static_cast<std::int64_t>(setting_.branches);
    reported.first_value = reported.first_value % 1000 + 1;
    answer to;
    fan_out(to);
    return to.wait() == n * reported.first_value + n * (n - 1) / 2;
  }

 private:
  static constexpr auto start_inline = []<class Branch>(std::size_t i, Branch branch) {
    if constexpr (std::is_same_v<Branch, c_branch>) {
      complete_now_c(i, branch.out, branch.callback, branch.context);
    } else {
      complete_now(i, std::move(branch));
    }
  };
  static constexpr auto start_kept = []<class Branch>(std::size_t i, Branch branch) {
    if constexpr (std::is_same_v<Branch, c_branch>) {
      keep_c(i, branch.out, branch.callback, branch.context);
    } else {
      keep(i, std::move(branch));
    }
  };

  // A function of its own, as the caller's is: what is around it takes no registers from its loop.
  template <class Start>
  FANOUT_BENCH_OUT_OF_LINE static void issue_all(C& op, Start start) {
    op.issue(start);
  }

  void fan_out(answer& to) {
    const std::size_t n = setting_.branches, threads = setting_.threads;
    C op(n, to);
    if constexpr (has_own_threads<C>) {
      issue_all(op, start_inline);
      return wait(op, to);
    } else {
      switch (setting_.arrival.what) {
        case pattern::inline_:
          issue_all(op, start_inline);
          return wait(op, to);
        case pattern::streaming:
          return stream(op, to);
        default:
          issue_all(op, start_kept);
      }
      switch (setting_.arrival.what) {
        case pattern::cross:
          return complete(op, to, [n](std::size_t t) {
            if (t != 0) kept_branches::complete(0, n);
          });
        case pattern::all:
          return complete(op, to, [n, threads](std::size_t t) {
            const share mine = block_of(n, t, threads);
            kept_branches::complete(mine.first, mine.last);
          });
        case pattern::skewed:
          return complete(op, to, [n, threads](std::size_t t) {
            const share mine = skewed_block_of(n, t, threads);
            kept_branches::complete(mine.first, mine.last);
          });
        case pattern::bursty:
          return complete(op, to, [n, threads](std::size_t t) {
            for (std::size_t i = t * burst; i < n; i += threads * burst) one_turn(i, std::min(i + burst, n));
          });
        default:
          kept_branches::complete(0, n);
          return wait(op, to);
      }
    }
  }

  static void one_turn(std::size_t first, std::size_t last) {
    if constexpr (requires { typename C::turn; }) {
      const typename C::turn turn;
      kept_branches::complete(first, last);
    } else {
      kept_branches::complete(first, last);
    }
  }

  // All threads at once, this one as thread 0.
  template <class Job>
  void complete(C& op, answer& to, Job job) {
    if (!team_) {
      job(0);
      return wait(op, to);
    }
    team_->launch(job);
    job(0);
    join(op, to);
  }

  // Branch i belongs to thread i mod (T - 1), but for the issuing one.
  void stream(C& op, answer& to) {
    struct alignas(cache_line) {
      std::atomic<std::size_t> issued{0};
    } line;
    auto job = [this, &line](std::size_t t) noexcept {
      std::size_t seen = 0;
      for (std::size_t i = t - 1; i < setting_.branches; i += setting_.threads - 1) {
        while (seen <= i) seen = line.issued.load(std::memory_order_acquire);
        kept_branches::complete(i, i + 1);
      }
    };
    team_->launch(job);
    issue_all(op, [&line](std::size_t i, auto branch) {
      start_kept(i, std::move(branch));
      line.issued.store(i + 1, std::memory_order_release);
    });
    join(op, to);
  }

  void join(C& op, answer& to) {
    if constexpr (joins_first<C>) team_->join();
    wait(op, to);
    if constexpr (!joins_first<C>) team_->join();
  }
  static void wait(C& op, answer& to) {
    if constexpr (requires { op.wait(); }) {
      op.wait();
    } else {
      to.wait();
    }
  }

  const setting setting_;
  std::optional<team> team_;
};

template <class C>
entry operation_entry(const char* name) {
  return {.in = family::operation,
          .name = name,
          .fits = &operation_fits<C>,
          .measure = [](::benchmark::State& state, const setting& s,
                        const entry& e) { measure_rounds<operation_rounds<C>>(state, s, e); },
          .count = &count_rounds<operation_rounds<C>>,
          .conforms = nullptr,
          .identity = nullptr,
          .checked = true,
          .own_threads = has_own_threads<C>};
}

}  // namespace fanout::bench

#endif
