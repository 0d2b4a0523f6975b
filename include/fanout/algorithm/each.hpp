// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_EACH_HPP
#define FANOUT_ALGORITHM_EACH_HPP

#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/each.hpp"

namespace fanout {

/// Starts one branch per element, each completing with a T, and gives every result to `sink(index, fanout::result<T, E>)` as it
/// arrives, one call at a time. The outcome's value is the tally. With `.window(W)`, at most W are in flight, the range is read as
/// there is room, and memory is that of W branches.
///
///     fanout::each<report>(hosts, scan, [&](std::size_t i, auto r) { print(hosts[i], r); }).window(64).then(done);
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator, class Sink>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto each(Range&& range,
                                                                                      Initiator&& initiator,
                                                                                      Sink sink) {
  return detail::describe<T, Callback>(combine::each<E>(std::move(sink)), std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
