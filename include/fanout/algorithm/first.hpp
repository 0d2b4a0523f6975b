// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_FIRST_HPP
#define FANOUT_ALGORITHM_FIRST_HPP

#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/first.hpp"

namespace fanout {

/// The first branch that reports, whatever it reports; the others are asked to stop. A branch that gave up because it was asked to has
/// not reported anything. The outcome is `result<winner<T>, reported_failure<T, E>>`: the value and whose it is, or the error; without
/// elements, errc::no_candidates. For the first that succeeds, see `first_success`.
///
///     fanout::first<event>(sources, next_event).then([](auto outcome) noexcept { … });
///
/// See `description` for what it owns, and `combine::first` for the policy.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto first(Range&& range,
                                                                                       Initiator&& initiator) {
  return detail::describe<T, Callback>(combine::first_with<E>, std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
