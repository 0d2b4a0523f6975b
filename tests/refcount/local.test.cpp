// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/local.hpp"

#include <cstddef>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/settle.hpp"
#include "refcount/strategy.hpp"
#include "support/delivered.hpp"
#include "support/pump.hpp"

namespace {

using fanout::errc;
using fanout::refcount::local;
using support::all_outcome;
using support::delivered;

static_assert(fanout::refcount::holdable<local> && fanout::refcount::addable<local>);
static_assert(fanout::refcount::single_threaded<local> && !fanout::refcount::correctable<local>);
static_assert(!std::is_copy_constructible_v<local> && sizeof(local) == 8);

TEST_CASE("local is a refcount strategy, for one thread", "[refcount][local][I1][I6]") {
  const auto report = fanout::testing::check_strategy<fanout::refcount::basic_local>();
  support::holds(report);
  CHECK_FALSE(report.left_out().empty());
}

TEST_CASE("local counts inline and later branches of a loop alike", "[refcount][local][E2]") {
  support::pump loop;
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::handler, local>(6, fanout::combine::all, got.completion());
    for (int i = 0; i != 6; ++i) {
      issuer.start([&](auto branch) {
        if (i % 2 == 0) {
          branch({}, i);
        } else {
          loop.post([i, mine = std::move(branch)]() mutable { mine({}, i); });
        }
      });
    }
  }
  CHECK(got.times == 0);
  CHECK(loop.run() == 3);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1, 2, 3, 4, 5}));
}

TEST_CASE("local works where N is unknown, and under stop", "[refcount][local][open][E4]") {
  delivered<support::settle_outcome<std::string>> got;
  {
    auto issuer = fanout::issue<std::string, fanout::handler, local>(fanout::combine::settle, got.completion());
    for (int i = 0; i != 30; ++i) {
      if (i == 20) issuer.request_stop();
      issuer.start([&](auto branch) { branch({}, "x"); });
    }
  }
  REQUIRE(got.succeeded());
  REQUIRE(got.outcome()->size() == 30);
  for (const auto& branch : *got.outcome()) CHECK(branch.stopped() == (branch.index() >= 20));
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("local: a throwing initiator is its branch's error", "[refcount][local][E3b]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::handler, local>(2, fanout::combine::all, got.completion());
    issuer.start(0, [](auto) { throw 5; });
  }
  REQUIRE(got.failed(0, errc::initiator_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
}
#endif

TEST_CASE("local under a description", "[refcount][local]") {
  delivered<support::settle_outcome<int>> got;
  const std::vector<int> numbers{1, 2, 3};
  fanout::settle<int>(numbers, [](int n, auto branch) { branch({}, n * n); })
      .count_with<local>()
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[2] == 9);
}

}  // namespace
