// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_AT_MOST_ERRORS_HPP
#define FANOUT_ALGORITHM_AT_MOST_ERRORS_HPP

#include <cstddef>
#include <system_error>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/quorum.hpp"

namespace fanout {

/// Every report, unless more than `n` branches fail: an error budget. Waits for all; the branch that exceeds it decides, and the
/// others are asked to stop. The outcome is `result<reports<T, E>, reported_failure<T, E>>`.
///
///     fanout::at_most_errors<page>(3, urls, fetch).window(16).then([](auto outcome) noexcept { … });
///
/// See `description` for what it owns, and `combine::at_most_errors` for the policy.
template <class T, class Callback = handler, class E = std::error_code, class Range, class Initiator>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto at_most_errors(std::size_t n,
                                                                                                Range&& range,
                                                                                                Initiator&& initiator) {
  return detail::describe<T, Callback>(combine::at_most_errors<E>(n), std::forward<Range>(range),
                                       std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
