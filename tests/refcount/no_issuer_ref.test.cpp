// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/no_issuer_ref.hpp"

#include <cstddef>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/atomic.hpp"
#include "refcount/strategy.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using fanout::refcount::no_issuer_ref;
using support::all_outcome;
using support::delivered;

static_assert(!fanout::refcount::holdable<no_issuer_ref> && sizeof(no_issuer_ref) == 8);

template <class Got>
auto issue(std::size_t n, Got& got) {
  return fanout::issue<int, fanout::handler, no_issuer_ref>(n, fanout::combine::all, got.completion());
}

TEST_CASE("no_issuer_ref is a refcount strategy", "[refcount][no_issuer_ref][I1][I3]") {
  support::holds(fanout::testing::check_strategy<fanout::refcount::basic_no_issuer_ref>());
}

TEST_CASE("no_issuer_ref delivers inside the last start where all complete inline, and the issuer leaves it alone",
          "[refcount][no_issuer_ref]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = issue(3, got);
    for (int i = 0; i != 3; ++i) {
      CHECK(got.times == 0);
      issuer.start(static_cast<std::size_t>(i), [i](auto branch) noexcept { branch.set_value(i); });
    }
    CHECK(got.times == 1);
    CHECK(issuer.started() == 3);
    auto moved = std::move(issuer);
    std::move(moved).seal();
  }
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[2] == 2);
}

TEST_CASE("no_issuer_ref: without branches the seal delivers, with too few it settles the others",
          "[refcount][no_issuer_ref]") {
  delivered<all_outcome<int>> none;
  { auto issuer = issue(0, none); }
  CHECK(none.succeeded());

  delivered<all_outcome<int>> few;
  {
    auto issuer = issue(3, few);
    issuer.start([](auto branch) noexcept { branch.set_value(1); });
  }
  CHECK(few.times == 1);
  CHECK(few.failed(1, errc::not_issued));
}

TEST_CASE("no_issuer_ref: a branch that fails has the rest settled as stopped", "[refcount][no_issuer_ref][E4]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = issue(3, got);
    bool ran = false;
    issuer.start([](auto branch) noexcept { branch.set_error(std::make_error_code(std::errc::io_error)); });
    issuer.start([&ran](auto) noexcept { ran = true; });
    issuer.start([&ran](auto) noexcept { ran = true; });
    CHECK_FALSE(ran);
    CHECK(got.times == 1);
    CHECK_FALSE(issuer.try_start([](auto) noexcept {}));
  }
  CHECK(got.times == 1);
}

TEST_CASE("no_issuer_ref: a handle that is dropped is its branch's report", "[refcount][no_issuer_ref][E3]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = issue(1, got);
    issuer.start([](auto) noexcept {});
  }
  CHECK(got.failed(0, errc::abandoned));
}

TEST_CASE("no_issuer_ref counts an operation across threads", "[refcount][no_issuer_ref][I1]") {
  for (int round = 0; round != 100; ++round) {
    delivered<all_outcome<std::string>> got;
    std::vector<std::thread> threads;
    threads.reserve(4);
    auto issuer = fanout::issue<std::string, fanout::handler, no_issuer_ref>(4, fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 4; ++i) {
      issuer.start(i, [&](auto branch) noexcept {
        threads.emplace_back([i, mine = std::move(branch)]() mutable { mine.set_value(i + 30, 'x'); });
      });
    }
    std::move(issuer).seal();
    for (std::thread& thread : threads) thread.join();
    REQUIRE(got.succeeded());
    for (std::size_t i = 0; i != 4; ++i) CHECK((*got.outcome())[i].size() == i + 30);
  }
}

}  // namespace
