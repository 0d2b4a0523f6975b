// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_HEDGE_HPP
#define FANOUT_ALGORITHM_HEDGE_HPP

#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/hedge.hpp"
#include "fanout/hedge_statistics.hpp"
#include "fanout/latency.hpp"

namespace fanout {

/// One request, made to one replica after the other until one answers: the next attempt while those before are slow, or as soon as
/// one fails. For requests that may be made twice: an attempt that loses may have had its effect all the same.
///
///     fanout::hedge<value>(replicas, get)
///         .after(fanout::p95(latencies))        // or a duration; by default not before one has failed
///         .budget(shared)                       // e.g. 5 % more load, shared with retries
///         .max_attempts(2)
///         .fatal([](std::error_code e) noexcept { return e == std::errc::permission_denied; })
///         .deadline(200ms)                      // of the whole chain
///         .then([](auto outcome) noexcept { … });
///
/// The outcome is `result<winner<T>, reported_failure<T, E>>`: the first success, and which replica's it was. Else, when all attempts
/// that are made have failed, every cause with its index, the first one's first; a fatal error at once; without replicas,
/// errc::no_candidates.
///
/// An attempt follows
///   - by time: when the delay has passed since the last one was started, if the budget grants it. If it does not, time brings no other
///     until one is started for another reason. A tracker that does not know enough requests grants none;
///   - after a failure: at once, one for each failure that is not fatal, if the budget grants it. (`.budget(shared,
///     fanout::attempts_by_time)`: not asked.) Such a start sets the clock anew. If nothing is in flight, and the budget grants
///     nothing, the operation has failed.
/// None follows once one has succeeded, or has failed fatally. The attempts that lose are asked to stop, unless `.keep_losers()`, and
/// report before the outcome is delivered, unless `.deliver_at(fanout::decided)`.
///
/// `.count_in(statistics)` counts, `.record_in(latencies)` records how long the winner took. With losers asked to stop, a slow attempt
/// that loses is never recorded, so what is recorded is faster than the service; a budget keeps that from feeding itself.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto hedge(Range&& replicas,
                                                                                       Initiator&& initiator) {
  return detail::describe<T, Callback>(combine::hedge_with<E>, std::forward<Range>(replicas),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
