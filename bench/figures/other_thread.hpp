// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_FIGURES_OTHER_THREAD_HPP
#define FANOUT_BENCH_FIGURES_OTHER_THREAD_HPP

#include <atomic>
#include <thread>

#include "processors.hpp"

namespace bench {

/// A thread on a processor of its own that runs what it is given, and spins in between. It exists only while it is needed:
/// a spinning thread slows its neighbours down.
class other_thread {
 public:
  other_thread() : thread_([this] { serve(); }) {}
  other_thread(const other_thread&) = delete;
  other_thread& operator=(const other_thread&) = delete;
  ~other_thread() {
    given_.store(&stop, std::memory_order_release);
    thread_.join();
  }

  /// Runs `work` there, and returns when it has returned.
  void run(void (*work)()) noexcept {
    given_.store(work, std::memory_order_release);               // release: what this thread wrote, for the work
    while (given_.load(std::memory_order_acquire) != nullptr) {  // acquire: what the work wrote
    }
  }

 private:
  static void stop() {}

  void serve() noexcept {
    pin_to(1);
    for (;;) {
      void (*work)() = given_.load(std::memory_order_acquire);
      if (work == nullptr) continue;
      if (work == &stop) return;
      work();
      given_.store(nullptr, std::memory_order_release);
    }
  }

  alignas(64) std::atomic<void (*)()> given_{nullptr};  // the work to do; null: done
  alignas(64) std::thread thread_;
};

}  // namespace bench

#endif
