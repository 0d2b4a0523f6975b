// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_CONCEPT_HPP
#define FANOUT_COMPLETION_CONCEPT_HPP

#include <concepts>
#include <type_traits>
#include <utility>

namespace fanout::completion {

/// Who is told, where and when. The simplest is any callable: it runs inline, on the thread that reports last.
///
/// What an implementer promises: `std::move(c)(outcome)` is noexcept and is called exactly once, after the seal, by the one
/// thread that saw the count at zero. The policy was moved out of the operation before, without throwing, and the outcome owns
/// what is left of it: during and after the call the library touches neither.
///
/// Optional members:
///
///   - `static constexpr bool is_direct = true`: the call only hands the outcome over and wakes somebody, so it need not
///     queue behind a completion that is running on the same thread. Without it, completions on one thread run one after the
///     other (trampolined), never nested.
///   - `void connect(Op& op) noexcept`: called while the operation is being made, before any branch is started. May
///     register the operation with a stop token or a timer, which then use `op.try_hold()`, `op.request_stop()`,
///     `op.decide(cause)` and `op.release_hold()`. The operation's address is stable.
///   - `void disconnect() noexcept`: called first when the operation is drained. On return no such party may be using the
///     operation: it joins (I6), except from inside its own callback.
template <class C, class Outcome>
concept policy = std::is_nothrow_move_constructible_v<C> && std::is_nothrow_invocable_v<C, Outcome>;

}  // namespace fanout::completion

#endif
