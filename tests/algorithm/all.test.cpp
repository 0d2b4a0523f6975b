// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/all.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/callback/value_only.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::delivered;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

TEST_CASE("all: every element's value, in index order", "[algorithm][all]") {
  const std::vector<std::string> words{"a", "bb", "ccc"};
  delivered<all_outcome<std::size_t>> got;
  fanout::all<std::size_t>(words, [](const std::string& word, auto branch) {
    branch({}, word.size());
  }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {std::size_t{1}, std::size_t{2}, std::size_t{3}}));
}

TEST_CASE("all: the first failure is the outcome, and elements after it are not started", "[algorithm][all][E4]") {
  delivered<all_outcome<int>> got;
  std::vector<int> seen;
  fanout::all<int>(std::array{1, 2, 3, 4}, [&](int n, auto branch) {
    seen.push_back(n);
    if (n == 2) return branch(io_error);
    branch({}, n);
  }).then(got.completion());
  CHECK(seen == std::vector<int>{1, 2});
  CHECK(got.failed(1, io_error));
}

TEST_CASE("all: nothing to do is done", "[algorithm][all][E1]") {
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::vector<int>(), [](int, auto) { FAIL("ran"); }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->empty());
}

TEST_CASE("all: the initiator may take the operation's stop token", "[algorithm][all]") {
  delivered<all_outcome<int>> got;
  std::vector<fanout::inplace_stop_token> tokens;
  fanout::all<int>(std::array{1, 2}, [&](int n, auto branch, fanout::inplace_stop_token token) {
    tokens.push_back(token);
    branch({}, n);
  }).then(got.completion());
  REQUIRE(got.succeeded());
  REQUIRE(tokens.size() == 2);
  CHECK(tokens[0] == tokens[1]);
  CHECK(tokens[0].stop_possible());
}

TEST_CASE("all: C initiators take element, out, callback and context", "[algorithm][all][c]") {
  delivered<all_outcome<int>> got;
  std::vector<std::pair<void (*)(int, void*), void*>> later;
  fanout::all<int, fanout::errno_callback>(std::array{1, 2, 3, 4}, [&](int n, int* out, void (*callback)(int, void*),
                                                                       void* context) {
    *out = n * 10;
    if (n % 2 == 0) return 0;
    later.emplace_back(callback, context);
    return -EINPROGRESS;
  }).then(got.completion());
  CHECK(got.times == 0);
  for (auto [callback, context] : later) callback(0, context);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {10, 20, 30, 40}));
}

TEST_CASE("all: with a C policy, C++ initiators are recognised and called as such", "[algorithm][all][c]") {
  delivered<all_outcome<int>> got;
  fanout::all<int, fanout::errno_callback>(std::array{1, 2}, [](int n, auto branch) {
    branch(0, n);
  }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));

  delivered<support::void_outcome<>> nothing;
  fanout::all<void, fanout::errno_callback>(std::array{1, 2}, [](int, void (*)(int, void*), void*) {
    return 0;
  }).then(nothing.completion());
  CHECK(nothing.succeeded());
}

TEST_CASE("all: other callback policies and error types", "[algorithm][all]") {
  delivered<all_outcome<int>> got;
  fanout::all<int, fanout::value_only>(std::array{1, 2}, [](int n, auto branch) { branch(n); }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));

#if FANOUT_HAS_EXCEPTIONS
  delivered<all_outcome<int, std::exception_ptr>> thrown;
  fanout::all<int, fanout::handler, std::exception_ptr>(std::array{1}, [](int, auto) {
    throw 5;
  }).then(thrown.completion());
  REQUIRE(thrown.once());
  CHECK_THROWS_AS(std::rethrow_exception(thrown.failure().cause), int);
#endif
}

}  // namespace
