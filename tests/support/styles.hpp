// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_STYLES_HPP
#define FANOUT_TESTS_SUPPORT_STYLES_HPP

#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/algorithm/future.hpp"
#include "fanout/algorithm/wait.hpp"

namespace support {

/// Runs a description to its end, as a callback, a blocked thread or a future, and returns the outcome: the same each time.
struct by_callback {
  template <class Description>
  static auto run(Description description) {
    std::promise<typename Description::outcome_type> done;
    auto outcome = done.get_future();
    std::move(description).then([&done](auto o) noexcept { done.set_value(std::move(o)); });
    return outcome.get();
  }
};
struct by_wait {
  template <class Description>
  static auto run(Description description) {
    return fanout::wait(std::move(description));
  }
};
struct by_future {
  template <class Description>
  static auto run(Description description) {
    return fanout::async(std::move(description)).get();
  }
};

/// Threads that complete branches. Joined when it goes.
class threads {
 public:
  threads() = default;
  threads(const threads&) = delete;
  threads& operator=(const threads&) = delete;
  ~threads() { join(); }

  template <class F>
  void run(F f) {
    all_.emplace_back(std::move(f));
  }
  void join() {
    for (std::thread& one : all_) one.join();
    all_.clear();
  }

 private:
  std::vector<std::thread> all_;
};

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_STYLES_HPP
