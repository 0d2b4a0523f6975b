// SPDX-License-Identifier: BSL-1.0
// oneTBB's task_group: one task per branch, on threads of its own.
#include "harness/builtin.hpp"

#if FANOUT_BENCH_HAS_TBB

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <tbb/task_scheduler_observer.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "harness/harness.hpp"

namespace fanout::bench {
namespace {

/// An arena whose k-th thread is on the k-th processor, so that it has no other processors than its rivals.
class pinned_arena {
  class pinning : public tbb::task_scheduler_observer {
   public:
    explicit pinning(tbb::task_arena& arena) : task_scheduler_observer(arena) { observe(true); }
    ~pinning() override { observe(false); }
    void on_scheduler_entry(bool) override {
      const int mine = tbb::this_task_arena::current_thread_index();
      pin_to(static_cast<std::size_t>(std::max(mine, 0)));
    }
  };

 public:
  explicit pinned_arena(std::size_t threads) : arena_(static_cast<int>(threads)), pinning_(arena_) {}
  tbb::task_arena& get() noexcept { return arena_; }

 private:
  tbb::task_arena arena_;
  pinning pinning_;
};

class tbb_task_group {
 public:
  static constexpr bool own_threads = true;
  static void use_threads(std::size_t threads) {
    static std::size_t now = 0;
    if (now == threads) return;
    arena() = std::make_unique<pinned_arena>(threads);
    now = threads;
  }

  tbb_task_group(std::size_t n, answer& to) : to_(&to), results_(n) {}

  struct branch {
    tbb_task_group* owner;
    std::size_t index;
    void operator()(int error, int value) const noexcept {
      owner->results_[index] = value;
      if (error != 0) owner->error_ = error;
    }
  };
  template <class Start>
  void issue(Start start) {
    arena()->get().execute([&] {
      tbb::task_group group;
      for (std::size_t i = 0; i != results_.size(); ++i) {
        group.run([this, &start, i] { start(i, branch{this, i}); });
      }
      group.wait();
    });
  }
  void wait() noexcept {
    std::int64_t sum = 0;
    for (const int value : results_) sum += value;
    to_->deliver(error_ == 0 ? sum : -1);
  }

 private:
  static std::unique_ptr<pinned_arena>& arena() {
    static std::unique_ptr<pinned_arena> current;
    return current;
  }

  answer* const to_;
  std::vector<int> results_;
  std::atomic<int> error_{0};
};

}  // namespace

void add_tbb() {
  // Asked while this thread is not pinned yet, or it would take the one processor for all.
  static const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, processors());
  add_contender<tbb_task_group>("tbb_task_group");
}

}  // namespace fanout::bench

#else

void fanout::bench::add_tbb() {}

#endif
