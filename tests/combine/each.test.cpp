// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/each.hpp"

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using fanout::verdict;
using support::any_branch;
using support::counted;
using support::delivered;
using outcome = support::with_outcome<fanout::tally>;

struct shown {
  std::size_t index;
  int value;  // -1: none
  std::error_code error;
  friend bool operator==(const shown&, const shown&) = default;
};

/// A sink that writes down what it is shown.
auto note(std::vector<shown>& to) {
  return [&to](std::size_t i, fanout::result<int> r) { to.push_back(r ? shown{i, *r, {}} : shown{i, -1, r.error()}); };
}

TEST_CASE("no branches: success, nothing is shown", "[each][E1]") {
  std::vector<shown> seen;
  delivered<outcome> got;
  { auto issuer = fanout::issue<int>(0, fanout::combine::each(note(seen)), got.completion()); }
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->branches == 0);
  CHECK(seen.empty());
}

TEST_CASE("values, errors and who gave up, as they arrive; a failure stops nobody", "[each][E2][E18]") {
  std::vector<shown> seen;
  delivered<outcome> got;
  std::vector<any_branch> kept;
  const std::error_code io = std::make_error_code(std::errc::io_error);
  {
    auto issuer = fanout::issue<int>(4, fanout::combine::each(note(seen)), got.completion());
    for (std::size_t i = 0; i != 4; ++i) {
      issuer.start(i, [&](auto branch) {
        if (i == 2) return branch.set_value(20);
        kept.emplace_back(std::move(branch));
      });
    }
    CHECK(seen.size() == 1);  // inside its start
    kept[1].set_error(io);
    CHECK(!issuer.stop_requested());
  }
  kept[2].set_stopped();
  kept[0].set_value(0);
  CHECK(seen == std::vector<shown>{{2, 20, {}}, {1, -1, io}, {3, -1, make_error_code(errc::stopped)}, {0, 0, {}}});
  REQUIRE(got.succeeded());
  const fanout::tally t = *got.outcome();
  CHECK((t.branches == 4 && t.successes == 2 && t.failures == 1 && t.stopped == 1 && t.sealed));
}

TEST_CASE("a sink that has seen enough: the others are asked to stop, and not shown", "[each][E5]") {
  counted::reset();
  std::vector<int> late;
  int calls = 0;
  delivered<outcome> got;
  std::vector<any_branch> kept;
  {
    auto issuer =
        fanout::issue<counted>(3,
                               fanout::combine::on_late(fanout::combine::each([&](std::size_t, auto&&) {
                                                          ++calls;
                                                          return verdict::decided;
                                                        }),
                                                        [&](counted v) noexcept { late.push_back(v.value()); }),
                               got.completion());
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    kept[1].set_value(1);
    CHECK(issuer.stop_requested());
  }
  kept[0].set_error(std::make_error_code(std::errc::io_error));  // neither shown nor the cause of anything
  kept[2].set_value(2);
  REQUIRE(got.succeeded());
  CHECK(calls == 1);
  CHECK(late == std::vector<int>{2});
  CHECK(got.outcome()->branches == 1);
  CHECK(counted::alive() == 0);
}

TEST_CASE("a sink that has seen enough, at decided: delivered at once, nothing is shown afterwards",
          "[each][decided][E5]") {
  delivered<outcome> got;
  std::vector<any_branch> kept;
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> sink = alive;
  {
    auto issuer = fanout::issue<int>(
        2, fanout::combine::at_decided(fanout::combine::each([alive = std::move(alive)](std::size_t, auto) {
          ++*alive;
          return verdict::decided;
        })),
        got.completion());
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
  }
  kept[1].set_value(1);
  REQUIRE(got.succeeded());
  REQUIRE(!sink.expired());  // it lies in the operation, which has a straggler
  CHECK(*sink.lock() == 1);
  kept[0].set_value(0);
  CHECK(sink.expired());
  CHECK(got.once());
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a sink that throws is the operation's failure, and is called no more", "[each][E6]") {
  int calls = 0;
  delivered<outcome> got;
  std::vector<any_branch> kept;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::each([&](std::size_t, auto) {
                                       ++calls;
                                       throw 7;
                                     }),
                                     got.completion());
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    kept[1].set_value(1);
    CHECK(issuer.stop_requested());
  }
  kept[0].set_value(1);
  CHECK(got.times == 0);  // drained first
  kept[2].set_stopped();
  CHECK(got.failed(fanout::no_index, errc::policy_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
  CHECK(calls == 1);
}

TEST_CASE("the sink is told that an initiator threw, not that a handle was dropped", "[each][E3b]") {
  std::vector<shown> seen;
  delivered<outcome> got;
  any_branch kept;
  const auto play = [&](auto issuer) {
    issuer.start(0, [](auto) { throw 7; });
    CHECK(seen.size() == 1);
    issuer.start(1, [&](auto branch) { kept = any_branch(std::move(branch)); });
    issuer.start(2, [](auto) { throw 7; });  // not alone any more
    issuer.start(3, [](auto) {});            // drops it
    issuer.start(4, [](auto branch) noexcept { auto dropped = std::move(branch); });
    issuer.start(5, [](auto branch) {  // passes it on first: reported once
      branch.set_value(5);
      throw 7;
    });
    std::move(issuer).seal();
    kept.set_value(1);
  };
  const auto threw = make_error_code(errc::initiator_threw), dropped = make_error_code(errc::abandoned);
  const std::vector<shown> expected{{0, -1, threw},   {2, -1, threw}, {3, -1, dropped},
                                    {4, -1, dropped}, {5, 5, {}},     {1, 1, {}}};
  play(fanout::issue<int>(6, fanout::combine::each(note(seen)), got.completion()));
  // What was thrown after the branch had reported is the operation's.
  CHECK(got.failed(5, errc::initiator_threw));
  std::vector<shown> until_then(expected.begin(), expected.end() - 1);
  CHECK(seen == until_then);
}

TEST_CASE("the same where nothing is counted by threads, and where N is unknown", "[each][E3b]") {
  std::vector<shown> seen;
  delivered<outcome> got, open;
  const std::vector<shown> expected{{0, -1, make_error_code(errc::initiator_threw)}, {1, 1, {}}};
  {
    auto issuer = fanout::issue<int, fanout::handler, fanout::refcount::local>(2, fanout::combine::each(note(seen)),
                                                                               got.completion());
    issuer.start(0, [](auto) { throw 7; });
    issuer.start(1, [](auto branch) { branch.set_value(1); });
  }
  CHECK(seen == expected);
  CHECK(got.succeeded());
  seen.clear();
  {
    auto issuer = fanout::issue<int>(fanout::combine::each(note(seen)), open.completion());
    issuer.start([](auto) { throw 7; });
    issuer.start([](auto branch) { branch.set_value(1); });
  }
  CHECK(seen == expected);
  CHECK(open.succeeded());
}
#endif

TEST_CASE("branches without values; values that only move", "[each]") {
  int calls = 0;
  {
    auto issuer = fanout::issue<void>(2, fanout::combine::each([&](std::size_t, fanout::result<void> r) {
                                        ++calls;
                                        CHECK(r);
                                      }),
                                      [](auto o) noexcept { CHECK(o); });
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [](auto branch) { branch.set_value(); });
  }
  CHECK(calls == 2);
  std::vector<std::unique_ptr<int>> kept;
  {
    auto issuer = fanout::issue<std::unique_ptr<int>>(
        1, fanout::combine::each([&](std::size_t, auto r) { kept.push_back(*std::move(r)); }),
        [](auto o) noexcept { CHECK(o); });
    issuer.start(0, [](auto branch) { branch.set_value(std::make_unique<int>(7)); });
  }
  CHECK(*kept.at(0) == 7);
}

TEST_CASE("many threads, one call at a time", "[each]") {
  constexpr std::size_t n = 64;
  std::vector<std::size_t> seen;  // unsynchronised: the sink is called one at a time
  std::atomic<int> inside = 0;
  bool overlapped = false;
  delivered<outcome> got;
  std::vector<std::thread> threads;
  {
    auto issuer = fanout::issue<int>(n, fanout::combine::each([&](std::size_t i, auto) {
                                       if (inside.fetch_add(1) != 0) overlapped = true;
                                       seen.push_back(i);
                                       inside.fetch_sub(1);
                                     }),
                                     got.completion());
    for (std::size_t i = 0; i != n; ++i) {
      issuer.start(
          i, [&](auto branch) { threads.emplace_back([mine = std::move(branch)]() mutable { mine.set_value(1); }); });
    }
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(got.succeeded());
  CHECK(!overlapped);
  CHECK(seen.size() == n);
}

}  // namespace
