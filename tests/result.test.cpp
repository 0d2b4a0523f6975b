// SPDX-License-Identifier: BSL-1.0

// Preconditions are seen through the macro that the library offers for it.
inline int broken_rules = 0;
inline void broken_rule(const char*) noexcept { ++broken_rules; }
#define FANOUT_ASSERT(condition, sentence) ((condition) ? static_cast<void>(0) : ::broken_rule(sentence))

#include "fanout/result.hpp"

#include <any>
#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#if __has_include(<expected>)
#include <expected>
#endif

#include "catch.hpp"
#include "fanout/errc.hpp"
#include "fanout/unexpected.hpp"
#include "support/counted.hpp"

namespace {

using fanout::bad_result_access;
using fanout::result;
using fanout::unexpect;
using fanout::unexpected;
using support::basic_counted;
using support::counted;
using support::counted_throwing_move;

using counted_error = basic_counted<2>;
using counted_error_throwing_move = basic_counted<3, false>;

void reset_all() {
  counted::reset();
  counted_throwing_move::reset();
  counted_error::reset();
  counted_error_throwing_move::reset();
  broken_rules = 0;
}

// ---------------------------------------------------------------------------------------------------------------------
// What the types promise

struct move_only {
  constexpr move_only(int v = 0) : value(v) {}
  move_only(const move_only&) = delete;
  constexpr move_only(move_only&& other) noexcept : value(std::exchange(other.value, -1)) {}
  move_only& operator=(const move_only&) = delete;
  constexpr move_only& operator=(move_only&& other) noexcept {
    value = std::exchange(other.value, -1);
    return *this;
  }
  constexpr ~move_only() {}
  int value;
};
struct immovable {
  constexpr explicit immovable(int v) : value(v) {}
  immovable(immovable&&) = delete;
  int value;
};
struct no_default {
  explicit no_default(int);
};
struct explicit_int {
  constexpr explicit explicit_int(int v) : value(v) {}
  int value;
};
struct throws_on_copy {
  throws_on_copy(const throws_on_copy&) noexcept(false);
  throws_on_copy& operator=(const throws_on_copy&) noexcept(false);
};
struct trivial_but_for_assignment {
  trivial_but_for_assignment& operator=(const trivial_but_for_assignment&) { return *this; }
};

template <class R>
concept trivial = std::is_trivially_copyable_v<R> && std::is_trivially_destructible_v<R> &&
                  std::is_trivially_copy_constructible_v<R> && std::is_trivially_move_constructible_v<R> &&
                  std::is_trivially_copy_assignable_v<R> && std::is_trivially_move_assignable_v<R>;
static_assert(trivial<result<int>> && trivial<result<void>> && trivial<result<int, long>> &&
              trivial<result<int*, char>>);
static_assert(!trivial<result<std::string>> && !trivial<result<int, std::string>> &&
              !trivial<result<void, std::string>>);
static_assert(!std::is_trivially_destructible_v<result<std::string>>);
static_assert(std::is_trivially_copy_constructible_v<result<trivial_but_for_assignment>>);
static_assert(std::is_copy_assignable_v<result<trivial_but_for_assignment>>);
static_assert(!std::is_trivially_copy_assignable_v<result<trivial_but_for_assignment>>);
static_assert(!std::is_trivially_move_assignable_v<result<trivial_but_for_assignment>>);

// The larger of the two and a flag.
static_assert(sizeof(result<char, char>) == 2 && sizeof(result<void, char>) == 2);
static_assert(sizeof(result<void*, int>) == 2 * sizeof(void*));
static_assert(sizeof(result<void>) == sizeof(std::error_code) + alignof(std::error_code));

static_assert(std::is_same_v<result<int>, result<int, std::error_code>>);
static_assert(std::is_same_v<result<int, long>::value_type, int> &&
              std::is_same_v<result<int, long>::error_type, long>);
static_assert(std::is_same_v<result<int, long>::unexpected_type, unexpected<long>>);
static_assert(std::is_same_v<result<int, long>::rebind<char>, result<char, long>>);
static_assert(std::is_void_v<result<void, long>::value_type>);

static_assert(std::is_nothrow_default_constructible_v<result<int>> &&
              std::is_nothrow_default_constructible_v<result<void>>);
static_assert(!std::is_default_constructible_v<result<no_default>>);
static_assert(std::is_default_constructible_v<result<void, no_default>>);

static_assert(std::is_copy_constructible_v<result<std::string>> && std::is_copy_assignable_v<result<std::string>>);
static_assert(!std::is_copy_constructible_v<result<move_only>> && !std::is_copy_assignable_v<result<move_only>>);
static_assert(!std::is_copy_constructible_v<result<int, move_only>> &&
              !std::is_copy_assignable_v<result<int, move_only>>);
static_assert(!std::is_copy_constructible_v<result<void, move_only>>);
static_assert(std::is_nothrow_move_constructible_v<result<move_only>> &&
              std::is_nothrow_move_assignable_v<result<move_only>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);
static_assert(std::is_nothrow_swappable_v<result<std::string>> && std::is_nothrow_swappable_v<result<void>>);
static_assert(!std::is_nothrow_copy_constructible_v<result<std::string>>);
static_assert(!std::is_move_constructible_v<result<immovable>> && !std::is_move_assignable_v<result<immovable>>);
static_assert(!std::is_swappable_v<result<immovable>>);

// With neither able to move without a throw there would be no way back.
static_assert(std::is_copy_constructible_v<result<throws_on_copy, throws_on_copy>>);
static_assert(!std::is_copy_assignable_v<result<throws_on_copy, throws_on_copy>>);
static_assert(!std::is_move_assignable_v<result<throws_on_copy, throws_on_copy>>);
static_assert(!std::is_swappable_v<result<throws_on_copy, throws_on_copy>>);
static_assert(std::is_copy_assignable_v<result<throws_on_copy, int>> &&
              std::is_copy_assignable_v<result<int, throws_on_copy>>);
static_assert(std::is_copy_assignable_v<result<void, throws_on_copy>> &&
              std::is_swappable_v<result<void, throws_on_copy>>);
static_assert(!std::is_nothrow_move_constructible_v<result<throws_on_copy, int>>);

// From values
static_assert(std::is_convertible_v<int, result<int>> && std::is_convertible_v<const char*, result<std::string>>);
static_assert(std::is_nothrow_constructible_v<result<int>, int> &&
              !std::is_nothrow_constructible_v<result<std::string>, const char*>);
static_assert(std::is_constructible_v<result<explicit_int>, int> && !std::is_convertible_v<int, result<explicit_int>>);
static_assert(!std::is_constructible_v<result<int>, std::string> && !std::is_constructible_v<result<void>, int>);
static_assert(std::is_assignable_v<result<int>&, int> && !std::is_assignable_v<result<explicit_int>&, int>);
static_assert(!std::is_assignable_v<result<void>&, int>);

// From errors
static_assert(std::is_convertible_v<unexpected<fanout::errc>, result<int>>);
static_assert(std::is_convertible_v<const unexpected<int>&, result<int, long>>);
static_assert(std::is_constructible_v<result<int, explicit_int>, unexpected<int>>);
static_assert(!std::is_convertible_v<unexpected<int>, result<int, explicit_int>>);
static_assert(!std::is_constructible_v<result<int, int>, unexpected<std::string>>);
static_assert(std::is_nothrow_constructible_v<result<int, int>, unexpected<int>>);
static_assert(!std::is_constructible_v<result<int, int>, fanout::unexpect_t, std::string>);
static_assert(!std::is_convertible_v<fanout::errc, result<int>>, "an error is never taken for a value, nor by itself");

// From other results
static_assert(std::is_convertible_v<result<int, int>, result<long, long>>);
static_assert(std::is_convertible_v<const result<int, int>&, result<long, long>>);
static_assert(std::is_constructible_v<result<explicit_int>, result<int>> &&
              !std::is_convertible_v<result<int>, result<explicit_int>>);
static_assert(!std::is_convertible_v<result<int, int>, result<int, explicit_int>>);
static_assert(std::is_constructible_v<result<int, explicit_int>, result<int, int>>);
static_assert(!std::is_constructible_v<result<std::string>, result<int>> &&
              !std::is_constructible_v<result<int>, result<std::string>>);
static_assert(!std::is_constructible_v<result<void>, result<int>> &&
              !std::is_constructible_v<result<int>, result<void>>);
static_assert(std::is_convertible_v<result<void, int>, result<void, long>>);
static_assert(std::is_convertible_v<result<move_only>, result<move_only, std::error_condition>> == false);
static_assert(!std::is_constructible_v<result<move_only, long>, const result<move_only, int>&>);
static_assert(std::is_constructible_v<result<move_only, long>, result<move_only, int>>);
static_assert(!std::is_convertible_v<result<int>, bool> && !std::is_convertible_v<result<int>, int>);

// What the observers return
template <class R>
using deref = decltype(*std::declval<R>());
template <class R>
using value_of = decltype(std::declval<R>().value());
template <class R>
using error_of = decltype(std::declval<R>().error());
static_assert(std::is_same_v<deref<result<int>&>, int&> && std::is_same_v<deref<const result<int>&>, const int&>);
static_assert(std::is_same_v<deref<result<int>>, int&&> && std::is_same_v<deref<const result<int>>, const int&&>);
static_assert(std::is_same_v<value_of<result<int>&>, int&> && std::is_same_v<value_of<const result<int>&>, const int&>);
static_assert(std::is_same_v<value_of<result<int>>, int&&> && std::is_same_v<value_of<const result<int>>, const int&&>);
static_assert(std::is_same_v<error_of<result<int, char>&>, char&> &&
              std::is_same_v<error_of<const result<int, char>&>, const char&>);
static_assert(std::is_same_v<error_of<result<int, char>>, char&&> &&
              std::is_same_v<error_of<const result<int, char>>, const char&&>);
static_assert(std::is_void_v<deref<result<void>&>> && std::is_void_v<deref<const result<void>>>);
static_assert(std::is_void_v<value_of<result<void>&>> && std::is_void_v<value_of<const result<void>>>);
static_assert(noexcept(*std::declval<result<int>&>()) && noexcept(std::declval<result<int>&>().error()));
static_assert(noexcept(std::declval<result<int>&>().operator->()) && !noexcept(std::declval<result<int>&>().value()));

template <class R>
concept has_arrow = requires(R r) { r.operator->(); };
template <class R>
concept has_value_or = requires(R r) { r.value_or(0); };
static_assert(has_arrow<result<int>> && !has_arrow<result<void>> && has_value_or<result<int>> &&
              !has_value_or<result<void>>);

template <class R, class... Args>
concept emplaces = requires(R r, Args... args) { r.emplace(args...); };
static_assert(emplaces<result<int>, int> && emplaces<result<void>> && !emplaces<result<void>, int>);
static_assert(!emplaces<result<std::string>, const char*>, "only what cannot throw, or there might be neither");

// All members, where they are members at all, compile.
}  // namespace
template class fanout::result<int, long>;
template class fanout::result<void, long>;
template class fanout::result<std::string, std::string>;
template class fanout::result<const int>;
template class fanout::result<void, support::counted>;
template class fanout::unexpected<std::string>;
template class fanout::bad_result_access<std::string>;
namespace {

// ---------------------------------------------------------------------------------------------------------------------
// Everything again, at compile time

/// Neither trivial to copy, nor to destroy.
struct heavy {
  constexpr heavy(int v) : value(new int(v)) {}
  constexpr heavy(const heavy& other) : value(new int(*other.value)) {}
  constexpr heavy(heavy&& other) noexcept : value(std::exchange(other.value, nullptr)) {}
  constexpr heavy& operator=(heavy other) noexcept {
    std::swap(value, other.value);
    return *this;
  }
  constexpr ~heavy() { delete value; }
  friend constexpr bool operator==(const heavy& x, const heavy& y) { return *x.value == *y.value; }
  int* value;
};

template <class T, class E>
constexpr bool works_at_compile_time() {
  using R = result<T, E>;
  R value = 1;
  R error(unexpect, 2);
  bool ok = value && !error && *value == T(1) && error.error() == E(2) && value.value() == T(1);

  R a = value;
  R b = error;
  ok = ok && a == value && b == error && a != b;
  a = error;  // value to error
  b = value;  // error to value
  ok = ok && a == error && b == value;
  a.swap(b);
  swap(a, b);
  a.swap(b);
  ok = ok && a == value && b == error;
  R c = std::move(a);
  a = std::move(b);
  ok = ok && c == T(1) && a == unexpected(E(2));
  a = T(3);
  c = unexpected(E(4));
  ok = ok && a == T(3) && c.error_or(E(0)) == E(4) && c.value_or(T(5)) == T(5) && a.value_or(T(5)) == T(3);

  const auto plus = [](const T& x) -> R {
    if (x == T(3)) return T(4);
    return unexpected(E(9));
  };
  ok = ok && a.and_then(plus) == T(4) && std::as_const(a).and_then(plus) == T(4) &&
       R(T(1)).and_then(plus) == unexpected(E(9));
  ok = ok && a.transform([](const T&) { return 'x'; }) == 'x' && !c.transform([](const T&) {});
  ok = ok && c.or_else([](const E&) { return R(T(7)); }) == T(7) && a.or_else([](const E&) { return R(T(7)); }) == T(3);
  ok = ok && c.transform_error([](const E&) { return 'e'; }) == unexpected('e');
  ok = ok && a.transform_error([](const E&) { return 'e'; }) == T(3);

  result<void, E> v;
  v = unexpected(E(1));
  ok = ok && !v && v == unexpected(E(1));
  result<void, E> w = v;
  v.emplace();
  v.swap(w);
  ok = ok && w && !v && v != w;
  v = w;
  v.value();
  *v;
  return ok && v && v == w && v.transform([] { return 5; }) == 5 && !v.and_then([] { return R(unexpect, 1); });
}
static_assert(works_at_compile_time<int, long>());
static_assert(works_at_compile_time<heavy, int>());
static_assert(works_at_compile_time<int, heavy>());
static_assert(works_at_compile_time<heavy, heavy>());

constexpr bool emplaces_at_compile_time() {
  result<const int, heavy> r(unexpect, 1);
  r.emplace(4);
  if (*r != 4) return false;
  r.emplace(5);
  r = unexpected(heavy(6));  // there is no assigning to a const int, but its end
  return r == unexpected(heavy(6));
}
static_assert(!std::is_assignable_v<result<const int, heavy>&, int>);

constexpr result<immovable> made_in_place = result<int>(3).transform([](int v) { return immovable(v); });
static_assert(made_in_place->value == 3);
constexpr result<int, immovable> error_made_in_place =
    result<int, int>(unexpect, 3).transform_error([](int v) { return immovable(v); });
static_assert(error_made_in_place.error().value == 3);
static_assert(result<int>(1) == 1 && result<int, int>(unexpect, 1) == unexpected(1));
static_assert(result<int, int>(result<short, short>(short{1})) == 1);

TEST_CASE("a result does at run time what it does at compile time", "[result][constexpr]") {
  CHECK(works_at_compile_time<int, long>());
  CHECK(works_at_compile_time<heavy, int>());
  CHECK(works_at_compile_time<int, heavy>());
  CHECK(works_at_compile_time<heavy, heavy>());
  CHECK(works_at_compile_time<counted, counted_error>());
  CHECK(works_at_compile_time<counted_throwing_move, counted_error>());
  CHECK(works_at_compile_time<counted, counted_error_throwing_move>());
  CHECK(counted::alive() == 0);
  CHECK(counted_throwing_move::alive() == 0);
  CHECK(counted_error::alive() == 0);
  CHECK(counted_error_throwing_move::alive() == 0);
  CHECK(emplaces_at_compile_time());
}

// ---------------------------------------------------------------------------------------------------------------------
// Construction

TEST_CASE("a result that is made of nothing has a value-initialised value", "[result][construction]") {
  CHECK(result<int>() == 0);
  CHECK(result<std::string>() == std::string());
  CHECK(result<void>().has_value());
}

TEST_CASE("a value is copied or moved in once", "[result][construction]") {
  reset_all();
  {
    const counted value = 5;
    const result<counted> copied = value;
    CHECK(counted::copies() == 1);
    CHECK(counted::moves() == 0);
    const result<counted> moved = counted(6);
    CHECK(counted::copies() == 1);
    CHECK(counted::moves() == 1);
    const result<counted> converted = 7;
    const result<counted> in_place(std::in_place, 8);
    CHECK(counted::copies() + counted::moves() == 2);
    CHECK((copied->value() == 5 && moved->value() == 6 && converted->value() == 7 && in_place->value() == 8));
    CHECK(counted::alive() == 5);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("an error is copied or moved in once", "[result][construction]") {
  reset_all();
  {
    const unexpected<counted_error> error(5);
    const result<int, counted_error> copied = error;
    CHECK(counted_error::copies() == 1);
    CHECK(counted_error::moves() == 0);
    const result<void, counted_error> moved = unexpected<counted_error>(6);
    CHECK(counted_error::copies() == 1);
    CHECK(counted_error::moves() == 1);
    const result<int, counted_error> converted = unexpected(7);
    const result<int, counted_error> in_place(unexpect, 8);
    CHECK(counted_error::copies() + counted_error::moves() == 2);
    CHECK((copied.error().value() == 5 && moved.error().value() == 6));
    CHECK((converted.error().value() == 7 && in_place.error().value() == 8));
  }
  CHECK(counted_error::alive() == 0);
}

TEST_CASE("values and errors are made in place of several arguments and of lists", "[result][construction]") {
  const result<std::string> filled(std::in_place, 3u, 'x');
  CHECK(*filled == "xxx");
  const result<std::vector<int>> listed(std::in_place, {1, 2, 3});
  CHECK(listed->size() == 3);
  const result<int, std::vector<int>> error(unexpect, {1, 2}, std::allocator<int>());
  CHECK(error.error().size() == 2);
  const result<void, std::string> text(unexpect, 2u, 'y');
  CHECK(text.error() == "yy");
  const unexpected<std::string> filled_error(std::in_place, 2u, 'z');
  CHECK(filled_error.error() == "zz");
  const unexpected<std::vector<int>> listed_error(std::in_place, {1, 2, 3});
  CHECK(listed_error.error().size() == 3);
}

TEST_CASE("copies and moves take over which of the two it is", "[result][construction]") {
  reset_all();
  {
    using R = result<counted, counted_error>;
    const R value = 1;
    const R error(unexpect, 2);
    R value_copy = value;
    R error_copy = error;
    CHECK(value_copy->value() == 1);
    CHECK(error_copy.error().value() == 2);
    const R value_moved = std::move(value_copy);
    const R error_moved = std::move(error_copy);
    CHECK(value_moved->value() == 1);
    CHECK(error_moved.error().value() == 2);
    // Moved from is not empty: it still has what it had, moved from.
    CHECK(value_copy->value() == counted::moved_from);
    CHECK(error_copy.error().value() == counted::moved_from);
    CHECK(counted::copies() == 1);
    CHECK(counted::moves() == 1);
    CHECK(counted_error::copies() == 1);
    CHECK(counted_error::moves() == 1);
  }
  CHECK(counted::alive() + counted_error::alive() == 0);
}

TEST_CASE("an error code is made of every enumeration that is one", "[result][construction]") {
  const auto fails = [](bool fail) -> result<int> {
    if (fail) return unexpected(fanout::errc::closed);
    return 1;
  };
  CHECK(fails(true).error() == fanout::errc::closed);
  CHECK(fails(true) == unexpected(fanout::errc::closed));
  CHECK(fails(false) == 1);
  const result<void> generic = unexpected(std::make_error_code(std::errc::timed_out));
  CHECK(generic.error() == std::errc::timed_out);
}

// ---------------------------------------------------------------------------------------------------------------------
// Assignment, emplace, swap

/// All four transitions, by copy and by move, from a value and from an error.
template <class T, class E>
void assigns_in_all_directions() {
  using R = result<T, E>;
  reset_all();
  {
    for (bool had_value : {true, false}) {
      for (bool gets_value : {true, false}) {
        const R before = had_value ? R(std::in_place, 1) : R(unexpect, 2);
        const R source = gets_value ? R(std::in_place, 3) : R(unexpect, 4);

        R copied = before;
        copied = source;
        CHECK(copied == source);

        R moved = before;
        R away = source;
        moved = std::move(away);
        CHECK(moved == source);
        CHECK(away.has_value() == gets_value);

        R direct = before;
        if (gets_value) {
          direct = T(3);
        } else {
          direct = unexpected<E>(4);
        }
        CHECK(direct == source);

        R converted = before;
        if (gets_value) {
          converted = 3;
        } else {
          const unexpected<int> error(4);
          converted = error;
        }
        CHECK(converted == source);

        R left = before;
        R right = source;
        left.swap(right);
        CHECK(left == source);
        CHECK(right == before);
        swap(left, right);
        CHECK(left == before);
        CHECK(right == source);
      }
    }
  }
  CHECK(T::alive() == 0);
  CHECK(E::alive() == 0);
}

TEST_CASE("assignment and swap work between all states", "[result][assignment]") {
  assigns_in_all_directions<counted, counted_error>();
  assigns_in_all_directions<counted_throwing_move, counted_error>();
  assigns_in_all_directions<counted, counted_error_throwing_move>();
}

TEST_CASE("assignment to oneself changes nothing", "[result][assignment]") {
  reset_all();
  {
    result<counted, counted_error> r = 1;
    auto& same = r;
    r = same;
    CHECK(r->value() == 1);
    r.swap(same);
    CHECK(r->value() == 1);
    r = unexpected(2);
    r = same;
    CHECK(r.error().value() == 2);
    r.swap(same);
    CHECK(r.error().value() == 2);
  }
  CHECK(counted::alive() + counted_error::alive() == 0);
}

TEST_CASE("a value on a value is assigned, not replaced", "[result][assignment]") {
  reset_all();
  result<counted, int> r = 1;
  const counted* const address = std::addressof(*r);
  r = counted(2);
  CHECK(counted::moves() == 1);
  CHECK(std::addressof(*r) == address);
  const counted three = 3;
  r = three;
  CHECK(counted::copies() == 1);
  CHECK(r->value() == 3);
}

TEST_CASE("a result<void> is assigned, emplaced and swapped in all directions", "[result][assignment][void]") {
  reset_all();
  {
    using R = result<void, counted_error_throwing_move>;
    R r;
    r = unexpected(1);
    CHECK(r.error().value() == 1);
    r = unexpected(2);
    CHECK(r.error().value() == 2);
    R other;
    r.swap(other);
    CHECK(r.has_value());
    CHECK(other.error().value() == 2);
    r.swap(other);
    CHECK(r.error().value() == 2);
    CHECK(other.has_value());
    r = other;
    CHECK(r);
    other = r;
    CHECK(other);
    r = R(unexpect, 3);
    CHECK(counted_error_throwing_move::alive() == 1);
    r.emplace();
    CHECK(r);
    CHECK(counted_error_throwing_move::alive() == 0);
    r.emplace();
    CHECK(r);
  }
  CHECK(counted_error_throwing_move::alive() == 0);
}

TEST_CASE("emplace ends what was there and returns the new value", "[result][assignment]") {
  struct box {
    box(int x, int y) noexcept : sum(x + y) {}
    box(std::initializer_list<int> list, int y) noexcept : sum(static_cast<int>(list.size()) + y) {}
    int sum;
    counted inside{};
  };
  reset_all();
  {
    result<box, counted_error> r(unexpect, 1);
    box& made = r.emplace(2, 3);
    CHECK(&made == std::addressof(*r));
    CHECK(made.sum == 5);
    CHECK(counted_error::alive() == 0);
    CHECK(r.emplace({1, 2, 3}, 10).sum == 13);
    CHECK(counted::alive() == 1);
  }
  CHECK(counted::alive() == 0);
}

#if defined(__cpp_exceptions)
/// The strong guarantee: a throw on the way from one state to the other leaves the first as it was.
template <class T, class E>
void survives_a_throw_in_either_direction() {
  using R = result<T, E>;
  reset_all();
  {
    const R value = 1;
    const R error(unexpect, 2);
    R r = value;
    E::throw_on_copy(1);
    CHECK_THROWS_AS(r = error, support::told_to_throw);
    CHECK(r == value);
    r = error;
    T::throw_on_copy(1);
    CHECK_THROWS_AS(r = value, support::told_to_throw);
    CHECK(r == error);

    T::throw_on_construction(1);
    CHECK_THROWS_AS(r = 3, support::told_to_throw);
    CHECK(r == error);
    r = value;
    const unexpected<int> four(4);
    E::throw_on_construction(1);
    CHECK_THROWS_AS(r = four, support::told_to_throw);
    CHECK(r == value);

    if constexpr (!std::is_nothrow_move_constructible_v<T>) {
      r = error;
      R source = value;
      T::throw_on_move(1);
      CHECK_THROWS_AS(r = std::move(source), support::told_to_throw);
      CHECK(r == error);
      CHECK(source == value);
      T::throw_on_move(1);
      CHECK_THROWS_AS(r.swap(source), support::told_to_throw);
      CHECK(r == error);
      CHECK(source == value);
      T::throw_on_move(1);
      CHECK_THROWS_AS(swap(source, r), support::told_to_throw);
      CHECK(r == error);
      CHECK(source == value);
    }
    if constexpr (!std::is_nothrow_move_constructible_v<E>) {
      r = value;
      R source = error;
      E::throw_on_move(1);
      CHECK_THROWS_AS(r = std::move(source), support::told_to_throw);
      CHECK(r == value);
      CHECK(source == error);
      E::throw_on_move(1);
      CHECK_THROWS_AS(r.swap(source), support::told_to_throw);
      CHECK(r == value);
      CHECK(source == error);
    }

    T::throw_on_copy(1);
    CHECK_THROWS_AS(R(value), support::told_to_throw);
    E::throw_on_copy(1);
    CHECK_THROWS_AS(R(error), support::told_to_throw);
  }
  CHECK(T::alive() == 0);
  CHECK(E::alive() == 0);
}

TEST_CASE("a throw while the state changes leaves both sides as they were", "[result][exceptions]") {
  survives_a_throw_in_either_direction<counted, counted_error>();
  survives_a_throw_in_either_direction<counted_throwing_move, counted_error>();
  survives_a_throw_in_either_direction<counted, counted_error_throwing_move>();
}

TEST_CASE("a throw while a void result gets an error leaves it without one", "[result][exceptions][void]") {
  reset_all();
  {
    result<void, counted_error_throwing_move> r;
    const result<void, counted_error_throwing_move> error(unexpect, 1);
    counted_error_throwing_move::throw_on_copy(1);
    CHECK_THROWS_AS(r = error, support::told_to_throw);
    CHECK(r.has_value());
    auto source = error;
    counted_error_throwing_move::throw_on_move(1);
    CHECK_THROWS_AS(r.swap(source), support::told_to_throw);
    CHECK(r.has_value());
    CHECK(source == error);
  }
  CHECK(counted_error_throwing_move::alive() == 0);
}

TEST_CASE("value() on an error throws bad_result_access with the error", "[result][exceptions]") {
  const auto error_in = [](auto&& call) {
    try {
      call();
    } catch (const bad_result_access<std::string>& e) {
      CHECK(std::string(e.what()).find("value()") != std::string::npos);
      return e.error();
    }
    return std::string("nothing thrown");
  };
  result<int, std::string> r(unexpect, "why");
  CHECK(error_in([&] { r.value(); }) == "why");
  CHECK(error_in([&] { std::as_const(r).value(); }) == "why");
  CHECK(error_in([&] { std::move(std::as_const(r)).value(); }) == "why");
  CHECK(r.error() == "why");
  CHECK(error_in([&] { std::move(r).value(); }) == "why");
  CHECK(r.error().empty());  // moved into the exception
  result<void, std::string> v(unexpect, "because");
  CHECK(error_in([&] { v.value(); }) == "because");
  CHECK_NOTHROW(result<void>().value());
  CHECK_THROWS_AS(v.value(), bad_result_access<void>);
  CHECK_THROWS_AS(v.value(), std::exception);

  bad_result_access<std::string> exception("text");
  CHECK(std::move(exception).error() == "text");
  exception.error() = "more";
  CHECK(std::as_const(exception).error() == "more");
  CHECK(std::move(std::as_const(exception)).error() == "more");
}
#endif

TEST_CASE("unexpected can be assigned, swapped and compared", "[result][unexpected]") {
  unexpected a(std::string("a"));
  unexpected b(std::string("b"));
  static_assert(std::is_same_v<decltype(a), unexpected<std::string>>);
  static_assert(std::is_same_v<decltype(unexpected(1)), unexpected<int>>);
  static_assert(!std::is_convertible_v<int, unexpected<int>>);
  static_assert(std::is_trivially_copyable_v<unexpected<int>> && noexcept(unexpected(1)));
  static_assert(!std::is_swappable_v<unexpected<immovable>>);
  swap(a, b);
  CHECK(a.error() == "b");
  a.swap(b);
  CHECK(a == unexpected("a"));
  CHECK(a != b);
  a = b;
  CHECK(a == b);
  CHECK(std::move(a).error() == "b");
  CHECK(std::move(std::as_const(a)).error() == "b");
}

// ---------------------------------------------------------------------------------------------------------------------
// Observers

TEST_CASE("what is inside can be changed, moved out and reached by arrow", "[result][observers]") {
  result<std::string, std::string> r = "value";
  CHECK(r->size() == 5);
  *r += "s";
  r.value() += "!";
  CHECK(std::as_const(r)->back() == '!');
  CHECK(std::string(*std::move(r)) == "values!");
  CHECK(r.has_value());
  r = unexpected("error");
  r.error() += "s";
  CHECK(std::string(std::move(r).error()) == "errors");
  CHECK(!r.has_value());
  CHECK(static_cast<bool>(r) == r.has_value());
}

struct overloads_address_of {
  int* operator&() = delete;
  const int* operator&() const = delete;
  int value = 1;
};

TEST_CASE("types that overload operator& are held as well", "[result][observers]") {
  result<overloads_address_of, int> r;
  CHECK(r->value == 1);
  r = unexpected(1);
  r = overloads_address_of();
  r.emplace();
  CHECK((*r).value == 1);
}

TEST_CASE("to look for what is not there breaks a rule, once for each look", "[result][observers]") {
  reset_all();
  result<int, int> value = 1;
  result<int, int> error(unexpect, 2);
  result<void, int> nothing;
  result<void, int> void_error(unexpect, 3);
  static_cast<void>(*value);
  static_cast<void>(value.operator->());
  static_cast<void>(error.error());
  *nothing;
  static_cast<void>(void_error.error());
  CHECK(broken_rules == 0);

  const auto breaks = [](auto look) {
    broken_rules = 0;
    look();
    return broken_rules;
  };
  CHECK(breaks([&] { static_cast<void>(*error); }) == 1);
  CHECK(breaks([&] { static_cast<void>(*std::as_const(error)); }) == 1);
  CHECK(breaks([&] { static_cast<void>(*std::move(error)); }) == 1);
  CHECK(breaks([&] { static_cast<void>(*std::move(std::as_const(error))); }) == 1);
  CHECK(breaks([&] { static_cast<void>(error.operator->()); }) == 1);
  CHECK(breaks([&] { static_cast<void>(std::as_const(error).operator->()); }) == 1);
  CHECK(breaks([&] { *void_error; }) == 1);
  CHECK(breaks([&] { static_cast<void>(value.error()); }) == 1);
  CHECK(breaks([&] { static_cast<void>(std::as_const(value).error()); }) == 1);
  CHECK(breaks([&] { static_cast<void>(std::move(value).error()); }) == 1);
  CHECK(breaks([&] { static_cast<void>(std::move(std::as_const(value)).error()); }) == 1);
  CHECK(breaks([&] { static_cast<void>(nothing.error()); }) == 1);
  broken_rules = 0;
}

TEST_CASE("value_or and error_or copy from an lvalue and move from an rvalue", "[result][observers]") {
  reset_all();
  {
    result<counted, counted_error> value = 1;
    result<counted, counted_error> error(unexpect, 2);
    CHECK(value.value_or(9).value() == 1);
    CHECK(counted::copies() == 1);
    CHECK(std::move(value).value_or(9).value() == 1);
    CHECK(counted::moves() == 1);
    CHECK(error.value_or(9).value() == 9);
    CHECK(std::move(error).value_or(8).value() == 8);
    CHECK(counted::copies() + counted::moves() == 2);
    CHECK(error.error_or(9).value() == 2);
    CHECK(counted_error::copies() == 1);
    CHECK(std::move(error).error_or(9).value() == 2);
    CHECK(counted_error::moves() == 1);
    CHECK(value.error_or(9).value() == 9);
    CHECK(std::move(value).error_or(8).value() == 8);
    CHECK(result<move_only>(3).value_or(4).value == 3);
    CHECK(result<void, int>().error_or(5) == 5);
    CHECK(result<int, int>(unexpect, 1).value_or({}) == 0);
  }
  CHECK(counted::alive() + counted_error::alive() == 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// and_then, or_else, transform, transform_error

/// Which of the four ways an argument was passed.
struct passed_as {
  int operator()(auto&& x) const {
    using X = decltype(x);
    return (std::is_const_v<std::remove_reference_t<X>> ? 2 : 0) + (std::is_rvalue_reference_v<X> ? 1 : 0);
  }
};

TEST_CASE("functions get the value or the error as the result is qualified", "[result][monadic]") {
  const auto tell = passed_as();
  const auto then = [&](auto&& x) -> result<int, int> { return tell(std::forward<decltype(x)>(x)); };
  result<int, int> r = 1;
  const result<int, int>& c = r;
  CHECK(r.transform(tell) == 0);
  CHECK(std::move(r).transform(tell) == 1);
  CHECK(c.transform(tell) == 2);
  CHECK(std::move(c).transform(tell) == 3);
  CHECK(r.and_then(then) == 0);
  CHECK(std::move(r).and_then(then) == 1);
  CHECK(c.and_then(then) == 2);
  CHECK(std::move(c).and_then(then) == 3);
  r = unexpected(1);
  CHECK(r.transform_error(tell).error() == 0);
  CHECK(std::move(r).transform_error(tell).error() == 1);
  CHECK(c.transform_error(tell).error() == 2);
  CHECK(std::move(c).transform_error(tell).error() == 3);
  CHECK(r.or_else(then) == 0);
  CHECK(std::move(r).or_else(then) == 1);
  CHECK(c.or_else(then) == 2);
  CHECK(std::move(c).or_else(then) == 3);
}

TEST_CASE("what the function does not see passes unchanged, moved where it may be", "[result][monadic]") {
  reset_all();
  {
    using R = result<counted, counted_error>;
    const auto not_called = [](const auto&) -> R {
      FAIL("called");
      return 0;
    };
    const auto not_called_plain = [](const auto&) {
      FAIL("called");
      return 0;
    };
    R value = 1;
    R error(unexpect, 2);
    CHECK(error.and_then(not_called).error().value() == 2);
    CHECK(error.transform(not_called_plain).error().value() == 2);
    CHECK(counted_error::copies() == 2);
    CHECK(std::move(error).and_then(not_called).error().value() == 2);
    CHECK(counted_error::moves() == 1);
    CHECK(value.or_else(not_called)->value() == 1);
    CHECK(value.transform_error(not_called_plain)->value() == 1);
    CHECK(counted::copies() == 2);
    CHECK(std::move(value).transform_error(not_called_plain)->value() == 1);
    CHECK(counted::moves() == 1);
  }
  CHECK(counted::alive() + counted_error::alive() == 0);
}

TEST_CASE("what the function returns is built in place", "[result][monadic]") {
  reset_all();
  {
    const auto r = result<int, int>(1).transform([](int x) { return counted(x); });
    const auto e = result<int, int>(unexpect, 2).transform_error([](int x) { return counted_error(x); });
    CHECK(r->value() == 1);
    CHECK(e.error().value() == 2);
    CHECK(counted::copies() + counted::moves() + counted_error::copies() + counted_error::moves() == 0);
    const auto n = result<int>(3).and_then([](int x) { return result<immovable>(std::in_place, x); });
    CHECK(n->value == 3);
  }
  CHECK(counted::alive() + counted_error::alive() == 0);
}

TEST_CASE("void values go in and come out", "[result][monadic][void]") {
  using V = result<void, int>;
  V ok;
  V bad(unexpect, 3);
  CHECK(ok.and_then([] { return result<int, int>(4); }) == 4);
  CHECK(!bad.and_then([] { return result<int, int>(4); }));
  CHECK(ok.transform([] { return 5; }) == 5);
  CHECK(bad.transform([] { return 5; }) == unexpected(3));
  int calls = 0;
  CHECK(ok.transform([&] { ++calls; }).has_value());
  CHECK((calls == 1 && !bad.transform([&] { ++calls; }).has_value() && calls == 1));
  CHECK(result<int, int>(1).transform([&](int) { ++calls; }) == V());
  CHECK(calls == 2);
  CHECK(bad.or_else([](int) { return V(); }).has_value());
  CHECK(ok.or_else([](int) { return V(unexpect, 1); }).has_value());
  CHECK(bad.transform_error([](int e) { return std::to_string(e); }).error() == "3");
  CHECK(ok.transform_error([](int e) { return std::to_string(e); }).has_value());
  CHECK(std::as_const(ok).transform([] { return 1; }) == 1);
  CHECK(std::move(ok).and_then([] { return V(unexpect, 9); }) == unexpected(9));
}

struct part {
  int weight() const { return grams; }
  result<int> checked() const { return grams; }
  int take() && { return std::exchange(grams, 0); }
  int grams = 0;
  result<int> price = 7;
};
struct heavy_part : part {};

TEST_CASE("pointers to members are functions too", "[result][monadic]") {
  part p{12};
  CHECK(result<part>(p).transform(&part::weight) == 12);
  CHECK(result<part>(p).transform(&part::take) == 12);
  CHECK(result<part>(p).and_then(&part::checked) == 12);
  CHECK(result<part>(p).and_then(&part::price) == 7);
  CHECK(result<heavy_part>().transform(&part::weight) == 0);
  CHECK(result<part*>(&p).transform(&part::weight) == 12);
  CHECK(result<std::shared_ptr<part>>(std::make_shared<part>(p)).transform(&part::weight) == 12);
  CHECK(result<std::reference_wrapper<part>>(p).transform(&part::weight) == 12);
  CHECK(result<std::reference_wrapper<part>>(p).and_then(&part::price) == 7);
  CHECK(result<int>(unexpect, fanout::errc::closed).transform_error(&std::error_code::value).error() ==
        static_cast<int>(fanout::errc::closed));
  int (*const twice)(int) = [](int x) { return 2 * x; };
  CHECK(result<int>(3).transform(twice) == 6);
  CHECK(result<int>(3).transform(std::ref(twice)) == 6);
}

template <class R>
concept transforms = requires(R r) { std::forward<R>(r).transform([](const auto&) { return 0; }); };
static_assert(transforms<result<int, move_only>&&> && !transforms<result<int, move_only>&>,
              "an error that cannot be copied can only be moved on");

// ---------------------------------------------------------------------------------------------------------------------
// Comparison

TEST_CASE("results are equal if both values are or both errors are", "[result][comparison]") {
  using R = result<int, int>;
  CHECK(R(1) == R(1));
  CHECK(R(1) != R(2));
  CHECK(R(1) != R(unexpect, 1));
  CHECK(R(unexpect, 1) == R(unexpect, 1));
  CHECK(R(unexpect, 1) != R(unexpect, 2));
  CHECK(R(1) == result<long, char>(1));
  CHECK(R(unexpect, 1) == result<long, char>(unexpect, char{1}));
  CHECK(1 == R(1));
  CHECK(R(1) != 2);
  CHECK(R(unexpect, 1) != 1);
  CHECK(R(unexpect, 1) == unexpected(1L));
  CHECK(unexpected(2) != R(unexpect, 1));
  CHECK(R(1) != unexpected(1));
  CHECK(result<std::string>("a") == "a");
  CHECK(result<void, int>() == result<void, long>());
  CHECK(result<void, int>() != result<void, int>(unexpect, 1));
  CHECK(result<void, int>(unexpect, 1) == result<void, long>(unexpect, 1));
  CHECK(result<void, int>(unexpect, 1) == unexpected(1));
  CHECK(result<R, int>(R(1)) == R(1));
  CHECK(std::vector<R>{1, 2} == std::vector<R>{1, 2});
  CHECK(result<std::vector<R>>(std::vector<R>{1}) == std::vector<R>{1});
}

struct incomparable {};
template <class A, class B>
concept comparable = requires(const A& a, const B& b) { a == b; };
static_assert(comparable<result<int>, result<long>> && comparable<result<int>, int> &&
              comparable<result<int>, unexpected<fanout::errc>>);
static_assert(!comparable<result<incomparable>, result<incomparable>> &&
              !comparable<result<incomparable>, incomparable>);
static_assert(!comparable<result<int, incomparable>, result<int, incomparable>>);
static_assert(!comparable<result<int>, result<std::string>> && !comparable<result<int>, std::string>);
static_assert(!comparable<result<int>, result<void>> && !comparable<result<void>, int>);
static_assert(!comparable<result<int, int>, unexpected<std::string>>);

// ---------------------------------------------------------------------------------------------------------------------
// Conversions from and to whatever has the shape of std::expected

/// Another library's, with the least that one has: an unexpected type of its own and no in-place constructors.
template <class E>
struct other_unexpected {
  explicit other_unexpected(E e) : error(std::move(e)) {}
  E error;
};
template <class T, class E>
class other_expected {
 public:
  using value_type = T;
  using error_type = E;
  using unexpected_type = other_unexpected<E>;
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  other_expected() = default;
  template <class U>
    requires(!std::is_void_v<T> && std::is_convertible_v<U, stored>)
  other_expected(U&& value) : either_(std::in_place_index<0>, std::forward<U>(value)) {}
  other_expected(other_unexpected<E> e) : either_(std::in_place_index<1>, std::move(e.error)) {}

  bool has_value() const { return either_.index() == 0; }
  // As in tl::expected there is none for void.
  stored& operator*() &
      requires(!std::is_void_v<T>) { return *std::get_if<0>(&either_); } const stored& operator*() const&
        requires(!std::is_void_v<T>)
  {
    return *std::get_if<0>(&either_);
  }
  stored&& operator*() && requires(!std::is_void_v<T>) { return std::move(*std::get_if<0>(&either_)); } E& error() & {
    return *std::get_if<1>(&either_);
  }
  const E& error() const& { return *std::get_if<1>(&either_); }
  E&& error() && { return std::move(*std::get_if<1>(&either_)); }

 private:
  std::variant<stored, E> either_;
};

template <template <class, class> class X>
void converts_both_ways() {
  using foreign = X<std::string, long>;
  static_assert(std::is_convertible_v<foreign, result<std::string, long>>);
  static_assert(std::is_convertible_v<result<std::string, long>, foreign>);
  static_assert(std::is_convertible_v<const result<const char*, int>&, foreign>);
  static_assert(!std::is_constructible_v<result<int, long>, foreign>);
  static_assert(!std::is_convertible_v<result<int, long>, foreign>);
  static_assert(!std::is_constructible_v<result<void, long>, foreign>);
  static_assert(!std::is_convertible_v<result<void, long>, foreign> &&
                !std::is_convertible_v<result<int>, X<void, long>>);
  static_assert(std::is_constructible_v<result<explicit_int, long>, X<int, long>>);
  static_assert(!std::is_convertible_v<X<int, long>, result<explicit_int, long>>);
  static_assert(!std::is_convertible_v<result<int, long>, X<explicit_int, long>>);
  static_assert(!std::is_convertible_v<result<int, int>, X<int, explicit_int>>);

  // from it
  foreign value = std::string("value");
  foreign error = typename foreign::unexpected_type(3);
  const result<std::string, long> a = value;
  const result<std::string, long> b = std::as_const(error);
  CHECK(a == "value");
  CHECK(b == unexpected(3));
  CHECK(*value == "value");
  const result<std::string, long> c = std::move(value);
  CHECK(c == "value");
  CHECK((*value).empty());
  result<std::string, long> d;
  d = error;
  CHECK(d == unexpected(3));
  d = foreign(std::string("more"));
  CHECK(d == "more");
  CHECK(result<explicit_int, long>(X<int, long>(1))->value == 1);

  // to it
  foreign e = a;
  CHECK((e.has_value() && *e == "value"));
  e = b;
  CHECK((!e.has_value() && e.error() == 3));
  foreign f = std::move(d);
  CHECK((f.has_value() && *f == "more"));
  CHECK((*d).empty());
  const auto pass = [](foreign x) { return x.has_value(); };
  CHECK(pass(a));
  CHECK(!pass(b));
  const auto give = [](const result<std::string, long>& r) -> foreign { return r; };
  CHECK(*give(a) == "value");

  // void
  X<void, long> nothing;
  X<void, long> failed = typename X<void, long>::unexpected_type(4);
  CHECK(result<void, long>(nothing).has_value());
  const result<void, long> g = failed;
  CHECK(g == unexpected(4));
  X<void, long> h = g;
  CHECK((!h.has_value() && h.error() == 4));
  h = result<void, int>();
  CHECK(h.has_value());

  // bool: the state is not the value
  X<bool, long> no = false;
  CHECK(result<bool, long>(no) == false);
  X<bool, long> no_again = result<bool, long>(false);
  CHECK(*no_again == false);

  // only moved
  X<std::unique_ptr<int>, long> pointer = std::make_unique<int>(5);
  result<std::unique_ptr<int>, long> taken = std::move(pointer);
  CHECK(**taken == 5);
  X<std::unique_ptr<int>, long> back = std::move(taken);
  CHECK(**back == 5);
  static_assert(!std::is_constructible_v<result<std::unique_ptr<int>, long>, const X<std::unique_ptr<int>, long>&>);
}

TEST_CASE("results convert from and to another library's expected", "[result][conversion]") {
  converts_both_ways<other_expected>();
}

#if defined(__cpp_lib_expected)
TEST_CASE("results convert from and to std::expected", "[result][conversion]") {
  converts_both_ways<std::expected>();
  constexpr std::expected<int, int> e = result<int, int>(1);
  constexpr result<int, int> r = e;
  static_assert(*e == 1 && r == 1);
  const std::expected<int, int> direct(r);
  CHECK(*direct == 1);
  static_assert(std::is_same_v<result<int>::value_type, std::expected<int, std::error_code>::value_type>);
  static_assert(sizeof(result<int>) == sizeof(std::expected<int, std::error_code>));
}
#endif

// The monadic revision is also where the constraints are as we have them: libstdc++ 12 is older.
#if defined(__cpp_lib_expected) && __cpp_lib_expected >= 202211L
/// How many of the properties of std::expected<T, E> are not those of result<T, E>. U is what either may be made of.
template <class T, class E, class U>
class compared {
  using S = std::expected<T, E>;
  using R = result<T, E>;

  template <class SX, class RX>
  static constexpr int from() {
    int differ = 0;
    differ += std::is_constructible_v<S, SX> != std::is_constructible_v<R, RX>;
    differ += std::is_convertible_v<SX, S> != std::is_convertible_v<RX, R>;
    differ += std::is_assignable_v<S&, SX> != std::is_assignable_v<R&, RX>;
    return differ;
  }
  template <class SX, class RX>
  static constexpr int from_all() {
    return from<SX, RX>() + from<SX&, RX&>() + from<const SX&, const RX&>() + from<const SX, const RX>();
  }
  template <class X>
  static constexpr bool emplaces_u = requires(X& x, U&& u) { x.emplace(std::forward<U>(u)); };

 public:
  static constexpr int differences() {
    int differ = 0;
    differ += std::is_default_constructible_v<S> != std::is_default_constructible_v<R>;
    differ += std::is_copy_constructible_v<S> != std::is_copy_constructible_v<R>;
    differ += std::is_move_constructible_v<S> != std::is_move_constructible_v<R>;
    differ += std::is_copy_assignable_v<S> != std::is_copy_assignable_v<R>;
    differ += std::is_move_assignable_v<S> != std::is_move_assignable_v<R>;
    differ += std::is_swappable_v<S> != std::is_swappable_v<R>;
    differ += std::is_trivially_copy_constructible_v<S> != std::is_trivially_copy_constructible_v<R>;
    differ += std::is_trivially_move_constructible_v<S> != std::is_trivially_move_constructible_v<R>;
    differ += std::is_trivially_destructible_v<S> != std::is_trivially_destructible_v<R>;
    differ += std::is_nothrow_move_constructible_v<S> != std::is_nothrow_move_constructible_v<R>;
    differ += std::is_nothrow_move_assignable_v<S> != std::is_nothrow_move_assignable_v<R>;
    differ += std::is_nothrow_swappable_v<S> != std::is_nothrow_swappable_v<R>;
    differ += std::is_constructible_v<S, std::in_place_t, U> != std::is_constructible_v<R, std::in_place_t, U>;
    differ += std::is_constructible_v<S, std::unexpect_t, U> != std::is_constructible_v<R, fanout::unexpect_t, U>;
    differ += emplaces_u<S> != emplaces_u<R>;
    return differ + from_all<U, U>() + from_all<std::unexpected<U>, unexpected<U>>() +
           from_all<std::expected<U, E>, result<U, E>>() + from_all<std::expected<U, int>, result<U, int>>() +
           from_all<std::expected<int, U>, result<int, U>>() + from_all<std::expected<T, U>, result<T, U>>();
  }
};

template <class... Types>
struct list {};
template <class T, class E, class... Us>
constexpr int differences_of(list<Us...>) {
  return (compared<T, E, Us>::differences() + ...);
}
template <class T, class... Es>
constexpr int differences_with_errors(list<Es...> types) {
  return (differences_of<T, Es>(types) + ...);
}

TEST_CASE("a result has the properties of std::expected, whatever it holds", "[result][conversion]") {
  using types = list<int, bool, std::string, move_only, immovable, explicit_int, throws_on_copy, std::any>;
  CHECK(differences_with_errors<void>(types()) == 0);
  CHECK(differences_with_errors<int>(types()) == 0);
  CHECK(differences_with_errors<const int>(types()) == 0);
  CHECK(differences_with_errors<bool>(types()) == 0);
  CHECK(differences_with_errors<std::string>(types()) == 0);
  CHECK(differences_with_errors<move_only>(types()) == 0);
  CHECK(differences_with_errors<immovable>(types()) == 0);
  CHECK(differences_with_errors<explicit_int>(types()) == 0);
  CHECK(differences_with_errors<throws_on_copy>(types()) == 0);
  CHECK(differences_with_errors<std::any>(types()) == 0);
}
#endif

TEST_CASE("a value type that takes anything takes the whole of what it is given", "[result][conversion]") {
  const result<std::any> inner = result<int>(1);
  CHECK(std::any_cast<result<int>>(&*inner) != nullptr);
  const result<std::any, int> copy = result<std::any, int>(std::any(1));
  CHECK(std::any_cast<int>(&*copy) != nullptr);
}

TEST_CASE("results nest", "[result][conversion]") {
  using inner = result<int, int>;
  using outer = result<inner, int>;
  const outer value = inner(unexpect, 1);
  CHECK(value.has_value());
  CHECK(!value->has_value());
  const outer same = value;
  CHECK(same == value);
  const outer of_int = 3;
  CHECK(**of_int == 3);
  const result<std::optional<inner>, int> optional = std::optional<inner>(inner(4));
  CHECK(**optional == 4);
}

// ---------------------------------------------------------------------------------------------------------------------
// The conversion to anything must not be found where nobody asked for it

struct takes_string {
  takes_string(std::string) {}
};
static_assert(!std::is_convertible_v<result<std::string>, std::string>);
static_assert(!std::is_constructible_v<takes_string, result<std::string>>);
static_assert(!std::is_convertible_v<result<int>, std::optional<std::string>>);
static_assert(!std::is_constructible_v<std::vector<int>, result<int>>);
static_assert(std::is_constructible_v<bool, result<int>> && !std::is_constructible_v<int, result<int>>);

}  // namespace
