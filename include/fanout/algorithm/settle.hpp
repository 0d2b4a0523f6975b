// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_SETTLE_HPP
#define FANOUT_ALGORITHM_SETTLE_HPP

#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/settle.hpp"

namespace fanout {

/// What became of each element: starts one branch per element of `range`, each completing with a T, and waits for all of them,
/// whatever they come to. The outcome is `result<results<T, E>, failure<E>>`, one value, error or stopped per element in index
/// order; it is a failure only where there was no operation at all, for want of memory.
///
///     auto outcome = fanout::wait(fanout::settle<reply>(hosts, ping));
///     for (auto answer : *outcome)
///       if (!answer) log(hosts[answer.index()], answer.error());
///
/// See `description` for what it owns, and `combine::settle` for the policy.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto settle(Range&& range,
                                                                                        Initiator&& initiator) {
  return detail::describe<T, Callback>(combine::settle_with<E>, std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
