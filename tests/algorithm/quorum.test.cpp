// SPDX-License-Identifier: BSL-1.0
// What Bluebird's tests ask of Promise.some, and what a quorum of replicas needs besides.
#include "fanout/algorithm/quorum.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/attempts.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using fanout::reason;
using support::attempts;
using support::delivered;
using namespace std::chrono_literals;

using outcome = fanout::result<fanout::reports<int>, fanout::reported_failure<int>>;

struct fixture {
  fanout::timer::manual_timer clock;
  attempts tries{clock};
  delivered<outcome> got;

  auto described(std::size_t k, std::size_t n) {
    std::vector<int> replicas;
    for (std::size_t i = 0; i != n; ++i) replicas.push_back(static_cast<int>(i));
    return fanout::quorum<int>(k, std::move(replicas), tries.initiator());
  }
  std::vector<std::pair<std::size_t, int>> successes() {
    std::vector<std::pair<std::size_t, int>> all;
    for (auto&& one : *got.outcome()) all.emplace_back(one.index(), *one);
    return all;
  }
};
using pairs = std::vector<std::pair<std::size_t, int>>;

TEST_CASE("the first k, in the order of their arrival, each with its index", "[quorum][E15]") {
  fixture f;
  f.described(2, 4).then(f.got.completion());
  f.tries.succeed(3, 30);
  f.tries.fail(0);
  f.tries.succeed(1, 10);
  CHECK(f.tries.cancel_asked() == 1);
  REQUIRE(f.got.succeeded());
  CHECK(f.successes() == pairs{{3, 30}, {1, 10}});
  CHECK(f.got.outcome()->why() == reason::quorum);
}

TEST_CASE("fails as soon as k is out of reach, with all the causes", "[quorum][E15][E18]") {
  fixture f;
  f.described(3, 4).then(f.got.completion());
  f.tries.fail(2, std::errc::timed_out);
  CHECK_FALSE(f.tries.asked_to_stop(0));
  f.tries.fail(1, std::errc::io_error);  // 2 are left
  CHECK(f.tries.asked_to_stop(0));
  f.tries.succeed(0, 1);  // too late
  f.tries.cancel_asked();
  REQUIRE(f.got.failed(2, std::make_error_code(std::errc::timed_out), 1));
  std::vector<std::size_t> causes;
  for (auto&& one : f.got.failure().reported.failures()) causes.push_back(one.index());
  CHECK(causes == std::vector<std::size_t>{2, 1});
}

TEST_CASE("what was in before it failed is not lost", "[quorum][E15]") {
  fixture f;
  f.described(2, 2).then(f.got.completion());
  f.tries.succeed(0, 5);
  f.tries.fail(1);
  REQUIRE(f.got.failed(1, std::make_error_code(std::errc::io_error)));
  REQUIRE(f.got.failure().reported.size() == 1);
  CHECK(*f.got.failure().reported.successes().front() == 5);
}

TEST_CASE("none is enough at once, more than there are is unreachable at once", "[quorum][E1]") {
  fixture none;
  none.described(0, 3).then(none.got.completion());
  REQUIRE(none.got.succeeded());
  CHECK(none.successes().empty());

  fixture nothing;
  nothing.described(0, 0).then(nothing.got.completion());
  CHECK(nothing.got.succeeded());

  fixture few;
  few.described(3, 2).then(few.got.completion());
  CHECK(few.got.failed(fanout::no_index, errc::unreachable));
  CHECK(few.tries.size() == 0);

  fixture empty;
  empty.described(1, 0).then(empty.got.completion());
  CHECK(empty.got.failed(fanout::no_index, errc::unreachable));
}

TEST_CASE("who gave up is not a success, and not a cause", "[quorum][E15]") {
  fixture f;
  f.described(1, 3).then(f.got.completion());
  f.tries.give_up(0);
  f.tries.fail(1);
  f.tries.give_up(2);
  REQUIRE(f.got.failed(1, std::make_error_code(std::errc::io_error)));
  CHECK(f.got.failure().reported.failures().size() == 1);

  fixture all;
  all.described(2, 3).then(all.got.completion());
  for (std::size_t i = 0; i != 3; ++i) all.tries.give_up(i);
  CHECK(all.got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("k of an unknown number", "[quorum][open]") {
  std::istringstream words("1 2 3 4");
  delivered<outcome> got;
  fanout::quorum<int>(
      2, std::ranges::subrange(std::istream_iterator<int>(words), std::istream_iterator<int>()),
      [](int n, auto branch, auto) { n % 2 == 0 ? branch.set_value(n) : branch.set_error(std::errc::io_error); })
      .window(1)
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->size() == 2);

  std::istringstream few("1 2 3");
  delivered<outcome> failed;
  fanout::quorum<int>(
      2, std::ranges::subrange(std::istream_iterator<int>(few), std::istream_iterator<int>()),
      [](int n, auto branch, auto) { n % 2 == 0 ? branch.set_value(n) : branch.set_error(std::errc::io_error); })
      .then(failed.completion());
  CHECK(failed.failed(0, std::make_error_code(std::errc::io_error), 1));
}

TEST_CASE("good enough: at the deadline, what there is, and who is missing", "[quorum][E15]") {
  fixture f;
  f.described(3, 4)
      .deadline(50ms, f.clock)
      .on_deadline(fanout::partial)
      .deliver_at(fanout::decided)
      .then(f.got.completion());
  f.tries.succeed(2, 7);
  f.tries.fail(1);
  f.clock.advance(50ms);
  REQUIRE(f.got.succeeded());
  CHECK(f.successes() == pairs{{2, 7}});
  CHECK(f.got.outcome()->why() == reason::deadline);
  std::vector<std::size_t> missing;
  for (const std::size_t i : f.got.outcome()->missing()) missing.push_back(i);
  CHECK(missing == std::vector<std::size_t>{0, 3});
  CHECK(f.tries.cancel_asked() == 2);
}

TEST_CASE("keep_losers: the others go on", "[quorum]") {
  for (const bool early_first : {false, true}) {  // options in any order
    fixture f;
    if (early_first) {
      f.described(1, 2).deliver_at(fanout::decided).keep_losers().then(f.got.completion());
    } else {
      f.described(1, 2).keep_losers().deliver_at(fanout::decided).then(f.got.completion());
    }
    f.tries.succeed(0, 1);
    CHECK(f.got.succeeded());
    CHECK_FALSE(f.tries.asked_to_stop(1));
    f.tries.succeed(1, 2);
    CHECK(f.got.once());
  }
}

}  // namespace
