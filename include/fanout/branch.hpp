// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BRANCH_HPP
#define FANOUT_BRANCH_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"

namespace fanout {

namespace detail {
struct batching;
}

/// One sub-operation's handle: move-only, one word, completes once (I4).
///
/// It speaks three languages. It is a receiver (`set_value`, `set_error`, `set_stopped`), a completion handler (a call, in
/// the shape that the operation's callback policy gives it), and, after `release()`, the context of a C callback.
///
/// Completing may run the operation's completion before it returns, on this thread; nothing of the operation may be touched
/// afterwards. It may be called from any thread, once, whether `start` has returned or not. All of it is noexcept: a value
/// whose construction throws becomes the branch's error. Cost: one atomic read-modify-write, none inside `start`.
///
/// A handle dropped without completing settles its branch as errc::abandoned. Completing a spent handle asserts; in release
/// it is ignored. Distinct handles may be used concurrently; one handle by one thread at a time.
template <class Op>
class [[nodiscard("a branch dropped without completing settles as errc::abandoned")]] basic_branch {
  using slot_type = typename Op::slot_type;

 public:
  using value_type = typename Op::value_type;
  using error_type = typename Op::error_type;

  basic_branch() noexcept = default;
  basic_branch(basic_branch&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
  basic_branch& operator=(basic_branch&& other) noexcept {
    basic_branch taken(std::move(other));
    std::swap(slot_, taken.slot_);
    return *this;
  }
  ~basic_branch() {
    if (slot_) [[unlikely]]
      Op::abandon(slot_);
  }

  /// Completes with a value, constructed in its place from the arguments.
  template <class... Args>
  void set_value(Args&&... args) noexcept {
    static_assert(std::is_constructible_v<typename Op::stored_type, Args...>,
                  "fanout: the branch's value type cannot be made from these arguments");
    if (slot_type* slot = spend()) Op::set_value(slot, std::forward<Args>(args)...);
  }

  /// Completes with an error: the operation's error type, a std::error_code, one of its enumerations, a std::exception_ptr,
  /// or anything that the error type can be made from.
  template <class Error>
  void set_error(Error&& error) noexcept {
    if (slot_type* slot = spend()) Op::set_error(slot, std::forward<Error>(error));
  }

  /// Completes as stopped: gave up because somebody asked.
  void set_stopped() noexcept {
    if (slot_type* slot = spend()) Op::set_stopped(slot);
  }

  /// Completes as the callback policy reads these arguments: (error, value…) for the default, `handler`. `{}` as the first one
  /// means no error.
  template <class First = std::error_code, class... Rest>
    requires requires(basic_branch& b, First&& first, Rest&&... rest) {
      Op::callback_type::invoke(b, static_cast<First&&>(first), static_cast<Rest&&>(rest)...);
    }
  void operator()(First&& first, Rest&&... rest) noexcept {
    Op::callback_type::invoke(*this, std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  void operator()() noexcept
    requires requires(basic_branch& b) { Op::callback_type::invoke(b); }
  {
    Op::callback_type::invoke(*this);
  }

  /// Hands the branch to a C interface: `callback(…, context, …)` completes it, and an out-parameter is the slot itself.
  /// The duty to complete goes with it; a C callback that never comes cannot be detected.
  [[nodiscard("the branch can now be completed only through this context")]] auto release() noexcept {
    slot_type* slot = spend();
    FANOUT_ASSERT(slot != nullptr, "a spent branch has no context");
    return Op::c_door_for(slot);
  }

  /// False once completed, released or moved from.
  explicit operator bool() const noexcept { return slot_ != nullptr; }

  /// The index that it was started with. pre: not spent
  [[nodiscard]] std::size_t index() const noexcept { return Op::index_of(slot_); }

  /// Told when the operation no longer wants this branch. Valid until the branch completes. pre: not spent
  [[nodiscard]] auto stop_token() const noexcept { return Op::stop_token_of(slot_); }

 private:
  friend Op;
  friend typename Op::issuer;
  friend struct detail::batching;
  explicit basic_branch(slot_type* slot) noexcept : slot_(slot) {}

  slot_type* spend() noexcept {
    slot_type* slot = std::exchange(slot_, nullptr);
    FANOUT_ASSERT(slot != nullptr, "this branch has completed already, or was moved from");
    return slot;
  }

  slot_type* slot_ = nullptr;
};

}  // namespace fanout

#endif
