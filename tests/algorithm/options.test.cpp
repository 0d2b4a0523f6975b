// SPDX-License-Identifier: BSL-1.0
// What a description may be told besides what to start: window, canary, executors, labels, and how they go together.
#include "support/rules.hpp"

#include "fanout/algorithm/options.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <forward_list>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
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
#include "fanout/combine/first.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/combine/with.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/importance.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "fanout/timer/manual.hpp"
#include "support/allocators.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"
#include "support/styles.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::errc;
using fanout::reason;
using fanout::testing::manual_executor;
using support::all_outcome;
using support::any_branch;
using support::delivered;

const auto io_error = std::make_error_code(std::errc::io_error);

/// Counts from 0, can be walked once, and writes down how far it was walked. Never ends if `end` is negative.
class recorded {
 public:
  struct record {
    int fetched = 0;   // elements looked at
    int advanced = 0;  // steps to the next
    int compared = 0;  // questions whether there is one
  };
  recorded(int end, record& to) : end_(end), to_(&to) {}

  struct iterator {
    using iterator_concept = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int at = 0;
    int end = 0;
    record* to = nullptr;
    int operator*() const {
      ++to->fetched;
      return at;
    }
    iterator& operator++() {
      ++to->advanced;
      ++at;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const {
      ++to->compared;
      return at == end;
    }
  };
  iterator begin() const { return {0, end_, to_}; }
  std::default_sentinel_t end() const { return {}; }

 private:
  int end_;
  record* to_;
};
static_assert(std::ranges::input_range<recorded> && !std::ranges::forward_range<recorded>);

/// Handles that a test completes by hand, in any order.
struct kept_branches {
  std::deque<any_branch> all;
  auto initiator() {
    return [this](auto&&, auto branch, auto) { all.emplace_back(std::move(branch)); };
  }
  std::size_t started() const { return all.size(); }
  std::size_t in_flight() const {
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const any_branch& b) { return bool(b); }));
  }
};

template <class Combine, class Range, class Initiator>
auto describe(Combine combine, Range&& range, Initiator initiator) {
  return fanout::detail::describe<int, fanout::handler>(std::move(combine), std::forward<Range>(range),
                                                        std::move(initiator));
}

// ---- window -----------------------------------------------------------------------------------------------------------------

TEST_CASE("at most W in flight, whatever the order of reports; every element once", "[window][E13]") {
  for (const std::size_t width : {1u, 2u, 3u, 7u, 20u}) {
    for (const bool oldest_first : {true, false}) {
      std::vector<int> elements;
      for (int i = 0; i != 12; ++i) elements.push_back(i);
      std::vector<std::pair<int, any_branch>> in_flight;
      std::size_t most = 0;
      delivered<support::all_outcome<int>> got;
      fanout::all<int>(elements,
                       [&](int n, auto branch) {
                         in_flight.emplace_back(n, any_branch(std::move(branch)));
                         most = std::max(most, in_flight.size());
                       })
          .window(width)
          .then(got.completion());
      while (!in_flight.empty()) {
        const std::size_t at = oldest_first ? 0 : in_flight.size() - 1;
        auto one = std::move(in_flight[at]);
        in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(at));
        one.second.set_value(one.first);
      }
      CHECK(most == std::min<std::size_t>(width, 12));
      REQUIRE(got.succeeded());
      CHECK(std::ranges::equal(*got.outcome(), elements));
    }
  }
}

TEST_CASE("a range is read only as there is room, and no further than is asked for", "[window][E13]") {
  recorded::record seen;
  kept_branches kept;
  delivered<support::with_outcome<fanout::tally>> got;
  fanout::each<int>(recorded(4, seen), kept.initiator(), [](std::size_t, auto) {}).window(2).then(got.completion());
  CHECK(kept.started() == 2);
  CHECK(seen.fetched == 2);
  CHECK(seen.advanced == 1);  // not on to the third: nobody has room for it
  CHECK(seen.compared == 2);
  kept.all[1].set_value(1);
  CHECK(seen.fetched == 3);
  kept.all[0].set_value(1);
  kept.all[2].set_value(1);
  CHECK(kept.started() == 4);
  CHECK(seen.fetched == 4);
  CHECK(got.times == 0);
  kept.all[3].set_value(1);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->successes == 4);
  CHECK(seen.fetched == 4);
}

TEST_CASE("an endless range ends where the outcome is decided", "[window][E13][E5]") {
  recorded::record seen;
  int started = 0;
  delivered<support::with_outcome<fanout::tally>> got;
  fanout::each<int>(
      recorded(-1, seen),
      [&](int n, auto branch, auto) {
        ++started;
        branch.set_value(n);
      },
      [](std::size_t, const fanout::result<int>& r) {
        return *r == 1000 ? fanout::verdict::decided : fanout::verdict::go_on;
      })
      .window(8)
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->successes == 1001);
  CHECK(started == 1001);
  CHECK(seen.fetched == 1001);
}

TEST_CASE("a vote decides: nothing more is fetched, and who is in flight is waited for", "[window][E13][quorum]") {
  recorded::record seen;
  kept_branches kept;
  delivered<fanout::result<fanout::reports<int>, fanout::reported_failure<int>>> got;
  describe(fanout::combine::quorum(2), recorded(-1, seen), kept.initiator()).window(3).then(got.completion());
  kept.all[2].set_value(2);
  CHECK(kept.started() == 4);
  kept.all[0].set_value(0);
  CHECK(kept.started() == 4);
  CHECK(seen.fetched == 4);
  kept.all[1].set_stopped();
  CHECK(got.times == 0);
  kept.all[3].set_value(3);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->size() == 2);
}

TEST_CASE("an error decides for all and reduce: what is left is not issued", "[window][E13][E3]") {
  const std::array<int, 5> elements{};
  kept_branches kept;
  delivered<support::all_outcome<int>> all;
  delivered<support::with_outcome<int>> sum;
  fanout::all<int>(elements, kept.initiator()).window(1).then(all.completion());
  kept.all[0].set_error(io_error);
  CHECK(all.failed(0, io_error));
  fanout::reduce<int>(elements, kept.initiator(), 0, std::plus<>()).window(1).then(sum.completion());
  kept.all[1].set_error(io_error);
  CHECK(sum.failed(0, io_error));
  CHECK(kept.started() == 2);
}

TEST_CASE("a stop request that cuts a range short is the outcome, also where nobody knows how long it is",
          "[window][E12][E13][E18]") {
  // A prefix of the results is not the result: each of these was a success once.
  const std::array<int, 5> five{};
  recorded::record seen;
  const auto play = [](auto describe_it, auto check) {
    kept_branches kept;
    fanout::inplace_stop_source outer;
    int calls = 0;
    describe_it(kept.initiator()).window(1).stop_on(outer.get_token()).then([&](auto outcome) noexcept {
      ++calls;
      check(outcome);
    });
    kept.all[0].set_value(1);
    outer.request_stop();
    kept.all[1].set_value(1);  // reports the truth
    CHECK(calls == 1);
    CHECK(kept.started() == 2);
  };
  const auto is_stopped = [](const auto& outcome) {
    REQUIRE(!outcome);
    CHECK(outcome.error().cause == errc::stopped);
    CHECK(outcome.error().why == reason::stopped);
  };
  play([&](auto f) { return fanout::all<int>(five, f); }, is_stopped);
  play([&](auto f) { return fanout::all<int>(recorded(5, seen), f); }, is_stopped);
  play([&](auto f) { return describe(fanout::combine::with([](auto v) { return v.size(); }), recorded(5, seen), f); },
       is_stopped);
  play([&](auto f) { return fanout::reduce<int>(five, f, 0, std::plus<>()); }, is_stopped);
  play([&](auto f) { return fanout::reduce<int>(recorded(5, seen), f, 0, std::plus<>()); }, is_stopped);
  play([&](auto f) { return fanout::reduce_in_order<int>(recorded(5, seen), f, 0, std::plus<>()); }, is_stopped);
  play([&](auto f) { return fanout::each<int>(five, f, [](std::size_t, auto) {}); }, is_stopped);
  play([&](auto f) { return fanout::each<int>(recorded(5, seen), f, [](std::size_t, auto) {}); }, is_stopped);
  play([&](auto f) { return describe(fanout::combine::at_most_errors(0), five, f); }, is_stopped);
  play([&](auto f) { return describe(fanout::combine::at_most_errors(0), recorded(5, seen), f); }, is_stopped);
  play([&](auto f) { return describe(fanout::combine::quorum(3), five, f); }, is_stopped);
  play([&](auto f) { return describe(fanout::combine::quorum(3), recorded(5, seen), f); }, is_stopped);
  play([&](auto f) { return fanout::settle<int>(five, f); },
       [](const auto& outcome) {
         REQUIRE(outcome);
         CHECK(outcome->size() == 5);
         CHECK((*outcome)[4].error() == errc::not_issued);
       });
  play([&](auto f) { return fanout::settle<int>(recorded(5, seen), f); },
       [](const auto& outcome) {
         REQUIRE(outcome);
         CHECK(outcome->size() == 2);
         REQUIRE(outcome->disturbance() != nullptr);
         CHECK(outcome->disturbance()->cause == errc::stopped);
       });
}

TEST_CASE("no elements, one, as many as the window, one more", "[window][E1]") {
  for (const int n : {0, 1, 3, 4}) {
    recorded::record seen;
    delivered<support::with_outcome<int>> got;
    fanout::reduce<int>(
        recorded(n, seen), [](int i, auto branch) { branch.set_value(i + 1); }, 0, std::plus<>())
        .window(3)
        .then(got.completion());
    REQUIRE(got.succeeded());
    CHECK(*got.outcome() == n * (n + 1) / 2);
    CHECK(seen.fetched == n);
  }
}

TEST_CASE("a window of 0 would start nothing: it is refused, and counts as 1", "[window][E13]") {
  support::take_broken_rules();
  delivered<support::all_outcome<int>> got;
  fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch.set_value(n); }).window(0).then(got.completion());
  CHECK(support::only_broken_rule("fanout: a window of 0 would never start anything: give it at least 1"));
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("memory is the window's where results are folded, and does not grow with N", "[window][E13]") {
  std::size_t peak[2];
  for (const int round : {0, 1}) {
    support::tally memory;
    recorded::record seen;
    kept_branches kept;
    delivered<support::with_outcome<long>> got;
    fanout::reduce<int>(recorded(round == 0 ? 10 : 10'000, seen), kept.initiator(), 0L, std::plus<>())
        .window(4)
        .allocate_with(support::counting_allocator<std::byte>(memory))
        .then(got.completion());
    peak[round] = memory.live_bytes;
    for (std::size_t i = 0; i != kept.started(); ++i) {
      REQUIRE(kept.in_flight() <= 4);
      kept.all[i].set_value(1);
      if (memory.live_bytes > peak[round]) peak[round] = memory.live_bytes;
      if (kept.started() > 100) kept.all[i] = {};
    }
    REQUIRE(got.succeeded());
    CHECK(*got.outcome() == (round == 0 ? 10 : 10'000));
    CHECK(memory.allocations == 1);
    CHECK(memory.live_bytes == 0);
  }
  CHECK(peak[0] == peak[1]);
}

TEST_CASE("a slot that is used again gives each branch its own index", "[window][E13]") {
  std::vector<std::size_t> branches, shown;
  std::deque<any_branch> kept;
  delivered<support::with_outcome<fanout::tally>> got;
  const std::array<int, 6> elements{};
  fanout::each<int>(
      elements,
      [&](int, auto branch) {
        branches.push_back(branch.index());
        kept.emplace_back(std::move(branch));
      },
      [&](std::size_t i, auto) { shown.push_back(i); })
      .window(2)
      .then(got.completion());
  for (std::size_t i : {1u, 2u, 0u, 4u, 3u, 5u}) kept[i].set_value(0);
  CHECK(branches == std::vector<std::size_t>{0, 1, 2, 3, 4, 5});
  CHECK(shown == std::vector<std::size_t>{1, 2, 0, 4, 3, 5});
  CHECK(got.succeeded());
}

TEST_CASE("reports from many threads refill the window one at a time", "[window][E13]") {
  for (const std::size_t width : {1u, 3u, 8u}) {
    support::threads threads;
    std::atomic<int> initiating = 0, in_flight = 0, most = 0;
    std::atomic<bool> overlapped = false;
    const auto run = [&](auto style) {
      std::vector<std::thread> workers;  // the initiator's: one at a time
      std::vector<int> elements(100, 1);
      auto outcome = decltype(style)::run(fanout::reduce<int>(
                                              elements,
                                              [&](int n, auto branch) {
                                                if (initiating.fetch_add(1) != 0) overlapped = true;
                                                const int now = in_flight.fetch_add(1) + 1;
                                                int seen = most.load();
                                                while (seen < now && !most.compare_exchange_weak(seen, now)) {}
                                                workers.emplace_back([&, n, mine = std::move(branch)]() mutable {
                                                  in_flight.fetch_sub(1);
                                                  mine.set_value(n);
                                                });
                                                initiating.fetch_sub(1);
                                              },
                                              0, std::plus<>())
                                              .window(width));
      for (std::thread& worker : workers) worker.join();
      REQUIRE(outcome);
      CHECK(*outcome == 100);
    };
    run(support::by_callback());
    run(support::by_wait());
    run(support::by_future());
    CHECK(!overlapped);
    CHECK(most.load() <= static_cast<int>(width));
  }
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a range that throws ends the issuing: what is in flight is waited for", "[window][E3b]") {
  kept_branches kept;
  delivered<support::all_outcome<int>> got;
  const auto third_throws = [](int n) {
    if (n == 2) throw 7;
    return n;
  };
  fanout::all<int>(std::array{0, 1, 2, 3} | std::views::transform(third_throws), kept.initiator())
      .window(2)
      .then(got.completion());
  kept.all[0].set_value(0);
  CHECK(got.times == 0);
  kept.all[1].set_value(1);
  CHECK(got.failed(fanout::no_index, errc::issuer_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
}

TEST_CASE("an initiator that throws is its branch's error, and the next one is started", "[window][E3b]") {
  std::vector<std::error_code> seen;
  delivered<support::with_outcome<fanout::tally>> got;
  fanout::each<int>(
      std::array{0, 1, 2}, [](int, auto) { throw 7; },
      [&](std::size_t, const fanout::result<int>& r) { seen.push_back(r.error()); })
      .window(1)
      .then(got.completion());
  CHECK(seen == std::vector<std::error_code>(3, make_error_code(errc::initiator_threw)));
  CHECK(got.succeeded());
}
#endif

// ---- canary -----------------------------------------------------------------------------------------------------------------

TEST_CASE("the canary goes first, and the rest only when all of it has succeeded", "[canary][E13]") {
  const std::array<int, 6> elements{};
  kept_branches kept;
  delivered<support::all_outcome<int>> got;
  fanout::all<int>(elements, kept.initiator()).canary(2).then(got.completion());
  CHECK(kept.started() == 2);
  kept.all[1].set_value(1);
  CHECK(kept.started() == 2);
  kept.all[0].set_value(0);
  CHECK(kept.started() == 6);
  for (std::size_t i = 2; i != 6; ++i) kept.all[i].set_value(1);
  CHECK(got.succeeded());
}

TEST_CASE("a canary that fails or gives up: the rest is not issued, and the outcome says so", "[canary][E3][E13]") {
  const std::array<int, 6> elements{};
  recorded::record seen;
  for (const bool fails : {true, false}) {
    const auto play = [fails](auto describe_it, auto check) {
      kept_branches kept;
      int calls = 0;
      describe_it(kept.initiator()).canary(2).then([&](auto outcome) noexcept {
        ++calls;
        check(outcome);
      });
      if (fails) {
        kept.all[0].set_error(io_error);
      } else {
        kept.all[0].set_stopped();
      }
      CHECK(kept.started() == 2);
      CHECK(calls == 0);
      kept.all[1].set_value(1);
      CHECK(kept.started() == 2);
      CHECK(calls == 1);
    };
    play([&](auto f) { return fanout::settle<int>(elements, f); },
         [](const auto& outcome) {
           REQUIRE(outcome);
           CHECK((*outcome)[1].has_value());
           for (std::size_t i = 2; i != 6; ++i) CHECK((*outcome)[i].error() == errc::not_issued);
         });
    play([&](auto f) { return fanout::settle<int>(recorded(6, seen), f); },
         [](const auto& outcome) {
           REQUIRE(outcome);
           CHECK(outcome->size() == 2);
           CHECK(outcome->disturbance() != nullptr);
         });
    const auto not_issued = [](const auto& outcome) {
      REQUIRE(!outcome);
      CHECK(outcome.error().cause == errc::not_issued);
      CHECK(outcome.error().index == 2);
    };
    play([&](auto f) { return fanout::each<int>(elements, f, [](std::size_t, auto) {}); }, not_issued);
    play([&](auto f) { return fanout::each<int>(elements, f, [](std::size_t, auto) {}).window(4); }, not_issued);
    play([&](auto f) { return fanout::each<int>(recorded(6, seen), f, [](std::size_t, auto) {}).window(4); },
         not_issued);
    const auto failed = [fails](const auto& outcome) {
      REQUIRE(!outcome);
      CHECK(outcome.error().cause == (fails ? io_error : make_error_code(errc::stopped)));
    };
    play([&](auto f) { return fanout::all<int>(elements, f); }, failed);
    play([&](auto f) { return fanout::reduce<int>(elements, f, 0, std::plus<>()).window(2); }, failed);
    play([&](auto f) { return describe(fanout::combine::at_most_errors(3), elements, f); },
         [fails](const auto& outcome) {
           REQUIRE(!outcome);
           CHECK(outcome.error().cause == (fails ? io_error : make_error_code(errc::stopped)));
           CHECK(outcome.error().reported.size() == 1);
         });
  }
}

TEST_CASE("a canary larger than the range, than the window, or none", "[canary][E13]") {
  const auto play = [](int n, std::size_t width, std::size_t canary) {
    std::vector<int> elements(static_cast<std::size_t>(n), 1);
    kept_branches kept;
    recorded::record seen;
    delivered<support::with_outcome<int>> got;
    if (width != 0) {
      fanout::reduce<int>(elements, kept.initiator(), 0, std::plus<>())
          .canary(canary)
          .window(width)
          .then(got.completion());
    } else {
      fanout::reduce<int>(recorded(n, seen), kept.initiator(), 0, std::plus<>()).canary(canary).then(got.completion());
    }
    std::size_t most = 0;
    for (std::size_t i = 0; i != kept.started(); ++i) {
      most = std::max(most, kept.in_flight());
      if (i<canary&& static_cast<std::size_t>(n)> canary) CHECK(kept.started() <= canary);
      kept.all[i].set_value(1);
    }
    INFO(n << " " << width << " " << canary);
    REQUIRE(got.succeeded());
    CHECK(*got.outcome() == n);
    if (width != 0) CHECK(most <= width);
  };
  for (const int n : {0, 1, 2, 3, 5, 8}) {
    for (const std::size_t width : {0u, 1u, 2u, 4u}) {
      for (const std::size_t canary : {0u, 1u, 2u, 3u, 5u, 9u}) play(n, width, canary);
    }
  }
}

// ---- executors --------------------------------------------------------------------------------------------------------------

TEST_CASE("issue_on: branches are started on the executor, one after the other, and completions come back there",
          "[issue_on][E9]") {
  manual_executor loop;
  bool in_loop = false;
  std::size_t started = 0;
  std::deque<any_branch> kept;
  delivered<support::all_outcome<int>> got;
  fanout::all<int>(std::array{0, 1, 2},
                   [&](int, auto branch) {
                     CHECK(in_loop);
                     ++started;
                     kept.emplace_back(std::move(branch));
                   })
      .window(2)
      .issue_on(loop.get_executor())
      .via(fanout::issuing_executor)
      .then(got.completion());
  const auto pump = [&] {
    in_loop = true;
    loop.run_all();
    in_loop = false;
  };
  CHECK(started == 0);
  pump();
  CHECK(started == 2);
  kept[0].set_value(0);
  CHECK(started == 2);  // the refill waits for the executor
  CHECK(loop.pending() == 1);
  pump();
  CHECK(started == 3);
  kept[1].set_value(1);
  kept[2].set_value(2);
  CHECK(got.times == 0);
  pump();
  CHECK(got.times == 1);
  CHECK(support::holds(*got.outcome(), {0, 1, 2}));
}

TEST_CASE("issue_on, stopped before anything was started: stopped, from the executor", "[issue_on][E4][E12]") {
  const auto play = [](auto describe_it) {
    manual_executor loop;
    fanout::inplace_stop_source outer;
    int calls = 0;
    describe_it([](int, auto, auto) { FAIL("started"); })
        .issue_on(loop.get_executor())
        .stop_on(outer.get_token())
        .then([&](auto outcome) noexcept {
          ++calls;
          REQUIRE(!outcome);
          CHECK(outcome.error().cause == errc::stopped);
          CHECK(outcome.error().why == reason::stopped);
        });
    outer.request_stop();
    CHECK(calls == 0);
    loop.run_all();
    CHECK(calls == 1);
  };
  const std::array<int, 2> two{};
  play([&](auto f) { return fanout::all<int>(two, f); });
  play([&](auto f) { return fanout::reduce<int>(two, f, 0, std::plus<>()).window(1); });
  play([&](auto f) { return describe(fanout::combine::quorum(1), two, f); });
  play([&](auto f) { return describe(fanout::combine::at_most_errors(0), two, f); });
  play([&](auto f) { return describe(fanout::combine::first_success, two, f); });
}

TEST_CASE("via: completes on the executor, also what completed inside then", "[via][E9]") {
  manual_executor loop;
  delivered<support::with_outcome<int>> got;
  fanout::reduce<int>(
      std::array{1, 2}, [](int n, auto branch) { branch.set_value(n); }, 0, std::plus<>())
      .window(1)
      .via(loop.get_executor())
      .then(got.completion());
  CHECK(got.times == 0);
  CHECK(loop.run_all() == 1);
  CHECK(*got.outcome() == 3);
}

// ---- labels -----------------------------------------------------------------------------------------------------------------

TEST_CASE("labels name those who are missing, as long as the outcome lives", "[label][E15]") {
  fanout::timer::manual_timer clock;
  std::optional<fanout::result<fanout::reports<int>, fanout::reported_failure<int>>> outcome;
  std::deque<any_branch> kept;
  {
    std::forward_list<std::string> hosts{"a.example", "b.example", "c.example"};
    describe(fanout::combine::quorum(3), std::move(hosts),
             [&](const std::string&, auto branch) { kept.emplace_back(std::move(branch)); })
        .label([](const std::string& host) { return host; })
        .deadline(5ms, clock)
        .deliver_at(fanout::decided)
        .then([&](auto o) noexcept { outcome.emplace(std::move(o)); });
  }
  kept[1].set_value(1);
  clock.advance(5ms);
  REQUIRE(outcome);
  REQUIRE(!*outcome);
  const auto& in = outcome->error().reported;
  std::vector<std::string> missing;
  for (std::size_t i : in.missing()) missing.push_back(in.label(i));
  CHECK(missing == std::vector<std::string>{"a.example", "c.example"});
  CHECK(in.label(1) == "b.example");
  kept[0].set_value(0);
  kept[2].set_value(2);
  CHECK(in.label(2) == "c.example");  // after the last straggler, too
}

TEST_CASE("labels at drained, and with a window", "[label]") {
  const std::vector<std::string> hosts{"a", "b", "c"};
  auto outcome = fanout::wait(describe(fanout::combine::at_most_errors(0), hosts, [](const std::string&, auto branch) {
                                branch.set_value(1);
                              }).label([](const std::string& host) {
                                  return host + "!";
                                }).window(1));
  REQUIRE(outcome);
  CHECK(outcome->label(2) == "c!");
}

// ---- all at once ------------------------------------------------------------------------------------------------------------

TEST_CASE("options in any order make the same operation", "[options]") {
  const std::array<int, 4> elements{1, 2, 3, 4};
  fanout::inplace_stop_source never;
  fanout::timer::manual_timer clock;
  support::tally memory;
  const support::counting_allocator<std::byte> allocator(memory);
  const auto f = [](int n, auto branch, auto) { branch.set_value(n); };
  const auto check = [](auto description) {
    const auto outcome = fanout::wait(std::move(description));
    REQUIRE(outcome);
    CHECK(*outcome == 10);
  };
  check(fanout::reduce<int>(elements, f, 0, std::plus<>())
            .window(2)
            .canary(1)
            .stop_on(never.get_token())
            .deadline(1s, clock)
            .allocate_with(allocator));
  check(fanout::reduce<int>(elements, f, 0, std::plus<>())
            .allocate_with(allocator)
            .deadline(1s, clock)
            .stop_on(never.get_token())
            .canary(1)
            .window(2));
  check(fanout::reduce<int>(elements, f, 0, std::plus<>())
            .deadline(1s, clock)
            .window(2)
            .allocate_with(allocator)
            .canary(1)
            .stop_on(never.get_token()));
  CHECK(memory.allocations == 3);
  CHECK(memory.live_bytes == 0);
}

TEST_CASE("an option that needs another may come before it", "[options]") {
  manual_executor loop;
  delivered<all_outcome<int>> back;
  fanout::all<int>(std::array{1}, [](int n, auto branch) { branch.set_value(n); })
      .via(fanout::issuing_executor)
      .issue_on(loop.get_executor())
      .then(back.completion());
  CHECK(loop.run_all() == 2);  // one to issue, one to complete
  CHECK(back.succeeded());

  // Of branch 0, which is optional, the failure is no outcome.
  const auto f = [](int n, auto branch) { n == 0 ? branch.set_error(io_error) : branch.set_value(n); };
  const auto first_matters_less = [](std::size_t i) noexcept {
    return i == 0 ? fanout::importance::optional : fanout::importance::required;
  };
  const auto check = [](auto description) {
    const auto outcome = fanout::wait(std::move(description));
    REQUIRE(outcome);
    CHECK(outcome->size() == 1);
    CHECK(outcome->failures().size() == 1);
  };
  const std::array<int, 2> elements{0, 1};
  const auto ignore = [](int) noexcept {};
  check(fanout::all<int>(elements, f).importance(first_matters_less).deliver_at(fanout::decided).on_late(ignore));
  check(fanout::all<int>(elements, f).deliver_at(fanout::decided).importance(first_matters_less).on_late(ignore));
  check(fanout::all<int>(elements, f).on_late(ignore).importance(first_matters_less).deliver_at(fanout::decided));
}

TEST_CASE("a want of memory is the outcome, whatever the options", "[options][E6]") {
  fanout::timer::manual_timer clock;
  manual_executor loop;
  support::tally memory;
  memory.refuse_from = 0;
  const support::counting_allocator<std::byte> allocator(memory);
  delivered<support::with_outcome<int>> got;
  fanout::reduce<int>(
      std::array{1}, [](int, auto, auto) { FAIL("started"); }, 0, std::plus<>())
      .window(2)
      .deadline(1s, clock)
      .issue_on(loop.get_executor())
      .via(fanout::issuing_executor)
      .allocate_with(allocator)
      .then(got.completion());
  CHECK(got.failed(fanout::no_index, errc::out_of_memory));
  CHECK(loop.pending() == 0);
  CHECK(clock.next_expiry() == fanout::timer::manual_timer::time_point::max());
}

TEST_CASE("a window wider than an operation can count is refused", "[window][E20]") {
  recorded::record seen;
  delivered<support::with_outcome<int>> got;
  fanout::reduce<int>(
      recorded(1, seen), [](int, auto) { FAIL("started"); }, 0, std::plus<>())
      .window(static_cast<std::size_t>(-1))
      .then(got.completion());
  CHECK(got.failed(fanout::no_index, errc::too_many));
  CHECK(seen.compared == 0);
}

}  // namespace
