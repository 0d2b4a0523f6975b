// SPDX-License-Identifier: BSL-1.0
#include "fanout/failure.hpp"

#include <exception>
#include <string>
#include <system_error>
#include <type_traits>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using fanout::failure;
using support::all_outcome;
using support::delivered;

// An error type that cannot be made from a std::error_code by itself.
struct status {
  int number = 0;
  std::string origin;
};

}  // namespace

template <>
struct fanout::error_traits<status> {
  static status from(std::error_code code) noexcept { return {code.value(), code.category().name()}; }
};

namespace {

TEST_CASE("a failure of nothing is nobody's", "[failure]") {
  const failure<> none;
  CHECK(none.index == fanout::no_index);
  CHECK(!none.cause);
  CHECK(none.suppressed == 0);
  CHECK(none.exception == nullptr);
}

TEST_CASE("the library's own reasons become any error type", "[failure]") {
  const std::error_code deadline = make_error_code(errc::deadline);
  CHECK(fanout::error_traits<std::error_code>::from(deadline) == errc::deadline);
  CHECK(fanout::error_traits<status>::from(deadline).number == static_cast<int>(errc::deadline));
#if FANOUT_HAS_EXCEPTIONS
  const std::exception_ptr exception = fanout::error_traits<std::exception_ptr>::from(deadline);
  try {
    std::rethrow_exception(exception);
  } catch (const std::system_error& caught) {
    CHECK(caught.code() == errc::deadline);
  }
#endif
}

TEST_CASE("an error type of one's own goes through the operation", "[failure]") {
  delivered<all_outcome<int, status>> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::all_with<status>, got.completion());
    issuer.start(0, [](auto branch) { branch.set_value(1); });
    issuer.start(1, [](auto branch) { branch.set_error(status{404, "http"}); });
  }
  REQUIRE(got.once());
  REQUIRE(!got.outcome());
  CHECK(got.failure().index == 1);
  CHECK(got.failure().cause.number == 404);
  CHECK(got.failure().cause.origin == "http");

  delivered<all_outcome<int, status>> dropped;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all_with<status>, dropped.completion());
    issuer.start(0, [](auto) {});
  }
  REQUIRE(dropped.once());
  CHECK(dropped.failure().cause.number == static_cast<int>(errc::abandoned));
  CHECK(dropped.failure().cause.origin == "fanout");
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("with std::exception_ptr as the error type the exception is the cause", "[failure]") {
  delivered<all_outcome<int, std::exception_ptr>> thrown;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all_with<std::exception_ptr>, thrown.completion());
    issuer.start(0, [](auto) { throw 5; });
  }
  REQUIRE(thrown.once());
  CHECK(thrown.failure().index == 0);
  CHECK_THROWS_AS(std::rethrow_exception(thrown.failure().cause), int);

  delivered<all_outcome<int, std::exception_ptr>> code;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all_with<std::exception_ptr>, code.completion());
    issuer.start(0, [](auto branch) { branch(std::make_error_code(std::errc::io_error)); });
  }
  REQUIRE(code.once());
  CHECK_THROWS_AS(std::rethrow_exception(code.failure().cause), std::system_error);

  delivered<all_outcome<int, std::exception_ptr>> given;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all_with<std::exception_ptr>, given.completion());
    issuer.start(0, [](auto branch) { branch(std::make_exception_ptr('x')); });
  }
  REQUIRE(given.once());
  CHECK_THROWS_AS(std::rethrow_exception(given.failure().cause), char);
}
#endif

TEST_CASE("the cause names the branch and counts the errors that came after it", "[failure][E18]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(5, fanout::combine::all, got.completion());
  decltype(issuer)::branch kept[5];
  for (auto& branch : kept) issuer.start([&](auto started) { branch = std::move(started); });
  std::move(issuer).seal();
  kept[3].set_error(std::errc::io_error);
  kept[1].set_error(std::errc::timed_out);
  kept[0].set_stopped();
  kept[4].set_value(1);
  kept[2].set_error(std::errc::timed_out);
  CHECK(got.failed(3, std::make_error_code(std::errc::io_error), 2));
}

}  // namespace
