// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_QUORUM_HPP
#define FANOUT_ALGORITHM_QUORUM_HPP

#include <cstddef>
#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/quorum.hpp"

namespace fanout {

/// The first `k` successes, in the order of their arrival, each with its index; the other branches are asked to stop, unless
/// `.keep_losers()`. Decided when there are k, or as soon as k can no longer be reached. The outcome is
/// `result<reports<T, E>, reported_failure<T, E>>`. k = 0 is a success at once, more than there are elements errc::unreachable.
///
///     fanout::quorum<ack>(2, replicas, write)
///         .deadline(50ms).on_deadline(fanout::partial).deliver_at(fanout::decided)
///         .then([](auto outcome) noexcept { … });
///
/// See `description` for what it owns, and `combine::quorum` for the policy.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto quorum(std::size_t k, Range&& range,
                                                                                        Initiator&& initiator) {
  return detail::describe<T, Callback>(combine::quorum<E>(k), std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
