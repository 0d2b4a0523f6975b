// SPDX-License-Identifier: BSL-1.0
#include "fanout/timer/manual.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace {

using namespace std::chrono_literals;
using timer = fanout::timer::manual_timer;
using time_point = timer::time_point;

constexpr time_point at(timer::duration since_start) { return time_point(since_start); }

/// An entry that does whatever the test wants.
struct entry : timer::entry {
  explicit entry(std::function<void()> what_to_do)
      : timer::entry([](timer::entry& e) noexcept {
          // Moved out: what it does may be to destroy the entry.
          auto what = std::move(static_cast<entry&>(e).f);
          what();
        }),
        f(std::move(what_to_do)) {}
  std::function<void()> f;
};

/// An entry that notes that, and when, it was called.
struct noted : timer::entry {
  explicit noted(timer& by)
      : timer::entry([](timer::entry& e) noexcept {
          auto& n = static_cast<noted&>(e);
          ++n.called;
          n.when = n.t.now();
          if (n.order != nullptr) n.order->push_back(&n);
        }),
        t(by) {}
  noted(timer& by, std::vector<noted*>& in_order) : noted(by) { order = &in_order; }

  timer& t;
  std::vector<noted*>* order = nullptr;
  int called = 0;
  time_point when{};
};

}  // namespace

TEST_CASE("the manual clock begins at zero and moves only when told", "[timer][manual]") {
  timer t;
  CHECK(t.now() == time_point{});
  CHECK(t.advance(5ms) == 0);
  CHECK(t.now() == at(5ms));
  CHECK(t.run_until(at(7ms)) == 0);
  CHECK(t.now() == at(7ms));
  CHECK(t.run_until(at(3ms)) == 0);
  CHECK(t.now() == at(7ms));
  CHECK(t.run_due() == 0);
  CHECK(t.now() == at(7ms));
  CHECK(t.next_expiry() == time_point::max());
}

TEST_CASE("an entry is called once, when the clock reaches its time and not before", "[timer][manual]") {
  timer t;
  noted e(t);
  t.arm(e, at(10ms));
  CHECK(t.next_expiry() == at(10ms));
  CHECK(t.advance(10ms - 1ns) == 0);
  CHECK(e.called == 0);
  CHECK(t.advance(1ns) == 1);
  CHECK(e.called == 1);
  CHECK(t.next_expiry() == time_point::max());
  CHECK(t.advance(1h) == 0);
  CHECK(e.called == 1);
}

TEST_CASE("entries are called in the order of their times, and the clock shows each one's", "[timer][manual]") {
  timer t;
  std::vector<noted*> order;
  noted late(t, order), early(t, order), middle(t, order), beyond(t, order);
  t.arm(late, at(30ms));
  t.arm(early, at(10ms));
  t.arm(beyond, at(40ms));
  t.arm(middle, at(20ms));
  CHECK(t.advance(35ms) == 3);
  CHECK(order == std::vector<noted*>{&early, &middle, &late});
  CHECK(early.when == at(10ms));
  CHECK(middle.when == at(20ms));
  CHECK(late.when == at(30ms));
  CHECK(t.now() == at(35ms));
  CHECK(t.next_expiry() == at(40ms));
  CHECK(t.cancel(beyond));
}

TEST_CASE("entries for the same time are called in the order in which they were armed", "[timer][manual]") {
  timer t;
  std::vector<noted*> order, expected;
  std::vector<std::unique_ptr<noted>> entries;
  for (int i = 0; i != 50; ++i) entries.push_back(std::make_unique<noted>(t, order));
  for (std::size_t i = 0; i != 50; ++i) {
    noted& e = *entries[i * 7 % 50];
    t.arm(e, at(1ms));
    expected.push_back(&e);
  }
  CHECK(t.advance(1ms) == 50);
  CHECK(order == expected);
}

TEST_CASE("a time that has passed counts as the time of arming, and is never reached inside arm", "[timer][manual]") {
  timer t;
  std::vector<noted*> order;
  noted due(t, order), past(t, order), longer_past(t, order);
  t.advance(10ms);
  t.arm(due, at(10ms));
  t.arm(past, at(9ms));
  t.arm(longer_past, time_point::min());
  CHECK(order.empty());
  CHECK(t.next_expiry() == at(10ms));
  CHECK(t.run_due() == 3);
  CHECK(order == std::vector<noted*>{&due, &past, &longer_past});
  CHECK(past.when == at(10ms));
  CHECK(t.now() == at(10ms));
}

TEST_CASE("a time far off is reached, the end of time never", "[timer][manual]") {
  timer t;
  noted far(t), never(t);
  t.arm(far, time_point::max() - 1ns);
  t.arm(never, time_point::max());
  CHECK(t.advance(1h) == 0);
  CHECK(t.advance(timer::duration::max()) == 1);  // saturates
  CHECK(far.called == 1);
  CHECK(t.advance(timer::duration::max()) == 0);
  CHECK(never.called == 0);
  CHECK(t.next_expiry() == time_point::max());
  CHECK(t.cancel(never));
}

TEST_CASE("cancel is true while an entry is armed, and then it is not called", "[timer][manual]") {
  timer t;
  noted e(t);
  CHECK(!t.cancel(e));  // never armed
  t.arm(e, at(1ms));
  CHECK(t.cancel(e));
  CHECK(!t.cancel(e));  // cancelled
  CHECK(t.next_expiry() == time_point::max());
  CHECK(t.advance(1s) == 0);
  CHECK(e.called == 0);
  t.arm(e, at(2s));
  CHECK(t.advance(1s) == 1);
  CHECK(!t.cancel(e));  // called
  CHECK(e.called == 1);
}

TEST_CASE("an entry that is due but not yet called can still be cancelled", "[timer][manual]") {
  timer t;
  noted e(t);
  t.arm(e, at(0ms));
  CHECK(t.next_expiry() <= t.now());
  CHECK(t.cancel(e));
  CHECK(t.run_due() == 0);
}

TEST_CASE("inside its own function an entry is no longer armed: cancel is false", "[timer][manual]") {
  timer t;
  entry* self = nullptr;
  int falses = 0;
  entry e([&] { falses += !t.cancel(*self); });
  self = &e;
  t.arm(e, at(1ms));
  CHECK(t.advance(1ms) == 1);
  CHECK(falses == 1);
}

TEST_CASE("a function may cancel other entries, also one that is due at the same time", "[timer][manual]") {
  timer t;
  noted same(t), later(t), before(t);
  bool cancelled_same = false, cancelled_later = false, cancelled_before = true;
  entry e([&] {
    cancelled_same = t.cancel(same);
    cancelled_later = t.cancel(later);
    cancelled_before = t.cancel(before);
  });
  t.arm(before, at(1ms));
  t.arm(e, at(1ms));
  t.arm(same, at(1ms));
  t.arm(later, at(2ms));
  CHECK(t.advance(1s) == 2);
  CHECK(cancelled_same);
  CHECK(cancelled_later);
  CHECK(!cancelled_before);
  CHECK(before.called == 1);
  CHECK(same.called + later.called == 0);
}

TEST_CASE("a function may arm its entry again: a period", "[timer][manual]") {
  timer t;
  struct periodic : timer::entry {
    explicit periodic(timer& by)
        : timer::entry([](timer::entry& e) noexcept {
            auto& p = static_cast<periodic&>(e);
            p.times.push_back(p.t.now());
            p.t.arm(p, p.t.now() + 10ms);
          }),
          t(by) {}
    timer& t;
    std::vector<time_point> times;
  } e(t);
  t.arm(e, at(10ms));
  CHECK(t.advance(35ms) == 3);
  CHECK(e.times == std::vector<time_point>{at(10ms), at(20ms), at(30ms)});
  CHECK(t.next_expiry() == at(40ms));
  CHECK(t.cancel(e));
}

TEST_CASE("run_due calls what was armed before it, and nothing twice", "[timer][manual]") {
  timer t;
  struct again : timer::entry {
    explicit again(timer& by)
        : timer::entry([](timer::entry& e) noexcept {
            auto& a = static_cast<again&>(e);
            ++a.called;
            a.t.arm(a, time_point::min());
          }),
          t(by) {}
    timer& t;
    int called = 0;
  } first(t), second(t);
  t.advance(1ms);
  t.arm(first, at(0ms));
  t.arm(second, at(1ms));
  CHECK(t.run_due() == 2);
  CHECK(t.run_due() == 2);
  CHECK(first.called == 2);
  CHECK(second.called == 2);
  CHECK(t.cancel(first));
  CHECK(t.cancel(second));
}

TEST_CASE("what a function arms for a time within the advance is called in it", "[timer][manual]") {
  timer t;
  noted soon(t), beyond(t);
  entry e([&] {
    t.arm(soon, t.now());
    t.arm(beyond, t.now() + 1s);
  });
  t.arm(e, at(1ms));
  CHECK(t.advance(10ms) == 2);
  CHECK(soon.when == at(1ms));
  CHECK(beyond.called == 0);
  CHECK(t.cancel(beyond));
}

TEST_CASE("a function may destroy its entry", "[timer][manual]") {
  timer t;
  noted behind(t);
  std::unique_ptr<entry> e;
  e = std::make_unique<entry>([&] { e.reset(); });
  t.arm(*e, at(1ms));
  t.arm(behind, at(1ms));
  CHECK(t.advance(1ms) == 2);
  CHECK(e == nullptr);
  CHECK(behind.called == 1);
}

TEST_CASE("an entry may be destroyed as soon as cancel has returned true", "[timer][manual]") {
  timer t;
  noted below(t), above(t);
  auto e = std::make_unique<noted>(t);
  t.arm(below, at(1ms));
  t.arm(*e, at(2ms));
  t.arm(above, at(3ms));
  CHECK(t.cancel(*e));
  e.reset();
  CHECK(t.advance(1s) == 2);
}

TEST_CASE("a function may move the clock: what falls due is called inside it", "[timer][manual]") {
  timer t;
  noted inner(t);
  std::size_t called = 0;
  entry e([&] { called = t.advance(10ms); });
  t.arm(e, at(1ms));
  t.arm(inner, at(5ms));
  CHECK(t.advance(2ms) == 1);
  CHECK(called == 1);
  CHECK(inner.when == at(5ms));
  CHECK(t.now() == at(11ms));
}

TEST_CASE("100,000 random operations on a manual timer agree with a multimap", "[timer][manual][reference]") {
  std::mt19937 random(3);
  timer t;
  std::vector<noted*> order;
  std::vector<std::unique_ptr<noted>> entries;
  for (int i = 0; i != 200; ++i) entries.push_back(std::make_unique<noted>(t, order));
  std::multimap<time_point, noted*> model;
  for (int step = 0; step != 100'000; ++step) {
    noted& e = *entries[random() % entries.size()];
    const auto armed = std::find_if(model.begin(), model.end(), [&](auto& entry) { return entry.second == &e; });
    switch (random() % 4) {
      case 0: {
        const time_point end = t.now() + timer::duration(random() % 20);
        std::vector<noted*> expected;
        while (!model.empty() && model.begin()->first <= end) {
          expected.push_back(model.begin()->second);
          model.erase(model.begin());
        }
        order.clear();
        REQUIRE(t.run_until(end) == expected.size());
        REQUIRE(order == expected);
        REQUIRE(t.now() == end);
        break;
      }
      case 1:
        REQUIRE(t.cancel(e) == (armed != model.end()));
        if (armed != model.end()) model.erase(armed);
        break;
      default: {
        if (armed != model.end()) break;
        const time_point time = t.now() + timer::duration(static_cast<int>(random() % 250) - 10);
        t.arm(e, time);
        model.emplace(std::max(time, t.now()), &e);
      }
    }
    REQUIRE(t.next_expiry() == (model.empty() ? time_point::max() : model.begin()->first));
  }
  for (auto& [time, e] : model) REQUIRE(t.cancel(*e));
}

TEST_CASE("arming and cancelling while another thread moves the clock loses nothing", "[timer][manual][threads]") {
  // Each entry is called exactly once if cancel is false, and never if it is true.
  constexpr int rounds = 20'000;
  struct counted : timer::entry {
    counted() : timer::entry([](timer::entry& e) noexcept { static_cast<counted&>(e).called.fetch_add(1); }) {}
    std::atomic<int> called{0};
  };
  timer t;
  std::vector<counted> mine(rounds), yours(rounds);
  std::atomic<int> running = 2;
  int lost[2] = {0, 0}, cancelled[2] = {0, 0};
  std::latch go(3);
  const auto use = [&](std::vector<counted>& entries, std::size_t who) {
    go.arrive_and_wait();
    for (counted& e : entries) {
      t.arm(e, t.now() + timer::duration(1));
      if (t.cancel(e)) {
        ++cancelled[who];
        lost[who] += e.called.load() != 0;
      }
    }
    running.fetch_sub(1);
  };
  std::thread first([&] { use(mine, 0); });
  std::thread second([&] { use(yours, 1); });
  go.arrive_and_wait();
  std::size_t called = 0;
  while (running.load() != 0) called += t.advance(1ns);
  first.join();
  second.join();
  called += t.advance(1s);
  CHECK(lost[0] + lost[1] == 0);
  CHECK(called == static_cast<std::size_t>(2 * rounds - cancelled[0] - cancelled[1]));
  for (auto* entries : {&mine, &yours}) {
    for (const counted& e : *entries) REQUIRE(e.called.load() <= 1);
  }
  CHECK(t.next_expiry() == time_point::max());
}
