// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_ALL_HPP
#define FANOUT_ALGORITHM_ALL_HPP

#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"

namespace fanout {

/// Every element's value, or the first cause: starts one branch per element of `range`, each completing with a T. The outcome is
/// `result<values<T>, failure<E>>`, values in index order. The first branch that fails has the others asked to stop.
///
///     fanout::all<row>(shards, read_shard).then([](auto outcome) noexcept { … });
///     auto rows = fanout::wait(fanout::all<row>(shards, read_shard));
///
/// where `read_shard(shard, branch)` or `read_shard(shard, branch, stop_token)` starts one read. See `description` for what it
/// owns, and `combine::all` for the policy.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto all(Range&& range,
                                                                                     Initiator&& initiator) {
  return detail::describe<T, Callback>(combine::all_with<E>, std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
