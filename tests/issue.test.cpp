// SPDX-License-Identifier: BSL-1.0
#include "fanout/issue.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/callback/value_only.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/combine/with.hpp"
#include "fanout/refcount/local.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::settle_outcome;
using support::with_outcome;

using counting = support::counting_allocator<std::byte>;

TEST_CASE("issue deduces what the operation is made of", "[issue]") {
  auto completion = [](auto) noexcept {};
  using known = decltype(fanout::issue<int>(1, fanout::combine::all, completion))::operation;
  static_assert(std::is_same_v<known::callback_type, fanout::handler>);
  static_assert(std::is_same_v<known::refcount_type, fanout::refcount::atomic>);
  static_assert(std::is_same_v<known::combine_type, fanout::combine::all_policy<int>>);
  static_assert(std::is_same_v<known::completion_type, decltype(completion)>);
  using open = decltype(fanout::issue<int>(fanout::combine::all, completion))::operation;
  static_assert(std::is_same_v<open::refcount_type, fanout::refcount::lazy_seed>);
  using chosen = decltype(fanout::issue<int, fanout::value_only, fanout::refcount::local>(1, fanout::combine::settle,
                                                                                          completion))::operation;
  static_assert(std::is_same_v<chosen::callback_type, fanout::value_only>);
  static_assert(std::is_same_v<chosen::refcount_type, fanout::refcount::local>);
  SUCCEED();
}

TEST_CASE("a combine policy may be given bound to its value type", "[issue]") {
  delivered<all_outcome<int>> got;
  fanout::issue<int>(1, fanout::combine::all_policy<int>(), got.completion()).start(0, [](auto branch) {
    branch({}, 3);
  });
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {3}));
}

TEST_CASE("issue with issuing code runs it and seals", "[issue]") {
  delivered<all_outcome<int>> got;
  fanout::issue(fanout::issue<int>(2, fanout::combine::all, got.completion()), [&](auto& issuer) {
    for (std::size_t i = 0; i != 2; ++i) {
      issuer.start(i, [&](auto branch) { branch({}, static_cast<int>(i)); });
    }
    CHECK(got.times == 0);
  });
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1}));
}

TEST_CASE("issuing code may take the issuer along, or seal it itself", "[issue]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
  decltype(issuer) taken;
  fanout::issue(std::move(issuer), [&](auto& its) { taken = std::move(its); });
  CHECK(got.times == 0);
  taken.start(0, [](auto branch) { branch({}, 1); });
  fanout::issue(std::move(taken), [&](auto& its) { std::move(its).seal(); });
  CHECK(got.succeeded());
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("an exception out of issuing code arrives through the operation only", "[issue][E3b]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(3, fanout::combine::all, got.completion());
  decltype(issuer)::branch kept;
  fanout::inplace_stop_token token = issuer.stop_token();
  fanout::issue(std::move(issuer), [&](auto& its) {
    its.start(0, [&](auto branch) { kept = std::move(branch); });
    throw std::string("between starts");
  });
  CHECK(got.times == 0);
  CHECK(token.stop_requested());
  kept.set_stopped();
  REQUIRE(got.failed(fanout::no_index, errc::issuer_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), std::string);
}

TEST_CASE("an exception out of issuing code after the last start is not lost", "[issue][E3b]") {
  delivered<all_outcome<int>> got;
  fanout::issue(fanout::issue<int>(1, fanout::combine::all, got.completion()), [](auto& issuer) {
    issuer.start(0, [](auto branch) { branch({}, 1); });
    throw 5;
  });
  REQUIRE(got.failed(fanout::no_index, errc::issuer_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
}

TEST_CASE("a branch's error that came first stays the cause when issuing code throws", "[issue][E3b][I7]") {
  delivered<all_outcome<int>> got;
  fanout::issue(fanout::issue<int>(2, fanout::combine::all, got.completion()), [](auto& issuer) {
    issuer.start(0, [](auto branch) { branch.set_error(std::errc::io_error); });
    throw 5;
  });
  CHECK(got.failed(0, std::make_error_code(std::errc::io_error), 1));
}

TEST_CASE("issue throws bad_alloc without memory, and the completion is destroyed uncalled", "[issue][E6]") {
  support::tally counts;
  counts.refuse_from = 0;
  counted::reset();
  bool called = false;
  auto refused = [&] {
    auto completion = [&called, witness = counted(1)](auto) noexcept { called = true; };
    return fanout::issue<int>(2, fanout::combine::all, std::move(completion), counting(counts));
  };
  CHECK_THROWS_AS(refused(), std::bad_alloc);
  CHECK(!called);
  CHECK(counted::alive() == 0);

  auto refused_open = [&] { return fanout::issue<int>(fanout::combine::all, [](auto) noexcept {}, counting(counts)); };
  CHECK_THROWS_AS(refused_open(), std::bad_alloc);
}

TEST_CASE("issue throws too_many above the largest number of branches", "[issue][E20]") {
  try {
    static_cast<void>(fanout::issue<char>((std::size_t{1} << 31) + 1, fanout::combine::all, [](auto) noexcept {}));
    FAIL("did not throw");
  } catch (const std::system_error& caught) {
    CHECK(caught.code() == errc::too_many);
    CHECK(caught.code() == std::errc::value_too_large);
  }
}
#endif

TEST_CASE("try_issue takes the completion only if it succeeds", "[issue][E6]") {
  support::tally counts;
  counts.refuse_from = 0;
  int called = 0;
  auto completion = [&called, owned = std::make_unique<int>(1)](auto) noexcept { called += *owned; };
  auto refused = fanout::try_issue<int>(1, fanout::combine::all, std::move(completion), counting(counts));
  REQUIRE(!refused);
  CHECK(refused.error() == errc::out_of_memory);

  counts.refuse_from = -1;
  auto made = fanout::try_issue<int>(1, fanout::combine::all, std::move(completion), counting(counts));
  REQUIRE(made);
  made->start(0, [](auto branch) { branch({}, 1); });
  std::move(*made).seal();
  CHECK(called == 1);
  CHECK(counts.live_bytes == 0);
}

TEST_CASE("an issuer that is dropped at once settles every branch as not issued", "[issue][E3]") {
  delivered<all_outcome<int>> got;
  static_cast<void>(fanout::issue<int>(2, fanout::combine::all, got.completion()));
  CHECK(got.failed(0, errc::not_issued));
}

TEST_CASE("a result that is made by a combine function may hold the values themselves", "[issue]") {
  delivered<with_outcome<fanout::values<std::string>>> got;
  fanout::issue(
      fanout::issue<std::string>(2, fanout::combine::with([](auto values) { return values; }), got.completion()),
      [](auto& issuer) {
        issuer.start(0, [](auto branch) { branch({}, "a"); });
        issuer.start(1, [](auto branch) { branch({}, "b"); });
      });
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[1] == "b");
}

}  // namespace
