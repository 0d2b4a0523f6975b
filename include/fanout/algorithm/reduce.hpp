// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_REDUCE_HPP
#define FANOUT_ALGORITHM_REDUCE_HPP

#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/reduce.hpp"

namespace fanout {

/// Starts one branch per element, each completing with a T, and folds each value into `init` as it arrives: `f(so_far, value)`.
/// The outcome is `result<A, failure<E>>`. No value is kept; with `.window(W)` memory is that of W branches.
///
///     auto total = fanout::wait(fanout::reduce<long>(hosts, count_matches, 0L, std::plus<>()).window(64));
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator, class A, class F>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto reduce(Range&& range,
                                                                                        Initiator&& initiator, A init,
                                                                                        F f) {
  return detail::describe<T, Callback>(combine::reduce<E>(std::move(init), std::move(f)), std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

/// The same in the order of the elements, by the last branch to report: for an `f` to which the order matters.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator, class A, class F>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto reduce_in_order(Range&& range,
                                                                                                 Initiator&& initiator,
                                                                                                 A init, F f) {
  return detail::describe<T, Callback>(combine::reduce_in_order<E>(std::move(init), std::move(f)),
                                       std::forward<Range>(range), std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
