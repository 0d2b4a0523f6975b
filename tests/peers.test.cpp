// SPDX-License-Identifier: BSL-1.0
// What other systems promise, or once got wrong, as tests of ours: each section names the system and its rule in our words. The rules
// about long-lived groups (re-use, waiting twice, closing) come with scopes.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/each.hpp"
#include "fanout/algorithm/first.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/first.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/issue.hpp"
#include "fanout/stop_token.hpp"
#include "support/allocators.hpp"
#include "support/any_branch.hpp"
#include "support/delivered.hpp"
#include "support/styles.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::any_branch;
using support::delivered;

const auto io_error = std::make_error_code(std::errc::io_error);
const auto timed_out = std::make_error_code(std::errc::timed_out);

// ---- Go, errgroup ------------------------------------------------------------------------------------------------------------

TEST_CASE("Go errgroup, the zero group: waits for all, and keeps the first error, not the last", "[peers][E18][I7]") {
  // Which of them failed, and in what order: the first one's error is what is returned.
  for (const std::vector<int>& who_fails : {std::vector<int>{}, {0}, {1}, {2}, {0, 1}, {1, 0}, {2, 0, 1}}) {
    std::optional<std::error_code> cause;
    std::optional<std::size_t> suppressed;
    int calls = 0;
    std::vector<any_branch> kept;
    fanout::all<void>(std::array{0, 1, 2}, [&](int, auto branch) {
      kept.emplace_back(std::move(branch));
    }).then([&](auto outcome) noexcept {
      ++calls;
      if (outcome) return;
      cause = outcome.error().cause;
      suppressed = outcome.error().suppressed;
    });
    for (int i : who_fails) kept[static_cast<std::size_t>(i)].set_error(i == 0 ? io_error : timed_out);
    for (any_branch& each : kept) {
      if (!each) continue;
      CHECK(calls == 0);
      each.set_value();
    }
    CHECK(calls == 1);
    if (who_fails.empty()) {
      CHECK(!cause);
    } else {
      CHECK(cause == (who_fails.front() == 0 ? io_error : timed_out));
      CHECK(suppressed == who_fails.size() - 1);
    }
  }
}

TEST_CASE("Go errgroup, TryGo: what cannot be started now is said to the caller, and is not run", "[peers][E4]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  CHECK(issuer.try_start(0, [](auto branch) { branch.set_value(1); }));
  issuer.request_stop();
  bool ran = false;
  const auto second = issuer.try_start(1, [&](auto) { ran = true; });
  CHECK(!second);
  CHECK(second.error() == errc::stopped);
  CHECK(!ran);
  std::move(issuer).seal();
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("Go errgroup, GoLimit: never more than the limit are active", "[peers][E13]") {
  constexpr int limit = 10;
  std::atomic<int> active = 0;
  std::atomic<bool> exceeded = false;
  std::vector<std::thread> workers;
  std::vector<int> elements(1000);
  auto outcome = fanout::wait(fanout::each<void>(
                                  elements,
                                  [&](int, auto branch) {
                                    if (active.fetch_add(1) + 1 > limit) exceeded = true;
                                    workers.emplace_back([&active, mine = std::move(branch)]() mutable {
                                      std::this_thread::yield();
                                      active.fetch_sub(1);
                                      mine.set_value();
                                    });
                                  },
                                  [](std::size_t, const auto&) {})
                                  .window(limit));
  for (std::thread& worker : workers) worker.join();
  REQUIRE(outcome);
  CHECK(outcome->successes == 1000);
  CHECK(!exceeded);
}

TEST_CASE("Go errgroup, CancelCause: who is asked to stop can be told why, by the outcome", "[peers][E12][I7]") {
  delivered<all_outcome<int>> got;
  std::vector<any_branch> kept;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
  CHECK(!issuer.stop_requested());
  kept[1].set_error(io_error);
  CHECK(issuer.stop_requested());
  std::move(issuer).seal();
  kept[0].set_stopped();  // because of 1, which stays the cause
  CHECK(got.failed(1, io_error));
}

// ---- Go, conc ----------------------------------------------------------------------------------------------------------------

TEST_CASE("conc, the limit holds for every size", "[peers][E13]") {
  for (const std::size_t limit : {1u, 10u, 100u}) {
    std::atomic<std::size_t> active = 0, most = 0;
    std::atomic<int> done = 0;
    std::vector<std::thread> workers;
    std::vector<int> elements(200);
    auto outcome = fanout::wait(fanout::all<void>(elements, [&](int, auto branch) {
                                  const std::size_t now = active.fetch_add(1) + 1;
                                  std::size_t seen = most.load();
                                  while (seen < now && !most.compare_exchange_weak(seen, now)) {}
                                  workers.emplace_back([&, mine = std::move(branch)]() mutable {
                                    done.fetch_add(1);
                                    active.fetch_sub(1);
                                    mine.set_value();
                                  });
                                }).window(limit));
    for (std::thread& worker : workers) worker.join();
    CHECK(outcome);
    CHECK(most.load() <= limit);
    CHECK(done.load() == 200);
  }
}

TEST_CASE("conc, results are in the order of the elements, whoever is first", "[peers][E18]") {
  std::vector<int> elements(100);
  std::iota(elements.begin(), elements.end(), 0);
  std::vector<std::thread> workers;
  auto outcome = fanout::wait(fanout::all<int>(elements, [&](int n, auto branch) {
                                workers.emplace_back([n, mine = std::move(branch)]() mutable { mine.set_value(n); });
                              }).window(8));
  for (std::thread& worker : workers) worker.join();
  REQUIRE(outcome);
  CHECK(std::equal(outcome->begin(), outcome->end(), elements.begin(), elements.end()));
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("conc, a panic uses up no place in the limit", "[peers][E3b][E13]") {
  // With a limit of one, every initiator throws: if its place were not given back, the second would never be started.
  int started = 0;
  auto outcome = fanout::wait(fanout::settle<int>(std::vector<int>(10), [&](int, auto) {
                                ++started;
                                throw 7;
                              }).window(1));
  REQUIRE(outcome);
  CHECK(started == 10);
  for (auto&& one : *outcome) CHECK(one.error() == errc::initiator_threw);
}
#endif

TEST_CASE("conc, an error cancels the others, and what follows of it is not the cause", "[peers][E12][I7]") {
  std::vector<std::pair<any_branch, fanout::inplace_stop_token>> kept;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0, 1, 2}, [&](int n, auto branch, auto token) {
    if (n == 2) return branch.set_error(io_error);
    kept.emplace_back(any_branch(std::move(branch)), token);
  }).then(got.completion());
  for (auto& [branch, token] : kept) {
    CHECK(token.stop_requested());
    branch.set_stopped();
  }
  CHECK(got.failed(2, io_error));
}

TEST_CASE("conc, errored results are kept beside the good ones, on request", "[peers][E18]") {
  const auto f = [](int n, auto branch) {
    if (n % 2 == 0) return branch.set_error(io_error);
    branch.set_value(n);
  };
  CHECK(!fanout::wait(fanout::all<int>(std::array{1, 2, 3}, f)));
  const auto kept = fanout::wait(fanout::settle<int>(std::array{1, 2, 3}, f));
  CHECK(*(*kept)[0] == 1);
  CHECK((*kept)[1].error() == io_error);
  CHECK(*(*kept)[2] == 3);
}

// ---- tokio, CancellationToken ------------------------------------------------------------------------------------------------

using fanout::inplace_stop_source;
using child_source = fanout::linked_stop_source<fanout::inplace_stop_token>;

TEST_CASE("tokio, a child is cancelled through its parent, a parent never through its child",
          "[peers][stop_token][E8][E12]") {
  inplace_stop_source parent;
  child_source child(parent.get_token());
  SECTION("through the parent") {
    parent.request_stop();
    CHECK(child.stop_requested());
    CHECK(child.get_token().stop_requested());
  }
  SECTION("without the parent") {
    CHECK(child.request_stop());
    CHECK(!parent.stop_requested());
    CHECK(parent.request_stop());  // later: the child has been, once
    CHECK(!child.request_stop());
  }
}

TEST_CASE("tokio, a grandchild hears of it through the parent", "[peers][stop_token][E8]") {
  inplace_stop_source parent;
  child_source child(parent.get_token());
  child_source grandchild(child.get_token());
  child_source other(child.get_token());
  parent.request_stop();
  CHECK(grandchild.stop_requested());
  CHECK(other.stop_requested());
}

TEST_CASE("tokio, a grandchild hears of it although the child is gone", "[peers][stop_token][E8]") {
  // A link is pinned, and lives in what it serves. Where the one between goes first, the grandchild is linked to the parent's token:
  // that is what a child operation is handed on, and what stays valid.
  inplace_stop_source parent;
  std::optional<child_source> child(std::in_place, parent.get_token());
  child_source grandchild(parent.get_token());
  child.reset();
  parent.request_stop();
  CHECK(grandchild.stop_requested());
}

TEST_CASE("tokio, a child that is born cancelled: told in its constructor, and its callbacks in theirs",
          "[peers][stop_token][E4]") {
  inplace_stop_source parent;
  parent.request_stop();
  child_source child(parent.get_token());
  CHECK(child.stop_requested());
  bool told = false;
  auto tell = [&]() noexcept { told = true; };
  fanout::inplace_stop_callback<decltype(tell)> callback(child.get_token(), tell);
  CHECK(told);
  child_source grandchild(child.get_token());
  CHECK(grandchild.stop_requested());
}

TEST_CASE("tokio, all descendants are cancelled, and only they", "[peers][stop_token][E8]") {
  inplace_stop_source root;
  child_source a(root.get_token()), b(root.get_token());
  child_source a1(a.get_token()), a2(a.get_token()), b1(b.get_token());
  child_source a11(a1.get_token());
  a.request_stop();
  CHECK((a1.stop_requested() && a2.stop_requested() && a11.stop_requested()));
  CHECK((!root.stop_requested() && !b.stop_requested() && !b1.stop_requested()));
  root.request_stop();
  CHECK((b.stop_requested() && b1.stop_requested()));
}

TEST_CASE("tokio, children that go before, while and after the parent is cancelled", "[peers][stop_token][I6]") {
  for (int round = 0; round != 200; ++round) {
    inplace_stop_source parent;
    std::atomic<int> ready = 0;
    support::threads threads;
    for (int t = 0; t != 2; ++t) {
      threads.run([&] {
        ready.fetch_add(1);
        while (ready.load() != 3) std::this_thread::yield();
        for (int i = 0; i != 10; ++i) child_source child(parent.get_token());
      });
    }
    ready.fetch_add(1);
    while (ready.load() != 3) std::this_thread::yield();
    parent.request_stop();
  }
}

TEST_CASE("tokio, an operation under an operation: stop goes down, errors go up only through policy",
          "[peers][E8][E12]") {
  inplace_stop_source outer;
  std::vector<any_branch> leaves;
  int asked = 0;
  delivered<support::settle_outcome<int>> got;
  fanout::settle<int>(std::array{0, 1},
                      [&](int, auto parent, auto token) {
                        fanout::all<int>(std::array{0, 1},
                                         [&](int, auto branch, auto leaf) {
                                           leaves.emplace_back(std::move(branch));
                                           static_cast<void>(leaf);
                                         })
                            .stop_on(token)
                            .then([mine = std::move(parent), &asked](auto outcome) mutable noexcept {
                              if (outcome) return mine.set_value((*outcome)[0] + (*outcome)[1]);
                              if (outcome.error().cause == errc::stopped) {
                                ++asked;
                                return mine.set_stopped();
                              }
                              mine.set_error(outcome.error().cause);
                            });
                      })
      .stop_on(outer.get_token())
      .then(got.completion());
  REQUIRE(leaves.size() == 4);
  leaves[0].set_value(1);
  leaves[1].set_error(io_error);  // the first child's, and not the other's business
  outer.request_stop();
  CHECK(got.times == 0);
  leaves[2].set_stopped();
  leaves[3].set_stopped();
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == io_error);
  CHECK((*got.outcome())[1].stopped());
  CHECK(asked == 1);
}

// ---- Python, asyncio.TaskGroup -------------------------------------------------------------------------------------------------

TEST_CASE("asyncio gh-128550: a child made while the group is aborting is told, too", "[peers][E2][E4][E12]") {
  // The child before it fails inside its own start, so the group is aborting before the next one is registered.
  for (const bool open : {false, true}) {
    delivered<all_outcome<int>> got;
    delivered<support::open_outcome<int>> open_got;
    int started = 0;
    const auto play = [&](auto issuer) {
      issuer.start([&](auto branch) {
        ++started;
        branch.set_error(io_error);
      });
      issuer.start([&](auto branch) {
        ++started;
        branch.set_value(1);
      });
      std::move(issuer).seal();
    };
    if (open) {
      play(fanout::issue<int>(fanout::combine::all, open_got.completion()));
      CHECK(open_got.failed(0, io_error));
    } else {
      play(fanout::issue<int>(2, fanout::combine::all, got.completion()));
      CHECK(got.failed(0, io_error));
    }
    CHECK(started == 1);  // settled as stopped, without having been run
  }
}

TEST_CASE("asyncio gh-128588: a child that fails inside its own start does not stop whoever started the group",
          "[peers][E2][E8]") {
  inplace_stop_source outer;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0, 1}, [&](int, auto branch) { branch.set_error(io_error); })
      .stop_on(outer.get_token())
      .then(got.completion());
  CHECK(got.failed(0, io_error));
  CHECK(!outer.stop_requested());
}

TEST_CASE("asyncio gh-155418: a child that cancels the group before it is registered is told, and nothing hangs",
          "[peers][E2][E4][E12]") {
  inplace_stop_source outer;
  delivered<all_outcome<int>> got;
  bool told = false;
  int started = 0;
  fanout::all<int>(std::array{0, 1, 2},
                   [&](int, auto branch, auto token) {
                     ++started;
                     outer.request_stop();
                     // Registered after the request: told at once.
                     auto tell = [&]() noexcept { told = true; };
                     fanout::inplace_stop_callback<decltype(tell)> callback(token, tell);
                     branch.set_stopped();
                   })
      .stop_on(outer.get_token())
      .then(got.completion());
  CHECK(told);
  CHECK(started == 1);
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

// ---- Twitter, Future ------------------------------------------------------------------------------------------------------------

TEST_CASE(
    "Twitter Future.collect: of nothing is nothing; the first failure is at once known, and asks the others to stop",
    "[peers][E1][E18]") {
  const auto nothing = fanout::wait(fanout::all<int>(std::array<int, 0>(), [](int, auto) {}));
  REQUIRE(nothing);
  CHECK(nothing->empty());
  for (const std::size_t fails : {0u, 1u}) {
    delivered<all_outcome<int>> got;
    std::vector<any_branch> kept;
    auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    kept[fails].set_error(io_error);
    CHECK(issuer.stop_requested());
    std::move(issuer).seal();
    kept[1 - fails].set_value(1);
    CHECK(got.failed(fails, io_error));
  }
}

TEST_CASE("Twitter Future.collect: interrupts reach every one of the collected", "[peers][E12]") {
  inplace_stop_source outer;
  std::vector<std::pair<any_branch, fanout::inplace_stop_token>> kept;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{0, 1},
                   [&](int, auto branch, auto token) { kept.emplace_back(any_branch(std::move(branch)), token); })
      .stop_on(outer.get_token())
      .then(got.completion());
  outer.request_stop();
  for (auto& [branch, token] : kept) CHECK(token.stop_requested());
  for (auto& [branch, token] : kept) branch.set_stopped();
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("Twitter Future.collectToTry: what each came to, whatever that is", "[peers][E18]") {
  for (const bool both_fail : {true, false}) {
    const auto outcome = fanout::wait(fanout::settle<int>(std::array{0, 1}, [&](int n, auto branch) {
      if (n == 0 || both_fail) return branch.set_error(n == 0 ? io_error : timed_out);
      branch.set_value(n);
    }));
    CHECK((*outcome)[0].error() == io_error);
    if (both_fail) {
      CHECK((*outcome)[1].error() == timed_out);
    } else {
      CHECK(*(*outcome)[1] == 1);
    }
  }
}

TEST_CASE("Twitter Future.select: the first to finish, and who it was; of nothing it fails, and does not hang",
          "[peers][E1]") {
  std::vector<any_branch> kept;
  std::optional<std::size_t> winner;
  fanout::first<int>(std::array{0, 1, 2}, [&](int, auto branch, auto) {
    kept.emplace_back(std::move(branch));
  }).then([&](auto outcome) noexcept {
    REQUIRE(outcome);
    winner = outcome->index;
  });
  kept[1].set_value(1);
  kept[0].set_stopped();
  kept[2].set_stopped();
  CHECK(winner == 1u);
  const auto none = fanout::wait(fanout::first<int>(std::array<int, 0>(), [](int, auto, auto) {}));
  REQUIRE(!none);
  CHECK(none.error().cause == errc::no_candidates);
}

TEST_CASE("Twitter Future.select: losing again and again leaves nothing behind with what is long-lived",
          "[peers][E12][I6]") {
  // A source that outlives many races, each of which registers with it: what a race took is given back with it.
  inplace_stop_source forever;
  support::tally memory;
  for (int race = 0; race != 1000; ++race) {
    fanout::first<int>(std::array{0, 1},
                       [&](int n, auto branch, auto) {
                         if (n == 0) return branch.set_value(n);
                         branch.set_stopped();
                       })
        .stop_on(forever.get_token())
        .allocate_with(support::counting_allocator<std::byte>(memory))
        .then([](auto outcome) noexcept { CHECK(outcome); });
    CHECK(memory.live_bytes == 0);
  }
  CHECK(memory.allocations == 1000);
  CHECK(forever.request_stop());  // walks whoever is registered: nobody
}

}  // namespace
