// SPDX-License-Identifier: BSL-1.0
#include "fanout/completion/deadline.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/each.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/each.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/combine/reduce.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "fanout/timer/manual.hpp"
#include "fanout/timer/service.hpp"
#include "support/allocators.hpp"
#include "support/any_branch.hpp"
#include "support/delivered.hpp"
#include "support/gives_up.hpp"
#include "support/styles.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::errc;
using fanout::reason;
using fanout::timer::manual_timer;
using support::all_outcome;
using support::any_branch;
using support::delivered;

const auto io_error = std::make_error_code(std::errc::io_error);
const auto at_10ms = manual_timer::time_point(10ms);

template <class Completion>
auto with_deadline(manual_timer& clock, Completion completion) {
  return fanout::completion::deadline<manual_timer, Completion>(clock, at_10ms, std::move(completion));
}

// ---- every order ------------------------------------------------------------------------------------------------------------

// A deadline, an outer stop request, an error, a value, and the seal, in all orders in which the seal comes at any place; two branches.
// The reference goes through the events by the rules of E7: the first of error, stop and deadline that comes while a branch is out
// decides, a stop that is only a request is displaced by a real error, and when nothing decided before the last report, completion wins.
enum class event { fail, succeed, stop, deadline, seal };

std::string in_words(event e) {
  return std::array{"fail", "succeed", "stop", "deadline", "seal"}[static_cast<std::size_t>(e)];
}

struct expected {
  bool ok;
  std::error_code cause;
};

// What `all` comes to. `second`: whether branch 1 fails.
expected reference(const std::vector<event>& events, bool second_fails) {
  bool stop = false, failed = false, late_deadline = false;
  std::size_t reports = 0;
  for (event e : events) {
    if (e == event::stop) stop = true;
    if (e == event::fail) {
      ++reports;
      if (!second_fails) continue;  // plays a second success
      failed = true;
      if (!late_deadline) return {false, io_error};
    }
    if (e == event::succeed) ++reports;
    // Every branch has reported: completion wins. After an error or a stop it does nothing.
    if (e == event::deadline && reports < 2 && !stop && !failed) late_deadline = true;
  }
  if (late_deadline) return {false, make_error_code(errc::deadline)};
  return {true, {}};
}

TEST_CASE("deadline, stop, error, value and seal in every order: one outcome, that of E7", "[deadline][E7][I7]") {
  for (const bool second_fails : {true, false}) {
    std::vector<event> events{event::fail, event::succeed, event::stop, event::deadline, event::seal};
    std::sort(events.begin(), events.end());
    int orders = 0;
    do {
      ++orders;
      manual_timer clock;
      fanout::inplace_stop_source outer;
      delivered<all_outcome<int>> got;
      std::vector<any_branch> kept;
      std::optional issuer(
          fanout::issue<int>(2, fanout::combine::all,
                             fanout::completion::stoppable(outer.get_token(), with_deadline(clock, got.completion()))));
      for (std::size_t i = 0; i != 2; ++i) {
        issuer->start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
      }
      std::string words;
      for (event e : events) {
        words += in_words(e) + " ";
        CHECK((got.times == 0 || (!kept[0] && !kept[1] && !*issuer)));
        switch (e) {
          case event::fail:
            // Branches report the truth, whether they were asked to stop or not.
            second_fails ? kept[1].set_error(io_error) : kept[1].set_value(1);
            break;
          case event::succeed:
            kept[0].set_value(0);
            break;
          case event::stop:
            outer.request_stop();
            break;
          case event::deadline:
            clock.advance(10ms);
            break;
          case event::seal:
            std::move(*issuer).seal();
            break;
        }
      }
      INFO(words << (second_fails ? "with an error" : "with values only"));
      const expected e = reference(events, second_fails);
      REQUIRE(got.once());
      CHECK(got.outcome().has_value() == e.ok);
      if (!e.ok && !got.outcome()) {
        CHECK(got.failure().cause == e.cause);
        CHECK((got.failure().why == reason::deadline) == (e.cause == errc::deadline));
      }
      CHECK(clock.next_expiry() == manual_timer::time_point::max());  // nothing is left armed
    } while (std::next_permutation(events.begin(), events.end()));
    CHECK(orders == 120);
  }
}

TEST_CASE("quorum: the deadline decides unless k had been reached, or was out of reach",
          "[deadline][quorum][E7][E15]") {
  for (const bool partial : {false, true}) {
    for (std::size_t before = 0; before <= 3; ++before) {
      manual_timer clock;
      support::delivered<fanout::result<fanout::reports<int>, fanout::reported_failure<int>>> got;
      std::vector<any_branch> kept;
      {
        auto issuer =
            fanout::issue<int>(3, fanout::combine::quorum(2).on_deadline(partial ? fanout::partial : fanout::fail),
                               with_deadline(clock, got.completion()));
        for (std::size_t i = 0; i != 3; ++i) {
          issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
        }
      }
      for (std::size_t i = 0; i != before; ++i) kept[i].set_value(static_cast<int>(i));
      clock.advance(10ms);
      for (std::size_t i = before; i < 3; ++i) kept[i].set_value(static_cast<int>(i));
      REQUIRE(got.once());
      INFO(before << (partial ? " partial" : " fail"));
      if (before >= 2) {
        REQUIRE(got.outcome());
        CHECK(got.outcome()->why() == reason::quorum);
        CHECK(got.outcome()->size() == 2);
      } else if (partial) {
        REQUIRE(got.outcome());
        CHECK(got.outcome()->why() == reason::deadline);
        CHECK(got.outcome()->size() == before);
        CHECK(got.outcome()->missing().size() == 3 - before);
      } else {
        CHECK(got.failed(fanout::no_index, errc::deadline));
        CHECK(got.failure().why == reason::deadline);
        CHECK(got.failure().reported.size() == before);
        CHECK(got.failure().reported.missing().size() == 3 - before);
      }
    }
  }
}

TEST_CASE("at_most_errors: when every branch has reported, completion wins, also before the seal",
          "[deadline][at_most_errors][E7]") {
  // Branch 0 completes inside its start, 1 fails, 2 succeeds; `before` of the later two report before the deadline.
  const auto check = [](auto policy, std::size_t before, bool sealed_first, bool partial) {
    manual_timer clock;
    support::delivered<fanout::result<fanout::reports<int>, fanout::reported_failure<int>>> got;
    std::vector<any_branch> kept;
    auto issuer = fanout::issue<int>(3, policy.on_deadline(partial ? fanout::partial : fanout::fail),
                                     with_deadline(clock, got.completion()));
    issuer.start(0, [](auto branch) { branch.set_value(0); });
    for (std::size_t i : {1u, 2u}) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    if (sealed_first) std::move(issuer).seal();
    const auto report = [&](std::size_t i) { i == 0 ? kept[0].set_error(io_error) : kept[1].set_value(2); };
    for (std::size_t i = 0; i != before; ++i) report(i);
    clock.advance(10ms);
    for (std::size_t i = before; i != 2; ++i) report(i);
    if (!sealed_first) {
      CHECK(got.times == 0);
      std::move(issuer).seal();
    }
    INFO(before << (sealed_first ? " sealed" : " unsealed") << (partial ? " partial" : " fail"));
    REQUIRE(got.once());
    CHECK(clock.next_expiry() == manual_timer::time_point::max());
    if (before == 2 || partial) {
      REQUIRE(got.outcome());
      CHECK(got.outcome()->why() == (before == 2 ? reason::completed : reason::deadline));
      CHECK(got.outcome()->size() + got.outcome()->failures().size() == 1 + before);
      CHECK(got.outcome()->missing().size() == 2 - before);
    } else {
      CHECK(got.failed(fanout::no_index, errc::deadline, before));  // the failure that came in time is one more
      CHECK(got.failure().why == reason::deadline);
      CHECK(got.failure().reported.missing().size() == 2 - before);
    }
  };
  for (std::size_t before = 0; before <= 2; ++before) {
    for (const bool sealed_first : {false, true}) {
      for (const bool partial : {false, true}) {
        check(fanout::combine::at_most_errors(1), before, sealed_first, partial);
        check(fanout::combine::at_decided(fanout::combine::at_most_errors(1)), before, sealed_first, partial);
      }
    }
  }
}

TEST_CASE("at_most_errors: one error too many has decided before the deadline, also before the seal",
          "[deadline][at_most_errors][E7]") {
  manual_timer clock;
  support::delivered<fanout::result<fanout::reports<int>, fanout::reported_failure<int>>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::at_most_errors(0).on_deadline(fanout::partial),
                                   with_deadline(clock, got.completion()));
  issuer.start(0, [](auto branch) { branch.set_error(io_error); });
  clock.advance(10ms);
  std::move(issuer).seal();
  CHECK(got.failed(0, io_error));
  CHECK(got.failure().why == reason::error_limit);
}

TEST_CASE("where N is unknown, nobody knows before the seal that every branch has reported",
          "[deadline][at_most_errors][E7]") {
  for (const bool sealed_first : {false, true}) {
    manual_timer clock;
    support::delivered<fanout::result<fanout::reports<int>, fanout::reported_failure<int>>> got;
    any_branch kept;
    auto issuer = fanout::issue<int>(fanout::combine::at_most_errors(1), with_deadline(clock, got.completion()));
    issuer.start([](auto branch) { branch.set_value(0); });
    issuer.start([&](auto branch) { kept = any_branch(std::move(branch)); });
    if (sealed_first) std::move(issuer).seal();
    kept.set_value(1);
    clock.advance(10ms);
    if (!sealed_first) std::move(issuer).seal();
    REQUIRE(got.once());
    CHECK(got.outcome().has_value() == sealed_first);
    if (!sealed_first) CHECK(got.failed(fanout::no_index, errc::deadline));
  }
}

TEST_CASE("what folds, too: a deadline while branches are out is the outcome, afterwards nothing",
          "[deadline][reduce][each][E7]") {
  for (const bool in_time : {true, false}) {
    manual_timer clock;
    delivered<support::with_outcome<int>> sum;
    delivered<support::with_outcome<fanout::tally>> shown;
    int calls = 0;
    std::vector<any_branch> kept;
    const auto start = [&](auto issuer) {
      for (std::size_t i = 0; i != 2; ++i) {
        issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
      }
      return issuer;
    };
    auto one =
        start(fanout::issue<int>(2, fanout::combine::reduce(0, std::plus<>()), with_deadline(clock, sum.completion())));
    auto other = start(fanout::issue<int>(2, fanout::combine::each([&](std::size_t, auto) { ++calls; }),
                                          with_deadline(clock, shown.completion())));
    kept[0].set_value(1);
    kept[2].set_value(1);
    if (in_time) kept[1].set_value(2), kept[3].set_value(2);
    clock.advance(10ms);  // before the seal
    if (!in_time) kept[1].set_value(2), kept[3].set_value(2);
    std::move(one).seal();
    std::move(other).seal();
    CHECK(calls == (in_time ? 2 : 1));
    if (in_time) {
      REQUIRE(sum.succeeded());
      CHECK(*sum.outcome() == 3);
      CHECK(shown.succeeded());
    } else {
      CHECK(sum.failed(fanout::no_index, errc::deadline));
      CHECK(shown.failed(fanout::no_index, errc::deadline));
    }
  }
}

// ---- when it is delivered ---------------------------------------------------------------------------------------------------

TEST_CASE("drained: a deadline bounds when branches are asked to stop, not when it is delivered",
          "[deadline][E7][E12]") {
  manual_timer clock;
  delivered<all_outcome<int>> got;
  std::vector<any_branch> kept;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, with_deadline(clock, got.completion()));
  const auto token = issuer.stop_token();
  for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
  std::move(issuer).seal();
  clock.advance(9ms);
  CHECK(!token.stop_requested());
  clock.advance(1ms);
  CHECK(token.stop_requested());
  CHECK(got.times == 0);
  kept[0].set_stopped();
  kept[1].set_stopped();
  CHECK(got.failed(fanout::no_index, errc::deadline));
}

TEST_CASE("drained: a branch that never reports keeps the operation for ever", "[deadline][E7]") {
  // There is nobody who could be told. What cannot be seen for ever is seen for a while, then the branch is let go.
  manual_timer clock;
  delivered<all_outcome<int>> got;
  any_branch kept;
  fanout::issue<int>(1, fanout::combine::all, with_deadline(clock, got.completion())).start(0, [&](auto branch) {
    kept = any_branch(std::move(branch));
  });
  clock.advance(std::chrono::hours(24 * 365));
  CHECK(got.times == 0);
  kept.reset();
  CHECK(got.failed(fanout::no_index, errc::deadline, 1));  // being abandoned came second
}

TEST_CASE("decided: delivered on the timer's thread at the deadline, whatever is still out",
          "[deadline][decided][E7]") {
  manual_timer clock;
  support::delivered<fanout::result<fanout::reports<int>, fanout::reported_failure<int>>> got;
  any_branch kept;
  {
    auto issuer =
        fanout::issue<int>(2, fanout::combine::at_decided(fanout::combine::quorum(2).on_deadline(fanout::partial)),
                           with_deadline(clock, got.completion()));
    issuer.start(0, [](auto branch) { branch.set_value(7); });
    issuer.start(1, [&](auto branch) { kept = any_branch(std::move(branch)); });
  }
  CHECK(clock.advance(10ms) == 1);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->size() == 1);
  CHECK(*got.outcome()->missing().begin() == 1);
  kept.set_value(1);
}

TEST_CASE("a deadline that has passed when the operation is made: nothing is started", "[deadline][E4][E7]") {
  manual_timer clock;
  clock.advance(1s);
  delivered<all_outcome<int>> got;
  int started = 0;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all, with_deadline(clock, got.completion()));
    clock.run_due();
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { ++started, branch.set_value(1); });
  }
  CHECK(started == 0);
  CHECK(got.failed(fanout::no_index, errc::deadline));
}

TEST_CASE("behind a hop, the deadline is disarmed on the executor, and too late between the last report and the hop",
          "[deadline][via][E7][E9]") {
  manual_timer clock;
  fanout::testing::manual_executor loop;
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(
        1, fanout::combine::all, with_deadline(clock, fanout::completion::via(loop.get_executor(), got.completion())));
    issuer.start(0, [](auto branch) { branch.set_value(1); });
  }
  clock.advance(10ms);
  CHECK(got.times == 0);
  CHECK(loop.run_all() == 1);
  CHECK(got.succeeded());
}

// ---- memory -----------------------------------------------------------------------------------------------------------------

TEST_CASE("a disarmed timer keeps no memory; one that is running keeps it until its function returns",
          "[deadline][I6]") {
  support::tally memory;
  manual_timer clock;
  for (const bool in_time : {true, false}) {
    std::optional<all_outcome<int>> outcome;
    any_branch kept;
    {
      auto issuer = fanout::issue<int>(1, fanout::combine::all,
                                       with_deadline(clock, [&](auto o) noexcept { outcome.emplace(std::move(o)); }),
                                       support::counting_allocator<std::byte>(memory));
      issuer.start(0, [&](auto branch, auto token) {
        kept = any_branch(std::move(branch));
        static_cast<void>(token);
      });
    }
    if (!in_time) clock.advance(10ms);
    kept.set_value(1);
    REQUIRE(outcome);
    outcome.reset();
    CHECK(memory.live_bytes == 0);
  }
}

// Inside the timer's function: that is where the operation is delivered then.
using gives_up = support::gives_up<any_branch>;

TEST_CASE("the last report inside the timer's own function: delivered there, and the memory goes with it",
          "[deadline][I6]") {
  support::tally memory;
  manual_timer clock;
  int calls = 0;
  std::array<gives_up, 2> kept;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all,
                                     with_deadline(clock,
                                                   [&](auto o) noexcept {
                                                     ++calls;
                                                     CHECK(o.error().cause == errc::deadline);
                                                   }),
                                     support::counting_allocator<std::byte>(memory));
    for (gives_up& each : kept) {
      issuer.start([&](auto branch, auto token) {
        each.branch = any_branch(std::move(branch));
        each.callback.emplace(token, gives_up::on_stop{&each});
      });
    }
  }
  clock.advance(10ms);
  CHECK(calls == 1);
  CHECK(memory.allocations == 1);
  CHECK(memory.deallocations == 1);
}

// ---- in a description -------------------------------------------------------------------------------------------------------

TEST_CASE("a time from now is measured from the description, a time beyond all time never comes",
          "[deadline][algorithm]") {
  manual_timer clock;
  clock.advance(5ms);
  any_branch kept;
  const auto describe = [&] {
    return fanout::all<int>(std::array{1}, [&](int, auto branch, auto) { kept = any_branch(std::move(branch)); });
  };
  {
    delivered<all_outcome<int>> got;
    auto described = describe().deadline(10ms, clock);
    clock.advance(6ms);  // it runs already
    std::move(described).then(got.completion());
    clock.advance(4ms);
    kept.set_value(1);
    CHECK(got.failed(fanout::no_index, errc::deadline));
  }
  const auto far = [&](auto how_far) {
    delivered<all_outcome<int>> got;
    describe().deadline(how_far, clock).then(got.completion());
    clock.advance(std::chrono::hours(1));
    kept.set_value(1);
    CHECK(got.succeeded());
  };
  far(std::chrono::hours::max());
  far(manual_timer::duration::max());
  far(std::chrono::duration<double>(1e30));
  const auto past = [&](auto how_far) {
    delivered<all_outcome<int>> got;
    describe().deadline(how_far, clock).then(got.completion());
    clock.run_due();
    kept.set_value(1);
    CHECK(got.failed(fanout::no_index, errc::deadline));
  };
  past(0ms);
  past(-1ms);
  past(std::chrono::hours::min());
}

TEST_CASE("a fraction of a tick is rounded up: a deadline is never early", "[deadline][algorithm]") {
  manual_timer clock;
  any_branch kept;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{1}, [&](int, auto branch, auto) { kept = any_branch(std::move(branch)); })
      .deadline(std::chrono::duration<double, std::nano>(1.5), clock)
      .then(got.completion());
  clock.advance(1ns);
  kept.set_value(1);
  CHECK(got.succeeded());
}

TEST_CASE("a point in time", "[deadline][algorithm]") {
  manual_timer clock;
  any_branch kept;
  delivered<support::settle_outcome<int>> got;
  fanout::settle<int>(std::array{1}, [&](int, auto branch, auto) { kept = any_branch(std::move(branch)); })
      .deadline(manual_timer::time_point(3ms), clock)
      .then(got.completion());
  clock.advance(3ms);
  kept.set_value(7);
  REQUIRE(got.succeeded());
  REQUIRE(got.outcome()->disturbance() != nullptr);
  CHECK(got.outcome()->disturbance()->cause == errc::deadline);
  CHECK(*(*got.outcome())[0] == 7);  // and what it reported all the same
}

TEST_CASE(
    "nested: of two deadlines the earlier counts, and a child's error is its parent's business only through policy",
    "[deadline][E7][E8]") {
  for (const auto child_deadline : {5ms, 50ms}) {
    manual_timer clock;
    std::vector<any_branch> leaves;
    std::optional<std::error_code> child_cause;
    delivered<support::settle_outcome<int>> got;
    fanout::settle<int>(std::array{0},
                        [&](int, auto parent, auto token) {
                          fanout::all<int>(std::array{0, 1},
                                           [&](int, auto leaf, auto) { leaves.emplace_back(std::move(leaf)); })
                              .stop_on(token)
                              .deadline(child_deadline, clock)
                              .then([&, mine = std::move(parent)](auto outcome) mutable noexcept {
                                child_cause = outcome.error().cause;
                                CHECK(got.times == 0);  // the child holds a branch of its parent, and releases it last
                                mine.set_error(outcome.error().cause);
                              });
                        })
        .deadline(10ms, clock)
        .then(got.completion());
    clock.advance(20ms);
    CHECK(!child_cause);
    leaves[0].set_stopped();
    leaves[1].set_stopped();
    CHECK(child_cause == make_error_code(child_deadline == 5ms ? errc::deadline : errc::stopped));
    REQUIRE(got.succeeded());
    CHECK((*got.outcome())[0].error() == *child_cause);
    CHECK(got.outcome()->disturbance()->cause == errc::deadline);
    CHECK(clock.next_expiry() == manual_timer::time_point::max());
  }
}

TEST_CASE("last report, deadline and stop on three threads: once, and one of the three", "[deadline][E7][I6]") {
  for (int round = 0; round != 300; ++round) {
    manual_timer clock;
    fanout::inplace_stop_source outer;
    delivered<all_outcome<int>> got;
    any_branch kept;
    {
      auto issuer =
          fanout::issue<int>(1, fanout::combine::all,
                             fanout::completion::stoppable(outer.get_token(), with_deadline(clock, got.completion())));
      issuer.start(0, [&](auto branch) { kept = any_branch(std::move(branch)); });
    }
    support::threads threads;
    threads.run([&] { clock.advance(10ms); });
    threads.run([&] { outer.request_stop(); });
    threads.run([&] { kept.set_value(1); });
    threads.join();
    REQUIRE(got.once());
    if (!got.outcome()) CHECK(got.failure().cause == errc::deadline);
  }
}

TEST_CASE("with a service that has a thread of its own, through every style", "[deadline][timer][E7]") {
  fanout::timer::service service;
  support::threads threads;
  const auto describe = [&] {
    return fanout::all<int>(std::array{1, 2},
                            [&](int n, auto branch, auto token) {
                              if (n == 1) return branch.set_value(1);
                              threads.run([mine = std::move(branch), token]() mutable {
                                while (!token.stop_requested()) std::this_thread::yield();
                                mine.set_stopped();
                              });
                            })
        .deadline(1ms, service);
  };
  const auto check = [](auto outcome) {
    REQUIRE(!outcome);
    CHECK(outcome.error().cause == errc::deadline);
  };
  check(support::by_callback::run(describe()));
  check(support::by_wait::run(describe()));
  check(support::by_future::run(describe()));
}

}  // namespace
