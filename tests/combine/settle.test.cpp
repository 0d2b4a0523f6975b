// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/settle.hpp"

#include <exception>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::delivered;
using support::settle_outcome;

static_assert(fanout::combine::policy<fanout::combine::settle_policy<std::string>>);
static_assert(fanout::combine::policy<fanout::combine::settle_policy<void, std::exception_ptr>>);
static_assert(fanout::combine::description<decltype(fanout::combine::settle), void>);

TEST_CASE("settle: one result per branch, and nobody is asked to stop", "[settle][E18]") {
  delivered<settle_outcome<std::string>> got;
  int initiated = 0;
  {
    auto issuer = fanout::issue<std::string>(4, fanout::combine::settle, got.completion());
    issuer.start(0, [&](auto branch) {
      ++initiated;
      branch.set_error(std::errc::io_error);
    });
    issuer.start(1, [&](auto branch) {
      ++initiated;
      branch.set_stopped();
    });
    issuer.start(2, [&](auto) { ++initiated; });
    CHECK(!issuer.stop_requested());
    issuer.start(3, [&](auto branch) {
      ++initiated;
      branch.set_value("d");
    });
    CHECK(!issuer.stop_requested());
  }
  CHECK(initiated == 4);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(all[0].error() == std::errc::io_error);
  CHECK(all[1].stopped());
  CHECK(all[2].error() == errc::abandoned);
  CHECK(*all[3] == "d");
  CHECK(all.disturbance() == nullptr);
}

TEST_CASE("settle: a completion after everything else has failed is still told", "[settle][I7]") {
  delivered<settle_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::settle, got.completion());
  decltype(issuer)::branch last;
  issuer.start(0, [&](auto branch) { last = std::move(branch); });
  issuer.start(1, [](auto branch) { branch.set_error(std::errc::io_error); });
  std::move(issuer).seal();
  CHECK(got.times == 0);
  last.set_value(9);
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 9);
}

TEST_CASE("settle: all failed is an outcome like any other", "[settle]") {
  delivered<settle_outcome<void>> got;
  {
    auto issuer = fanout::issue<void>(3, fanout::combine::settle, got.completion());
    for (int i = 0; i != 3; ++i) issuer.start([](auto) {});
  }
  REQUIRE(got.succeeded());
  for (const auto& branch : *got.outcome()) CHECK(branch.error() == errc::abandoned);
}

}  // namespace
