// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/sharded.hpp"

#include <cstddef>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/embedded.hpp"
#include "fanout/refcount/batched.hpp"
#include "refcount/strategy.hpp"
#include "support/child_process.hpp"
#include "support/delivered.hpp"

namespace {

using namespace fanout::refcount;
using support::all_outcome;
using support::delivered;

// Shards that four branches fill.
template <class Platform>
using by_block_of_one = basic_sharded<Platform, by_block, sharded_limits{2, 1, 64}>;
template <class Platform>
using by_block_in_four = basic_sharded<Platform, by_block, sharded_limits{4, 1, 64}>;
template <class Platform>
using by_thread_of_one = basic_sharded<Platform, by_thread, sharded_limits{2, 1, 64}>;
template <class Platform>
using by_default = basic_sharded<Platform>;
template <class Platform>
using by_thread_by_default = basic_sharded<Platform, by_thread>;

static_assert(sharded::storage_for(15).bytes == 0 && sharded::storage_for(16).bytes == 3 * 64);
static_assert(sharded::storage_for(128).bytes == 17 * 64 && sharded::storage_for(1'000'000).bytes == 17 * 64);
static_assert(sharded::storage_for(16).align <= 16, "an operation need not come from the aligned operator new");
static_assert(!addable<sharded> && !correctable<sharded> && !single_threaded<sharded>);

TEST_CASE("sharded is a refcount strategy, wherever a release goes", "[refcount][sharded][I1][I3][I6]") {
  support::holds(fanout::testing::check_strategy<by_default>());
  support::holds(fanout::testing::check_strategy<by_block_of_one>());
  support::holds(fanout::testing::check_strategy<by_block_in_four>());
  support::holds(fanout::testing::check_strategy<by_thread_of_one>());
  support::holds(fanout::testing::check_strategy<by_thread_by_default>());
}

// With 129 branches there are fewer, larger shards than with 128.
template <std::size_t Capacity>
void fewer_than_there_is_room_for() {
  for (std::size_t n = Capacity; n + 3 > Capacity; --n) {
    delivered<all_outcome<int>> got;
    auto op = fanout::make_embedded<int, Capacity, fanout::handler, sharded>(fanout::combine::all, got.completion());
    std::vector<typename decltype(op)::issuer::branch> kept;
    {
      auto issuer = op.issue(n);
      for (std::size_t i = 0; i != n; ++i) issuer.start(i, [&](auto branch) { kept.push_back(std::move(branch)); });
    }
    for (auto& branch : kept) branch.set_value(1);
    REQUIRE(got.succeeded());
  }
}
TEST_CASE("sharded has room inside its owner for fewer branches than at most", "[refcount][sharded][embedded]") {
  fewer_than_there_is_room_for<16>();
  fewer_than_there_is_room_for<17>();
  fewer_than_there_is_room_for<129>();
  fewer_than_there_is_room_for<257>();
  fewer_than_there_is_room_for<1025>();
}

#if FANOUT_HAS_CHILD_PROCESSES
TEST_CASE("sharded ends the program where more is released than there is", "[refcount][sharded][fatal]") {
  const support::ended e = support::run_in_child([] {
    fanout::testing::detail::lone_strategy<sharded> count(64);
    for (int i = 0; i != 64; ++i) static_cast<void>(count->release(0, 1));
    static_cast<void>(count->release(0, 1));
  });
  CHECK(e.by_abort());
  CHECK(e.saying("more branches were released than there are"));
}
#endif

TEST_CASE("sharded counts an operation, whatever completes inline", "[refcount][sharded][E2]") {
  for (const std::size_t n : {1U, 15U, 16U, 17U, 100U, 1000U}) {
    for (const std::size_t every : {1U, 2U, 3U, 7U, 2000U}) {
      delivered<all_outcome<int>> got;
      std::vector<fanout::fanout_op<fanout::handler, fanout::combine::all_policy<int>, decltype(got.completion()),
                                    sharded>::branch>
          kept;
      {
        auto issuer = fanout::issue<int, fanout::handler, sharded>(n, fanout::combine::all, got.completion());
        for (std::size_t i = 0; i != n; ++i) {
          issuer.start(i, [&](auto branch) {
            if (i % every == 0) {
              branch.set_value(static_cast<int>(i));
            } else {
              kept.push_back(std::move(branch));
            }
          });
        }
      }
      while (!kept.empty()) {
        CHECK(got.times == 0);
        kept.back().set_value(static_cast<int>(kept.back().index()));
        kept.pop_back();
      }
      REQUIRE(got.succeeded());
      CHECK((*got.outcome())[n - 1] == static_cast<int>(n - 1));
    }
  }
}

TEST_CASE("sharded counts an operation across threads, with stop and batches too", "[refcount][sharded][E4]") {
  for (int round = 0; round != 50; ++round) {
    support::operation_across_threads<sharded>();
    support::operation_across_threads<by_block_of_one<fanout::std_platform>>();
    support::operation_across_threads<batched<by_thread_of_one<fanout::std_platform>>>();
  }
  fanout::inplace_stop_source stop;
  stop.request_stop();
  delivered<all_outcome<int>> got;
  const std::vector<int> numbers(100, 1);
  fanout::all<int>(numbers, [](int n, auto branch, fanout::inplace_stop_token) { branch.set_value(n); })
      .stop_on(stop.get_token())
      .count_with<sharded>()
      .then(got.completion());
  CHECK(got.times == 1);
  CHECK_FALSE(got.succeeded());
}

}  // namespace
