// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
// The rules that are broken on purpose must be seen, so this one comes before the header under test.
#include "fanout/budget.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::budget;
using support::only_broken_rule;

static_assert(!std::is_copy_constructible_v<budget>);
static_assert(noexcept(std::declval<budget&>().deposit()) && noexcept(std::declval<budget&>().try_withdraw()));

/// Withdraws until it is refused.
int withdraw_all(budget& b) {
  int got = 0;
  while (b.try_withdraw()) ++got;
  return got;
}

TEST_CASE("5 % of 1000 requests are 50 extra attempts", "[budget]") {
  budget b({.ratio = 0.05, .initial = 0});
  for (int i = 0; i != 1000; ++i) b.deposit();
  CHECK(withdraw_all(b) == 50);
  CHECK(b.available() == 0);
}

TEST_CASE("a ratio is kept to the millionth, however many requests there are", "[budget]") {
  for (const int in_1000 : {1, 3, 7, 10, 33, 50, 100, 200, 999, 1000, 2500}) {
    budget b({.ratio = in_1000 * 0.001, .initial = 0, .cap = 1e6});
    for (int i = 0; i != 10'000; ++i) b.deposit();
    CHECK(withdraw_all(b) == in_1000 * 10);
  }
}

TEST_CASE("a ratio that a double holds a little too small is rounded, not cut", "[budget]") {
  for (const int in_10000 : {157, 163, 314, 319, 628}) {  // times 10^6, each falls short of a whole number
    budget b({.ratio = in_10000 / 10'000.0, .initial = 0, .cap = 1e6});
    for (int i = 0; i != 10'000; ++i) b.deposit();
    CHECK(withdraw_all(b) == in_10000);
  }
}

TEST_CASE("the extra load of a stream of requests stays at the ratio", "[budget]") {
  budget b({.ratio = 0.05, .initial = 10});
  int extra = 0;
  for (int i = 0; i != 100'000; ++i) {  // all of them want a second attempt
    b.deposit();
    extra += b.try_withdraw() ? 1 : 0;
  }
  CHECK(extra == 5010);
}

TEST_CASE("the first requests have what a budget starts with", "[budget]") {
  budget b({.ratio = 0, .initial = 3});
  CHECK(b.available() == 3);
  CHECK(withdraw_all(b) == 3);
  for (int i = 0; i != 1000; ++i) b.deposit();
  CHECK(withdraw_all(b) == 0);
}

TEST_CASE("a part of a token is not a token", "[budget]") {
  budget b({.ratio = 0.3, .initial = 0});
  for (int i = 0; i != 3; ++i) b.deposit();
  CHECK(b.available() == 0.9);
  CHECK_FALSE(b.try_withdraw());
  CHECK(b.available() == 0.9);  // a refusal costs nothing
  b.deposit();
  CHECK(b.try_withdraw());
  CHECK(b.available() == 0.2);
  CHECK_FALSE(b.try_withdraw());
}

TEST_CASE("no more is saved up than the cap", "[budget]") {
  budget b({.ratio = 0.4, .initial = 0, .cap = 2});
  for (int i = 0; i != 100; ++i) b.deposit();
  CHECK(b.available() == 2);  // the last deposit that had room filled what there was
  CHECK(withdraw_all(b) == 2);
}

TEST_CASE("time brings tokens too", "[budget]") {
  budget b({.ratio = 0, .initial = 0, .cap = 50, .per_second = 10});
  b.deposit_for(1s);
  CHECK(b.available() == 10);
  b.deposit_for(50ms);
  CHECK(b.available() == 10.5);
  b.deposit_for(0s);
  b.deposit_for(-10s);
  b.deposit_for(1ns);  // less than a millionth of a token
  CHECK(b.available() == 10.5);
  b.deposit_for(24h);
  CHECK(b.available() == 50);
  CHECK(withdraw_all(b) == 50);
  b.deposit_for(std::chrono::nanoseconds::max());
  CHECK(b.available() == 50);
  b.deposit_for(std::chrono::nanoseconds::min());
  CHECK(b.available() == 50);
  CHECK(b.counted().deposited == 0);  // no requests

  budget without({.ratio = 0, .initial = 0});
  without.deposit_for(24h);
  CHECK(without.available() == 0);
}

TEST_CASE("what was deposited, withdrawn and refused is counted", "[budget][E14]") {
  budget b({.ratio = 0.5, .initial = 1, .cap = 1});
  b.deposit();  // full: it counts as a request none the less
  CHECK(b.try_withdraw());
  CHECK_FALSE(b.try_withdraw());
  b.deposit();
  CHECK_FALSE(b.try_withdraw());
  b.deposit();
  CHECK(b.try_withdraw());
  const auto counts = b.counted();
  CHECK(counts.deposited == 3);
  CHECK(counts.withdrawn == 2);
  CHECK(counts.refused == 2);
}

TEST_CASE("the largest budget neither wraps nor overflows", "[budget]") {
  budget b({.ratio = 1e9, .initial = 1e9, .cap = 1e9, .per_second = 1e9});
  CHECK(support::take_broken_rules().empty());
  b.deposit();
  b.deposit_for(24h);
  CHECK(b.available() == 1e9);
  CHECK(b.try_withdraw());
  CHECK(b.available() == 1e9 - 1);
  b.deposit();
  CHECK(b.available() == 1e9);
}

TEST_CASE("options that make no sense are named and replaced by the nearest", "[budget]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  support::take_broken_rules();
  for (const double ratio : {-0.05, nan, -infinity}) {
    budget b({.ratio = ratio, .initial = 0});
    CHECK(only_broken_rule("a budget's ratio is extra attempts per request: from 0, as in 0.05, to the cap"));
    b.deposit();
    CHECK(b.available() == 0);
  }
  for (const double ratio : {101.0, infinity}) {
    budget b({.ratio = ratio, .initial = 0, .cap = 100});
    CHECK(only_broken_rule("a budget's ratio is extra attempts per request: from 0, as in 0.05, to the cap"));
    b.deposit();
    CHECK(b.available() == 100);
  }
  for (const double initial : {-1.0, nan}) {
    const budget b({.initial = initial});
    CHECK(only_broken_rule("a budget starts with no less than 0 tokens and no more than its cap"));
    CHECK(b.available() == 0);
  }
  for (const double initial : {101.0, infinity}) {
    const budget b({.initial = initial, .cap = 100});
    CHECK(only_broken_rule("a budget starts with no less than 0 tokens and no more than its cap"));
    CHECK(b.available() == 100);
  }
  for (const double per_second : {-1.0, nan}) {
    budget b({.initial = 0, .per_second = per_second});
    CHECK(only_broken_rule("a budget's tokens per second are from 0 to its cap"));
    b.deposit_for(1h);
    CHECK(b.available() == 0);
  }
  constexpr const char* bad_cap = "a budget's cap is at least 1 token, or none could be withdrawn, and at most 10^9";
  for (const double cap : {0.5, 0.0, -1.0}) {
    const budget b({.ratio = 0, .initial = cap < 0 ? cap : 0, .cap = cap});
    CHECK(support::take_broken_rules().front() == bad_cap);
    CHECK(b.available() == 0);
  }
  budget b({.initial = 1e9, .cap = infinity});
  CHECK(only_broken_rule(bad_cap));
  CHECK(b.available() == 1e9);
}

TEST_CASE("threads share a budget without losing or inventing a token", "[budget][threads]") {
  constexpr int each = 20'000;
  budget b({.ratio = 0.25, .initial = 0, .cap = 1e9});
  std::atomic<int> granted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t != 3; ++t) {
    threads.emplace_back([&b, &granted] {
      for (int i = 0; i != each; ++i) {
        b.deposit();
        if (b.try_withdraw()) granted.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const int left = withdraw_all(b);
  CHECK(granted + left == 3 * each / 4);
  CHECK(b.available() == 0);
  const auto counts = b.counted();
  CHECK(counts.deposited == 3 * each);
  CHECK(counts.withdrawn == 3 * each / 4);
  CHECK(counts.refused == 3 * each - static_cast<unsigned>(granted.load()) + 1);
}

}  // namespace
