// SPDX-License-Identifier: BSL-1.0
#include "fanout/testing/manual_executor.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/child_process.hpp"

namespace {

using fanout::testing::manual_executor;
using fanout::work;

template <class F>
struct task : work {
  explicit task(F f) : work{nullptr, &call}, function(f) {}
  static void call(work* self) noexcept { static_cast<task*>(self)->function(); }
  F function;
};

TEST_CASE("work runs in the order in which it was posted, when somebody says so", "[manual_executor]") {
  manual_executor loop;
  std::vector<int> log;
  auto note = [&](int n) { return task([&log, n] { log.push_back(n); }); };
  auto one = note(1);
  auto two = note(2);
  auto three = note(3);
  CHECK(loop.pending() == 0);
  CHECK(!loop.run_one());
  loop.post(one);
  loop.get_executor().post(two);
  loop.post(three);
  CHECK(loop.pending() == 3);
  CHECK(log.empty());

  CHECK(loop.run_one());
  CHECK(log == std::vector{1});
  CHECK(loop.pending() == 2);
  CHECK(loop.run_all() == 2);
  CHECK(log == std::vector{1, 2, 3});
  CHECK(loop.pending() == 0);
  CHECK(loop.run_all() == 0);

  loop.post(three);  // the queue is as good as new
  loop.post(one);
  CHECK(loop.run_all() == 2);
  CHECK(log == std::vector{1, 2, 3, 3, 1});
}

TEST_CASE("run_all also runs what is posted meanwhile, and says how many", "[manual_executor]") {
  manual_executor loop;
  std::vector<int> log;
  task last([&] { log.push_back(2); });
  task first([&] {
    loop.post(last);
    CHECK(loop.pending() == 1);  // what is running is not counted
    log.push_back(1);
  });
  loop.post(first);
  CHECK(loop.run_all() == 2);
  CHECK(log == std::vector{1, 2});
}

TEST_CASE("work may pump the executor that runs it", "[manual_executor]") {
  manual_executor loop;
  std::vector<int> log;
  task inner([&] { log.push_back(1); });
  task outer([&] {
    CHECK(loop.run_one());
    log.push_back(2);
  });
  loop.post(outer);
  loop.post(inner);
  CHECK(loop.run_one());
  CHECK(log == std::vector{1, 2});
  CHECK(!loop.run_one());
}

TEST_CASE("handles are equal if they stand for the same executor", "[manual_executor]") {
  manual_executor one;
  manual_executor two;
  CHECK(one.get_executor() == one.get_executor());
  CHECK(one.get_executor() != two.get_executor());
  auto copy = one.get_executor();
  copy = two.get_executor();
  CHECK(copy == two.get_executor());
}

TEST_CASE("work that run_one runs may be the last to know of the executor, and destroy it", "[manual_executor]") {
  auto loop = std::make_unique<manual_executor>();
  task destroy([&] { loop.reset(); });
  loop->post(destroy);
  loop->run_one();
  CHECK(loop == nullptr);
}

TEST_CASE("many threads post and many pump: each work runs once, and sees what its poster wrote", "[manual_executor]") {
  constexpr std::size_t posters = 3;
  constexpr std::size_t each = 2000;
  struct counted : work {
    std::size_t written = 0;
    std::atomic<std::size_t>* sum = nullptr;
    std::atomic<std::size_t>* runs = nullptr;
  };
  manual_executor loop;
  std::atomic<std::size_t> sum = 0;
  std::atomic<std::size_t> runs = 0;
  std::vector<std::vector<counted>> works(posters);
  for (auto& mine : works) mine = std::vector<counted>(each);
  std::vector<std::thread> threads;
  for (auto& mine : works) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i != each; ++i) {
        counted& w = mine[i];
        w.run = [](work* self) noexcept {
          auto* me = static_cast<counted*>(self);
          me->sum->fetch_add(me->written, std::memory_order_relaxed);
          me->runs->fetch_add(1, std::memory_order_relaxed);
        };
        w.written = i;
        w.sum = &sum;
        w.runs = &runs;
        loop.post(w);
      }
    });
  }
  for (int pumps = 0; pumps != 2; ++pumps) {
    threads.emplace_back([&] {
      while (runs.load(std::memory_order_relaxed) != posters * each) {
        if (!loop.run_one()) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(runs == posters * each);
  CHECK(sum == posters * (each * (each - 1) / 2));
  CHECK(loop.pending() == 0);
}

#if FANOUT_HAS_CHILD_PROCESSES
TEST_CASE("an executor destroyed with work in it ends the program, in every build", "[manual_executor][fatal]") {
  auto ends_normally = [](bool pumped) {
    return support::run_in_child([pumped] {
             task lost([] {});
             manual_executor loop;
             loop.post(lost);
             if (pumped) loop.run_all();
           })
        .normally();
  };
  CHECK(ends_normally(true));
  CHECK(!ends_normally(false));
}
#endif

}  // namespace
