// SPDX-License-Identifier: BSL-1.0
#include "fanout/values.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <numeric>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::values;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::open_outcome;

static_assert(!std::is_copy_constructible_v<values<int>> && !std::is_copy_assignable_v<values<int>>);
static_assert(std::is_nothrow_move_constructible_v<values<int>> && std::is_nothrow_move_assignable_v<values<int>>);
static_assert(std::is_nothrow_default_constructible_v<values<int>>);
static_assert(std::ranges::random_access_range<values<int>> && std::ranges::random_access_range<const values<int>>);
static_assert(std::ranges::sized_range<values<int>>);
static_assert(std::is_same_v<std::ranges::range_reference_t<values<int>>, int&>);
static_assert(std::is_same_v<std::ranges::range_reference_t<const values<int>>, const int&>);
static_assert(
    std::is_same_v<std::iterator_traits<values<int>::iterator>::iterator_category, std::random_access_iterator_tag>);

// n branches that complete in reverse order, so that index order is not the order of completion.
template <class T, class Make, class Allocator = std::allocator<std::byte>>
values<T> values_of(std::size_t n, Make make, const Allocator& allocator = Allocator()) {
  delivered<all_outcome<T>> got;
  {
    auto issuer = fanout::issue<T>(n, fanout::combine::all, got.completion(), allocator);
    for (std::size_t i = n; i-- != 0;) {
      issuer.start(i, [&](auto branch) { branch({}, make(static_cast<int>(i))); });
    }
  }
  REQUIRE(got.succeeded());
  return *std::move(got.outcome());
}

// The same with slots in several arrays.
open_outcome<int>::value_type open_values_of(int n) {
  delivered<open_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(fanout::combine::all, got.completion());
    for (int i = 0; i != n; ++i) {
      issuer.start([&](auto branch) { branch({}, i); });
    }
  }
  REQUIRE(got.succeeded());
  return *std::move(got.outcome());
}

auto same = [](int i) { return i; };

TEST_CASE("values are in index order, whatever the order of completion", "[values]") {
  const auto all = values_of<int>(5, same);
  CHECK(all.size() == 5);
  CHECK(!all.empty());
  CHECK(support::holds(all, {0, 1, 2, 3, 4}));
  CHECK(all[3] == 3);
}

TEST_CASE("default-constructed and moved-from values are empty", "[values]") {
  values<int> none;
  CHECK(none.empty());
  CHECK(none.size() == 0);
  CHECK(none.begin() == none.end());
  auto all = values_of<int>(3, same);
  none = std::move(all);
  CHECK(all.empty());
  CHECK(all.begin() == all.end());
  CHECK(none.size() == 3);
  const values<int> moved(std::move(none));
  CHECK(none.empty());
  CHECK(moved.size() == 3);
}

TEST_CASE("values own the operation's one allocation and free it when destroyed", "[values]") {
  support::tally counts;
  counted::reset();
  {
    const auto all =
        values_of<counted>(4, [](int i) { return counted(i); }, support::counting_allocator<std::byte>(counts));
    CHECK(counts.allocations == 1);
    CHECK(counts.live_bytes != 0);
    CHECK(counted::alive() == 4);
  }
  CHECK(counts.deallocations == 1);
  CHECK(counts.live_bytes == 0);
  CHECK(counted::alive() == 0);
}

TEST_CASE("assigning and swapping values frees each allocation once", "[values]") {
  support::tally counts;
  const support::counting_allocator<std::byte> allocator(counts);
  {
    auto a = values_of<int>(3, same, allocator);
    auto b = values_of<int>(5, same, allocator);
    CHECK(counts.allocations == 2);
    swap(a, b);
    CHECK(a.size() == 5);
    CHECK(b.size() == 3);
    a = std::move(b);
    CHECK(a.size() == 3);
    CHECK(counts.deallocations == 1);
    a = values<int>();
    CHECK(counts.deallocations == 2);
  }
  CHECK(counts.deallocations == 2);
}

TEST_CASE("values were neither copied nor moved on their way, and may be moved out", "[values]") {
  counted::reset();
  {
    auto all = values_of<counted>(3, [](int i) { return i; });
    CHECK(counted::moves() == 0);
    CHECK(counted::copies() == 0);
    const counted taken = std::move(all[1]);
    CHECK(taken.value() == 1);
    CHECK(all[1].value() == counted::moved_from);
    CHECK(counted::alive() == 4);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("values are written through like a vector", "[values]") {
  auto all = values_of<int>(4, same);
  for (int& x : all) x = 10 - x;
  std::sort(all.begin(), all.end());
  CHECK(support::holds(all, {7, 8, 9, 10}));
  std::ranges::reverse(all);
  CHECK(support::holds(all, {10, 9, 8, 7}));
}

TEST_CASE("iterators have everything that a random-access iterator has", "[values]") {
  const auto all = open_values_of(100);
  auto at = all.begin();
  CHECK(at[99] == 99);
  CHECK(*(at + 8) == 8);
  CHECK(*(8 + at) == 8);
  at += 50;
  CHECK(*at++ == 50);
  CHECK(*at-- == 51);
  CHECK(*++at == 51);
  CHECK(*--at == 50);
  at -= 50;
  CHECK(at == all.begin());
  CHECK(all.end() - all.begin() == 100);
  CHECK(all.begin() - all.end() == -100);
  CHECK(all.begin() < all.end());
  CHECK(*(all.end() - 1) == 99);
  CHECK(values<int>::const_iterator{} == values<int>::const_iterator{});
  const auto strings =
      values_of<std::string>(2, [](int i) { return std::string(static_cast<std::size_t>(i) + 1, 'x'); });
  CHECK((strings.begin() + 1)->size() == 2);
}

TEST_CASE("values in several arrays read as one range", "[values][open]") {
  for (const int n : {0, 1, 8, 9, 15, 16, 17, 31, 32, 33, 500}) {
    const auto all = open_values_of(n);
    REQUIRE(all.size() == static_cast<std::size_t>(n));
    CHECK(std::accumulate(all.begin(), all.end(), 0) == n * (n - 1) / 2);
    for (int i = 0; i != n; ++i) CHECK(all[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("values work with views", "[values]") {
  const auto all = values_of<int>(6, same);
  std::vector<int> odd;
  for (const int x : all | std::views::filter([](int i) { return i % 2 != 0; })) odd.push_back(x);
  CHECK(odd == std::vector<int>{1, 3, 5});
}

}  // namespace
