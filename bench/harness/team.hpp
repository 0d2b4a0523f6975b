// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_TEAM_HPP
#define FANOUT_BENCH_HARNESS_TEAM_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "harness/machine.hpp"

namespace fanout::bench {

/// Threads on a processor each, the calling one on the first: it is thread 0. They spin between jobs, so that a job begins on all
/// of them at once, one cache line's way after `launch`; and they exist only while they are needed, since a spinning thread slows
/// its neighbours down.
class team {
 public:
  /// pre: 1 <= threads <= processors()
  explicit team(std::size_t threads) : done_(std::make_unique<line[]>(threads)) {
    pin_to(0);
    for (std::size_t t = 1; t < threads; ++t) threads_.emplace_back([this, t] { serve(t); });
  }
  team(const team&) = delete;
  team& operator=(const team&) = delete;
  ~team() {
    run_ = nullptr;
    start_.value.store(start_.value.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    for (std::thread& one : threads_) one.join();
  }

  std::size_t size() const noexcept { return threads_.size() + 1; }

  /// Begins `job(t)` on all threads but 0, which is left to the caller. `job` lives until `join` has returned.
  template <class Job>
  void launch(Job& job) noexcept {
    run_ = [](void* what, std::size_t t) noexcept { (*static_cast<Job*>(what))(t); };
    job_ = &job;
    // release: the job, and all that this thread has written for it
    start_.value.store(start_.value.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  /// Waits until all have returned.
  void join() noexcept {
    const std::uint64_t now = start_.value.load(std::memory_order_relaxed);  // written by this thread
    for (std::size_t t = 1; t < size(); ++t) {
      // acquire: what the job wrote
      while (done_[t].value.load(std::memory_order_acquire) != now) {}
    }
  }

 private:
  struct alignas(cache_line) line {
    std::atomic<std::uint64_t> value{0};
  };

  void serve(std::size_t t) noexcept {
    pin_to(t);
    for (std::uint64_t next = 1;; ++next) {
      while (start_.value.load(std::memory_order_acquire) != next) {}
      if (run_ == nullptr) return;
      run_(job_, t);
      done_[t].value.store(next, std::memory_order_release);
    }
  }

  line start_;                                          // #jobs launched
  void (*run_)(void*, std::size_t) noexcept = nullptr;  // published by start_
  void* job_ = nullptr;                                 // the same
  std::unique_ptr<line[]> done_;                        // by thread: #jobs done
  std::vector<std::thread> threads_;
};

}  // namespace fanout::bench

#endif
