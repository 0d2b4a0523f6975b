// SPDX-License-Identifier: BSL-1.0
// A million refills of a window, a million votes and folds, whoever makes them due, in a stack of 64 KiB (I5).
#include <cstddef>
#include <functional>
#include <iterator>
#include <ranges>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/each.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "support/any_branch.hpp"
#include "support/small_stack.hpp"

#if FANOUT_HAS_SMALL_STACK

namespace {

using support::on_small_stack;

constexpr int a_million = 1'000'000;

const auto one_each = [](int, auto branch) { branch.set_value(1); };

}  // namespace

TEST_CASE("a million inline elements through a window take no stack", "[stack][window][I5][E13]") {
  long sum = 0;
  on_small_stack([&sum] {
    fanout::reduce<int>(std::views::iota(0, a_million), one_each, 0L, std::plus<>())
        .window(3)
        .then([&sum](auto outcome) noexcept { sum = *outcome; });
  });
  CHECK(sum == a_million);
}

TEST_CASE("a million elements behind a canary take no stack", "[stack][canary][I5][E13]") {
  std::size_t shown = 0;
  on_small_stack([&shown] {
    fanout::each<int>(std::views::iota(0, a_million), one_each, [](std::size_t, auto) {})
        .canary(2)
        .window(3)
        .then([&shown](auto outcome) noexcept { shown = outcome->successes; });
  });
  CHECK(shown == a_million);
}

TEST_CASE("a million refills by reports that come later take no stack", "[stack][window][I5][E13]") {
  // Each report starts the next branch, in the stack of the reporter, and nothing below it is left.
  long sum = 0;
  on_small_stack([&sum] {
    std::vector<support::any_branch> kept;
    fanout::reduce<int>(
        std::views::iota(0, a_million), [&](int, auto branch) { kept.emplace_back(std::move(branch)); }, 0L,
        std::plus<>())
        .window(3)
        .then([&sum](auto outcome) noexcept { sum = *outcome; });
    while (!kept.empty()) {
      support::any_branch one(std::move(kept.back()));
      kept.pop_back();
      one.set_value(1);
    }
  });
  CHECK(sum == a_million);
}

TEST_CASE("a million elements that wait for a report, and report inline then, take no stack",
          "[stack][window][I5][E13]") {
  // The first report makes all others due, each inside the start that the one before it made due.
  long sum = 0;
  on_small_stack([&sum] {
    support::any_branch first;
    fanout::reduce<int>(
        std::views::iota(0, a_million),
        [&](int i, auto branch) {
          if (i == 0) {
            first = support::any_branch(std::move(branch));
          } else {
            branch.set_value(1);
          }
        },
        0L, std::plus<>())
        .window(1)
        .then([&sum](auto outcome) noexcept { sum = *outcome; });
    first.set_value(1);
  });
  CHECK(sum == a_million);
}

TEST_CASE("a million starts on an executor take no stack", "[stack][issue_on][I5]") {
  std::size_t size = 0;
  on_small_stack([&size] {
    fanout::testing::manual_executor loop;
    fanout::all<int>(std::views::iota(0, a_million), one_each)
        .window(1)
        .issue_on(loop.get_executor())
        .then([&size](auto outcome) noexcept { size = outcome->size(); });
    loop.run_all();
  });
  CHECK(size == a_million);
}

TEST_CASE("a million votes, inline, later and late, take no stack", "[stack][quorum][I5]") {
  std::size_t inline_votes = 0, later_votes = 0;
  on_small_stack([&] {
    fanout::detail::describe<int, fanout::handler>(fanout::combine::quorum(a_million / 2),
                                                   std::views::iota(0, a_million), one_each)
        .drain()
        .then([&](auto outcome) noexcept { inline_votes = outcome->size(); });
    std::vector<support::any_branch> kept;
    fanout::detail::describe<int, fanout::handler>(fanout::combine::quorum(a_million / 2),
                                                   std::views::iota(0, a_million),
                                                   [&](int, auto branch) { kept.emplace_back(std::move(branch)); })
        .keep_losers()
        .drain()
        .then([&](auto outcome) noexcept { later_votes = outcome->size(); });
    for (support::any_branch& each : kept) each.set_value(1);
  });
  CHECK(inline_votes == a_million / 2);
  CHECK(later_votes == a_million / 2);
}

#else

TEST_CASE("stack depth of windows", "[stack][I5]") { WARN("SKIPPED: no pthread_attr_setstacksize here"); }

#endif
