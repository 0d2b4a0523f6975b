// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_STRESS_CREW_HPP
#define FANOUT_TESTS_STRESS_CREW_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace stress {

/// Something that a thread of the crew is to do.
struct task {
  void (*run)(task&) noexcept = nullptr;
};

/// Passes a moment without blocking. Gives the processor away now and then: there may be fewer of them than threads.
inline void pass(unsigned& turns) noexcept {
  if (++turns % 16 == 0) std::this_thread::yield();
}

/// Threads that live as long as the program and work through one round after the other.
///
/// In a round each member has a row of places, which the one thread that issues fills in order. Nothing is written back
/// before the round ends: what a reporting thread does reaches whoever completes the operation through the library's
/// own synchronisation or not at all, and ThreadSanitizer can tell. The rows outlive every round, so that no wait here
/// ever touches memory that a woken thread may have freed, as it can with std::latch.
class crew {
 public:
  static constexpr std::size_t size = 3;

  crew() {
    for (std::size_t m = 0; m != size; ++m) threads_[m] = std::thread([this, m] { work(m); });
  }
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;
  ~crew() {
    for (std::size_t m = 0; m != size; ++m) post(m, leave_);
    for (std::thread& t : threads_) t.join();
  }

  /// Only by the thread that issues.
  void post(std::size_t member, task& t) noexcept {
    row& to = rows_[member];
    if (to.filled == places) {
      std::fputs("stress: a row is too short for the round\n", stderr);
      std::abort();
    }
    to.at[to.filled++].store(&t, std::memory_order_release);  // release: the task is complete when it is found
  }

  /// Returns when every member has done all that was posted; what they wrote is visible then.
  void end_round() noexcept {
    for (std::size_t m = 0; m != size; ++m) post(m, end_);
    unsigned turns = 0;
    while (arrived_.load(std::memory_order_acquire) != size) pass(turns);
    for (row& r : rows_) {
      while (r.filled != 0) r.at[--r.filled].store(nullptr, std::memory_order_relaxed);
    }
    arrived_.store(0, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);  // release: with the rows empty
  }

 private:
  static constexpr std::size_t places = 128;

  struct row {
    std::array<std::atomic<task*>, places> at{};  // null: not filled yet
    std::size_t filled = 0;                       // the issuing thread's
  };

  void work(std::size_t member) noexcept {
    unsigned turns = 0;
    for (unsigned seen = 0;; ++seen) {
      while (round_.load(std::memory_order_acquire) != seen) pass(turns);
      for (std::size_t k = 0;; ++k) {
        task* next;
        while ((next = rows_[member].at[k].load(std::memory_order_acquire)) == nullptr) pass(turns);
        if (next == &leave_) return;
        if (next == &end_) break;
        next->run(*next);
      }
      arrived_.fetch_add(1, std::memory_order_release);
    }
  }

  task end_, leave_;
  std::array<row, size> rows_;
  std::atomic<std::size_t> arrived_{0};  // #members that have done their part of the round
  std::atomic<unsigned> round_{0};       // #rounds that are over
  std::array<std::thread, size> threads_;
};

}  // namespace stress

#endif  // FANOUT_TESTS_STRESS_CREW_HPP
