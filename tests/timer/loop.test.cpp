// SPDX-License-Identifier: BSL-1.0
#include "fanout/timer/loop.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "fanout/detail/platform.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::timer::loop;

struct counted : loop::entry {
  counted() : loop::entry([](loop::entry& e) noexcept { ++static_cast<counted&>(e).called; }) {}
  int called = 0;
};

/// An entry that ends the loop.
struct last : loop::entry {
  explicit last(loop& l) : loop::entry([](loop::entry& e) noexcept { static_cast<last&>(e).ends.finish(); }), ends(l) {}
  loop& ends;
};

/// std's threads, with notifications and waits counted.
struct counting_platform : fanout::std_platform {
  using mutex = std::mutex;
  struct condition_variable : std::condition_variable {
    void notify_one() noexcept {
      ++notifications;
      std::condition_variable::notify_one();
    }
    void wait(std::unique_lock<mutex>& lock) {
      ++waits;
      waits.notify_one();
      std::condition_variable::wait(lock);
    }
    template <class Time>
    void wait_until(std::unique_lock<mutex>& lock, const Time& time) {
      ++waits;
      waits.notify_one();
      std::condition_variable::wait_until(lock, time);
    }
    static inline std::atomic<int> notifications{0}, waits{0};
  };

  /// Until the loop sleeps for the nth time. It counts under the lock: whoever takes that next finds it asleep.
  static void await_sleep(int n) {
    for (int seen; (seen = condition_variable::waits) < n;) condition_variable::waits.wait(seen);
  }
};
using counting_loop = fanout::timer::basic_loop<counting_platform>;
static_assert(fanout::timer::timer_service<counting_loop>);

}  // namespace

TEST_CASE("a loop calls entries only on the thread that runs it, until it is finished", "[timer][loop]") {
  loop l;
  counted e;
  last end(l);
  l.arm(e, loop::now());
  l.arm(end, loop::now());
  CHECK(e.called == 0);  // nobody runs it
  l.run();
  CHECK(e.called == 1);
}

TEST_CASE("a finished loop calls what is due, once more, and returns", "[timer][loop]") {
  loop l;
  counted due, later;
  l.finish();
  l.run();
  l.arm(due, loop::now());
  l.arm(later, loop::now() + 1h);
  l.run();
  CHECK(due.called == 1);
  CHECK(later.called == 0);
  CHECK(l.cancel(later));
}

TEST_CASE("what is due is called in the order of the times, ties in the order of arming", "[timer][loop]") {
  loop l;
  static std::vector<const loop::entry*> order;
  order.clear();
  struct noted : loop::entry {
    noted() : loop::entry([](loop::entry& e) noexcept { order.push_back(&e); }) {}
  } e[4];
  const auto now = loop::now();
  l.arm(e[0], now - 1ms);
  l.arm(e[1], now - 2ms);
  l.arm(e[2], loop::time_point::min());
  l.arm(e[3], now - 2ms);
  l.finish();
  l.run();
  CHECK(order == std::vector<const loop::entry*>{&e[2], &e[1], &e[3], &e[0]});
}

TEST_CASE("a loop is never early", "[timer][loop]") {
  loop l;
  struct punctual : loop::entry {
    punctual() : loop::entry([](loop::entry& e) noexcept { static_cast<punctual&>(e).called_at = loop::now(); }) {}
    loop::time_point due, called_at;
  } e[10];
  last end(l);
  const auto now = loop::now();
  for (int i = 0; i != 10; ++i) l.arm(e[i], e[i].due = now + 300us * (i + 1));
  l.arm(end, now + 4ms);
  l.run();
  for (const punctual& p : e) CHECK(p.called_at >= p.due);
}

TEST_CASE("the end of time, and a time shortly before it, are not reached", "[timer][loop]") {
  loop l;
  counted never, nearly;
  last end(l);
  l.arm(never, loop::time_point::max());
  l.arm(nearly, loop::time_point::max() - 1ns);
  std::latch sleeping(2);
  std::thread thread([&] {
    sleeping.arrive_and_wait();
    l.run();
  });
  sleeping.arrive_and_wait();
  CHECK(l.cancel(nearly));
  l.arm(nearly, loop::time_point::max() - 1ns);
  l.arm(end, loop::now());
  thread.join();
  CHECK(never.called + nearly.called == 0);
  CHECK(l.cancel(never));
  CHECK(l.cancel(nearly));
}

TEST_CASE("deadlines that are equally long, and cancelled, wake the thread once", "[timer][loop][cost]") {
  counting_loop l;
  struct nothing : counting_loop::entry {
    nothing() : counting_loop::entry([](counting_loop::entry&) noexcept {}) {}
  } e;
  std::thread thread([&] { l.run(); });
  counting_platform::await_sleep(1);  // till the end of time
  int cancelled = 0;
  for (int i = 0; i != 1000; ++i) {
    l.arm(e, counting_loop::now() + 1h);
    cancelled += l.cancel(e);
    counting_platform::await_sleep(2);  // till the first one's time, which comes before all others
  }
  CHECK(cancelled == 1000);
  CHECK(counting_platform::condition_variable::notifications == 1);
  l.finish();
  thread.join();
}
