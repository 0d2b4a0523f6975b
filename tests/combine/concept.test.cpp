// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/concept.hpp"

#include <atomic>
#include <cstddef>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

// Policies of one's own.

namespace {

using fanout::errc;
using fanout::verdict;
using support::delivered;
using support::with_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

// How many of the branches succeeded, and enough is enough: after `tolerated` failures the rest is asked to stop.
template <class T>
struct tally_policy {
  using value_type = T;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;

  int tolerated;
  std::atomic<int> failed{0};

  explicit tally_policy(int n) noexcept : tolerated(n) {}
  tally_policy(tally_policy&& other) noexcept : tolerated(other.tolerated), failed(other.failed.load()) {}

  verdict on_error(std::size_t, const std::error_code&) noexcept {
    return failed.fetch_add(1) >= tolerated ? verdict::decided : verdict::go_on;
  }

  struct counts {
    std::size_t good, bad, stopped;
  };
  counts result(fanout::results<T> all) {
    counts n{};
    for (const auto& branch : all) (branch ? n.good : branch.stopped() ? n.stopped : n.bad)++;
    return n;
  }
};
struct tally_at_most {
  int tolerated;
  template <class T>
  tally_policy<T> bind() const noexcept {
    return tally_policy<T>(tolerated);
  }
};

// The greatest value, or a failure of its own making: it decides the whole outcome.
struct greatest {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;

  fanout::result<int, fanout::failure<>> result(support::all_outcome<int> all) const {
    if (!all) return fanout::unexpected(std::move(all.error()));
    if (all->empty())
      return fanout::unexpected(fanout::failure<>{fanout::no_index, make_error_code(errc::no_candidates), 0, {}});
    int most = (*all)[0];
    for (const int x : *all) most = x > most ? x : most;
    return most;
  }
};

struct no_result {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
};
static_assert(fanout::combine::policy<tally_policy<int>> && fanout::combine::policy<greatest>);
static_assert(fanout::combine::description<tally_at_most, std::string>);
static_assert(!fanout::combine::policy<no_result> && !fanout::combine::policy<int>);
static_assert(!fanout::combine::description<greatest, int>);

TEST_CASE("a policy of one's own sees what every branch came to", "[combine]") {
  delivered<with_outcome<tally_policy<int>::counts>> got;
  {
    auto issuer = fanout::issue<int>(4, tally_at_most{100}, got.completion());
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [](auto branch) { branch(io_error); });
    issuer.start(2, [](auto branch) { branch.set_stopped(); });
    issuer.start(3, [](auto) {});
    CHECK(!issuer.stop_requested());
    CHECK(issuer.combine().failed == 2);
  }
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->good == 1);
  CHECK(got.outcome()->bad == 2);
  CHECK(got.outcome()->stopped == 1);
}

TEST_CASE("a verdict asks the rest to stop", "[combine][E4]") {
  delivered<with_outcome<tally_policy<int>::counts>> got;
  {
    auto issuer = fanout::issue<int>(10, tally_at_most{2}, got.completion());
    for (std::size_t i = 0; i != 10; ++i) {
      CHECK(issuer.stop_requested() == (i >= 3));
      issuer.start(i, [](auto branch) { branch(io_error); });
    }
  }
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->bad == 3);
  CHECK(got.outcome()->stopped == 7);
}

TEST_CASE("a policy's verdicts may be asked for by several threads at once", "[combine]") {
  delivered<with_outcome<tally_policy<int>::counts>> got;
  std::vector<std::thread> threads;
  {
    auto issuer = fanout::issue<int>(4, tally_at_most{100}, got.completion());
    for (std::size_t i = 0; i != 4; ++i) {
      issuer.start(i, [&](auto branch) {
        threads.emplace_back([mine = std::move(branch)]() mutable { mine.set_error(io_error); });
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->bad == 4);
}

TEST_CASE("a policy may return the whole outcome", "[combine]") {
  auto run = [](std::size_t n, auto initiator) {
    delivered<with_outcome<int>> got;
    {
      auto issuer = fanout::issue<int>(n, greatest(), got.completion());
      for (std::size_t i = 0; i != n; ++i) issuer.start(i, initiator);
    }
    return got;
  };
  auto good = run(5, [](auto branch) {
    const int i = static_cast<int>(branch.index());
    branch({}, i * (4 - i));
  });
  REQUIRE(good.succeeded());
  CHECK(*good.outcome() == 4);
  CHECK(run(0, [](auto) {}).failed(fanout::no_index, errc::no_candidates));
  CHECK(run(1, [](auto branch) { branch(io_error); }).failed(0, io_error));
}

#if FANOUT_HAS_EXCEPTIONS
struct throws {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
  int result(fanout::results<int>) { throw 7; }
};

TEST_CASE("a policy that throws is the outcome's cause", "[combine][E6]") {
  delivered<with_outcome<int>> got;
  fanout::issue<int>(1, throws(), got.completion()).start(0, [](auto branch) { branch({}, 1); });
  REQUIRE(got.failed(fanout::no_index, errc::policy_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
}
#endif

}  // namespace
