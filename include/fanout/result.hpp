// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_RESULT_HPP
#define FANOUT_RESULT_HPP

#include <concepts>
#include <exception>
#include <initializer_list>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/expected_like.hpp"
#include "fanout/detail/replace.hpp"
#include "fanout/unexpected.hpp"

// fanout::result is std::expected as of C++23, always of our own type, so that a C++20 and a C++23 file that exchange
// results agree on its layout. A member without a comment does what std::expected's does, with the same constraints,
// exceptions and guarantees. From C++26 it takes the constraints on == and the trivial assignment, which makes it
// trivially copyable.

namespace fanout {

template <class T, class E = std::error_code>
class result;

/// What `result::value` throws when there is no value. Catch `bad_result_access<void>` where the error does not matter.
template <class E>
class bad_result_access;

template <>
class bad_result_access<void> : public std::exception {
 public:
  const char* what() const noexcept override { return "fanout::result::value() was called on a result with an error"; }

 protected:
  bad_result_access() noexcept = default;
  bad_result_access(const bad_result_access&) noexcept = default;
  bad_result_access(bad_result_access&&) noexcept = default;
  bad_result_access& operator=(const bad_result_access&) noexcept = default;
  bad_result_access& operator=(bad_result_access&&) noexcept = default;
  ~bad_result_access() override = default;
};

template <class E>
class bad_result_access : public bad_result_access<void> {
 public:
  explicit bad_result_access(E e) : error_(std::move(e)) {}

  E& error() & noexcept { return error_; }
  const E& error() const& noexcept { return error_; }
  E&& error() && noexcept { return std::move(error_); }
  const E&& error() const&& noexcept { return std::move(error_); }

 private:
  E error_;
};

namespace detail {

/// How a T is stored and returned. As void is stored as `nothing`, and `static_cast<void>` takes anything, one class
/// serves both.
template <class T>
struct passing {
  using stored = std::conditional_t<std::is_object_v<T>, T, nothing>;
  using ref = T&;
  using cref = const T&;
  using rref = T&&;
  using crref = const T&&;
};
template <class T>
  requires std::is_void_v<T>
struct passing<T> {
  using stored = nothing;
  using ref = void;
  using cref = void;
  using rref = void;
  using crref = void;
};

/// Types that say how a result is to be made, so that none of them can be what it holds.
template <class T>
inline constexpr bool is_tag = std::is_same_v<T, std::in_place_t> || std::is_same_v<T, unexpect_t> || is_unexpected<T>;

/// Tags: what a call returns is built in place, so that it need not be movable.
struct value_of_call {};
struct error_of_call {};

template <class A, class B>
concept equatable = requires(const A& a, const B& b) {
  { a == b } -> std::convertible_to<bool>;
};

template <class E>
[[noreturn]] FANOUT_COLD void refuse_value(E&& e) {
#if FANOUT_HAS_EXCEPTIONS
  throw bad_result_access<std::remove_cvref_t<E>>(std::forward<E>(e));
#else
  static_cast<void>(e);
  fatal("result::value() was called on a result with an error: ask has_value() first");
#endif
}

}  // namespace detail

/// A T or an error: what a branch, a wait or an algorithm comes to. T may be void.
///
/// `*r`, `r->` and `r.error()` have the precondition that it is there (`FANOUT_ASSERT`); `r.value()` checks and throws
/// `bad_result_access<E>`, or terminates where exceptions are off. Assignment, `swap` and `emplace` give the strong
/// guarantee as far as T and E do, and never leave it with neither of the two. Copies, moves, `swap` and construction
/// from a value or an error are noexcept where those of T and E are.
///
/// Converts from and to anything with the shape of std::expected, explicitly where T or E need it. Two limits are the
/// other type's: a value_type that can be made from a whole result (std::any; bool where initialised directly) is, and
/// `==` between the two takes our result for a value: convert first.
///
/// No allocation; the size of the larger of T and E plus a flag. Trivially copyable and destructible where both are.
/// As thread-safe as a T: distinct objects are independent, one object may be read by many.
template <class T, class E>
class [[nodiscard("a result that is dropped loses its value or its error")]] result {
  static_assert(!std::is_reference_v<T>,
                "fanout::result cannot hold a reference: use a pointer or std::reference_wrapper");
  static_assert(!std::is_array_v<T> && !std::is_function_v<T>,
                "fanout::result cannot hold an array or a function: use std::array or a pointer");
  static_assert(
      !detail::is_tag<std::remove_cv_t<T>>,
      "fanout::result cannot hold std::in_place_t, fanout::unexpect_t or fanout::unexpected as its value: write "
      "result<T, E> for what is either a T or an E");
  static_assert(
      detail::can_be_error<E>,
      "fanout::result's error must be an object type without const or volatile: result<T> has std::error_code");

  using passing = detail::passing<T>;
  using stored = typename passing::stored;
  using ref = typename passing::ref;
  using cref = typename passing::cref;
  using rref = typename passing::rref;
  using crref = typename passing::crref;

  static constexpr bool trivial_to_copy =
      std::is_trivially_copy_constructible_v<stored> && std::is_trivially_copy_constructible_v<E>;
  static constexpr bool trivial_to_move =
      std::is_trivially_move_constructible_v<stored> && std::is_trivially_move_constructible_v<E>;
  static constexpr bool trivial_to_destroy =
      std::is_trivially_destructible_v<stored> && std::is_trivially_destructible_v<E>;
  static constexpr bool trivial_to_copy_assign =
      trivial_to_copy && std::is_trivially_copy_assignable_v<stored> && std::is_trivially_copy_assignable_v<E>;
  static constexpr bool trivial_to_move_assign =
      trivial_to_move && std::is_trivially_move_assignable_v<stored> && std::is_trivially_move_assignable_v<E>;
  static constexpr bool one_moves_safely =
      std::is_nothrow_move_constructible_v<stored> || std::is_nothrow_move_constructible_v<E>;

 public:
  using value_type = T;
  using error_type = E;
  using unexpected_type = unexpected<E>;
  template <class U>
  using rebind = result<U, E>;

  /// A value-initialised value.
  constexpr result() noexcept(std::is_nothrow_default_constructible_v<stored>)
    requires std::is_default_constructible_v<stored>
      : value_(), has_value_(true) {}

  constexpr result(const result&) = default;
  constexpr result(const result& other) noexcept(std::is_nothrow_copy_constructible_v<stored> &&
                                                 std::is_nothrow_copy_constructible_v<E>)
    requires(!trivial_to_copy && std::is_copy_constructible_v<stored> && std::is_copy_constructible_v<E>)
  {
    build_like(other);
  }

  constexpr result(result&&) = default;
  constexpr result(result&& other) noexcept(std::is_nothrow_move_constructible_v<stored> &&
                                            std::is_nothrow_move_constructible_v<E>)
    requires(!trivial_to_move && std::is_move_constructible_v<stored> && std::is_move_constructible_v<E>)
  {
    build_like(std::move(other));
  }

  /// From another result, or from anything with the shape of std::expected.
  template <class X>
    requires detail::unwraps_to<const X&, T, E>
  constexpr explicit(!std::is_convertible_v<detail::value_in<const X&>, T> ||
                     !std::is_convertible_v<detail::error_in<const X&>, E>) result(const X& other) {
    unwrap(other);
  }
  template <class X>
    requires(!std::is_reference_v<X> && !std::is_const_v<X> && detail::unwraps_to<X, T, E>)
  constexpr explicit(!std::is_convertible_v<detail::value_in<X>, T> || !std::is_convertible_v<detail::error_in<X>, E>)
      result(X&& other) {
    unwrap(std::move(other));
  }

  /// From a value.
  template <class U = std::remove_cv_t<T>>
    requires(!std::is_void_v<T> && !std::is_same_v<std::remove_cvref_t<U>, result> &&
             !detail::is_tag<std::remove_cvref_t<U>> && std::is_constructible_v<T, U> &&
             !(std::is_same_v<std::remove_cv_t<T>, bool> && detail::expected_like<std::remove_cvref_t<U>>))
  constexpr explicit(!std::is_convertible_v<U, T>) result(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>)
      : value_(std::forward<U>(value)), has_value_(true) {}

  /// From an error.
  template <class G>
    requires std::is_constructible_v<E, const G&>
  constexpr explicit(!std::is_convertible_v<const G&, E>)
      result(const unexpected<G>& e) noexcept(std::is_nothrow_constructible_v<E, const G&>)
      : error_(e.error()), has_value_(false) {}
  template <class G>
    requires std::is_constructible_v<E, G>
  constexpr explicit(!std::is_convertible_v<G, E>)
      result(unexpected<G>&& e) noexcept(std::is_nothrow_constructible_v<E, G>)
      : error_(std::move(e).error()), has_value_(false) {}

  /// A value, made in place of the arguments.
  template <class... Args>
    requires std::is_constructible_v<stored, Args...>
  constexpr explicit result(std::in_place_t, Args&&... args) noexcept(std::is_nothrow_constructible_v<stored, Args...>)
      : value_(std::forward<Args>(args)...), has_value_(true) {}
  template <class U, class... Args>
    requires std::is_constructible_v<stored, std::initializer_list<U>&, Args...>
  constexpr explicit result(std::in_place_t, std::initializer_list<U> list, Args&&... args) noexcept(
      std::is_nothrow_constructible_v<stored, std::initializer_list<U>&, Args...>)
      : value_(list, std::forward<Args>(args)...), has_value_(true) {}

  /// An error, made in place of the arguments.
  template <class... Args>
    requires std::is_constructible_v<E, Args...>
  constexpr explicit result(unexpect_t, Args&&... args) noexcept(std::is_nothrow_constructible_v<E, Args...>)
      : error_(std::forward<Args>(args)...), has_value_(false) {}
  template <class U, class... Args>
    requires std::is_constructible_v<E, std::initializer_list<U>&, Args...>
  constexpr explicit result(unexpect_t, std::initializer_list<U> list, Args&&... args) noexcept(
      std::is_nothrow_constructible_v<E, std::initializer_list<U>&, Args...>)
      : error_(list, std::forward<Args>(args)...), has_value_(false) {}

  constexpr ~result() = default;
  constexpr ~result()
    requires(!trivial_to_destroy)
  {
    if (has_value_) {
      std::destroy_at(std::addressof(value_));
    } else {
      std::destroy_at(std::addressof(error_));
    }
  }

  constexpr result& operator=(const result&) = delete;
  constexpr result& operator=(const result&)
    requires(trivial_to_copy_assign && trivial_to_destroy)
  = default;
  constexpr result& operator=(const result& other) noexcept(std::is_nothrow_copy_constructible_v<stored> &&
                                                            std::is_nothrow_copy_assignable_v<stored> &&
                                                            std::is_nothrow_copy_constructible_v<E> &&
                                                            std::is_nothrow_copy_assignable_v<E>)
    requires(!(trivial_to_copy_assign && trivial_to_destroy) && std::is_copy_constructible_v<stored> &&
             std::is_copy_assignable_v<stored> && std::is_copy_constructible_v<E> && std::is_copy_assignable_v<E> &&
             one_moves_safely)
  {
    assign(other);
    return *this;
  }

  constexpr result& operator=(result&&)
    requires(trivial_to_move_assign && trivial_to_destroy)
  = default;
  constexpr result& operator=(result&& other) noexcept(std::is_nothrow_move_constructible_v<stored> &&
                                                       std::is_nothrow_move_assignable_v<stored> &&
                                                       std::is_nothrow_move_constructible_v<E> &&
                                                       std::is_nothrow_move_assignable_v<E>)
    requires(!(trivial_to_move_assign && trivial_to_destroy) && std::is_move_constructible_v<stored> &&
             std::is_move_assignable_v<stored> && std::is_move_constructible_v<E> && std::is_move_assignable_v<E> &&
             one_moves_safely)
  {
    assign(std::move(other));
    return *this;
  }

  template <class U = std::remove_cv_t<T>>
    requires(!std::is_void_v<T> && !std::is_same_v<std::remove_cvref_t<U>, result> &&
             !detail::is_unexpected<std::remove_cvref_t<U>> && std::is_constructible_v<T, U> &&
             std::is_assignable_v<T&, U> && (std::is_nothrow_constructible_v<T, U> || one_moves_safely))
  constexpr result& operator=(U&& value) {
    assign_value(std::forward<U>(value));
    return *this;
  }

  template <class G>
    requires(std::is_constructible_v<E, const G&> && std::is_assignable_v<E&, const G&> &&
             (std::is_nothrow_constructible_v<E, const G&> || one_moves_safely))
  constexpr result& operator=(const unexpected<G>& e) {
    assign_error(e.error());
    return *this;
  }
  template <class G>
    requires(std::is_constructible_v<E, G> && std::is_assignable_v<E&, G> &&
             (std::is_nothrow_constructible_v<E, G> || one_moves_safely))
  constexpr result& operator=(unexpected<G>&& e) {
    assign_error(std::move(e).error());
    return *this;
  }

  /// Destroys what is there and makes a value in place. Cannot throw, so that there is always one of the two.
  template <class... Args>
    requires std::is_nothrow_constructible_v<stored, Args...>
  constexpr ref emplace(Args&&... args) noexcept {
    return remake(std::forward<Args>(args)...);
  }
  template <class U, class... Args>
    requires std::is_nothrow_constructible_v<stored, std::initializer_list<U>&, Args...>
  constexpr ref emplace(std::initializer_list<U> list, Args&&... args) noexcept {
    return remake(list, std::forward<Args>(args)...);
  }

  constexpr void swap(result& other) noexcept(std::is_nothrow_move_constructible_v<stored> &&
                                              std::is_nothrow_swappable_v<stored> &&
                                              std::is_nothrow_move_constructible_v<E> && std::is_nothrow_swappable_v<E>)
    requires(std::is_swappable_v<stored> && std::is_swappable_v<E> && std::is_move_constructible_v<stored> &&
             std::is_move_constructible_v<E> && one_moves_safely)
  {
    using std::swap;
    if (has_value_ && other.has_value_) {
      swap(value_, other.value_);
    } else if (!has_value_ && !other.has_value_) {
      swap(error_, other.error_);
    } else if (!has_value_) {
      other.swap(*this);
    } else {
      if constexpr (std::is_nothrow_move_constructible_v<E>) {
        detail::change_places(value_, other.value_, other.error_, error_);
      } else {
        detail::change_places(other.error_, error_, value_, other.value_);
      }
      has_value_ = false;
      other.has_value_ = true;
    }
  }
  friend constexpr void swap(result& x, result& y) noexcept(noexcept(x.swap(y)))
    requires requires { x.swap(y); }
  {
    x.swap(y);
  }

  constexpr explicit operator bool() const noexcept { return has_value_; }
  constexpr bool has_value() const noexcept { return has_value_; }

  /// pre: has_value()
  constexpr stored* operator->() noexcept
    requires(!std::is_void_v<T>)
  {
    return expect_value(), std::addressof(value_);
  }
  constexpr const stored* operator->() const noexcept
    requires(!std::is_void_v<T>)
  {
    return expect_value(), std::addressof(value_);
  }

  /// pre: has_value()
  constexpr ref operator*() & noexcept { return expect_value(), static_cast<ref>(value_); }
  constexpr cref operator*() const& noexcept { return expect_value(), static_cast<cref>(value_); }
  constexpr rref operator*() && noexcept { return expect_value(), static_cast<rref>(value_); }
  constexpr crref operator*() const&& noexcept { return expect_value(), static_cast<crref>(value_); }

  /// The value. Where there is none: throws bad_result_access<E> with the error; where exceptions are off, terminates.
  constexpr ref value() & { return require_value(*this), static_cast<ref>(value_); }
  constexpr cref value() const& { return require_value(*this), static_cast<cref>(value_); }
  constexpr rref value() && { return require_value(std::move(*this)), static_cast<rref>(value_); }
  constexpr crref value() const&& { return require_value(std::move(*this)), static_cast<crref>(value_); }

  /// pre: !has_value()
  constexpr E& error() & noexcept { return expect_error(), error_; }
  constexpr const E& error() const& noexcept { return expect_error(), error_; }
  constexpr E&& error() && noexcept { return expect_error(), std::move(error_); }
  constexpr const E&& error() const&& noexcept { return expect_error(), std::move(error_); }

  template <class U = std::remove_cv_t<T>>
    requires(!std::is_void_v<T>)
  constexpr std::remove_cv_t<T> value_or(U&& otherwise) const& {
    static_assert(std::is_copy_constructible_v<T> && std::is_convertible_v<U, T>,
                  "fanout::result::value_or: T must be copyable and the argument convertible to T");
    if (has_value_) return value_;
    return static_cast<T>(std::forward<U>(otherwise));
  }
  template <class U = std::remove_cv_t<T>>
    requires(!std::is_void_v<T>)
  constexpr std::remove_cv_t<T> value_or(U&& otherwise) && {
    static_assert(std::is_move_constructible_v<T> && std::is_convertible_v<U, T>,
                  "fanout::result::value_or: T must be movable and the argument convertible to T");
    if (has_value_) return std::move(value_);
    return static_cast<T>(std::forward<U>(otherwise));
  }

  template <class G = E>
  constexpr E error_or(G&& otherwise) const& {
    static_assert(std::is_copy_constructible_v<E> && std::is_convertible_v<G, E>,
                  "fanout::result::error_or: E must be copyable and the argument convertible to E");
    if (!has_value_) return error_;
    return std::forward<G>(otherwise);
  }
  template <class G = E>
  constexpr E error_or(G&& otherwise) && {
    static_assert(std::is_move_constructible_v<E> && std::is_convertible_v<G, E>,
                  "fanout::result::error_or: E must be movable and the argument convertible to E");
    if (!has_value_) return std::move(error_);
    return std::forward<G>(otherwise);
  }

  /// f(value), which is a result with the same error type; or the error as it is.
  template <class F>
    requires std::is_constructible_v<E, E&>
  constexpr auto and_then(F&& f) & {
    return then(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<E, const E&>
  constexpr auto and_then(F&& f) const& {
    return then(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<E, E>
  constexpr auto and_then(F&& f) && {
    return then(std::move(*this), std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<E, const E>
  constexpr auto and_then(F&& f) const&& {
    return then(std::move(*this), std::forward<F>(f));
  }

  /// f(error), which is a result with the same value type; or the value as it is.
  template <class F>
    requires std::is_constructible_v<stored, stored&>
  constexpr auto or_else(F&& f) & {
    return otherwise(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<stored, const stored&>
  constexpr auto or_else(F&& f) const& {
    return otherwise(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<stored, stored>
  constexpr auto or_else(F&& f) && {
    return otherwise(std::move(*this), std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<stored, const stored>
  constexpr auto or_else(F&& f) const&& {
    return otherwise(std::move(*this), std::forward<F>(f));
  }

  /// A result with f(value), built in place; or with the error as it is.
  template <class F>
    requires std::is_constructible_v<E, E&>
  constexpr auto transform(F&& f) & {
    return map(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<E, const E&>
  constexpr auto transform(F&& f) const& {
    return map(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<E, E>
  constexpr auto transform(F&& f) && {
    return map(std::move(*this), std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<E, const E>
  constexpr auto transform(F&& f) const&& {
    return map(std::move(*this), std::forward<F>(f));
  }

  /// A result with the value as it is; or with f(error), built in place.
  template <class F>
    requires std::is_constructible_v<stored, stored&>
  constexpr auto transform_error(F&& f) & {
    return map_error(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<stored, const stored&>
  constexpr auto transform_error(F&& f) const& {
    return map_error(*this, std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<stored, stored>
  constexpr auto transform_error(F&& f) && {
    return map_error(std::move(*this), std::forward<F>(f));
  }
  template <class F>
    requires std::is_constructible_v<stored, const stored>
  constexpr auto transform_error(F&& f) const&& {
    return map_error(std::move(*this), std::forward<F>(f));
  }

  /// To anything with the shape of std::expected.
  template <class X>
    requires detail::wraps<X, cref, const E&>
  constexpr explicit(!std::is_convertible_v<cref, typename X::value_type> ||
                     !std::is_convertible_v<const E&, typename X::error_type>) operator X() const& {
    return wrap<X>(*this);
  }
  template <class X>
    requires detail::wraps<X, rref, E>
  constexpr explicit(!std::is_convertible_v<rref, typename X::value_type> ||
                     !std::is_convertible_v<E, typename X::error_type>) operator X() && {
    return wrap<X>(std::move(*this));
  }

 private:
  template <class, class>
  friend class result;

  template <class F, class... A>
  constexpr explicit result(detail::value_of_call, F&& f, A&&... a)
      : value_(detail::call(std::forward<F>(f), std::forward<A>(a)...)), has_value_(true) {}
  template <class F, class A>
  constexpr explicit result(detail::error_of_call, F&& f, A&& a)
      : error_(detail::call(std::forward<F>(f), std::forward<A>(a))), has_value_(false) {}

  constexpr void expect_value() const noexcept {
    FANOUT_ASSERT(has_value_, "this result has an error and no value: ask has_value() first, or call value()");
  }
  constexpr void expect_error() const noexcept {
    FANOUT_ASSERT(!has_value_, "this result has a value and no error: ask has_value() first");
  }
  template <class Self>
  static constexpr void require_value(Self&& self) {
    static_assert(
        std::is_copy_constructible_v<E> && std::is_constructible_v<E, decltype(std::forward<Self>(self).error_)>,
        "fanout::result::value() throws a copy of the error, so that E must be copyable: use operator*");
    if (!self.has_value_) detail::refuse_value(std::forward<Self>(self).error_);
  }

  // The flag is set to a constant beside what it stands for, here and below: GCC follows that without false warnings.
  template <class Self>
  constexpr void build_like(Self&& other) {
    if (other.has_value_) {
      detail::build(value_, std::forward<Self>(other).value_);
      has_value_ = true;
    } else {
      detail::build(error_, std::forward<Self>(other).error_);
      has_value_ = false;
    }
  }
  template <class X>
  constexpr void unwrap(X&& other) {
    if (!other.has_value()) {
      detail::build(error_, std::forward<X>(other).error());
      has_value_ = false;
      return;
    }
    if constexpr (std::is_void_v<T>) {
      detail::build(value_);
    } else {
      detail::build(value_, *std::forward<X>(other));
    }
    has_value_ = true;
  }
  template <class X, class Self>
  static constexpr X wrap(Self&& self) {
    if (!self.has_value_) return X(typename X::unexpected_type(std::forward<Self>(self).error_));
    if constexpr (std::is_void_v<T>) {
      return X();
    } else {
      return X(std::forward<Self>(self).value_);
    }
  }

  template <class U>
  constexpr void assign_value(U&& value) {
    if (has_value_) {
      value_ = std::forward<U>(value);
    } else {
      detail::replace(value_, error_, std::forward<U>(value));
      has_value_ = true;
    }
  }
  template <class G>
  constexpr void assign_error(G&& error) {
    if (has_value_) {
      detail::replace(error_, value_, std::forward<G>(error));
      has_value_ = false;
    } else {
      error_ = std::forward<G>(error);
    }
  }
  template <class Self>
  constexpr void assign(Self&& other) {
    if (other.has_value_) {
      assign_value(std::forward<Self>(other).value_);
    } else {
      assign_error(std::forward<Self>(other).error_);
    }
  }
  template <class... Args>
  constexpr ref remake(Args&&... args) noexcept {
    if (has_value_) {
      std::destroy_at(std::addressof(value_));
    } else {
      std::destroy_at(std::addressof(error_));
      has_value_ = true;
    }
    detail::build(value_, std::forward<Args>(args)...);
    return static_cast<ref>(value_);
  }

  template <class Self, class F>
  static constexpr decltype(auto) call_with_value(Self&& self, F&& f) {
    if constexpr (std::is_void_v<T>) {
      return detail::call(std::forward<F>(f));
    } else {
      return detail::call(std::forward<F>(f), std::forward<Self>(self).value_);
    }
  }
  template <class Self, class F>
  static constexpr decltype(auto) call_with_error(Self&& self, F&& f) {
    return detail::call(std::forward<F>(f), std::forward<Self>(self).error_);
  }
  template <class R, class Self>
  static constexpr R keep_value(Self&& self) {
    if constexpr (std::is_void_v<T>) {
      return R();
    } else {
      return R(std::in_place, std::forward<Self>(self).value_);
    }
  }

  template <class Self, class F>
  static constexpr auto then(Self&& self, F&& f) {
    using next = std::remove_cvref_t<decltype(call_with_value(std::forward<Self>(self), std::forward<F>(f)))>;
    static_assert(detail::is_result<next>,
                  "and_then: the function must return a fanout::result; for a plain value use transform");
    static_assert(std::is_same_v<typename next::error_type, E>,
                  "and_then: the function must return a fanout::result with the same error type");
    if (!self.has_value_) return next(unexpect, std::forward<Self>(self).error_);
    return call_with_value(std::forward<Self>(self), std::forward<F>(f));
  }
  template <class Self, class F>
  static constexpr auto otherwise(Self&& self, F&& f) {
    using next = std::remove_cvref_t<decltype(call_with_error(std::forward<Self>(self), std::forward<F>(f)))>;
    static_assert(detail::is_result<next>,
                  "or_else: the function must return a fanout::result; for a plain error use transform_error");
    static_assert(std::is_same_v<typename next::value_type, T>,
                  "or_else: the function must return a fanout::result with the same value type");
    if (self.has_value_) return keep_value<next>(std::forward<Self>(self));
    return call_with_error(std::forward<Self>(self), std::forward<F>(f));
  }
  template <class Self, class F>
  static constexpr auto map(Self&& self, F&& f) {
    using U = std::remove_cv_t<decltype(call_with_value(std::forward<Self>(self), std::forward<F>(f)))>;
    using next = result<U, E>;
    if (!self.has_value_) return next(unexpect, std::forward<Self>(self).error_);
    if constexpr (std::is_void_v<U>) {
      call_with_value(std::forward<Self>(self), std::forward<F>(f));
      return next();
    } else if constexpr (std::is_void_v<T>) {
      return next(detail::value_of_call{}, std::forward<F>(f));
    } else {
      return next(detail::value_of_call{}, std::forward<F>(f), std::forward<Self>(self).value_);
    }
  }
  template <class Self, class F>
  static constexpr auto map_error(Self&& self, F&& f) {
    using G = std::remove_cv_t<decltype(call_with_error(std::forward<Self>(self), std::forward<F>(f)))>;
    using next = result<T, G>;
    if (self.has_value_) return keep_value<next>(std::forward<Self>(self));
    return next(detail::error_of_call{}, std::forward<F>(f), std::forward<Self>(self).error_);
  }

  union {
    stored value_;
    E error_;
  };
  bool has_value_;
};

// The comparisons are no hidden friends of the class: those would be found, and take an int for a result<int>, wherever
// a result is an argument of a template, and then ask themselves whether they apply.

/// Both have equal values, or both equal errors.
template <class T, class E, class U, class G>
  requires(std::is_void_v<T> == std::is_void_v<U> &&
           detail::equatable<typename detail::passing<T>::stored, typename detail::passing<U>::stored> &&
           detail::equatable<E, G>)
constexpr bool operator==(const result<T, E>& x, const result<U, G>& y) {
  if (x.has_value() != y.has_value()) return false;
  if (!x.has_value()) return static_cast<bool>(x.error() == y.error());
  if constexpr (std::is_void_v<T>) {
    return true;
  } else {
    return static_cast<bool>(*x == *y);
  }
}

/// Has a value, and that one.
template <class T, class E, class U>
  requires(!std::is_void_v<T> && !detail::is_result<U> && detail::equatable<T, U>)
constexpr bool operator==(const result<T, E>& x, const U& value) {
  return x.has_value() && static_cast<bool>(*x == value);
}

/// Has an error, and that one.
template <class T, class E, class G>
  requires detail::equatable<E, G>
constexpr bool operator==(const result<T, E>& x, const unexpected<G>& e) {
  return !x.has_value() && static_cast<bool>(x.error() == e.error());
}

}  // namespace fanout

#endif  // FANOUT_RESULT_HPP
