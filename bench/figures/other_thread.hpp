// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_FIGURES_OTHER_THREAD_HPP
#define FANOUT_BENCH_FIGURES_OTHER_THREAD_HPP

#include <atomic>
#include <cstddef>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace bench {

/// The processors that this process may use; `pin_to(k)` binds the calling thread to the k-th of them.
#if defined(__linux__)
inline cpu_set_t allowed_processors() noexcept {
  static const cpu_set_t at_start = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    return set;
  }();
  return at_start;
}
inline std::size_t processors() noexcept {
  const cpu_set_t set = allowed_processors();
  return static_cast<std::size_t>(CPU_COUNT(&set));
}
inline void pin_to(std::size_t k) noexcept {
  const cpu_set_t allowed = allowed_processors();
  for (std::size_t cpu = 0; cpu != CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || k-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}
#else
inline std::size_t processors() noexcept { return std::thread::hardware_concurrency(); }
inline void pin_to(std::size_t) noexcept {}
#endif

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
