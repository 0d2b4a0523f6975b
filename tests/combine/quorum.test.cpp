// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/quorum.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/importance.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/importance.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using fanout::reason;
using support::any_branch;
using support::counted;

template <class T, class E = std::error_code>
using quorum_outcome = fanout::result<fanout::reports<T, E>, fanout::reported_failure<T, E>>;
template <class T, class E = std::error_code>
using delivered = support::delivered<quorum_outcome<T, E>>;

constexpr fanout::tally tally_of(std::uint32_t branches, std::uint32_t successes, std::uint32_t failures) {
  fanout::tally t;
  t.branches = branches;
  t.successes = successes;
  t.failures = failures;
  return t;
}

TEST_CASE("the rule of a quorum: met with k, unmet as soon as k is out of reach", "[quorum][E15]") {
  constexpr auto rule = [](std::uint32_t k, fanout::tally t) {
    fanout::combine::limits l;
    l.successes = k;
    return l.rule(t);
  };
  static_assert(rule(2, tally_of(3, 1, 0)) == fanout::ruling::open());
  static_assert(rule(2, tally_of(3, 2, 0)) == fanout::ruling::met(reason::quorum));
  static_assert(rule(2, tally_of(3, 1, 1)) == fanout::ruling::open());
  static_assert(rule(2, tally_of(3, 0, 2)) == fanout::ruling::unmet(reason::error_limit));
  static_assert(rule(2, tally_of(fanout::tally::unknown, 0, 100)) == fanout::ruling::open());
  static_assert(rule(0, tally_of(0, 0, 0)) == fanout::ruling::met(reason::quorum));
  static_assert(rule(1, tally_of(0, 0, 0)) == fanout::ruling::unmet(reason::error_limit));
  SUCCEED();
}

TEST_CASE("quorum 0 of any number is a success at once, and nothing is started", "[quorum][E1]") {
  for (const bool keep : {false, true}) {
    for (const std::size_t n : {std::size_t{0}, std::size_t{3}}) {
      delivered<int> got;
      auto policy = fanout::combine::quorum(0);
      {
        auto issuer = fanout::issue<int>(n, keep ? policy.keep_losers() : policy, got.completion());
        CHECK(issuer.is_decided());
        for (std::size_t i = 0; i != n; ++i) issuer.start(i, [](auto) { FAIL("started"); });
        CHECK(got.times == 0);  // not before the seal
      }
      REQUIRE(got.succeeded());
      CHECK(got.outcome()->empty());
      CHECK(got.outcome()->why() == reason::quorum);
      CHECK(got.outcome()->missing().size() == n);
    }
  }
}

TEST_CASE("a quorum of more than there are is errc::unreachable at once, and nothing is started", "[quorum][E1]") {
  for (const bool keep : {false, true}) {
    for (const std::size_t n : {std::size_t{0}, std::size_t{3}}) {
      delivered<int> got;
      auto policy = fanout::combine::quorum(4);
      {
        auto issuer = fanout::issue<int>(n, keep ? policy.keep_losers() : policy, got.completion());
        for (std::size_t i = 0; i != n; ++i) issuer.start(i, [](auto) { FAIL("started"); });
      }
      CHECK(got.failed(fanout::no_index, errc::unreachable));
      CHECK(got.failure().why == reason::error_limit);
    }
  }
}

TEST_CASE("k beyond what a tally can tell is unreachable, not met", "[quorum][E20]") {
  delivered<int> got;
  fanout::issue<int>(1, fanout::combine::quorum(static_cast<std::size_t>(-1)), got.completion()).start(0, [](auto) {
    FAIL("started");
  });
  CHECK(got.failed(fanout::no_index, errc::unreachable));
}

TEST_CASE("inline, before the seal, after the seal: the k that came first, in that order", "[quorum][E2][E15]") {
  delivered<int> got;
  std::vector<any_branch> kept;
  {
    auto issuer = fanout::issue<int>(4, fanout::combine::quorum(3), got.completion());
    for (std::size_t i = 0; i != 4; ++i) {
      issuer.start(i, [&](auto branch) {
        if (i == 2) return branch.set_value(2);
        kept.emplace_back(std::move(branch));
      });
    }
    kept[2].set_value(3);
    CHECK(!issuer.is_decided());
  }
  CHECK(got.times == 0);
  kept[0].set_value(0);
  CHECK(got.times == 0);  // decided, and not yet drained
  kept[1].set_value(1);   // late
  REQUIRE(got.succeeded());
  std::vector<std::size_t> order;
  for (auto&& one : *got.outcome()) {
    order.push_back(one.index());
    CHECK(*one == static_cast<int>(one.index()));
  }
  CHECK(order == std::vector<std::size_t>{2, 3, 0});
  CHECK(got.outcome()->size() == 3);
}

TEST_CASE("late successes are destroyed, or handed to on_late, exactly once", "[quorum][E5]") {
  counted::reset();
  for (const bool handed : {false, true}) {
    std::vector<int> late;
    std::vector<any_branch> kept;
    const auto start = [&](auto issuer) {
      for (std::size_t i = 0; i != 3; ++i) {
        issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
      }
    };
    {
      delivered<counted> got;
      if (handed) {
        start(fanout::issue<counted>(3,
                                     fanout::combine::on_late(fanout::combine::quorum(1),
                                                              [&](std::size_t i, counted v) noexcept {
                                                                CHECK(i + 100 == static_cast<std::size_t>(v.value()));
                                                                late.push_back(v.value());
                                                              }),
                                     got.completion()));
      } else {
        start(fanout::issue<counted>(3, fanout::combine::quorum(1), got.completion()));
      }
      kept[1].set_value(101);
      kept[2].set_value(102);
      CHECK(counted::alive() == 1);  // the late one is gone, although nothing is delivered yet
      kept[0].set_value(100);
      REQUIRE(got.succeeded());
      CHECK(counted::alive() == 1);
      CHECK(got.outcome()->successes().front()->value() == 101);
    }
    CHECK(late == (handed ? std::vector<int>{102, 100} : std::vector<int>{}));
    CHECK(counted::alive() == 0);
  }
}

TEST_CASE("late successes of branches without values are counted by index", "[quorum][E5]") {
  std::vector<std::size_t> late;
  int calls = 0;
  for (const bool by_index : {true, false}) {
    std::vector<any_branch> kept;
    const auto start = [&](auto issuer) {
      for (std::size_t i = 0; i != 2; ++i) {
        issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
      }
    };
    if (by_index) {
      start(fanout::issue<void>(
          2, fanout::combine::on_late(fanout::combine::quorum(1), [&](std::size_t i) noexcept { late.push_back(i); }),
          [](auto outcome) noexcept { CHECK(outcome); }));
    } else {
      start(fanout::issue<void>(2, fanout::combine::on_late(fanout::combine::quorum(1), [&]() noexcept { ++calls; }),
                                [](auto outcome) noexcept { CHECK(outcome); }));
    }
    kept[1].set_value();
    kept[0].set_value();
  }
  CHECK(late == std::vector<std::size_t>{0});
  CHECK(calls == 1);
}

TEST_CASE("values that only move are taken out of the reports", "[quorum]") {
  delivered<std::unique_ptr<int>> got;
  {
    auto issuer = fanout::issue<std::unique_ptr<int>>(2, fanout::combine::quorum(2), got.completion());
    for (int i = 0; i != 2; ++i) {
      issuer.start([i](auto branch) { branch.set_value(std::make_unique<int>(i)); });
    }
  }
  REQUIRE(got.succeeded());
  std::vector<std::unique_ptr<int>> taken;
  for (auto&& one : *got.outcome()) taken.push_back(std::move(*one));
  CHECK(*taken.at(0) == 0);
  CHECK(*taken.at(1) == 1);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("with exceptions for errors, every cause is one", "[quorum][E18]") {
  delivered<int, std::exception_ptr> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::quorum<std::exception_ptr>(1), got.completion());
    issuer.start(0, [](auto) { throw std::runtime_error("first"); });
    issuer.start(1, [](auto branch) { branch.set_error(std::make_exception_ptr(std::runtime_error("second"))); });
  }
  REQUIRE(got.once());
  std::vector<std::string> causes;
  for (auto&& one : got.failure().reported.failures()) {
    try {
      std::rethrow_exception(one.error());
    } catch (const std::exception& e) {
      causes.emplace_back(e.what());
    }
  }
  CHECK(causes == std::vector<std::string>{"first", "second"});
  CHECK(got.failure().index == 0);
  CHECK(got.failure().suppressed == 1);
  CHECK_THROWS_WITH(std::rethrow_exception(got.failure().cause), "first");
}

TEST_CASE("an initiator that throws is its branch's failure, and the quorum may be met without it", "[quorum][E3b]") {
  delivered<int> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::quorum(1), got.completion());
    issuer.start(0, [](auto) { throw 1; });
    issuer.start(1, [](auto branch) { branch.set_value(1); });
  }
  REQUIRE(got.succeeded());
  REQUIRE(got.outcome()->failures().size() == 1);
  CHECK(got.outcome()->failures().front().error() == errc::initiator_threw);
}
#endif

TEST_CASE("branches that were never started cannot succeed: the quorum fails, and says that issuing ended early",
          "[quorum][E3]") {
  delivered<int> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::quorum(2), got.completion());
    issuer.start(0, [](auto branch) { branch.set_value(0); });
  }
  REQUIRE(got.once());
  CHECK(got.failed(1, errc::not_issued));
  CHECK(got.failure().reported.size() == 1);
}

TEST_CASE("branches not started because a stop was requested count as stopped", "[quorum][E4][E12]") {
  delivered<int> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::quorum(2), got.completion());
    issuer.start(0, [](auto branch) { branch.set_value(0); });
    issuer.request_stop();
    CHECK(issuer.try_start(1, [](auto) { FAIL("started"); }).error() == errc::stopped);
  }
  CHECK(got.failed(fanout::no_index, errc::stopped));
  CHECK(got.failure().why == reason::stopped);
}

TEST_CASE("an abandoned branch is a failure like any other", "[quorum][I4]") {
  delivered<int> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::quorum(2), got.completion());
    issuer.start(0, [](auto) {});
    issuer.start(1, [](auto) { FAIL("started: it was decided"); });
  }
  CHECK(got.failed(0, errc::abandoned));
}

TEST_CASE("delivered at decided: stragglers report into an operation that owns itself", "[quorum][decided][E5]") {
  counted::reset();
  std::vector<any_branch> kept;
  {
    delivered<counted> got;
    {
      auto issuer =
          fanout::issue<counted>(3, fanout::combine::at_decided(fanout::combine::quorum(1)), got.completion());
      for (std::size_t i = 0; i != 3; ++i) {
        issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
      }
    }
    kept[1].set_value(1);
    REQUIRE(got.succeeded());
    kept[0].set_value(0);  // while the outcome lives
    CHECK(counted::alive() == 1);
    CHECK(got.outcome()->successes().front()->value() == 1);
  }
  CHECK(counted::alive() == 0);
  kept[2].set_value(2);  // and after it
  CHECK(counted::alive() == 0);
}

TEST_CASE("without threads, the same with refcount::local", "[quorum][local]") {
  delivered<int> got;
  std::vector<any_branch> kept;
  {
    auto issuer =
        fanout::issue<int, fanout::handler, fanout::refcount::local>(2, fanout::combine::quorum(1), got.completion());
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
  }
  kept[1].set_value(7);
  kept[0].set_stopped();
  REQUIRE(got.succeeded());
  CHECK(**got.outcome()->begin() == 7);
}

TEST_CASE("branches that were not started because of a stop have given up; otherwise they were not issued",
          "[quorum][at_most_errors][E3][E12]") {
  const auto check = [](auto policy, bool stop) {
    delivered<int> got;
    any_branch kept;
    {
      auto issuer = fanout::issue<int>(4, policy, got.completion());
      issuer.start(0, [](auto branch) { branch.set_value(0); });
      issuer.start(1, [&](auto branch) { kept = any_branch(std::move(branch)); });
      if (stop) issuer.request_stop();
    }  // 2 and 3 are left
    kept.set_value(1);
    if (stop) {
      CHECK(got.failed(fanout::no_index, errc::stopped));
      CHECK(got.failure().why == reason::stopped);
    } else {
      CHECK(got.failed(2, errc::not_issued));
      CHECK(got.failure().why == reason::error_limit);
    }
    CHECK(got.failure().reported.failures().empty());
  };
  for (const bool stop : {true, false}) {
    check(fanout::combine::at_most_errors(1), stop);
    check(fanout::combine::quorum(3), stop);
    check(fanout::combine::at_decided(fanout::combine::all), stop);
    check(fanout::combine::important([](std::size_t) noexcept { return fanout::importance::required; }), stop);
  }
}

/// Waits for all, and shows what it was asked about last.
struct watching {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
  static constexpr bool votes = true;
  fanout::tally* seen;
  fanout::ruling rule(const fanout::tally& t) const noexcept {
    *seen = t;
    return t.sealed && t.complete() ? fanout::ruling::met(reason::completed) : fanout::ruling::open();
  }
  fanout::reports<int> result(fanout::reports<int> in) noexcept { return in; }
};

TEST_CASE("a rule sees what was not started: as stopped after a stop, else as not issued", "[quorum][E3][E12]") {
  for (const bool stop : {true, false}) {
    fanout::tally seen;
    delivered<int> got;
    {
      auto issuer = fanout::issue<int>(3, watching{&seen}, got.completion());
      issuer.start(0, [](auto branch) { branch.set_value(0); });
      if (stop) issuer.request_stop();
    }
    CHECK(got.succeeded());
    CHECK(seen.successes == 1);
    CHECK(seen.stopped == (stop ? 2 : 0));
    CHECK(seen.not_issued == (stop ? 0 : 2));
  }
}

}  // namespace
