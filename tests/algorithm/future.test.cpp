// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/future.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/stop_token.hpp"
#include "support/allocators.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;

TEST_CASE("async returns a future of what a completion would have been given", "[algorithm][future]") {
  auto values = fanout::async(fanout::all<int>(std::array{1, 2, 3}, [](int n, auto branch) { branch({}, n * n); }));
  static_assert(std::is_same_v<decltype(values), std::future<support::all_outcome<int>>>);
  CHECK(values.wait_for(std::chrono::seconds(0)) == std::future_status::ready);  // everything was done on this thread
  CHECK(support::holds(*values.get(), {1, 4, 9}));

  auto failed = fanout::async(fanout::all<int>(std::array{1}, [](int, auto branch) { branch(5); }));
  const auto outcome = failed.get();
  REQUIRE(!outcome);
  CHECK(outcome.error().index == 0);

  auto empty = fanout::async(fanout::settle<void>(std::array<int, 0>(), [](int, auto) {}));
  CHECK(empty.get()->empty());
}

TEST_CASE("async starts the branches and does not wait for them", "[algorithm][future]") {
  for (int round = 0; round != 50; ++round) {
    std::vector<std::thread> threads;
    std::promise<void> go;
    std::shared_future<void> gone = go.get_future().share();
    auto future = fanout::async(fanout::all<std::string>(std::array{1u, 2u}, [&](unsigned n, auto branch) {
      threads.emplace_back([n, gone, mine = std::move(branch)]() mutable {
        gone.wait();
        mine({}, n, 'x');
      });
    }));
    CHECK(threads.size() == 2);
    CHECK(future.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    go.set_value();
    const auto outcome = future.get();
    REQUIRE(outcome);
    CHECK((*outcome)[1] == "xx");
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_CASE("the range and the initiator are gone when the future is ready", "[algorithm][future][I2]") {
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = alive;
  std::vector<std::shared_ptr<int>> range{std::move(alive)};
  std::thread other;
  auto future = fanout::async(fanout::all<int>(std::move(range), [&](const std::shared_ptr<int>& n, auto branch) {
    other = std::thread([value = *n, mine = std::move(branch)]() mutable { mine({}, value); });
  }));
  CHECK(future.get());
  CHECK(seen.expired());
  other.join();
}

TEST_CASE("async under an outer stop token", "[algorithm][future][E12]") {
  fanout::inplace_stop_source outer;
  outer.request_stop();
  auto future =
      fanout::async(fanout::all<int>(std::array{1}, [](int, auto) { FAIL("ran"); }).stop_on(outer.get_token()));
  const auto outcome = future.get();
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == errc::stopped);
}

TEST_CASE("a want of memory for the operation is in the outcome", "[algorithm][future][E6]") {
  support::tally counts;
  counts.refuse_from = 0;
  auto future = fanout::async(fanout::settle<int>(std::array{1}, [](int, auto) {
                                FAIL("ran");
                              }).allocate_with(support::counting_allocator<std::byte>(counts)));
  const auto outcome = future.get();
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == errc::out_of_memory);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("async_value's future returns the values, or throws", "[algorithm][future]") {
  auto values = fanout::async_value(fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); }));
  static_assert(std::is_same_v<decltype(values), std::future<fanout::values<int>>>);
  CHECK(support::holds(values.get(), {1, 2}));

  auto failed = fanout::async_value(fanout::all<int>(
      std::array{1}, [](int, auto branch) { branch.set_error(std::make_error_code(std::errc::io_error)); }));
  try {
    static_cast<void>(failed.get());
    FAIL("did not throw");
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::io_error);
  }
}
#endif

}  // namespace
