// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/with.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/issue.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::counted;
using support::delivered;
using support::with_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

TEST_CASE("with: one function over all values, called once, when all have reported", "[with]") {
  int calls = 0;
  delivered<with_outcome<std::string>> got;
  auto join = [&](auto values) {
    ++calls;
    std::string all;
    for (const std::string& value : values) all += value;
    return all;
  };
  auto issuer = fanout::issue<std::string>(3, fanout::combine::with(join), got.completion());
  decltype(issuer)::branch last;
  issuer.start(0, [](auto branch) { branch({}, "a"); });
  issuer.start(1, [&](auto branch) { last = std::move(branch); });
  issuer.start(2, [](auto branch) { branch({}, "c"); });
  std::move(issuer).seal();
  CHECK(calls == 0);
  last.set_value("b");
  CHECK(calls == 1);
  REQUIRE(got.succeeded());
  CHECK(*got.outcome() == "abc");
}

TEST_CASE("with: combine and sort, as the pattern's first use did", "[with]") {
  delivered<with_outcome<std::vector<int>>> got;
  auto sorted = [](auto&& values) {
    std::vector<int> all(values.begin(), values.end());
    std::sort(all.begin(), all.end());
    return all;
  };
  {
    auto issuer = fanout::issue<int>(fanout::combine::with(sorted), got.completion());
    for (const int x : {3, 1, 2}) {
      issuer.start([&](auto branch) { branch({}, x); });
    }
  }
  REQUIRE(got.succeeded());
  CHECK(*got.outcome() == std::vector<int>{1, 2, 3});
}

TEST_CASE("with: the function does not run if a branch failed or gave up", "[with]") {
  for (const bool stopped : {false, true}) {
    bool ran = false;
    delivered<with_outcome<int>> got;
    {
      auto issuer = fanout::issue<int>(2, fanout::combine::with([&](auto) { return ran = true, 1; }), got.completion());
      issuer.start(0, [](auto branch) { branch({}, 1); });
      issuer.start(1, [&](auto branch) {
        if (stopped) {
          branch.set_stopped();
        } else {
          branch(io_error);
        }
      });
      CHECK(issuer.stop_requested());
    }
    CHECK(!ran);
    if (stopped) {
      CHECK(got.failed(fanout::no_index, errc::stopped));
    } else {
      CHECK(got.failed(1, io_error));
    }
  }
}

TEST_CASE("with: branches without values, and a function without a result", "[with]") {
  delivered<with_outcome<int>> number;
  fanout::issue<void>(1, fanout::combine::with([] { return 5; }), number.completion()).start(0, [](auto branch) {
    branch({});
  });
  REQUIRE(number.succeeded());
  CHECK(*number.outcome() == 5);

  bool ran = false;
  delivered<support::void_outcome<>> nothing;
  fanout::issue<int>(1, fanout::combine::with([&](auto) { ran = true; }), nothing.completion())
      .start(0, [](auto branch) { branch({}, 1); });
  CHECK(nothing.succeeded());
  CHECK(ran);
}

TEST_CASE("with: the function may be move-only and mutable, and an error type of one's own goes along", "[with]") {
  delivered<with_outcome<std::unique_ptr<int>, std::exception_ptr>> got;
  auto take = [owned = std::make_unique<int>(40)](auto values) mutable {
    *owned += values[0];
    return std::move(owned);
  };
  fanout::issue<int>(1, fanout::combine::with<std::exception_ptr>(std::move(take)), got.completion())
      .start(0, [](auto branch) { branch({}, 2); });
  REQUIRE(got.succeeded());
  CHECK(**got.outcome() == 42);
}

TEST_CASE("with: runs on the thread that reports last, before the completion", "[with]") {
  std::thread::id combined_on;
  delivered<with_outcome<int>> got;
  std::thread other;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::with([&](auto values) {
                                       combined_on = std::this_thread::get_id();
                                       return values[0];
                                     }),
                                     got.completion());
    issuer.start(
        0, [&](auto branch) { other = std::thread([mine = std::move(branch)]() mutable { mine.set_value(3); }); });
  }
  const auto id = other.get_id();
  other.join();
  REQUIRE(got.succeeded());
  if (got.thread == id) CHECK(combined_on == id);  // else the seal came last
  CHECK(combined_on == got.thread);
}

TEST_CASE("with: values not taken are freed before the completion runs", "[with]") {
  support::tally counts;
  counted::reset();
  bool checked = false;
  fanout::issue<counted>(
      1, fanout::combine::with([](auto values) { return values.size(); }),
      [&](auto outcome) noexcept {
        CHECK(*outcome == 1);
        CHECK(counted::alive() == 0);
        CHECK(counts.live_bytes == 0);
        checked = true;
      },
      support::counting_allocator<std::byte>(counts))
      .start(0, [](auto branch) { branch({}, 1); });
  CHECK(checked);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("with: a function that throws is the operation's failure, with its exception", "[with][E6]") {
  support::tally counts;
  counted::reset();
  {
    delivered<with_outcome<int>> got;
    {
      auto issuer =
          fanout::issue<counted>(2, fanout::combine::with([](auto) -> int { throw std::string("no result"); }),
                                 got.completion(), support::counting_allocator<std::byte>(counts));
      issuer.start(0, [](auto branch) { branch({}, 1); });
      issuer.start(1, [](auto branch) { branch({}, 2); });
    }
    REQUIRE(got.failed(fanout::no_index, errc::policy_threw));
    CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), std::string);
  }
  CHECK(counted::alive() == 0);
  CHECK(counts.live_bytes == 0);
}

TEST_CASE("with: std::exception_ptr as the error type is the exception itself", "[with][E6]") {
  delivered<with_outcome<int, std::exception_ptr>> got;
  fanout::issue<int>(1, fanout::combine::with<std::exception_ptr>([](auto) -> int { throw 5; }), got.completion())
      .start(0, [](auto branch) { branch({}, 1); });
  REQUIRE(got.once());
  REQUIRE(!got.outcome());
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().cause), int);
}
#endif

}  // namespace
