// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BRANCH_HPP
#define FANOUT_BRANCH_HPP

#include <cstddef>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/stream.hpp"
#include "fanout/stream.hpp"

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
  using item_type = typename Op::item_type;
  using key_type = typename Op::key_type;

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

  // ---- stream branches, where the combine policy takes items (combine::merge) --------------------------------------------

  /// Delivers items, moved out of `items`, before the branch completes. From one thread at a time, any thread; other branches
  /// may emit meanwhile. The combine policy may take them, and those of others, before this returns, on this thread. What it says
  /// is for the producer:
  ///
  ///   - flow::go     there is room for more
  ///   - flow::pause  enough of this branch's items wait to be taken (`stream_limits`). More is not refused, but costs memory:
  ///                  go on when `on_resume` says so. Meanwhile no thread is needed
  ///   - flow::stop   nobody wants more: it is decided, or stop was requested, or memory ran out, which is the operation's
  ///                  failure then. Complete the branch. (What was given to the call that says so may be lost.)
  ///
  /// Items need a nothrow move. Cost: three read-modify-writes for all of `items`, and no allocation once chunks come back.
  /// pre: not spent; no function of `on_resume` waits, since from then on it is that which has the branch
  template <detail::contiguous_items<item_type> Items>
  [[nodiscard("flow::pause and flow::stop are for the producer")]] flow emit(Items&& items) noexcept {
    static_assert(Op::streams, "fanout: only a branch of a policy that takes items emits: see fanout::merge");
    if constexpr (Op::streams) return is_spent() ? flow::stop : Op::emit(slot_, items.data(), items.size());
  }
  /// One item. Each costs as much as many together.
  [[nodiscard("flow::pause and flow::stop are for the producer")]] flow emit(item_type item) noexcept {
    static_assert(Op::streams, "fanout: only a branch of a policy that takes items emits: see fanout::merge");
    if constexpr (Op::streams) return is_spent() ? flow::stop : Op::emit(slot_, std::addressof(item), 1);
  }
  /// Promises that no item with a lower key will follow, so that others need not wait for this branch. Otherwise as `emit`.
  flow watermark(const key_type& bound) noexcept {
    static_assert(Op::streams && !std::is_same_v<key_type, detail::no_item>,
                  "fanout: only a branch of a policy that orders items by a key has watermarks: see fanout::merge");
    if constexpr (Op::streams) return is_spent() ? flow::stop : Op::emit_watermark(slot_, bound);
  }
  /// Has `f()` called once, when the branch may go on: when so many of its items have been taken as `stream_limits` says, or nobody
  /// wants more, which the next `emit` tells. At once, inside this call, if that is so already. Otherwise on whichever thread takes
  /// the items, with no lock held; others' items wait meanwhile, so it is to be short. It may emit, set `on_resume` again, and
  /// complete the branch: this handle is not touched any more by then, wherever it lies.
  ///
  /// If the branch completes without waiting for it, `f` is dropped. (Who completes it from another thread finds out by its own means
  /// whether `f` is running.) `f` is noexcept, moves without throwing, and has at most four words: it lies in the branch's slot.
  /// pre: not spent; not set already
  template <class F>
  void on_resume(F f) noexcept {
    static_assert(Op::streams, "fanout: only a branch of a policy that takes items is resumed: see fanout::merge");
    static_assert(std::is_nothrow_invocable_v<F&>, "fanout: on_resume(f) calls f(), which must be noexcept");
    static_assert(std::is_nothrow_move_constructible_v<F>, "fanout: on_resume(f) moves f, which must not throw");
    static_assert(detail::resumption<typename Op::platform>::template holds<F>,
                  "fanout: what on_resume(f) is given has at most four words: capture a pointer");
    if constexpr (Op::streams) {
      if (!is_spent()) Op::on_resume(slot_, std::move(f));  // this may be gone afterwards
    }
  }
  /// The same for C: `f(context)`.
  void on_resume(void (*f)(void* context), void* context) noexcept {
    on_resume([f, context]() noexcept { f(context); });
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

  bool is_spent() const noexcept {
    FANOUT_ASSERT(slot_ != nullptr, "this branch has completed already, or was moved from");
    return slot_ == nullptr;
  }
  slot_type* spend() noexcept {
    slot_type* slot = std::exchange(slot_, nullptr);
    FANOUT_ASSERT(slot != nullptr, "this branch has completed already, or was moved from");
    return slot;
  }

  slot_type* slot_ = nullptr;
};

}  // namespace fanout

#endif
