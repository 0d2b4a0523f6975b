// SPDX-License-Identifier: BSL-1.0
// The policy alone, branches completed by hand: when attempts are made is tests/algorithm/hedge.test.cpp's.
#include "fanout/combine/hedge.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
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

using fanout::combine::hedge;
using fanout::errc;
using fanout::reason;
using support::any_branch;
using support::counted;
using support::counted_throwing_move;

template <class T, class E = std::error_code>
using delivered = support::delivered<fanout::result<fanout::winner<T>, fanout::reported_failure<T, E>>>;

const auto io_error = std::make_error_code(std::errc::io_error);
const auto timed_out = std::make_error_code(std::errc::timed_out);
const auto denied = std::make_error_code(std::errc::permission_denied);
constexpr auto is_denied = [](std::error_code e) noexcept { return e == std::errc::permission_denied; };

/// An operation whose branches are completed by hand, and the token by which they would learn that they are asked to stop.
template <class T = int>
struct operation {
  delivered<T> got;
  std::vector<any_branch> branches;

  template <class Policy>
  auto start(std::size_t n, Policy policy) {
    auto issuer = fanout::issue<T>(n, std::move(policy), got.completion());
    for (std::size_t i = 0; i != n; ++i) issuer.start(i, [&](auto b) { branches.emplace_back(std::move(b)); });
    return issuer;
  }
};

// ---- the rule ---------------------------------------------------------------------------------------------------------------

constexpr fanout::tally tally_of(std::uint32_t branches, std::uint32_t successes, std::uint32_t failures,
                                 std::uint32_t stopped = 0) {
  fanout::tally t;
  t.branches = branches;
  t.successes = successes;
  t.failures = failures;
  t.stopped = stopped;
  return t;
}

TEST_CASE("the rule of a hedge: met with one success, unmet when none is left that could be one", "[hedge][E14]") {
  using policy = decltype(fanout::combine::hedge_t<std::error_code>().bind<int>());
  static_assert(policy::hedges && policy::votes && policy::keeps_errors && policy::decides_early);
  const auto rule = [](fanout::tally t) { return policy{}.rule(t); };
  CHECK(rule(tally_of(3, 0, 0)) == fanout::ruling::open());
  CHECK(rule(tally_of(3, 1, 0)) == fanout::ruling::met(reason::quorum));
  CHECK(rule(tally_of(3, 1, 2)) == fanout::ruling::met(reason::quorum));
  CHECK(rule(tally_of(3, 0, 2)) == fanout::ruling::open());
  CHECK(rule(tally_of(3, 0, 3)) == fanout::ruling::unmet(reason::error_limit));
  CHECK(rule(tally_of(3, 0, 1, 2)) == fanout::ruling::unmet(reason::error_limit));
  CHECK(rule(tally_of(0, 0, 0)) == fanout::ruling::unmet(reason::error_limit));
  CHECK(rule(tally_of(fanout::tally::unknown, 0, 100)) == fanout::ruling::open());
  CHECK(rule(tally_of(fanout::tally::unknown, 1, 100)) == fanout::ruling::met(reason::quorum));
}

TEST_CASE("nobody to ask: errc::no_candidates, from the seal, also if some errors would be fatal", "[hedge][E1]") {
  const auto check = [](auto policy) {
    delivered<int> got;
    auto issuer = fanout::issue<int>(0, policy, got.completion());
    CHECK(got.times == 0);
    std::move(issuer).seal();
    CHECK(got.failed(fanout::no_index, errc::no_candidates));
    CHECK(got.failure().reported.empty());
    delivered<int> open;
    { auto unknown = fanout::issue<int>(policy, open.completion()); }
    CHECK(open.failed(fanout::no_index, errc::no_candidates));
  };
  check(hedge);
  check(hedge.fatal(is_denied));
}

// ---- the outcome ------------------------------------------------------------------------------------------------------------

TEST_CASE("a success: its value and whose it was, whatever failed before", "[hedge][E14]") {
  operation<std::unique_ptr<int>> op;
  {
    auto issuer = fanout::issue<std::unique_ptr<int>>(3, hedge, op.got.completion());
    issuer.start(0, [](auto branch) { branch.set_error(io_error); });
    issuer.start(1, [](auto branch) { branch.set_value(std::make_unique<int>(7)); });
    issuer.start(2, [](auto) { FAIL("started"); });
  }
  REQUIRE(op.got.succeeded());
  CHECK(op.got.outcome()->index == 1);
  CHECK(***op.got.outcome() == 7);

  operation<void> nothing;
  { auto issuer = nothing.start(2, hedge); }
  nothing.branches[1].set_value();
  nothing.branches[0].set_value();
  REQUIRE(nothing.got.succeeded());
  CHECK(nothing.got.outcome()->index == 1);
}

TEST_CASE("no success: the first cause, how many came after it, and every report", "[hedge][E18]") {
  operation<> op;
  { auto issuer = op.start(3, hedge); }
  op.branches[2].set_error(timed_out);
  op.branches[0].set_error(io_error);
  CHECK(op.got.times == 0);
  op.branches[1].set_stopped();
  REQUIRE(op.got.failed(2, timed_out, 1));
  CHECK(op.got.failure().why == reason::error_limit);
  std::vector<std::size_t> order;
  for (auto&& one : op.got.failure().reported.failures()) order.push_back(one.index());
  CHECK(order == std::vector<std::size_t>{2, 0});
}

TEST_CASE("all gave up: that is a stop, and no failure", "[hedge][E12][E18]") {
  operation<> op;
  {
    auto issuer = op.start(2, hedge.fatal([](std::error_code) noexcept { return true; }));
  }
  op.branches[0].set_stopped();  // not asked whether it is fatal
  CHECK(op.got.times == 0);
  op.branches[1].set_stopped();
  REQUIRE(op.got.failed(fanout::no_index, errc::stopped));
  CHECK(op.got.failure().why == reason::stopped);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a winner that cannot be moved out is the operation's failure, and nothing leaks", "[hedge][E6]") {
  counted_throwing_move::reset();
  {
    int calls = 0;
    auto issuer = fanout::issue<counted_throwing_move>(1, hedge, [&](auto&& outcome) noexcept {
      ++calls;
      REQUIRE(!outcome);
      CHECK(outcome.error().cause == errc::policy_threw);
    });
    issuer.start(0, [](auto branch) { branch.set_value(1); });
    counted_throwing_move::throw_on_move(1);
    std::move(issuer).seal();
    CHECK(calls == 1);
  }
  CHECK(counted_throwing_move::alive() == 0);
}
#endif

// ---- fatal ------------------------------------------------------------------------------------------------------------------

TEST_CASE("a fatal failure decides: it is the cause, and the others are asked to stop", "[hedge][fatal][E14]") {
  operation<> op;
  {
    auto issuer = op.start(4, hedge.fatal(is_denied));
    op.branches[3].set_error(io_error);
    CHECK_FALSE(issuer.is_decided());
    CHECK_FALSE(issuer.stop_requested());
    op.branches[1].set_error(denied);
    CHECK(issuer.is_decided());
    CHECK(issuer.stop_requested());
  }
  op.branches[0].set_value(1);  // too late
  op.branches[2].set_error(denied);
  REQUIRE(op.got.failed(1, denied, 1));
  CHECK(op.got.failure().why == reason::error_limit);
  CHECK(op.got.failure().reported.empty());
  CHECK(op.got.failure().reported.failures().size() == 2);
  CHECK(op.got.failure().reported.missing().size() == 2);
}

TEST_CASE("what is fatal is asked for each failure, with that error, once", "[hedge][fatal]") {
  static std::vector<std::error_code> asked;
  asked.clear();
  operation<> op;
  {
    auto issuer = op.start(3, hedge.fatal([](const std::error_code& e) noexcept {
      asked.push_back(e);
      return false;
    }));
  }
  op.branches[1].set_error(io_error);
  op.branches[0].set_error(denied);
  CHECK(asked == std::vector<std::error_code>{io_error, denied});
  op.branches[2].set_value(2);
  REQUIRE(op.got.succeeded());
  CHECK(asked.size() == 2);
}

TEST_CASE("a fatal failure inside its own start: nothing else is started", "[hedge][fatal][E4]") {
  delivered<int> got;
  int started = 0;
  {
    auto issuer = fanout::issue<int>(3, hedge.fatal(is_denied), got.completion());
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start(i, [&](auto branch) {
        ++started;
        branch.set_error(denied);
      });
    }
  }
  CHECK(started == 1);
  CHECK(got.failed(0, denied));
}

TEST_CASE("a fatal failure after a success is late", "[hedge][fatal][E5]") {
  operation<> op;
  { auto issuer = op.start(2, hedge.fatal(is_denied)); }
  op.branches[1].set_value(5);
  op.branches[0].set_error(denied);
  REQUIRE(op.got.succeeded());
  CHECK(op.got.outcome()->index == 1);
  CHECK(**op.got.outcome() == 5);
}

TEST_CASE("an error type of one's own, fatal by what it holds", "[hedge][fatal]") {
  struct problem {
    std::string text;
    bool permanent = false;
    problem() = default;
    problem(std::string t, bool p) : text(std::move(t)), permanent(p) {}
    explicit problem(std::error_code e) : text(e.message()) {}
  };
  delivered<int, problem> got;
  {
    auto issuer = fanout::issue<int>(
        3, fanout::combine::hedge_with<problem>.fatal([](const problem& p) noexcept { return p.permanent; }),
        got.completion());
    issuer.start(0, [](auto branch) { branch.set_error(problem("busy", false)); });
    issuer.start(1, [](auto branch) { branch.set_error(problem("gone", true)); });
    issuer.start(2, [](auto) { FAIL("started"); });
  }
  REQUIRE(got.once());
  REQUIRE_FALSE(got.outcome());
  CHECK(got.failure().reported.failures().size() == 2);
}

// ---- losers -----------------------------------------------------------------------------------------------------------------

TEST_CASE("keep_losers: nobody is asked to stop, be it a success or a fatal failure that decides", "[hedge][E14]") {
  const auto check = [](auto policy, bool success, bool asked) {
    operation<> op;
    {
      auto issuer = op.start(2, policy);
      success ? op.branches[0].set_value(1) : op.branches[0].set_error(denied);
      CHECK(issuer.is_decided());
      CHECK(issuer.stop_requested() == asked);
    }
    CHECK(op.got.times == 0);  // drained
    op.branches[1].set_value(2);
    CHECK(op.got.once());
    CHECK(op.got.outcome().has_value() == success);
  };
  check(hedge, true, true);
  check(hedge.keep_losers(), true, false);
  for (const bool success : {true, false}) {
    check(hedge.fatal(is_denied), success, true);
    check(hedge.fatal(is_denied).keep_losers(), success, false);
    check(hedge.keep_losers().fatal(is_denied), success, false);
  }
}

TEST_CASE("losers that succeed too late are destroyed, or handed over, exactly once", "[hedge][E5]") {
  for (const bool handed : {false, true}) {
    counted::reset();
    std::vector<int> late;
    {
      operation<counted> op;
      if (handed) {
        auto issuer = op.start(3, fanout::combine::on_late(hedge, [&](std::size_t i, counted&& v) noexcept {
                                 late.push_back(static_cast<int>(i) * 100 + v.value());
                               }));
      } else {
        auto issuer = op.start(3, hedge);
      }
      op.branches[1].set_value(1);
      op.branches[2].set_value(2);
      CHECK(counted::alive() == 1);
      op.branches[0].set_value(7);
      REQUIRE(op.got.succeeded());
      CHECK(op.got.outcome()->value.value() == 1);
      CHECK(counted::alive() == 1);
    }
    CHECK(late == (handed ? std::vector<int>{202, 7} : std::vector<int>{}));
    CHECK(counted::alive() == 0);
  }
}

TEST_CASE("at decided, with losers and what is fatal named around it or inside, in any order", "[hedge][decided]") {
  const auto check = [](auto policy) {
    operation<> op;
    { auto issuer = op.start(3, policy); }
    op.branches[0].set_error(io_error);
    CHECK(op.got.times == 0);
    op.branches[2].set_error(denied);
    CHECK(op.got.failed(2, denied, 1));  // 1 is still out
    op.branches[1].set_value(1);
    CHECK(op.got.once());
  };
  const auto ignore = [](int) noexcept {};
  using fanout::combine::at_decided;
  using fanout::combine::on_late;
  check(at_decided(hedge.fatal(is_denied)));
  check(at_decided(hedge).fatal(is_denied));
  check(on_late(at_decided(hedge), ignore).fatal(is_denied));
  check(at_decided(on_late(hedge, ignore)).fatal(is_denied).keep_losers());
}

TEST_CASE("what is fatal may move only, wherever it is named", "[hedge][fatal]") {
  const auto check = [](auto policy) {
    operation<> op;
    { auto issuer = op.start(2, std::move(policy)); }
    op.branches[1].set_error(denied);
    op.branches[0].set_value(1);
    CHECK(op.got.failed(1, denied));
  };
  const auto moves_only = [] {
    return [which = std::make_unique<std::error_code>(denied)](std::error_code e) noexcept { return e == *which; };
  };
  check(hedge.fatal(moves_only()));
  check(hedge.fatal(moves_only()).keep_losers());
  check(hedge.keep_losers().fatal(moves_only()));
  check(fanout::combine::on_late(hedge.fatal(moves_only()), [](int) noexcept {}).keep_losers());
}

// ---- who won ----------------------------------------------------------------------------------------------------------------

TEST_CASE("who watches is told once which attempt won, and nothing where none has", "[hedge]") {
  struct watching : fanout::combine::detail::hedge_watch {
    watching()
        : hedge_watch{[](hedge_watch& self, std::size_t index) noexcept {
            static_cast<watching&>(self).winners.push_back(index);
          }} {}
    std::vector<std::size_t> winners;
  };
  for (const bool success : {true, false}) {
    watching watch;
    auto policy = fanout::combine::hedge_t<std::error_code>().bind<int>();
    policy.watch = &watch;
    operation<> op;
    { auto issuer = op.start(3, policy); }
    op.branches[0].set_error(io_error);
    success ? op.branches[2].set_value(2) : op.branches[2].set_error(io_error);
    CHECK(watch.winners.empty());  // at delivery
    success ? op.branches[1].set_value(1) : op.branches[1].set_error(io_error);
    CHECK(op.got.succeeded() == success);
    CHECK(watch.winners == (success ? std::vector<std::size_t>{2} : std::vector<std::size_t>{}));
  }
}

// ---- what does not compile --------------------------------------------------------------------------------------------------

template <class Description, class F>
concept takes_fatal = requires(Description d, F f) { d.fatal(f); };
using description_type = std::remove_const_t<decltype(hedge)>;
using fatal_description = decltype(hedge.fatal(is_denied));
static_assert(takes_fatal<description_type, decltype(is_denied)>);
static_assert(!takes_fatal<fatal_description, decltype(is_denied)>);  // it would replace the first
static_assert(!takes_fatal<decltype(fanout::combine::at_decided(hedge.fatal(is_denied))), decltype(is_denied)>);

}  // namespace
