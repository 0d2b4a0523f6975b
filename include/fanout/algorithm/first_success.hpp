// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_FIRST_SUCCESS_HPP
#define FANOUT_ALGORITHM_FIRST_SUCCESS_HPP

#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/first.hpp"

namespace fanout {

/// The first branch that succeeds, and which one it was; the others are asked to stop. The outcome is
/// `result<winner<T>, reported_failure<T, E>>`: when all have failed, every cause with its index; without elements,
/// errc::no_candidates.
///
///     fanout::first_success<socket>(addresses, connect).stagger(300ms).on_late(close).then([](auto outcome) noexcept { … });
///
/// where `connect(address, branch, stop_token)` starts one attempt. Without `.stagger` all start at once. `on_late` is given what
/// succeeds too late. See `description` for what it owns, and `combine::first_success` for the policy.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto first_success(Range&& range,
                                                                                               Initiator&& initiator) {
  return detail::describe<T, Callback>(combine::first_success_with<E>, std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
