// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/sharded.hpp"

#include <cstddef>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/refcount/batched.hpp"
#include "refcount/strategy.hpp"
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

static_assert(sharded::storage_for(15).bytes == 0 && sharded::storage_for(16).bytes == 2 * 64);
static_assert(sharded::storage_for(128).bytes == 16 * 64 && sharded::storage_for(1'000'000).bytes == 16 * 64);
static_assert(sharded::storage_for(16).align == 64);
static_assert(!addable<sharded> && !correctable<sharded> && !single_threaded<sharded>);

TEST_CASE("sharded is a refcount strategy, wherever a release goes", "[refcount][sharded][I1][I3][I6]") {
  support::holds(fanout::testing::check_strategy<by_default>());
  support::holds(fanout::testing::check_strategy<by_block_of_one>());
  support::holds(fanout::testing::check_strategy<by_block_in_four>());
  support::holds(fanout::testing::check_strategy<by_thread_of_one>());
  support::holds(fanout::testing::check_strategy<by_thread_by_default>());
}

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
