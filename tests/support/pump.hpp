// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_PUMP_HPP
#define FANOUT_TESTS_SUPPORT_PUMP_HPP

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace support {

/// An executor that runs what was posted when a test says so, on the test's thread. Takes move-only functions.
class pump {
 public:
  template <class F>
  void post(F f) {
    queue_.push_back(std::make_unique<task_of<F>>(std::move(f)));
  }

  /// Runs the oldest task. False if there is none.
  bool run_one() {
    if (queue_.empty()) return false;
    const std::unique_ptr<task> first = std::move(queue_.front());
    queue_.pop_front();
    first->run();
    return true;
  }

  /// Runs tasks until there are none. Says how many.
  std::size_t run() {
    std::size_t n = 0;
    while (run_one()) ++n;
    return n;
  }

  std::size_t size() const noexcept { return queue_.size(); }

 private:
  struct task {
    task() = default;
    task(const task&) = delete;
    task& operator=(const task&) = delete;
    virtual ~task() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct task_of final : task {
    explicit task_of(F f) : function(std::move(f)) {}
    void run() override { std::move(function)(); }
    F function;
  };

  std::deque<std::unique_ptr<task>> queue_;
};

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_PUMP_HPP
