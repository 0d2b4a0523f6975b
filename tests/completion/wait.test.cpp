// SPDX-License-Identifier: BSL-1.0
#include "fanout/completion/wait.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/completion/concept.hpp"
#include "fanout/embedded.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::completion::waiter;
using fanout::errc;
using support::all_outcome;
using support::delivered;
using support::settle_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);
const auto long_ago = std::chrono::steady_clock::now() - std::chrono::hours(1);
const auto far_away = std::chrono::steady_clock::now() + std::chrono::hours(1000);

static_assert(!std::is_copy_constructible_v<waiter<all_outcome<int>>> &&
              !std::is_move_constructible_v<waiter<all_outcome<int>>>);
static_assert(
    fanout::completion::policy<decltype(std::declval<waiter<all_outcome<int>>&>().completion()), all_outcome<int>>);

TEST_CASE("what is delivered already does not block", "[wait]") {
  waiter<all_outcome<int>> done;
  fanout::issue<int>(1, fanout::combine::all, done.completion()).start(0, [](auto branch) { branch({}, 4); });
  const auto outcome = done.wait();
  REQUIRE(outcome);
  CHECK((*outcome)[0] == 4);
}

TEST_CASE("a waiter that was given to nobody may go", "[wait]") { const waiter<all_outcome<int>> unused; }

TEST_CASE("a thread blocks until other threads have reported, and owns the outcome then", "[wait][E11]") {
  for (int round = 0; round != 100; ++round) {
    std::vector<std::thread> threads;
    std::optional<all_outcome<std::string>> outcome;
    {
      waiter<all_outcome<std::string>> done;
      {
        auto issuer = fanout::issue<std::string>(3, fanout::combine::all, done.completion());
        for (std::size_t i = 0; i != 3; ++i) {
          issuer.start(i, [&](auto branch) {
            threads.emplace_back([i, mine = std::move(branch)]() mutable { mine.set_value(i + 1, 'x'); });
          });
        }
      }
      outcome.emplace(done.wait());
    }  // gone at once: nobody touches it any more
    REQUIRE(*outcome);
    CHECK((**outcome)[2] == "xxx");
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_CASE("an embedded operation on the waiting thread's stack", "[wait][embedded]") {
  for (int round = 0; round != 100; ++round) {
    std::thread other;
    int got = 0;
    {
      waiter<all_outcome<int>> done;
      auto op = fanout::make_embedded<int, 2>(fanout::combine::all, done.completion());
      {
        auto issuer = op.issue();
        issuer.start(0, [](auto branch) { branch({}, 1); });
        issuer.start(
            1, [&](auto branch) { other = std::thread([mine = std::move(branch)]() mutable { mine.set_value(2); }); });
      }
      const auto outcome = done.wait();
      REQUIRE(outcome);
      got = (*outcome)[0] + (*outcome)[1];
    }
    CHECK(got == 3);
    other.join();
  }
}

TEST_CASE("waiting inside a completion does not wait for itself", "[wait][I5]") {
  bool waited = false;
  auto outer = fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
    waiter<all_outcome<int>> done;
    fanout::issue<int>(1, fanout::combine::all, done.completion()).start(0, [](auto branch) { branch({}, 1); });
    CHECK(done.wait());
    waited = true;
  });
  std::move(outer).seal();
  CHECK(waited);
}

TEST_CASE("waiting inside a completion runs first what is queued behind it", "[wait][I5]") {
  // The outer completion makes `middle` due, which completes the last branch of what the outer one then waits for.
  std::string order;
  waiter<all_outcome<int>> done;
  auto awaited = fanout::issue<int>(1, fanout::combine::all, done.completion());
  decltype(awaited)::branch last;
  awaited.start(0, [&](auto branch) { last = std::move(branch); });
  std::move(awaited).seal();
  auto outer = fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
    static_cast<void>(fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
      order += "middle ";
      last.set_value(5);
    }));
    order += "waiting ";
    const auto outcome = done.wait();
    CHECK((*outcome)[0] == 5);
    order += "waited ";
  });
  std::move(outer).seal();
  CHECK(order == "waiting middle waited ");
}

TEST_CASE("waiting with a deadline: completion wins if everything had been reported", "[wait][E7]") {
  for (const auto& deadline : {long_ago, far_away}) {
    waiter<all_outcome<int>> done;
    fanout::issue<int>(1, fanout::combine::all, done.completion_with_deadline()).start(0, [](auto branch) {
      branch({}, 4);
    });
    const auto outcome = done.wait_until(deadline);
    REQUIRE(outcome);
    CHECK((*outcome)[0] == 4);
  }
}

TEST_CASE("waiting past the deadline asks to stop, waits for the branches and tells the deadline", "[wait][E7][E11]") {
  waiter<all_outcome<int>> done;
  std::thread other;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all, done.completion_with_deadline());
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [&](auto branch, auto token) {
      other = std::thread([token, mine = std::move(branch)]() mutable {
        while (!token.stop_requested()) std::this_thread::yield();
        mine.set_stopped();
      });
    });
  }
  const auto outcome = done.wait_until(long_ago);
  other.join();
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == errc::deadline);
  CHECK(outcome.error().cause != errc::stopped);
  CHECK(outcome.error().index == fanout::no_index);
}

TEST_CASE("a branch's error before the deadline stays the cause", "[wait][E7][I7]") {
  waiter<all_outcome<int>> done;
  std::thread other;
  std::atomic<bool> let_go = false;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all, done.completion_with_deadline());
    issuer.start(0, [&](auto branch) {
      other = std::thread([&, mine = std::move(branch)]() mutable {
        while (!let_go.load()) std::this_thread::yield();
        mine.set_stopped();
      });
    });
    issuer.start(1, [](auto branch) { branch(io_error); });
  }
  let_go = true;
  const auto outcome = done.wait_until(long_ago);
  other.join();
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == io_error);
  CHECK(outcome.error().index == 1);
}

TEST_CASE("past the deadline the results of settle are what they are, with the deadline beside them", "[wait][E7]") {
  waiter<settle_outcome<int>> done;
  std::thread other;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::settle, done.completion_with_deadline());
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [&](auto branch, auto token) {
      other = std::thread([token, mine = std::move(branch)]() mutable {
        while (!token.stop_requested()) std::this_thread::yield();
        mine.set_value(2);  // it was done all the same
      });
    });
  }
  const auto outcome = done.wait_until(long_ago);
  other.join();
  REQUIRE(outcome);
  CHECK(*(*outcome)[0] == 1);
  CHECK(*(*outcome)[1] == 2);
  REQUIRE(outcome->disturbance() != nullptr);
  CHECK(outcome->disturbance()->cause == errc::deadline);
}

TEST_CASE("the deadline against the last completion: one of them, and no hang", "[wait][E7]") {
  for (int round = 0; round != 300; ++round) {
    waiter<all_outcome<int>> done;
    std::thread other;
    std::atomic<int> ready = 0;
    {
      auto issuer = fanout::issue<int>(1, fanout::combine::all, done.completion_with_deadline());
      issuer.start(0, [&](auto branch) {
        other = std::thread([&, mine = std::move(branch)]() mutable {
          ready.fetch_add(1);
          while (ready.load() != 2) std::this_thread::yield();
          mine.set_value(7);
        });
      });
    }
    ready.fetch_add(1);
    while (ready.load() != 2) std::this_thread::yield();
    const auto outcome = done.wait_until(long_ago);
    other.join();
    if (outcome) {
      CHECK((*outcome)[0] == 7);
    } else {
      CHECK(outcome.error().cause == errc::deadline);
    }
  }
}

TEST_CASE("a deadline may be a time point of any clock", "[wait]") {
  waiter<all_outcome<int>> done;
  fanout::issue<int>(1, fanout::combine::all, done.completion_with_deadline()).start(0, [](auto branch) {
    branch({}, 4);
  });
  CHECK(done.wait_until(std::chrono::system_clock::time_point()));
}

}  // namespace
