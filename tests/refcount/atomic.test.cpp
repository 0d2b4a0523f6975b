// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/atomic.hpp"

#include <type_traits>

#include "catch.hpp"
#include "refcount/strategy.hpp"

namespace {

using fanout::refcount::atomic;

static_assert(fanout::refcount::strategy<atomic>);
static_assert(fanout::refcount::holdable<atomic> && fanout::refcount::addable<atomic>);
static_assert(!fanout::refcount::correctable<atomic> && !fanout::refcount::single_threaded<atomic>);
static_assert(!std::is_copy_constructible_v<atomic> && sizeof(atomic) == 8);
static_assert(atomic::storage_for(1000).bytes == 0);

TEST_CASE("atomic is a refcount strategy", "[refcount][atomic][I1][I3][I6]") {
  support::holds(fanout::testing::check_strategy<fanout::refcount::basic_atomic>());
  for (int round = 0; round != 50; ++round) support::operation_across_threads<atomic>();
}

TEST_CASE("atomic counts an operation of unknown N by adding", "[refcount][atomic][open]") {
  support::delivered<support::open_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::handler, atomic>(fanout::combine::all, got.completion());
  std::vector<decltype(issuer)::branch> kept;
  for (int i = 0; i != 20; ++i) {
    issuer.start([&](auto branch) {
      if (i % 3 == 0) {
        branch({}, i);
      } else {
        kept.push_back(std::move(branch));
      }
    });
  }
  kept.back().set_value(19);
  kept.pop_back();
  std::move(issuer).seal();
  for (auto& branch : kept) {
    CHECK(got.times == 0);
    branch.set_value(static_cast<int>(branch.index()));
  }
  REQUIRE(got.succeeded());
  for (std::size_t i = 0; i != 20; ++i) CHECK((*got.outcome())[i] == static_cast<int>(i));
}

}  // namespace
