// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/first.hpp"

#include <cstddef>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/issue.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using fanout::reason;
using support::any_branch;
using support::counted;
using support::counted_throwing_move;

template <class T, class E = std::error_code>
using delivered = support::delivered<fanout::result<fanout::winner<T>, fanout::reported_failure<T, E>>>;

TEST_CASE("nobody to choose from: errc::no_candidates, from the seal", "[first][E1]") {
  const auto check = [](auto policy) {
    delivered<int> got;
    auto issuer = fanout::issue<int>(0, policy, got.completion());
    CHECK(got.times == 0);
    std::move(issuer).seal();
    CHECK(got.failed(fanout::no_index, errc::no_candidates));
    delivered<int> open;
    { auto unknown = fanout::issue<int>(policy, open.completion()); }
    CHECK(open.failed(fanout::no_index, errc::no_candidates));
  };
  check(fanout::combine::first_success);
  check(fanout::combine::first);
}

TEST_CASE("a winner is its value, and its index", "[first]") {
  fanout::winner<std::unique_ptr<int>> w{3, std::make_unique<int>(7)};
  CHECK(**w == 7);
  CHECK(*w->get() == 7);
  const fanout::winner<std::unique_ptr<int>>& seen = w;
  CHECK(**seen == 7);
  const std::unique_ptr<int> taken = *std::move(w);
  CHECK(*taken == 7);
  static_assert(std::is_empty_v<fanout::winner<void>> == false);
  CHECK(fanout::winner<void>{}.index == fanout::no_index);
}

TEST_CASE("one branch, that completes inside its start", "[first][E2]") {
  delivered<std::unique_ptr<int>> got;
  fanout::issue<std::unique_ptr<int>>(1, fanout::combine::first_success, got.completion()).start(0, [](auto branch) {
    branch.set_value(std::make_unique<int>(7));
  });
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->index == 0);
  CHECK(***got.outcome() == 7);
}

TEST_CASE("a winner in the first start: the rest is not started", "[first][E4]") {
  delivered<void> got;
  int started = 0;
  {
    auto issuer = fanout::issue<void>(3, fanout::combine::first_success, got.completion());
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start(i, [&](auto branch) {
        ++started;
        branch.set_value();
      });
    }
    CHECK(got.times == 0);
  }
  CHECK(started == 1);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->index == 0);
}

TEST_CASE("of an unknown number, all may have failed only at the seal", "[first][E1]") {
  delivered<int> got;
  auto issuer = fanout::issue<int>(fanout::combine::first_success, got.completion());
  for (int i = 0; i != 20; ++i) {
    issuer.start([i](auto branch) {
      branch.set_error(std::make_error_code(i == 0 ? std::errc::io_error : std::errc::timed_out));
    });
    CHECK(!issuer.is_decided());
  }
  std::move(issuer).seal();
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error), 19));
  CHECK(got.failure().reported.failures().size() == 20);
}

TEST_CASE("losers that gave up are no causes; if all did, it was stopped", "[first][E12]") {
  const auto check = [](auto policy) {
    delivered<int> got;
    {
      auto issuer = fanout::issue<int>(2, policy, got.completion());
      for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [](auto branch) { branch.set_stopped(); });
    }
    CHECK(got.failed(fanout::no_index, errc::stopped));
    CHECK(got.failure().why == reason::stopped);
  };
  check(fanout::combine::first_success);
  check(fanout::combine::first);
}

TEST_CASE("first: an error that comes first is the outcome, and the others are asked to stop", "[first][E18]") {
  delivered<int> got;
  std::vector<any_branch> kept;
  bool asked = false;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::first, got.completion());
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    kept[0].set_stopped();  // reports nothing
    CHECK(!issuer.is_decided());
    kept[2].set_error(std::make_error_code(std::errc::io_error));
    asked = issuer.stop_requested();
  }
  CHECK(asked);
  kept[1].set_value(1);
  CHECK(got.failed(2, std::make_error_code(std::errc::io_error)));
  CHECK(got.failure().reported.missing().size() == 1);
}

TEST_CASE("the losers' values are destroyed where they report, and the winner's lives", "[first][E5]") {
  counted::reset();
  {
    delivered<counted> got;
    std::vector<any_branch> kept;
    {
      auto issuer = fanout::issue<counted>(3, fanout::combine::first_success, got.completion());
      for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    }
    kept[1].set_value(1);
    kept[0].set_value(0);
    CHECK(counted::alive() == 1);
    kept[2].set_value(2);
    REQUIRE(got.succeeded());
    CHECK(got.outcome()->value.value() == 1);
    CHECK(counted::alive() == 1);
    CHECK(counted::copies() == 0);
  }
  CHECK(counted::alive() == 0);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a winner that cannot be moved out is the operation's failure, and nothing leaks", "[first][E6]") {
  counted_throwing_move::reset();
  {
    int calls = 0;
    auto issuer = fanout::issue<counted_throwing_move>(1, fanout::combine::first_success, [&](auto&& outcome) noexcept {
      ++calls;
      REQUIRE(!outcome);
      CHECK(outcome.error().index == fanout::no_index);
      CHECK(outcome.error().cause == errc::policy_threw);
      CHECK_THROWS_AS(std::rethrow_exception(outcome.error().exception), support::told_to_throw);
    });
    issuer.start(0, [](auto branch) { branch.set_value(1); });
    counted_throwing_move::throw_on_move(1);
    std::move(issuer).seal();
    CHECK(calls == 1);
  }
  CHECK(counted_throwing_move::alive() == 0);
}
#endif

TEST_CASE("first_success at decided: the loser that wins too late is handed over", "[first][decided][E5]") {
  counted::reset();
  std::vector<int> late;
  std::vector<any_branch> kept;
  delivered<counted> got;
  {
    auto issuer = fanout::issue<counted>(
        2,
        fanout::combine::at_decided(fanout::combine::on_late(
            fanout::combine::first_success, [&](const counted& v) noexcept { late.push_back(v.value()); })),
        got.completion());
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
  }
  kept[1].set_value(1);
  REQUIRE(got.succeeded());
  CHECK(late.empty());
  kept[0].set_value(10);
  CHECK(late == std::vector<int>{10});
  CHECK(counted::alive() == 1);  // the winner
}

}  // namespace
