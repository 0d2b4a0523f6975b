// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_CALLBACK_C_CHECKED_HPP
#define FANOUT_CALLBACK_C_CHECKED_HPP

#include <atomic>
#include <cstddef>
#include <cstdio>

#include "fanout/callback/concept.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/detail/context_table.hpp"
#include "fanout/detail/platform.hpp"

namespace fanout {

/// A C callback that came when its branch had completed before: a second call, or one after the initiator's return value had
/// reported. The operation may be long gone.
struct late_callback {
  std::size_t branch;  // the index; if the handle's entry is in use again, that of its present branch
  const void* context;
};

/// What happens then: called on the thread that made the call, which is ignored otherwise.
using late_callback_handler = void (*)(const late_callback&) noexcept;

namespace detail {

FANOUT_COLD inline void print_late_callback(const late_callback& late) noexcept {
  std::fprintf(
      stderr,
      "fanout: errc::duplicate_completion: a C callback came for branch %zu (context %p), which had completed before; "
      "the call was ignored. Look for a library that calls back twice, or calls back although its return value said "
      "that it would not\n",
      late.branch, late.context);
}

inline std::atomic<late_callback_handler>& installed_late_callback_handler() noexcept {
  static constinit std::atomic<late_callback_handler> handler{&print_late_callback};
  return handler;
}

}  // namespace detail

/// Installs the program's handler for late callbacks and returns the previous one. The default prints to stderr.
inline late_callback_handler on_late_callback(late_callback_handler handler) noexcept {
  // acq_rel: what the handler relies on was set up before it is called on another thread
  return detail::installed_late_callback_handler().exchange(handler, std::memory_order_acq_rel);
}

/// For C interfaces that are not trusted to call back exactly once. The context that they are given is not an address but a
/// generation-tagged handle, redeemed by the first call; every later or concurrent one is named to `on_late_callback`'s handler
/// and ignored, in every build, even when the operation is long gone. `Inner` says how the callback is spelled otherwise; its
/// C function must take the context as an argument, last.
///
/// What it cannot check: a callback that never comes, and a late write through an out-parameter.
///
/// Costs, per branch: about five atomic operations on shared memory. The table grows to the largest number of callbacks that
/// were ever in flight, at most about a million, and is never freed; beyond that, or without memory, the branch fails with
/// errc::out_of_memory and its initiator does not run.
template <class Inner = errno_callback, class Platform = std_platform>
struct c_checked : Inner {
  template <class Door>
  static void function(int status, void* context) noexcept {
    if (void* slot = redeem(context)) Inner::template function<Door>(status, slot);
  }

  /// The operation's side: a context for a branch's slot.
  static void* make_context(void* slot, std::size_t branch) noexcept { return table().make(slot, branch); }
  /// The branch was reported otherwise, by the initiator's return value. False: its callback had come before.
  static bool retire_context(void* context) noexcept { return redeem(context) != nullptr; }

 private:
  static void* redeem(void* context) noexcept {
    const auto redeemed = table().redeem(context);
    if (redeemed.target == nullptr) [[unlikely]] {
      detail::installed_late_callback_handler().load(std::memory_order_acquire)({redeemed.number, context});
    }
    return redeemed.target;
  }
  static detail::context_table<Platform>& table() noexcept {
    static constinit detail::context_table<Platform> contexts;
    return contexts;
  }
};

static_assert(c_initiator_policy<c_checked<>>);

}  // namespace fanout

#endif
