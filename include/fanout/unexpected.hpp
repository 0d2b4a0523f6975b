// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_UNEXPECTED_HPP
#define FANOUT_UNEXPECTED_HPP

#include <initializer_list>
#include <type_traits>
#include <utility>

namespace fanout {

/// Tag: what follows makes the error.
struct unexpect_t {
  explicit unexpect_t() = default;
};
inline constexpr unexpect_t unexpect{};

template <class E>
class unexpected;

namespace detail {

template <class X>
inline constexpr bool is_unexpected = false;
template <class E>
inline constexpr bool is_unexpected<unexpected<E>> = true;

template <class E>
inline constexpr bool can_be_error =
    std::is_object_v<E> && !std::is_array_v<E> && !is_unexpected<E> && !std::is_const_v<E> && !std::is_volatile_v<E>;

}  // namespace detail

/// An error on its way into a result: `return fanout::unexpected(errc::closed);`
template <class E>
class [[nodiscard("an error that is dropped is never seen")]] unexpected {
  static_assert(detail::can_be_error<E>,
                "fanout::unexpected<E>: E must be an object type without const or volatile, and not itself unexpected");

 public:
  constexpr unexpected(const unexpected&) = default;
  constexpr unexpected(unexpected&&) = default;

  template <class G = E>
    requires(!std::is_same_v<std::remove_cvref_t<G>, unexpected> &&
             !std::is_same_v<std::remove_cvref_t<G>, std::in_place_t> && std::is_constructible_v<E, G>)
  constexpr explicit unexpected(G&& e) noexcept(std::is_nothrow_constructible_v<E, G>) : error_(std::forward<G>(e)) {}

  template <class... Args>
    requires std::is_constructible_v<E, Args...>
  constexpr explicit unexpected(std::in_place_t, Args&&... args) noexcept(std::is_nothrow_constructible_v<E, Args...>)
      : error_(std::forward<Args>(args)...) {}

  template <class U, class... Args>
    requires std::is_constructible_v<E, std::initializer_list<U>&, Args...>
  constexpr explicit unexpected(std::in_place_t, std::initializer_list<U> list, Args&&... args) noexcept(
      std::is_nothrow_constructible_v<E, std::initializer_list<U>&, Args...>)
      : error_(list, std::forward<Args>(args)...) {}

  constexpr unexpected& operator=(const unexpected&) = default;
  constexpr unexpected& operator=(unexpected&&) = default;

  constexpr E& error() & noexcept { return error_; }
  constexpr const E& error() const& noexcept { return error_; }
  constexpr E&& error() && noexcept { return std::move(error_); }
  constexpr const E&& error() const&& noexcept { return std::move(error_); }

  constexpr void swap(unexpected& other) noexcept(std::is_nothrow_swappable_v<E>) {
    static_assert(std::is_swappable_v<E>, "fanout::unexpected<E>::swap: E cannot be swapped");
    using std::swap;
    swap(error_, other.error_);
  }
  friend constexpr void swap(unexpected& x, unexpected& y) noexcept(std::is_nothrow_swappable_v<E>)
    requires std::is_swappable_v<E>
  {
    x.swap(y);
  }

  template <class G>
  friend constexpr bool operator==(const unexpected& x, const unexpected<G>& y) {
    return x.error_ == y.error();
  }

 private:
  E error_;
};

template <class E>
unexpected(E) -> unexpected<E>;

}  // namespace fanout

#endif  // FANOUT_UNEXPECTED_HPP
