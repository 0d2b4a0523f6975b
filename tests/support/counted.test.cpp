// SPDX-License-Identifier: BSL-1.0
#include "counted.hpp"

#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

// That it ends the program when an object is destroyed twice, used after its destruction, copied bytewise or left alive
// was seen by hand: no test here can survive it.

namespace {

using support::counted;
using support::counted_throwing_move;

static_assert(std::is_nothrow_move_constructible_v<counted> && std::is_nothrow_move_assignable_v<counted>);
static_assert(!std::is_nothrow_copy_constructible_v<counted>);
static_assert(!std::is_nothrow_move_constructible_v<counted_throwing_move>);
static_assert(!std::is_nothrow_move_assignable_v<counted_throwing_move>);

TEST_CASE("counted tells how many are alive and how they came about", "[counted]") {
  counted::reset();
  {
    counted a = 3;
    counted b = a;
    counted c = std::move(a);
    CHECK(counted::alive() == 3);
    CHECK(counted::copies() == 1);
    CHECK(counted::moves() == 1);
    CHECK(a.value() == counted::moved_from);
    CHECK(b.value() == 3);
    b = c;
    a = std::move(c);
    CHECK(counted::copies() == 2);
    CHECK(counted::moves() == 2);
    CHECK(a == b);
  }
  CHECK(counted::alive() == 0);
  counted::reset();
  CHECK(counted::copies() == 0);
  CHECK(counted::moves() == 0);
}

TEST_CASE("counted types with different tags count apart", "[counted]") {
  support::basic_counted<10>::reset();
  support::basic_counted<11>::reset();
  const support::basic_counted<10> a;
  CHECK(support::basic_counted<10>::alive() == 1);
  CHECK(support::basic_counted<11>::alive() == 0);
}

#if defined(__cpp_exceptions)
TEST_CASE("counted throws on the n-th construction, copy and move, once, and counts nothing then", "[counted]") {
  using type = counted_throwing_move;
  type::reset();
  {
    type a = 1;

    type::throw_on_construction(2);
    const type first = 2;
    CHECK_THROWS_AS(type(3), support::told_to_throw);
    CHECK_NOTHROW(type(3));

    type::throw_on_copy(1);
    CHECK_THROWS_AS(type(a), support::told_to_throw);
    type::throw_on_copy(1);
    CHECK_THROWS_AS(a = first, support::told_to_throw);
    CHECK(a.value() == 1);
    CHECK(type::copies() == 0);

    type::throw_on_move(1);
    CHECK_THROWS_AS(type(std::move(a)), support::told_to_throw);
    CHECK(a.value() == 1);
    CHECK(type::moves() == 0);
    CHECK(type::alive() == 2);
  }
  CHECK(type::alive() == 0);
}
#endif

}  // namespace
