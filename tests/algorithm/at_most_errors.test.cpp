// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/at_most_errors.hpp"

#include <array>
#include <cstddef>
#include <system_error>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/quorum.hpp"
#include "support/attempts.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::reason;
using support::attempts;
using support::delivered;

using outcome = fanout::result<fanout::reports<int>, fanout::reported_failure<int>>;

TEST_CASE("every report, unless more than n fail", "[at_most_errors]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::at_most_errors<int>(1, std::array{1, 2, 3}, tries.initiator()).then(got.completion());
  tries.fail(1);
  tries.succeed(2, 3);
  CHECK(got.times == 0);
  tries.succeed(0, 1);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->size() == 2);
  CHECK(got.outcome()->failures().size() == 1);
  CHECK(got.outcome()->why() == reason::completed);
}

TEST_CASE("one too many decides", "[at_most_errors]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::at_most_errors<int>(1, std::array{1, 2, 3, 4}, tries.initiator()).then(got.completion());
  tries.fail(3, std::errc::timed_out);
  CHECK_FALSE(tries.asked_to_stop(0));
  tries.fail(1);
  CHECK(tries.cancel_asked() == 2);
  CHECK(got.failed(3, std::make_error_code(std::errc::timed_out), 1));
}

TEST_CASE("none at all: the first failure decides; without elements, nothing can", "[at_most_errors][E1]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::at_most_errors<int>(0, std::array{1, 2}, tries.initiator()).then(got.completion());
  tries.fail(0);
  tries.cancel_asked();
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error)));

  delivered<outcome> none;
  fanout::at_most_errors<int>(0, std::vector<int>(), [](int, auto, auto) { FAIL("ran"); }).then(none.completion());
  CHECK(none.succeeded());
}

TEST_CASE("a quorum may have a limit of failures, too", "[at_most_errors][quorum]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::quorum<int>(2, std::array{1, 2, 3, 4, 5}, tries.initiator()).at_most_errors(1).then(got.completion());
  tries.fail(0);
  tries.fail(1);  // two could still succeed
  CHECK(tries.cancel_asked() == 3);
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error), 1));
}

}  // namespace
