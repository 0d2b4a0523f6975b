// SPDX-License-Identifier: BSL-1.0
#include "fanout/results.hpp"

#include <cstddef>
#include <exception>
#include <ranges>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using fanout::results;
using support::counted;
using support::delivered;
using support::settle_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

static_assert(!std::is_copy_constructible_v<results<int>>);
static_assert(std::is_nothrow_move_constructible_v<results<int>> && std::is_nothrow_move_assignable_v<results<int>>);
static_assert(std::ranges::random_access_range<results<int>> && std::ranges::random_access_range<const results<int>>);
static_assert(std::ranges::sized_range<const results<int>>);

// Branch 0 has a value, 1 an error, 2 was stopped, 3 was dropped, 4 was not started.
template <class T, class E = std::error_code>
results<T, E> one_of_each() {
  delivered<settle_outcome<T, E>> got;
  {
    auto issuer = fanout::issue<T>(5, fanout::combine::settle_with<E>, got.completion());
    issuer.start(0, [](auto branch) {
      if constexpr (std::is_void_v<T>) {
        branch.set_value();
      } else {
        branch.set_value(T(7));
      }
    });
    issuer.start(1, [](auto branch) { branch.set_error(io_error); });
    issuer.start(2, [](auto branch) { branch.set_stopped(); });
    issuer.start(3, [](auto) {});
  }
  REQUIRE(got.succeeded());
  return *std::move(got.outcome());
}

TEST_CASE("each branch says what it came to, in index order", "[results]") {
  const auto all = one_of_each<int>();
  REQUIRE(all.size() == 5);
  CHECK(!all.empty());
  std::size_t i = 0;
  for (const auto& branch : all) CHECK(branch.index() == i++);

  CHECK(all[0]);
  CHECK(all[0].has_value());
  CHECK(!all[0].stopped());
  CHECK(*all[0] == 7);

  CHECK(!all[1]);
  CHECK(!all[1].stopped());
  CHECK(all[1].error() == io_error);

  CHECK(!all[2]);
  CHECK(all[2].stopped());
  CHECK(all[2].error() == errc::stopped);

  CHECK(all[3].error() == errc::abandoned);
  CHECK(all[4].error() == errc::not_issued);
  CHECK(!all[4].stopped());
  CHECK(all.disturbance() == nullptr);
}

TEST_CASE("take makes an independent result", "[results]") {
  fanout::result<std::string, std::error_code> value = fanout::unexpected(std::error_code());
  {
    delivered<settle_outcome<std::string>> got;
    {
      auto issuer = fanout::issue<std::string>(1, fanout::combine::settle, got.completion());
      issuer.start(0, [](auto branch) { branch.set_value("kept after the operation is gone"); });
    }
    value = (*got.outcome())[0].take();
    CHECK((*got.outcome())[0]->empty());  // moved out
  }
  REQUIRE(value);
  CHECK(*value == "kept after the operation is gone");

  const auto all = one_of_each<int>();
  CHECK(all[0].take() == 7);
  CHECK(all[1].take().error() == io_error);
  CHECK(all[2].take().error() == errc::stopped);
}

TEST_CASE("branches without a value have results too", "[results]") {
  const auto all = one_of_each<void>();
  CHECK(all[0]);
  CHECK(all[0].take());
  CHECK(all[1].error() == io_error);
  CHECK(all[2].stopped());
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("with std::exception_ptr as the error type every branch keeps its exception", "[results]") {
  delivered<settle_outcome<int, std::exception_ptr>> got;
  {
    auto issuer = fanout::issue<int>(4, fanout::combine::settle_with<std::exception_ptr>, got.completion());
    issuer.start(0, [](auto) { throw 5; });
    issuer.start(1, [](auto branch) { branch.set_error(io_error); });
    issuer.start(2, [](auto branch) { branch.set_stopped(); });
    issuer.start(3, [](auto branch) { branch.set_value(3); });
  }
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK_THROWS_AS(std::rethrow_exception(all[0].error()), int);
  CHECK_THROWS_AS(std::rethrow_exception(all[1].error()), std::system_error);
  CHECK_THROWS_AS(std::rethrow_exception(all[2].error()), std::system_error);
  CHECK(*all[3] == 3);
}
#endif

TEST_CASE("errors of any type live and die in the slots", "[results]") {
  struct my_error {
    std::string text;
    my_error() = default;
    my_error(const char* t) : text(t) {}
    explicit my_error(std::error_code code) : text(code.category().name()) {}
  };
  delivered<settle_outcome<counted, my_error>> got;
  counted::reset();
  {
    auto issuer = fanout::issue<counted>(4, fanout::combine::settle_with<my_error>, got.completion());
    issuer.start(0, [](auto branch) { branch.set_error("an error text that is too long to be stored inside"); });
    issuer.start(1, [](auto branch) { branch.set_value(1); });
    issuer.start(2, [](auto branch) { branch.set_error(io_error); });
  }
  REQUIRE(got.succeeded());
  {
    const auto all = *std::move(got.outcome());
    CHECK(all[0].error().text == "an error text that is too long to be stored inside");
    CHECK(all[1]->value() == 1);
    CHECK(all[2].error().text == "generic");
    CHECK(all[3].error().text == "fanout");
    CHECK(counted::alive() == 1);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("default-constructed and moved-from results are empty", "[results]") {
  results<int> none;
  CHECK(none.empty());
  CHECK(none.begin() == none.end());
  CHECK(none.disturbance() == nullptr);
  auto all = one_of_each<int>();
  none = std::move(all);
  CHECK(all.empty());
  CHECK(none.size() == 5);
  const results<int> moved(std::move(none));
  CHECK(none.empty());
  CHECK(moved.size() == 5);
}

TEST_CASE("what is wrong with the operation itself is told beside the branches", "[results]") {
  delivered<settle_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::settle, got.completion());
  issuer.start(0, [](auto branch) { branch({}, 1); });
#if FANOUT_HAS_EXCEPTIONS
  fanout::issue(std::move(issuer), [](auto&) { throw 6; });
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 1);
  CHECK(all[1].error() == errc::not_issued);
  REQUIRE(all.disturbance() != nullptr);
  CHECK(all.disturbance()->cause == errc::issuer_threw);
  CHECK(all.disturbance()->index == fanout::no_index);
  CHECK_THROWS_AS(std::rethrow_exception(all.disturbance()->exception), int);
#else
  std::move(issuer).seal();
  CHECK(got.outcome()->disturbance() == nullptr);
#endif
}

TEST_CASE("iterators reach every branch and lead to its value", "[results]") {
  const auto ints = one_of_each<int>();
  auto at = ints.begin();
  CHECK(at->has_value());
  CHECK((at + 1)->error() == io_error);
  CHECK(at[2].stopped());
  CHECK(ints.end() - at == 5);
  *ints[0] = 9;
  CHECK(**at == 9);
}

}  // namespace
