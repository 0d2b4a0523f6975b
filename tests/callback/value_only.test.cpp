// SPDX-License-Identifier: BSL-1.0
#include "fanout/callback/value_only.hpp"

#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

namespace {

using support::all_outcome;
using support::delivered;

TEST_CASE("a branch of an interface that cannot fail is called with its value", "[value_only]") {
  delivered<all_outcome<std::string>> got;
  {
    auto issuer = fanout::issue<std::string, fanout::value_only>(3, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch("a"); });
    issuer.start(1, [](auto branch) { branch(2u, 'b'); });
    issuer.start(2, [](auto branch) { branch(); });
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {std::string("a"), std::string("bb"), std::string()}));
}

TEST_CASE("a branch without a value is called with nothing", "[value_only]") {
  delivered<support::void_outcome<>> got;
  fanout::issue<void, fanout::value_only>(1, fanout::combine::all, got.completion()).start(0, [](auto branch) {
    branch();
  });
  CHECK(got.succeeded());
}

TEST_CASE("such a branch can still be failed or stopped by name", "[value_only]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::value_only>(1, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch.set_error(std::errc::io_error); });
  }
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error)));
}

}  // namespace
