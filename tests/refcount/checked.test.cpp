// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/checked.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/at_most_errors.hpp"
#include "fanout/algorithm/quorum.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "refcount/strategy.hpp"
#include "support/child_process.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::refcount::checked;
using support::all_outcome;
using support::delivered;

static_assert(fanout::refcount::wants_each_branch<checked> && !fanout::refcount::anonymous<checked>);
static_assert(!fanout::refcount::wants_each_branch<fanout::refcount::atomic>);

std::string dumped() {
  std::FILE* const file = std::tmpfile();
  checked::dump(file);
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

bool contains(const std::string& text, const char* what) { return text.find(what) != text.npos; }

TEST_CASE("checked is a refcount strategy", "[refcount][checked][I1][I3][I6]") {
  support::holds(fanout::testing::check_strategy<fanout::refcount::basic_checked>());
  for (int round = 0; round != 50; ++round) support::operation_across_threads<checked>();
}

TEST_CASE("checked says which branches are missing, those that completed inline among the others",
          "[refcount][checked][E19]") {
  CHECK(dumped() == "fanout: 0 operations outstanding\n");
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::handler, checked>(70, fanout::combine::all, got.completion());
  std::vector<decltype(issuer)::branch> kept;
  for (std::size_t i = 0; i != 70; ++i) {
    issuer.start(i, [&](auto branch) {
      if (i % 23 == 17) {
        kept.push_back(std::move(branch));
      } else {
        branch.set_value(0);
      }
    });
  }
  CHECK(contains(dumped(), "fanout: 1 operation outstanding\n"));
  CHECK(contains(dumped(), "\n  3 of 70 branches missing: 17 40 63 (count at 0x"));
  std::move(issuer).seal();
  kept[1].set_value(1);
  CHECK(contains(dumped(), "\n  2 of 70 branches missing: 17 63 (count at 0x"));
  kept[0].set_value(1);
  CHECK(got.times == 0);
  kept[2].set_value(1);
  REQUIRE(got.succeeded());
}

TEST_CASE("checked shows so many and no more", "[refcount][checked]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::handler, checked>(100, fanout::combine::all, got.completion());
  CHECK(contains(dumped(),
                 "\n  100 of 100 branches missing: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 and more (count at 0x"));
}

TEST_CASE("checked does not miss branches that were never started", "[refcount][checked][E19]") {
  delivered<all_outcome<int>> got;
  std::vector<
      fanout::fanout_op<fanout::handler, fanout::combine::all_policy<int>, decltype(got.completion()), checked>::branch>
      kept;
  {
    auto issuer = fanout::issue<int, fanout::handler, checked>(10, fanout::combine::all, got.completion());
    for (const std::size_t i : {0U, 4U, 5U}) issuer.start(i, [&](auto branch) { kept.push_back(std::move(branch)); });
  }
  kept[0].set_value(1);
  CHECK(contains(dumped(), "\n  2 of 10 branches missing: 4 5 (count at 0x"));
  kept[1].set_value(1);
  CHECK(got.times == 0);
  kept[2].set_value(1);
  CHECK(got.times == 1);
  CHECK(dumped() == "fanout: 0 operations outstanding\n");
}

// Three branches, of which the middle one completes inline, if any does; the others in either order.
template <class Describe>
void in_some_orders(Describe describe) {
  const std::vector<int> numbers{1, 2, 3};
  for (const bool one_inline : {false, true}) {
    for (const bool backwards : {false, true}) {
      std::vector<std::function<void()>> later;
      int times = 0;
      describe(numbers,
               [&](int n, auto branch, auto /* stop_token */) {
                 if (one_inline && n == 2) return branch.set_value(n);
                 auto shared = std::make_shared<decltype(branch)>(std::move(branch));
                 later.push_back([shared, n] { shared->set_value(n); });
               })
          .template count_with<checked>()
          .then([&times](auto outcome) noexcept { times += outcome ? 1 : 100; });
      if (backwards) std::reverse(later.begin(), later.end());
      CHECK(times == 0);
      for (auto& one : later) one();
      CHECK(times == 1);
      CHECK(dumped() == "fanout: 0 operations outstanding\n");
    }
  }
}

TEST_CASE("checked counts under policies that collect, that vote and that fold", "[refcount][checked]") {
  in_some_orders([](const auto& numbers, auto f) { return fanout::settle<int>(numbers, f); });
  in_some_orders([](const auto& numbers, auto f) { return fanout::quorum<int>(3, numbers, f); });
  in_some_orders([](const auto& numbers, auto f) { return fanout::at_most_errors<int>(1, numbers, f); });
  in_some_orders([](const auto& numbers, auto f) { return fanout::reduce<int>(numbers, f, 0, std::plus<>()); });
}

#if FANOUT_HAS_CHILD_PROCESSES
TEST_CASE("with checked, a branch that completes twice ends the program, by its name",
          "[refcount][checked][fatal][I4]") {
  const support::ended e = support::run_in_child([] {
    fanout::testing::detail::lone_strategy<checked> count(5);
    static_cast<void>(count->release(3, 1));
    static_cast<void>(count->release(1, 1));
    static_cast<void>(count->release(3, 1));
  });
  CHECK(e.by_abort());
  CHECK(e.saying("branch 3 was completed twice"));
}
#endif

}  // namespace
