// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BATCH_HPP
#define FANOUT_BATCH_HPP

#include <cstddef>
#include <exception>
#include <iterator>
#include <type_traits>
#include <utility>

#include "fanout/branch.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/batched.hpp"
#include "fanout/result.hpp"

namespace fanout {

/// One turn of an event loop, or whatever completes many branches in one go, on the stack of the thread that does:
///
///     {
///       fanout::batch_scope turn;
///       for (auto& event : events) event.callback(event);  // each may complete a branch, of any operation
///     }                                                    // one read-modify-write per operation; completions run here
///
/// Branches of operations that count with `refcount::batched` and that report on this thread, at any depth of calls, are released
/// when the scope ends, each operation's together: k of them cost one read-modify-write. Up to 16 operations; one more makes
/// the oldest be released at once. Other operations neither pay nor profit. Only the release waits: what is voted on is voted on
/// at once, a window moves on, a monitor sees the report; and branches that complete inside their own start, and policies that fold,
/// have nothing to gain and go their usual way.
///
/// Completions that become due run inside the destructor, after all releases, one after the other (or where their policy
/// says); one that is due because its operation had to make room, at once; and inside a completion, all of them after that one has
/// returned. Until it is released a branch counts as outstanding, also for a deadline.
///
/// Nothing in the scope may block on an operation whose branches may be in here, as std::future::get would: call `flush` before. A
/// `waiter` does that by itself. Scopes nest, the innermost collects. One is destroyed on the thread that made it, in the
/// reverse order: it must not live across the suspension of a coroutine.
template <class Platform>
class [[nodiscard("a batch scope that is gone at once collects nothing")]] basic_batch_scope {
 public:
  basic_batch_scope() noexcept { batch_.enter(); }
  basic_batch_scope(const basic_batch_scope&) = delete;
  basic_batch_scope& operator=(const basic_batch_scope&) = delete;
  ~basic_batch_scope() {
    FANOUT_ASSERT(detail::batch<Platform>::innermost() == &batch_,
                  "a batch scope must be destroyed on its own thread, the innermost first");
    batch_.leave();  // first: what the completions complete is released at once, or is the outer scope's
    batch_.closed([] {});
  }

  /// Releases what is in here now, and runs the completions that become due. (Inside a completion: after that one.)
  void flush() noexcept { batch_.flush(); }

 private:
  detail::batch<Platform> batch_;
};

using batch_scope = basic_batch_scope<std_platform>;

namespace detail {

struct batching {
  template <class Platform, class Op, class... Value>
  static void set_value(batch<Platform>& own, basic_branch<Op>& branch, Value&&... value) noexcept {
    static_assert(std::is_constructible_v<typename Op::stored_type, Value...>,
                  "fanout: the branch's value type cannot be made from what complete_n was given for it");
    if (auto* slot = branch.spend()) Op::set_value_in(own, slot, std::forward<Value>(value)...);
  }
  // A throwing `make` leaves the branch as it is.
  template <class Platform, class Op, class Make>
  static void complete(batch<Platform>& own, basic_branch<Op>& branch, Make&& make) {
    using made = decltype(make());
    if constexpr (std::is_void_v<made>) {
      make();
      set_value(own, branch);
    } else if constexpr (is_result<std::remove_cvref_t<made>>) {
      auto&& one = make();
      if (!one) [[unlikely]]
        return branch.set_error(std::forward<decltype(one)>(one).error());
      if constexpr (std::is_void_v<typename std::remove_cvref_t<made>::value_type>) {
        set_value(own, branch);
      } else {
        set_value(own, branch, *std::forward<decltype(one)>(one));
      }
    } else {
      set_value(own, branch, make());
    }
  }

  template <class Op>
  static Op* pointer_to(basic_branch<Op>&);
  template <class Handle>
  using operation_of = std::remove_pointer_t<decltype(pointer_to(std::declval<Handle>()))>;
};

template <class Handle>
concept branch_handle = requires(Handle handle) { batching::pointer_to(handle); };

template <class R>
concept branch_range = requires(R& range) {
  { *std::begin(range) } -> branch_handle;
  std::end(range);
};
template <class R>
using platform_in = typename batching::operation_of<decltype(*std::begin(std::declval<R&>()))>::platform;

}  // namespace detail

/// Completes branches that have no value, of one operation or of several, each as by `set_value()`; but an operation's branches are
/// counted off together: in one read-modify-write where its strategy can release any of them at once (`refcount::anonymous`),
/// otherwise in one for each run of neighbours. That is so for up to 16 operations or runs; one more makes the oldest be released.
///
/// Completions that become due run after the last release, and before it returns; called inside a completion, they run after that one.
/// (What waits on this thread meanwhile, as a `waiter` in `f` does, has what it needs released and run first.) Operations that join a
/// `batch_scope` of this thread wait for its end. Spends the handles, each of which must be good. Allocates nothing.
template <class First, class... Ops>
void complete_n(basic_branch<First>&& first, basic_branch<Ops>&&... others) noexcept {
  detail::batch<typename First::platform> own;
  own.closed([&]() noexcept {
    detail::batching::set_value(own, first);
    (detail::batching::set_value(own, others), ...);
  });
}

/// The same for a range of handles.
template <detail::branch_range Branches>
void complete_n(Branches&& branches) noexcept {
  detail::batch<detail::platform_in<Branches>> own;
  own.closed([&]() noexcept {
    for (auto& branch : branches) detail::batching::set_value(own, branch);
  });
}

/// The same with what each comes to: `f(position)` makes the branch's value, or a `result` whose error is the branch's. If it
/// throws, that is the branch's error. Branches that fail are released one by one.
template <detail::branch_range Branches, class F>
void complete_n(Branches&& branches, F&& f) noexcept {
  detail::batch<detail::platform_in<Branches>> own;
  own.closed([&]() noexcept {
    std::size_t position = 0;
    for (auto& branch : branches) {
      FANOUT_TRY {
        detail::batching::complete(own, branch, [&]() -> decltype(auto) { return f(position); });
      }
      FANOUT_CATCH_ALL { branch.set_error(std::current_exception()); }
      ++position;
    }
  });
}

}  // namespace fanout

#endif
