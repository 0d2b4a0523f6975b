// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BATCH_HPP
#define FANOUT_BATCH_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "fanout/branch.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/detail/batch.hpp"
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
/// says). Until then a branch counts as outstanding, also for a deadline.
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
    batch_.flush();
  }

  /// Releases what is in here now, and runs the completions that become due.
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
  template <class Op>
  static typename Op::platform platform_of(const basic_branch<Op>&);
};
template <class Branch>
using platform_of = decltype(batching::platform_of(std::declval<const std::remove_cvref_t<Branch>&>()));

template <class T>
inline constexpr bool is_result = false;
template <class T, class E>
inline constexpr bool is_result<result<T, E>> = true;

}  // namespace detail

/// Completes branches that have no value, of one operation or of several, each as by `set_value()`; but each operation counts
/// them in one read-modify-write (for up to 16 operations), whatever its strategy. Completions that become due run before it
/// returns, after the last release. A handle must not be spent. noexcept; allocates nothing.
template <class First, class... Ops>
void complete_n(basic_branch<First>&& first, basic_branch<Ops>&&... others) noexcept {
  detail::batch<typename First::platform> own;
  detail::batching::set_value(own, first);
  (detail::batching::set_value(own, others), ...);
  own.flush();
}

/// The same for a range of handles, all of which it spends.
template <class Branches>
  requires requires(Branches& b) { typename detail::platform_of<decltype(*begin(b))>; }
void complete_n(Branches&& branches) noexcept;

}  // namespace fanout

#endif
