// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/first_success.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/wait.hpp"
#include "support/attempts.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::attempt_state;
using support::attempts;
using support::delivered;
using namespace std::chrono_literals;

using outcome = fanout::result<fanout::winner<int>, fanout::reported_failure<int>>;

TEST_CASE("the first success wins, and the others are asked to stop", "[first_success]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::first_success<int>(std::array{10, 11, 12}, tries.initiator()).then(got.completion());
  REQUIRE(tries.elements() == std::vector{10, 11, 12});
  tries.fail(0);
  tries.succeed(2, 5);
  CHECK(tries.asked_to_stop(1));
  CHECK(got.times == 0);  // at drained: the loser may still use what the caller owns
  CHECK(tries.cancel_asked() == 1);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->index == 2);
  CHECK(**got.outcome() == 5);
}

TEST_CASE("all fail: every cause with its index", "[first_success][E18][HE14]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::first_success<int>(std::array{10, 11, 12}, tries.initiator()).then(got.completion());
  tries.fail(1, std::errc::timed_out);
  tries.fail(2, std::errc::io_error);
  tries.fail(0, std::errc::connection_refused);
  REQUIRE(got.failed(1, std::make_error_code(std::errc::timed_out), 2));
  std::vector<std::size_t> order;
  for (auto&& one : got.failure().reported.failures()) order.push_back(one.index());
  CHECK(order == std::vector<std::size_t>{1, 2, 0});
}

TEST_CASE("without elements: no_candidates", "[first_success][E1][HE13]") {
  delivered<outcome> got;
  fanout::first_success<int>(std::vector<int>(), [](int, auto, auto) { FAIL("ran"); }).then(got.completion());
  CHECK(got.failed(fanout::no_index, errc::no_candidates));

  std::istringstream none;
  delivered<outcome> open;
  fanout::first_success<int>(std::ranges::subrange(std::istream_iterator<int>(none), std::istream_iterator<int>()),
                             [](int, auto, auto) { FAIL("ran"); })
      .then(open.completion());
  CHECK(open.failed(fanout::no_index, errc::no_candidates));

  fanout::timer::manual_timer clock;
  delivered<outcome> staggered;
  fanout::first_success<int>(std::vector<int>(), [](int, auto, auto) { FAIL("ran"); })
      .stagger(300ms, clock)
      .then(staggered.completion());
  CHECK(staggered.failed(fanout::no_index, errc::no_candidates));
}

TEST_CASE("what succeeds too late is handed over, not lost", "[first_success][E5]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  std::vector<std::pair<std::size_t, int>> late;
  fanout::first_success<int>(std::array{1, 2}, tries.initiator())
      .on_late([&](std::size_t i, int v) noexcept { late.emplace_back(i, v); })
      .then(got.completion());
  tries.succeed(1, 20);
  tries.succeed(0, 10);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->index == 1);
  CHECK(late == std::vector<std::pair<std::size_t, int>>{{0, 10}});
}

TEST_CASE("delivered at decided, while the losers are still out", "[first_success][E5]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  int late = 0;
  fanout::first_success<int>(std::array{1, 2, 3}, tries.initiator())
      .deliver_at(fanout::decided)
      .on_late([&](int v) noexcept { late += v; })
      .then(got.completion());
  tries.succeed(1, 20);
  REQUIRE(got.succeeded());
  CHECK(tries.asked_to_stop(0));
  tries.succeed(0, 10);
  tries.give_up(2);
  CHECK(late == 10);
  CHECK(got.once());
}

TEST_CASE("wait, values that only move, and void", "[first_success]") {
  auto owned = fanout::wait(fanout::first_success<std::unique_ptr<int>>(
      std::array{1, 2}, [](int n, auto branch, auto) { branch({}, std::make_unique<int>(n)); }));
  REQUIRE(owned);
  CHECK(owned->index == 0);
  CHECK(*owned->value == 1);

  const auto nothing = fanout::wait(fanout::first_success<void>(std::array{1, 2}, [](int n, auto branch, auto) {
    n == 2 ? branch.set_value() : branch.set_error(std::errc::io_error);
  }));
  REQUIRE(nothing);
  CHECK(nothing->index == 1);
}

}  // namespace
