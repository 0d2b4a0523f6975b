// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_ANY_BRANCH_HPP
#define FANOUT_TESTS_SUPPORT_ANY_BRANCH_HPP

#include <cstddef>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

namespace support {

/// A branch of whatever operation, whose value is made of an int, or void: a type that can be named before the operation's. Dropped
/// without completing, it drops the branch.
class any_branch {
 public:
  any_branch() noexcept = default;
  template <class Branch>
    requires(!std::is_same_v<Branch, any_branch>)
  explicit any_branch(Branch branch) noexcept {
    static_assert(sizeof(Branch) == sizeof(kept_) && std::is_nothrow_move_constructible_v<Branch>);
    ::new (static_cast<void*>(kept_)) Branch(std::move(branch));
    act_ = [](std::byte* from, what w, int value, std::error_code error, std::byte* to) noexcept {
      auto* const here = std::launder(reinterpret_cast<Branch*>(from));
      Branch taken(std::move(*here));
      std::destroy_at(here);
      if (w == what::move) {
        ::new (static_cast<void*>(to)) Branch(std::move(taken));
      } else if (w == what::value) {
        if constexpr (std::is_void_v<typename Branch::value_type>) {
          taken.set_value();
        } else {
          taken.set_value(value);
        }
      } else if (w == what::error) {
        taken.set_error(error);
      } else if (w == what::stopped) {
        taken.set_stopped();
      }
    };
  }
  any_branch(any_branch&& other) noexcept { take(other); }
  any_branch& operator=(any_branch&& other) noexcept {
    any_branch taken(std::move(other));
    reset();
    take(taken);
    return *this;
  }
  ~any_branch() { reset(); }

  void set_value(int value = 0) noexcept { act(what::value, value, {}); }
  void set_error(std::error_code error) noexcept { act(what::error, 0, error); }
  void set_stopped() noexcept { act(what::stopped, 0, {}); }
  void reset() noexcept {
    if (act_ != nullptr) act(what::drop, 0, {});
  }

  explicit operator bool() const noexcept { return act_ != nullptr; }

 private:
  enum class what { move, value, error, stopped, drop };

  void act(what w, int value, std::error_code error) noexcept {
    std::exchange(act_, nullptr)(kept_, w, value, error, nullptr);
  }
  void take(any_branch& other) noexcept {
    act_ = std::exchange(other.act_, nullptr);
    if (act_ != nullptr) act_(other.kept_, what::move, 0, {}, kept_);
  }

  alignas(void*) std::byte kept_[sizeof(void*)];
  void (*act_)(std::byte*, what, int, std::error_code, std::byte*) noexcept = nullptr;
};

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_ANY_BRANCH_HPP
