// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/decided.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/first.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/issue.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/timer/manual.hpp"
#include "support/allocators.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"
#include "support/styles.hpp"

namespace {

using fanout::errc;
using fanout::reason;
using support::any_branch;
using support::counted;

template <class T>
using reports_outcome = fanout::result<fanout::reports<T>, fanout::reported_failure<T>>;
template <class T>
using delivered = support::delivered<reports_outcome<T>>;

const auto io_error = std::make_error_code(std::errc::io_error);

/// An operation of `n` branches whose handles are in `kept`, sealed.
template <class T = int, class Policy, class Completion>
std::vector<any_branch> issue_all(std::size_t n, Policy policy, Completion completion) {
  std::vector<any_branch> kept;
  auto issuer = fanout::issue<T>(n, std::move(policy), std::move(completion));
  for (std::size_t i = 0; i != n; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
  return kept;
}

TEST_CASE("not before the seal, however early it is decided", "[decided][I1][E15]") {
  delivered<int> got;
  auto issuer = fanout::issue<int>(3, fanout::combine::at_decided(fanout::combine::quorum(1)), got.completion());
  issuer.start(0, [](auto branch) { branch.set_value(0); });
  CHECK(issuer.is_decided());
  CHECK(got.times == 0);
  std::move(issuer).seal();
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->size() == 1);
}

TEST_CASE("a branch that reports only after the completion ran: counted, and otherwise nobody's", "[decided][E5]") {
  counted::reset();
  auto got = std::make_unique<delivered<counted>>();
  auto kept = issue_all<counted>(2, fanout::combine::at_decided(fanout::combine::quorum(1)), got->completion());
  kept[1].set_value(1);
  CHECK(got->succeeded());
  got.reset();  // the completion's owner and the outcome are gone
  CHECK(counted::alive() == 0);
  kept[0].set_value(0);
  CHECK(counted::alive() == 0);
}

TEST_CASE("the memory goes with the last of the outcome and the stragglers, whichever that is", "[decided][E5]") {
  for (const bool straggler_last : {true, false}) {
    support::tally memory;
    std::optional<reports_outcome<int>> outcome;
    std::vector<any_branch> kept;
    {
      auto issuer = fanout::issue<int>(
          2, fanout::combine::at_decided(fanout::combine::quorum(1)),
          [&](auto o) noexcept { outcome.emplace(std::move(o)); }, support::counting_allocator<std::byte>(memory));
      for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    }
    kept[0].set_value(0);
    REQUIRE(outcome);
    CHECK(memory.deallocations == 0);
    if (straggler_last) {
      outcome.reset();
      CHECK(memory.deallocations == 0);
      kept[1].set_value(1);
    } else {
      kept[1].set_value(1);
      CHECK(memory.deallocations == 0);
      CHECK(**(*outcome)->begin() == 0);
      outcome.reset();
    }
    CHECK(memory.deallocations == 1);
    CHECK(memory.live_bytes == 0);
  }
}

TEST_CASE("all at decided: every report in the order of arrival, or the first cause while others are out",
          "[decided][all]") {
  delivered<int> good, bad;
  auto kept = issue_all(3, fanout::combine::at_decided(fanout::combine::all), good.completion());
  for (std::size_t i : {2u, 0u, 1u}) kept[i].set_value(static_cast<int>(i));
  REQUIRE(good.succeeded());
  std::vector<std::size_t> order;
  for (auto&& one : *good.outcome()) order.push_back(one.index());
  CHECK(order == std::vector<std::size_t>{2, 0, 1});
  CHECK(good.outcome()->why() == reason::completed);

  kept = issue_all(3, fanout::combine::at_decided(fanout::combine::all), bad.completion());
  kept[2].set_value(2);
  kept[1].set_error(io_error);
  CHECK(bad.failed(1, io_error));  // 0 is still out
  CHECK(bad.failure().reported.size() == 1);
  kept[0].set_value(0);
}

TEST_CASE("no branches, at decided", "[decided][E1]") {
  delivered<int> all, settle;
  issue_all(0, fanout::combine::at_decided(fanout::combine::all), all.completion());
  issue_all(0, fanout::combine::at_decided(fanout::combine::settle), settle.completion());
  for (auto* got : {&all, &settle}) {
    REQUIRE(got->succeeded());
    CHECK(got->outcome()->empty());
    CHECK(got->outcome()->why() == reason::completed);
  }
}

TEST_CASE("settle at decided waits for all, unless a deadline passes: then what there is", "[decided][settle][E7]") {
  fanout::timer::manual_timer clock;
  const std::vector<int> hosts{0, 1, 2};
  std::vector<any_branch> kept;
  delivered<int> got;
  fanout::settle<int>(hosts, [&](int, auto branch) { kept.emplace_back(std::move(branch)); })
      .deadline(std::chrono::milliseconds(50), clock)
      .deliver_at(fanout::decided)
      .then(got.completion());
  kept[2].set_error(io_error);
  kept[0].set_value(7);
  CHECK(got.times == 0);
  clock.advance(std::chrono::milliseconds(50));
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->why() == reason::deadline);
  CHECK(got.outcome()->size() == 1);
  CHECK(got.outcome()->failures().size() == 1);
  CHECK(*got.outcome()->missing().begin() == 1);
  kept[1].set_value(1);
}

TEST_CASE("what a description is given may be given in any order", "[decided][on_late]") {
  const std::vector<int> hosts{0, 1, 2};
  const auto play = [&](auto configure) {
    std::vector<int> late;
    std::vector<any_branch> kept;
    delivered<int> got;
    configure(fanout::detail::describe<int, fanout::handler>(
                  fanout::combine::quorum(1), hosts, [&](int, auto branch) { kept.emplace_back(std::move(branch)); }),
              [&late](int v) noexcept { late.push_back(v); })
        .then(got.completion());
    kept[1].set_value(1);
    CHECK(got.succeeded());
    kept[0].set_error(io_error);
    kept[2].set_value(2);
    CHECK(late == std::vector<int>{2});
  };
  play([](auto d, auto f) { return std::move(d).on_late(f).deliver_at(fanout::decided).keep_losers(); });
  play([](auto d, auto f) { return std::move(d).deliver_at(fanout::decided).keep_losers().on_late(f); });
  play([](auto d, auto f) { return std::move(d).keep_losers().deliver_at(fanout::decided).on_late(f); });
  play([](auto d, auto f) { return std::move(d).on_late(f).at_most_errors(3).deliver_at(fanout::decided); });
  play([](auto d, auto f) { return std::move(d).deliver_at(fanout::decided).on_late(f).on_deadline(fanout::partial); });
}

TEST_CASE("all and settle may be told what to do with late values before they are told to deliver early",
          "[decided][on_late]") {
  const std::vector<int> hosts{0, 1};
  for (const bool first : {true, false}) {
    std::vector<int> late;
    std::vector<any_branch> kept;
    delivered<int> got;
    auto described = fanout::all<int>(hosts, [&](int, auto branch) { kept.emplace_back(std::move(branch)); });
    const auto f = [&late](int v) noexcept { late.push_back(v); };
    if (first) {
      std::move(described).on_late(f).deliver_at(fanout::decided).then(got.completion());
    } else {
      std::move(described).deliver_at(fanout::decided).on_late(f).then(got.completion());
    }
    kept[0].set_error(io_error);
    CHECK(got.failed(0, io_error));
    kept[1].set_value(1);
    CHECK(late == std::vector<int>{1});
  }
}

TEST_CASE("an outer stop request after the delivery does nothing", "[decided][stoppable][E12]") {
  fanout::inplace_stop_source outer;
  delivered<int> got;
  auto kept = issue_all(2, fanout::combine::at_decided(fanout::combine::quorum(1).keep_losers()),
                        fanout::completion::stoppable(outer.get_token(), got.completion()));
  kept[0].set_value(0);
  REQUIRE(got.succeeded());
  outer.request_stop();  // deregistered: the straggler is not asked
  kept[1].set_value(1);
  CHECK(got.once());
}

TEST_CASE("a blocked thread and a future have it while a branch is out", "[decided][wait][future]") {
  const std::vector<int> hosts{0, 1};
  const auto play = [&](auto run) {
    any_branch straggler;
    auto outcome = run(fanout::detail::describe<int, fanout::handler>(fanout::combine::first_success, hosts,
                                                                      [&](int host, auto branch) {
                                                                        if (host == 1) return branch.set_value(7);
                                                                        straggler = any_branch(std::move(branch));
                                                                      })
                           .deliver_at(fanout::decided));
    REQUIRE(outcome);
    CHECK(outcome->index == 1);
    REQUIRE(straggler);
    straggler.set_value(1);
  };
  play([](auto d) { return support::by_wait::run(std::move(d)); });
  play([](auto d) { return support::by_future::run(std::move(d)); });
  play([](auto d) { return support::by_callback::run(std::move(d)); });
}

TEST_CASE("delivered on one thread, dropped on another, stragglers on a third", "[decided][E5]") {
  counted::reset();
  for (int round = 0; round != 200; ++round) {
    std::optional<reports_outcome<counted>> outcome;
    auto kept = issue_all<counted>(3, fanout::combine::at_decided(fanout::combine::quorum(1)),
                                   [&](auto o) noexcept { outcome.emplace(std::move(o)); });
    kept[0].set_value(0);
    REQUIRE(outcome);
    support::threads threads;
    threads.run([&] { outcome.reset(); });
    threads.run([&] { kept[1].set_value(1); });
    threads.run([&] { kept[2].set_value(2); });
    threads.join();
    CHECK(counted::alive() == 0);
  }
}

TEST_CASE("the range and the initiator live until the last straggler has reported", "[decided][description]") {
  auto alive = std::make_shared<int>(7);
  const std::weak_ptr<int> seen = alive;
  std::vector<std::shared_ptr<int>> range{alive, std::move(alive)};
  const std::shared_ptr<int>* element = nullptr;
  any_branch kept;
  fanout::detail::describe<int, fanout::handler>(fanout::combine::first_success, std::move(range),
                                                 [&](const std::shared_ptr<int>& one, auto branch) {
                                                   if (element != nullptr) return branch.set_value(1);
                                                   element = &one;
                                                   kept = any_branch(std::move(branch));
                                                 })
      .deliver_at(fanout::decided)
      .then([](auto outcome) noexcept { CHECK(outcome); });
  REQUIRE(!seen.expired());
  CHECK(**element == 7);
  kept.set_stopped();
  CHECK(seen.expired());
}

TEST_CASE("at drained, one branch that never reports keeps the operation: it stays, and nothing is lost",
          "[decided][E5]") {
  delivered<int> got;
  auto kept = issue_all(2, fanout::combine::quorum(1), got.completion());
  kept[0].set_value(1);
  CHECK(got.times == 0);
  kept[1].reset();  // released here, or the test would leak it: an abandoned branch is a late failure
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->failures().empty());
}

}  // namespace
