// SPDX-License-Identifier: BSL-1.0
#include "fanout/reports.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/issue.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"

namespace {

using fanout::errc;
using fanout::reason;
using support::counted;

using reports = fanout::reports<int>;
static_assert(std::is_nothrow_move_constructible_v<reports> && std::is_nothrow_move_assignable_v<reports>);
static_assert(!std::is_copy_constructible_v<reports>);
static_assert(std::forward_iterator<reports::iterator>);
static_assert(std::ranges::forward_range<const reports>);
static_assert(std::ranges::forward_range<reports::missing_view>);
static_assert(std::is_nothrow_move_constructible_v<fanout::reported_failure<int>>);

const auto io_error = std::make_error_code(std::errc::io_error);

/// The reports of five branches: 3 and 0 succeed, in that order, 4 fails, 1 gives up, 2 is not started.
template <class T>
fanout::reports<T> some_reports(bool open = false) {
  std::optional<fanout::reports<T>> kept;
  const auto keep = [&](auto outcome) noexcept {
    kept.emplace(outcome ? *std::move(outcome) : std::move(outcome.error().reported));
  };
  const auto play = [](auto issuer) {
    for (int i : {3, 4, 1, 0}) {
      const auto complete = [i](auto branch) {
        if (i == 4) return branch.set_error(io_error);
        if (i == 1) return branch.set_stopped();
        branch.set_value(i * 10);
      };
      if constexpr (decltype(issuer)::operation::is_open) {
        issuer.start(complete);
      } else {
        issuer.start(static_cast<std::size_t>(i), complete);
      }
    }
  };
  if (open) {
    play(fanout::issue<T>(fanout::combine::at_most_errors(1), keep));
  } else {
    play(fanout::issue<T>(5, fanout::combine::at_most_errors(1), keep));
  }
  return *std::move(kept);
}

template <class View>
std::vector<std::size_t> indices(const View& view) {
  std::vector<std::size_t> all;
  for (auto&& one : view) all.push_back(one.index());
  return all;
}

TEST_CASE("successes, failures and all, in the order of arrival, each with its index", "[reports][E18]") {
  const reports in = some_reports<int>();
  CHECK(in.size() == 2);
  CHECK(!in.empty());
  CHECK(indices(in) == std::vector<std::size_t>{3, 0});
  CHECK(indices(in.successes()) == std::vector<std::size_t>{3, 0});
  CHECK(indices(in.failures()) == std::vector<std::size_t>{4});
  CHECK(indices(in.all()) == std::vector<std::size_t>{3, 4, 1, 0});
  CHECK(*in.successes().front() == 30);
  CHECK(in.failures().front().error() == io_error);
  CHECK(in.failures().size() == 1);
  auto second = std::next(in.all().begin(), 2);
  CHECK((*second).stopped());
  CHECK((*second++).error() == errc::stopped);
  CHECK((*second).index() == 0);
}

TEST_CASE("who is missing, in increasing order", "[reports][E15]") {
  const reports in = some_reports<int>();
  CHECK(in.branches() == 5);
  CHECK(std::ranges::equal(in.missing(), std::array<std::size_t, 1>{2}));
  CHECK(in.missing().size() == 1);
  CHECK(in.reported(0));
  CHECK(!in.reported(2));
}

TEST_CASE("where N was unknown, none is missing that was never thought of", "[reports]") {
  const reports in = some_reports<int>(true);
  CHECK(in.branches() == 4);
  CHECK(in.missing().empty());
  CHECK(indices(in) == std::vector<std::size_t>{0, 3});
}

TEST_CASE("how things stood, and why", "[reports]") {
  const reports in = some_reports<int>();
  CHECK(in.why() == reason::stopped);
  CHECK(in.count().successes == 2);
  CHECK(in.count().failures == 1);
  CHECK(in.count().stopped == 1);
  CHECK(in.count().not_issued == 1);
  CHECK(in.count().complete());
}

TEST_CASE("branches without labels are named by their numbers", "[reports]") {
  CHECK(some_reports<int>().label(4) == "4");
  CHECK(reports().label(4) == "4");
}

TEST_CASE("values can be taken out, and what is not taken goes with the reports", "[reports]") {
  counted::reset();
  std::vector<counted> taken;
  {
    fanout::reports<counted> in = some_reports<counted>();
    CHECK(counted::alive() == 2);
    for (auto&& one : in) {
      if (one.index() == 0) taken.push_back(*one.take());
    }
    CHECK(taken.at(0).value() == 0);
  }
  CHECK(counted::alive() == 1);
  CHECK(counted::copies() == 0);
}

TEST_CASE("moved, assigned and swapped, they own the same; moved from, nothing", "[reports]") {
  counted::reset();
  {
    fanout::reports<counted> a = some_reports<counted>(), b = some_reports<counted>(true);
    CHECK(counted::alive() == 4);
    fanout::reports<counted> c(std::move(a));
    CHECK(a.empty());
    CHECK(a.all().empty());
    CHECK(a.branches() == 0);
    CHECK(c.size() == 2);
    b = std::move(c);
    CHECK(counted::alive() == 2);
    CHECK(b.branches() == 5);
    std::swap(a, b);
    CHECK(a.branches() == 5);
    CHECK(b.empty());
    a = fanout::reports<counted>();
    CHECK(counted::alive() == 0);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("the operation's memory is given back once, by the reports", "[reports]") {
  support::tally memory;
  {
    std::optional<fanout::result<reports, fanout::reported_failure<int>>> kept;
    {
      auto issuer = fanout::issue<int>(
          2, fanout::combine::quorum(1), [&](auto o) noexcept { kept.emplace(std::move(o)); },
          support::counting_allocator<std::byte>(memory));
      for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [](auto branch) { branch.set_value(1); });
    }
    CHECK(memory.allocations == 1);
    CHECK(memory.deallocations == 0);
  }
  CHECK(memory.deallocations == 1);
}

TEST_CASE("made of nothing, they are empty", "[reports]") {
  const reports none;
  CHECK(none.empty());
  CHECK(none.begin() == none.end());
  CHECK(none.missing().empty());
  CHECK(none.why() == reason::completed);
  const fanout::reported_failure<int> failed(fanout::failure<>{1, io_error, 0, {}, reason::error_limit});
  CHECK(failed.reported.empty());
  CHECK(failed.cause == io_error);
}

}  // namespace
