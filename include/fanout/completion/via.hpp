// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_VIA_HPP
#define FANOUT_COMPLETION_VIA_HPP

#include <type_traits>
#include <utility>

#include "fanout/completion/adaptor.hpp"
#include "fanout/executor.hpp"

namespace fanout::completion {

/// Completes on an executor, whoever reports last:
///
///     fanout::issue<row>(n, fanout::combine::all, fanout::completion::via(loop, [](auto outcome) noexcept { … }));
///
/// Exactly one hop, always: also if every branch completed inside its start, if there are none, and if the last report
/// came from the executor itself. So the completion never runs inside the call that seals. To come back to where one
/// issues, pass the executor that one is on.
///
/// The last completer posts the operation, and touches it no more. What is left is done on the executor: deregistering
/// from stop tokens, combining, and the completion. A stop request that comes between the last report and the hop finds
/// the operation drained and asks nobody; the token's source must live until the executor has got to it.
///
/// The completion runs directly under the executor's call. It does not queue behind a completion that happens to run on
/// that thread, in which somebody pumps the executor.
///
/// The hop allocates nothing and cannot fail: its node lies in the operation. Where there is no operation, because
/// there was no memory for it or its range threw, a description completes inside `then`, on the thread that called it.
///
/// A completion that hands the outcome to a blocked thread may stand behind the hop: then combining is done on the
/// executor and the thread is woken from there. If that thread is the one that runs the executor, it waits for itself.
///
/// A policy that wraps this one passes `post` on: derived from `adaptor`, it does. One that does not loses the hop.
///
/// Lifetime: the executor must get to the operation, see `fanout::executor`. Cost: one `post`, and the handle's copy.
template <class Executor, class Completion>
class via : public adaptor<Completion> {
  static_assert(fanout::detail::check_executor<Executor>());
  static_assert(
      !requires(Completion& c, work& w) { c.post(w); },
      "fanout: one hop: this completion goes via an executor already, and would not be run there");

 public:
  static constexpr bool is_direct = false;  // whatever the inner one is: the hop comes first

  via(Executor executor, Completion completion) noexcept(std::is_nothrow_move_constructible_v<Completion>)
      : adaptor<Completion>(std::move(completion)), executor_(std::move(executor)) {}

  [[nodiscard]] const Executor& executor() const noexcept { return executor_; }
  /// The completion behind the hop, where it lies.
  [[nodiscard]] Completion& completion() noexcept { return this->inner_; }

  void post(work& operation) noexcept {
    fanout::detail::post(executor_, operation);  // this object lies in the operation: no access after
  }

 private:
  [[no_unique_address]] Executor executor_;
};

}  // namespace fanout::completion

#endif
