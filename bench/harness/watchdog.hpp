// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_WATCHDOG_HPP
#define FANOUT_BENCH_HARNESS_WATCHDOG_HPP

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace fanout::bench {

/// Ends the program, with a sentence that names what runs, when a round takes too long: a contender that loses a completion waits for
/// it for ever, in whatever way it waits. A thread that sleeps, and looks twice a second. One lives as long as the harness runs: so the
/// program has two threads for everybody, also for a library that counts without atomics while there is but one.
class watchdog {
 public:
  watchdog();
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  /// A round begins. Cost: a load and a store of the calling thread's own.
  static void round_begins() noexcept {
    // relaxed: written by one thread; that it changes is all that the other one wants to know
    rounds.store(rounds.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  /// While it lives, rounds of `what` are run, each of which makes branches work so long in all.
  class on_duty {
   public:
    on_duty(std::string what, std::chrono::nanoseconds work);
    ~on_duty();
    on_duty(const on_duty&) = delete;
    on_duty& operator=(const on_duty&) = delete;
  };

 private:
  struct duty {
    std::string what;
    std::chrono::nanoseconds longest;  // that a round may take
  };

  void look_now_and_then();

  static inline std::atomic<unsigned> rounds{0};
  static inline std::mutex mutex{};
  static inline std::optional<duty> current{};  // guarded by it
  std::condition_variable over_;
  bool is_over_ = false;  // the same
  std::thread thread_;
};

}  // namespace fanout::bench

#endif
