// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_REPLACE_HPP
#define FANOUT_DETAIL_REPLACE_HPP

#include <memory>
#include <type_traits>
#include <utility>

// Life and death of two objects of which one exists at a time: the members of a union. All is constexpr.

namespace fanout::detail {

/// What result<void, E> holds when it holds no error.
struct nothing {
  friend constexpr bool operator==(nothing, nothing) noexcept { return true; }
};

/// Begins the life of an object whose storage is ready: a union member that is not active.
template <class X, class... Args>
constexpr void build(X& x, Args&&... args) noexcept(std::is_nothrow_constructible_v<X, Args...>) {
  std::construct_at(const_cast<std::remove_cv_t<X>*>(std::addressof(x)), std::forward<Args>(args)...);
}

/// Takes an object out of its storage and puts it back when destroyed, unless it was taken.
template <class X>
class taken_out {
 public:
  constexpr explicit taken_out(X& home) noexcept : home_(home), away_(std::move(home)) {
    std::destroy_at(std::addressof(home));
  }
  taken_out(const taken_out&) = delete;
  taken_out& operator=(const taken_out&) = delete;
  constexpr ~taken_out() {
    if (!taken_) build(home_, std::move(away_));
  }

  constexpr X&& take() noexcept {
    taken_ = true;
    return std::move(away_);
  }

 private:
  static_assert(std::is_nothrow_move_constructible_v<X>);
  X& home_;
  X away_;
  bool taken_ = false;
};

/// Ends one member of a union and begins the other. Should that throw, the first is back as it was.
template <class New, class Old, class... Args>
constexpr void replace(New& made, Old& gone, Args&&... args) noexcept(std::is_nothrow_constructible_v<New, Args...>) {
  if constexpr (std::is_nothrow_constructible_v<New, Args...>) {
    std::destroy_at(std::addressof(gone));
    build(made, std::forward<Args>(args)...);
  } else if constexpr (std::is_nothrow_move_constructible_v<New> && !std::is_same_v<Old, nothing>) {
    New ready(std::forward<Args>(args)...);
    std::destroy_at(std::addressof(gone));
    build(made, std::move(ready));
  } else {
    taken_out<Old> old(gone);
    build(made, std::forward<Args>(args)...);
    static_cast<void>(old.take());
  }
}

/// Two unions, of which one holds an A and the other a B, change places. B moves without throwing. Should A throw, both
/// are back as they were.
template <class A, class B>
constexpr void change_places(A& a_from, A& a_to, B& b_from, B& b_to) {
  taken_out<B> b(b_from);
  build(a_to, std::move(a_from));
  std::destroy_at(std::addressof(a_from));
  build(b_to, b.take());
}

}  // namespace fanout::detail

#endif  // FANOUT_DETAIL_REPLACE_HPP
