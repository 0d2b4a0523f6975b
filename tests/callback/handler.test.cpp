// SPDX-License-Identifier: BSL-1.0
#include "fanout/callback/handler.hpp"

#include <cerrno>
#include <climits>
#include <exception>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;

static_assert(fanout::handler_policy<fanout::handler, std::error_code, int>);
static_assert(fanout::handler_policy<fanout::handler, std::exception_ptr>);
static_assert(!fanout::handler_policy<fanout::handler>);
static_assert(!fanout::c_callback_policy<fanout::handler>);

// The outcome of one branch that is called with these arguments.
template <class T, class... Args>
all_outcome<T> called_with(Args&&... args) {
  delivered<all_outcome<T>> got;
  fanout::issue<T>(1, fanout::combine::all, got.completion()).start(0, [&](auto branch) {
    branch(std::forward<Args>(args)...);
    CHECK(!branch);
  });
  REQUIRE(got.once());
  return std::move(got.outcome());
}

TEST_CASE("no error and values: the branch's value is made from them", "[handler]") {
  CHECK((*called_with<int>(std::error_code(), 5))[0] == 5);
  CHECK((*called_with<std::string>(std::error_code(), 4u, 'x'))[0] == "xxxx");
  CHECK((*called_with<int>(std::exception_ptr(), 6))[0] == 6);
}

TEST_CASE("success without a value, where there is to be one, is a mistake that is named", "[handler]") {
  CHECK(called_with<std::string>(std::error_code()).error().cause == errc::no_value);
  CHECK(called_with<int>(0).error().cause == errc::no_value);
  // a result in the error's place: read as an errno value
  CHECK(called_with<int>(17).error().cause == std::error_code(17, std::generic_category()));

  delivered<support::void_outcome<>> nothing;
  fanout::issue<void>(1, fanout::combine::all, nothing.completion()).start(0, [](auto branch) { branch(0); });
  CHECK(nothing.succeeded());
}

TEST_CASE("an error: it is the branch's, and the values that came with it are dropped", "[handler]") {
  counted::reset();
  {
    const auto outcome = called_with<counted>(std::make_error_code(std::errc::io_error), counted(1));
    REQUIRE(!outcome);
    CHECK(outcome.error().cause == std::errc::io_error);
    CHECK(outcome.error().index == 0);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("a plain int is an errno value, negative or positive", "[handler]") {
  CHECK((*called_with<int>(0, 5))[0] == 5);
  CHECK(called_with<int>(EIO, 5).error().cause == std::errc::io_error);
  CHECK(called_with<int>(-EIO, 5).error().cause == std::errc::io_error);
  const int lvalue = -ETIMEDOUT;
  CHECK(called_with<int>(lvalue, 5).error().cause == std::errc::timed_out);
}

TEST_CASE("every error number is an error code of the generic category", "[handler]") {
  CHECK(fanout::errno_error(EIO) == std::errc::io_error);
  CHECK(fanout::errno_error(-EIO) == std::errc::io_error);
  CHECK(!fanout::errno_error(0));
  CHECK(fanout::errno_error(INT_MAX).value() == INT_MAX);
  CHECK(fanout::errno_error(-INT_MAX).value() == INT_MAX);
  CHECK(fanout::errno_error(INT_MIN).category() == std::generic_category());
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("an exception pointer is an error like any other", "[handler]") {
  const auto outcome = called_with<int>(std::make_exception_ptr(5), 1);
  REQUIRE(!outcome);
  CHECK_THROWS_AS(std::rethrow_exception(outcome.error().exception), int);
}
#endif

}  // namespace
