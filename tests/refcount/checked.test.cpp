// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/checked.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
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
#include "fanout/callback/errno_callback.hpp"
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
template <class Strategy, class Describe, class Check>
void in_some_orders(Describe describe, Check check) {
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
          .template count_with<Strategy>()
          .then([&times](auto outcome) noexcept { times += outcome ? 1 : 100; });
      if (backwards) std::reverse(later.begin(), later.end());
      CHECK(times == 0);
      for (auto& one : later) one();
      CHECK(times == 1);
      check();
    }
  }
}

template <class Strategy, class Check>
void under_all_policies(Check check) {
  const auto in_orders = [&](auto describe) { in_some_orders<Strategy>(describe, check); };
  in_orders([](const auto& numbers, auto f) { return fanout::settle<int>(numbers, f); });
  in_orders([](const auto& numbers, auto f) { return fanout::quorum<int>(3, numbers, f); });
  in_orders([](const auto& numbers, auto f) { return fanout::at_most_errors<int>(1, numbers, f); });
  in_orders([](const auto& numbers, auto f) { return fanout::reduce<int>(numbers, f, 0, std::plus<>()); });
}

TEST_CASE("checked counts under policies that collect, that vote and that fold", "[refcount][checked]") {
  under_all_policies<checked>([] { CHECK(dumped() == "fanout: 0 operations outstanding\n"); });
}

// Keeps account of who was released, and has no number for those that were not.
struct accountant {
  using platform = fanout::std_platform;
  static constexpr bool wants_each = true;
  static inline std::vector<std::size_t> released{};

  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit accountant(std::size_t n, std::byte* = nullptr) noexcept : left(n + 1) { released.clear(); }
  bool release(std::size_t first, std::uint64_t k) noexcept {
    for (std::size_t i = first; i != first + k; ++i) released.push_back(i);
    return (left -= k) == 0;
  }
  bool release_issuer(std::uint64_t, std::uint64_t) noexcept { return --left == 0; }

  std::uint64_t left;
};

TEST_CASE("a strategy that wants each branch is told each, under policies that fold, too", "[refcount][checked]") {
  support::holds(fanout::testing::check_strategy<accountant>({.stress_rounds = 0}));
  under_all_policies<accountant>([] {
    std::sort(accountant::released.begin(), accountant::released.end());
    CHECK(accountant::released == std::vector<std::size_t>{0, 1, 2});
  });
}

TEST_CASE("checked does not list what has completed, though its outcome is kept", "[refcount][checked]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::handler, checked>(2, fanout::combine::all, got.completion());
    for (int i = 0; i != 2; ++i) issuer.start([i](auto branch) { branch.set_value(i); });
  }
  REQUIRE(got.succeeded());
  CHECK(dumped() == "fanout: 0 operations outstanding\n");
  // None was even started.
  delivered<fanout::result<fanout::results<int>, fanout::failure<>>> kept;
  { auto issuer = fanout::issue<int, fanout::handler, checked>(10, fanout::combine::settle, kept.completion()); }
  REQUIRE(kept.times == 1);
  CHECK(dumped() == "fanout: 0 operations outstanding\n");
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

TEST_CASE("with checked, a C callback that comes twice ends the program by its branch's index, in any build",
          "[refcount][checked][fatal][I4]") {
  const support::ended e = support::run_in_child([] {
    delivered<all_outcome<int>> got;
    void (*callback)(int, void*) = nullptr;
    void* context = nullptr;
    auto issuer = fanout::issue<int, fanout::errno_callback, checked>(3, fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start_c(i, [&](int* out, void (*f)(int, void*), void* c) {
        *out = 0;
        if (i == 2) callback = f, context = c;
        return -EINPROGRESS;
      });
    }
    callback(0, context);
    callback(0, context);
  });
  CHECK(e.by_abort());
  CHECK(e.saying("branch 2 was completed twice"));
}
#endif

}  // namespace
