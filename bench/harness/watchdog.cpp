// SPDX-License-Identifier: BSL-1.0
#include "harness/watchdog.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

namespace fanout::bench {
namespace {

constexpr std::chrono::seconds enough{10};  // for a round without work, on the slowest machine
constexpr std::chrono::milliseconds nap{500};

}  // namespace

watchdog::watchdog() : thread_([this] { look_now_and_then(); }) {}

watchdog::~watchdog() {
  {
    const std::lock_guard guard(mutex);
    is_over_ = true;
  }
  over_.notify_one();
  thread_.join();
}

watchdog::on_duty::on_duty(std::string what, std::chrono::nanoseconds work) {
  round_begins();
  const std::lock_guard guard(mutex);
  current = duty{std::move(what), enough + 4 * work};
}
watchdog::on_duty::~on_duty() {
  const std::lock_guard guard(mutex);
  current.reset();
}

void watchdog::look_now_and_then() {
  using clock = std::chrono::steady_clock;
  std::unique_lock guard(mutex);
  unsigned seen = 0;
  for (clock::time_point since = clock::now(); !over_.wait_for(guard, nap, [this] { return is_over_; });) {
    const unsigned now = rounds.load(std::memory_order_relaxed);
    if (!current || now != seen) {
      seen = now;
      since = clock::now();
    } else if (clock::now() - since >= current->longest) {
      std::fprintf(
          stderr,
          "%s: no completion came for %lld s: a branch, or the last one's news, was lost; mend it, or leave it out\n",
          current->what.c_str(),
          static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(current->longest).count()));
      std::_Exit(1);  // somebody waits, for ever
    }
  }
}

}  // namespace fanout::bench
