// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_WAIT_HPP
#define FANOUT_ALGORITHM_WAIT_HPP

#include <utility>

#include "fanout/completion/wait.hpp"

namespace fanout {

/// Starts a description on this thread, blocks until it is delivered, and returns its outcome. The branches may complete on any
/// other thread, or inside the initiators; not on this one later, which is blocked (it runs no event loop).
template <class Description>
[[nodiscard("the outcome of the operation")]] auto wait(Description description) {
  completion::waiter<typename Description::outcome_type> delivered;
  std::move(description).then(delivered.completion());
  return delivered.wait();
}

/// The same with a deadline, a time point of any clock. If it passes first, the outcome is errc::deadline (for `settle`, a
/// disturbance beside the branches' results), the branches are asked to stop, and the wait goes on until they have reported: so it
/// may overrun, as long as the slowest branch takes to stop. Completion wins over a deadline that comes after the last report.
template <class Description, class TimePoint>
[[nodiscard("the outcome of the operation")]] auto wait_until(Description description, const TimePoint& deadline) {
  completion::waiter<typename Description::outcome_type> delivered;
  std::move(description).then(delivered.completion_with_deadline());
  return delivered.wait_until(deadline);
}

}  // namespace fanout

#endif
