// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/reduce.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::any_branch;
using support::counted;
using support::delivered;
using support::with_outcome;

const auto append = [](std::string so_far, int v) { return std::move(so_far) + std::to_string(v); };

TEST_CASE("no branches: what one began with", "[reduce][E1]") {
  delivered<with_outcome<int>> got, in_order, open;
  { auto issuer = fanout::issue<int>(0, fanout::combine::reduce(42, std::plus<>()), got.completion()); }
  { auto issuer = fanout::issue<int>(0, fanout::combine::reduce_in_order(42, std::plus<>()), in_order.completion()); }
  { auto issuer = fanout::issue<int>(fanout::combine::reduce(42, std::plus<>()), open.completion()); }
  for (auto* each : {&got, &in_order, &open}) {
    REQUIRE(each->succeeded());
    CHECK(*each->outcome() == 42);
  }
}

TEST_CASE("values are folded as they arrive, or in the order of their indices", "[reduce][E2]") {
  delivered<with_outcome<std::string>> got, in_order;
  const auto play = [](auto issuer) {
    std::vector<any_branch> kept;
    for (std::size_t i = 0; i != 4; ++i) {
      issuer.start(i, [&](auto branch) {
        if (i == 1) return branch.set_value(1);
        kept.emplace_back(std::move(branch));
      });
    }
    kept[2].set_value(3);
    kept[0].set_value(0);
    std::move(issuer).seal();
    kept[1].set_value(2);
  };
  play(fanout::issue<int>(4, fanout::combine::reduce(std::string(), append), got.completion()));
  play(fanout::issue<int>(4, fanout::combine::reduce_in_order(std::string(), append), in_order.completion()));
  REQUIRE(got.succeeded());
  CHECK(*got.outcome() == "1302");
  REQUIRE(in_order.succeeded());
  CHECK(*in_order.outcome() == "0123");
}

TEST_CASE("f may return what there is so far, or add to it in place; what it adds to may only move", "[reduce]") {
  const auto sum_of = [](auto policy) {
    int sum = 0;
    auto issuer = fanout::issue<int>(3, std::move(policy), [&](auto outcome) noexcept { sum = **outcome; });
    for (int i = 0; i != 3; ++i) issuer.start([i](auto branch) { branch.set_value(i + 1); });
    std::move(issuer).seal();
    return sum;
  };
  CHECK(sum_of(fanout::combine::reduce(std::make_unique<int>(0), [](std::unique_ptr<int> a, int b) {
          *a += b;
          return a;
        })) == 6);
  CHECK(sum_of(fanout::combine::reduce(std::make_unique<int>(0), [](std::unique_ptr<int>& a, int b) { *a += b; })) ==
        6);
  CHECK(sum_of(fanout::combine::reduce_in_order(std::make_unique<int>(0),
                                                [](std::unique_ptr<int>& a, int b) { *a += b; })) == 6);
}

TEST_CASE("each value is gone once it is folded", "[reduce][E5]") {
  counted::reset();
  {
    delivered<with_outcome<int>> got;
    std::vector<any_branch> kept;
    {
      auto issuer = fanout::issue<counted>(
          3, fanout::combine::reduce(0, [](int a, counted b) { return a + b.value(); }), got.completion());
      for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    }
    for (any_branch& each : kept) {
      each.set_value(2);
      CHECK(counted::alive() == 0);
    }
    REQUIRE(got.succeeded());
    CHECK(*got.outcome() == 6);
  }
}

TEST_CASE("after the first that failed or gave up, nothing is folded any more: values go to on_late",
          "[reduce][E5][I7]") {
  for (const bool gives_up : {false, true}) {
    delivered<with_outcome<std::string>> got;
    std::vector<any_branch> kept;
    std::vector<int> late;
    {
      auto issuer = fanout::issue<int>(3,
                                       fanout::combine::on_late(fanout::combine::reduce(std::string(), append),
                                                                [&](int v) noexcept { late.push_back(v); }),
                                       got.completion());
      for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    }
    kept[2].set_value(2);
    if (gives_up) {
      kept[0].set_stopped();
    } else {
      kept[0].set_error(std::make_error_code(std::errc::io_error));
    }
    kept[1].set_value(1);
    CHECK(late == std::vector<int>{1});
    if (gives_up) {
      CHECK(got.failed(fanout::no_index, errc::stopped));
    } else {
      CHECK(got.failed(0, std::make_error_code(std::errc::io_error)));
    }
  }
}

TEST_CASE("at decided, the first failure is delivered while others are out", "[reduce][decided][E5]") {
  counted::reset();
  delivered<with_outcome<int>> got;
  std::vector<any_branch> kept;
  {
    auto issuer = fanout::issue<counted>(
        3,
        fanout::combine::at_decided(fanout::combine::reduce(0, [](int a, const counted& b) { return a + b.value(); })),
        got.completion());
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
  }
  kept[0].set_value(1);
  CHECK(got.times == 0);
  kept[1].set_error(std::make_error_code(std::errc::io_error));
  CHECK(got.failed(1, std::make_error_code(std::errc::io_error)));
  kept[2].set_value(2);
  CHECK(got.once());
  CHECK(counted::alive() == 0);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("an f that throws is the operation's failure; the others are asked to stop, and drained", "[reduce][E6]") {
  counted::reset();
  const auto play = [](auto issuer, auto& got) {
    std::vector<any_branch> kept;
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept.emplace_back(std::move(branch)); });
    kept[0].set_value(0);
    std::move(issuer).seal();
    CHECK(got.times == 0);
    kept[1].set_value(1);
    kept[2].set_value(2);
    CHECK(got.failed(fanout::no_index, errc::policy_threw));
    CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
  };
  const auto throws = [](int a, const counted& b) {
    if (b.value() == 0) throw 7;
    return a;
  };
  delivered<with_outcome<int>> got, in_order;
  play(fanout::issue<counted>(3, fanout::combine::reduce(0, throws), got.completion()), got);
  play(fanout::issue<counted>(3, fanout::combine::reduce_in_order(0, throws), in_order.completion()), in_order);
  CHECK(counted::alive() == 0);
}

TEST_CASE("an initiator that throws is its branch's error, also where it is folded at once", "[reduce][E3b]") {
  delivered<with_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::reduce(0, std::plus<>()), got.completion());
    issuer.start(0, [](auto) { throw 7; });
  }
  CHECK(got.failed(0, errc::initiator_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
}
#endif

TEST_CASE("branches that were never started are missed", "[reduce][E3]") {
  delivered<with_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::reduce(0, std::plus<>()), got.completion());
    issuer.start(0, [](auto branch) { branch.set_value(1); });
  }
  CHECK(got.failed(1, errc::not_issued));
}

TEST_CASE("a million by one thread, with refcount::local", "[reduce][local]") {
  long sum = 0;
  auto issuer = fanout::issue<int, fanout::handler, fanout::refcount::local>(
      1'000'000, fanout::combine::reduce(0L, std::plus<>()), [&](auto outcome) noexcept { sum = *outcome; });
  for (int i = 0; i != 1'000'000; ++i) issuer.start([](auto branch) { branch.set_value(1); });
  std::move(issuer).seal();
  CHECK(sum == 1'000'000);
}

}  // namespace
