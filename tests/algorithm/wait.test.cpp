// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/wait.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/combine/with.hpp"
#include "fanout/issue.hpp"
#include "fanout/stop_token.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;

const auto long_ago = std::chrono::steady_clock::now() - std::chrono::hours(1);
const auto far_away = std::chrono::steady_clock::now() + std::chrono::hours(1000);

TEST_CASE("wait returns what a completion would have been given", "[algorithm][wait]") {
  const auto values =
      fanout::wait(fanout::all<int>(std::array{1, 2, 3}, [](int n, auto branch) { branch({}, n * n); }));
  REQUIRE(values);
  CHECK(support::holds(*values, {1, 4, 9}));

  const auto failed = fanout::wait(fanout::all<int>(std::array{1}, [](int, auto branch) { branch(5); }));
  REQUIRE(!failed);
  CHECK(failed.error().index == 0);

  const auto empty = fanout::wait(fanout::settle<void>(std::array<int, 0>(), [](int, auto) {}));
  REQUIRE(empty);
  CHECK(empty->empty());
}

TEST_CASE("wait blocks until branches on other threads have reported", "[algorithm][wait]") {
  for (int round = 0; round != 50; ++round) {
    std::vector<std::thread> threads;
    const auto values = fanout::wait(fanout::all<std::string>(std::array{1u, 2u, 3u}, [&](unsigned n, auto branch) {
      threads.emplace_back([n, mine = std::move(branch)]() mutable { mine({}, n, 'x'); });
    }));
    REQUIRE(values);
    CHECK((*values)[2] == "xxx");
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_CASE("wait inside a completion, and inside an initiator", "[algorithm][wait][I5]") {
  int sum = 0;
  auto sum_of = [](std::vector<int> numbers) {
    int total = 0;
    const auto squares =
        fanout::wait(fanout::all<int>(std::move(numbers), [](int n, auto branch) { branch({}, n * n); }));
    for (const int x : *squares) total += x;
    return total;
  };
  fanout::all<int>(std::array{1, 2}, [&](int n, auto branch) {
    branch({}, sum_of({n, n}));
  }).then([&](auto outcome) noexcept { sum = sum_of({(*outcome)[0], (*outcome)[1]}); });
  CHECK(sum == 4 + 64);
}

TEST_CASE("wait_until: nothing of the deadline is seen where everything reports in time", "[algorithm][wait]") {
  const auto inline_done =
      fanout::wait_until(fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); }), long_ago);
  CHECK(inline_done);
  std::thread other;
  const auto remote = fanout::wait_until(
      fanout::all<int>(
          std::array{1},
          [&](int n, auto branch) { other = std::thread([n, mine = std::move(branch)]() mutable { mine({}, n); }); }),
      far_away);
  other.join();
  CHECK(remote);
}

TEST_CASE("wait_until: past the deadline branches are asked to stop and waited for", "[algorithm][wait][E7][E11]") {
  std::vector<std::thread> threads;
  auto until_stopped = [&](int n, auto branch, auto token) {
    threads.emplace_back([n, token, mine = std::move(branch)]() mutable {
      while (!token.stop_requested()) std::this_thread::yield();
      if (n == 1) return mine({}, n);
      mine.set_stopped();
    });
  };
  const auto all = fanout::wait_until(fanout::all<int>(std::array{1, 2}, until_stopped), long_ago);
  REQUIRE(!all);
  CHECK(all.error().cause == errc::deadline);
  CHECK(all.error().cause == std::errc::timed_out);

  const auto each = fanout::wait_until(fanout::settle<int>(std::array{1, 2}, until_stopped), long_ago);
  REQUIRE(each);
  CHECK(*(*each)[0] == 1);
  CHECK((*each)[1].stopped());
  REQUIRE(each->disturbance() != nullptr);
  CHECK(each->disturbance()->cause == errc::deadline);
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("wait under an outer stop token", "[algorithm][wait][E12]") {
  fanout::inplace_stop_source outer;
  std::thread other;
  const auto outcome = fanout::wait(fanout::all<int>(std::array{1}, [&](int, auto branch, auto token) {
                                      other = std::thread([token, mine = std::move(branch)]() mutable {
                                        while (!token.stop_requested()) std::this_thread::yield();
                                        mine.set_stopped();
                                      });
                                      outer.request_stop();
                                    }).stop_on(outer.get_token()));
  other.join();
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == errc::stopped);

  const auto both = fanout::wait_until(
      fanout::all<int>(std::array{1}, [](int, auto) { FAIL("ran"); }).stop_on(outer.get_token()), far_away);
  REQUIRE(!both);
  CHECK(both.error().cause == errc::stopped);
}

TEST_CASE("wait says so when there is no memory", "[algorithm][wait][E6]") {
  support::tally counts;
  counts.refuse_from = 0;
  const auto outcome = fanout::wait(fanout::settle<int>(std::array{1}, [](int, auto) {
                                      FAIL("ran");
                                    }).allocate_with(support::counting_allocator<std::byte>(counts)));
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == errc::out_of_memory);
}

// Takes long to be destroyed, if there is a wait that has not returned: a library that destroys it afterwards is seen.
class slow_to_go {
 public:
  slow_to_go(std::atomic<bool>& returned, std::atomic<bool>& late) noexcept : returned_(&returned), late_(&late) {}
  slow_to_go(slow_to_go&& other) noexcept
      : returned_(std::exchange(other.returned_, nullptr)), late_(std::exchange(other.late_, nullptr)) {}
  slow_to_go& operator=(slow_to_go&&) = delete;
  ~slow_to_go() {
    if (returned_ == nullptr) return;
    for (int i = 0; i != 1000 && !returned_->load(); ++i) std::this_thread::yield();
    if (returned_->load()) late_->store(true);
  }

 private:
  std::atomic<bool>* returned_;
  std::atomic<bool>* late_;
};

TEST_CASE("when wait has returned, initiator, range and policy are gone, and nobody touches them",
          "[algorithm][wait][I2]") {
  std::atomic<bool> returned = false;
  std::atomic<bool> late = false;
  std::thread other;
  std::atomic<bool> go = false;
  std::vector<slow_to_go> range;
  range.emplace_back(returned, late);
  auto initiator = [&, in_initiator = slow_to_go(returned, late)](slow_to_go&, auto branch) {
    other = std::thread([&go, mine = std::move(branch)]() mutable {
      while (!go.load()) std::this_thread::yield();
      mine.set_value(1);
    });
    go = true;
  };
  const auto outcome = fanout::wait(fanout::all<int>(std::move(range), std::move(initiator)));
  returned = true;
  other.join();
  CHECK(outcome);
  CHECK(!late);

  returned = go = false;
  fanout::completion::waiter<support::with_outcome<int>> done;
  {
    auto issuer = fanout::issue<int>(
        1, fanout::combine::with([in_policy = slow_to_go(returned, late)](auto values) { return values[0]; }),
        done.completion());
    issuer.start(0, [&](auto branch) {
      other = std::thread([&go, mine = std::move(branch)]() mutable {
        while (!go.load()) std::this_thread::yield();
        mine.set_value(1);
      });
    });
  }
  go = true;
  const auto combined = done.wait();
  returned = true;
  other.join();
  CHECK(combined);
  CHECK(!late);
}

}  // namespace
