// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_FUTURE_HPP
#define FANOUT_ALGORITHM_FUTURE_HPP

#include <utility>

#include "fanout/completion/future.hpp"

namespace fanout {

/// Starts a description on this thread and returns a `std::future` of its outcome, a `fanout::result`. The future
/// becomes ready when every branch has reported; it may be so on return. `get()` does not throw: whatever goes wrong
/// once this function has begun to start branches is in the outcome, also a want of memory for the operation.
///
/// Unlike std::async's, the future's destructor does not wait; dropping it does not stop the branches either
/// (`.stop_on(token)` does). Throws std::bad_alloc if there is no memory for the future itself; nothing has been
/// started then.
template <class Description>
[[nodiscard("the outcome of the operation")]] auto async(Description description) {
  completion::promise<typename Description::outcome_type> promise;
  auto future = promise.get_future();
  std::move(description).then(std::move(promise));
  return future;
}

/// The same, but `get()` returns the outcome's value, and throws what went wrong: the exception behind the failure, or
/// a `std::system_error` with its cause. See `completion::value_promise`. Needs exceptions.
template <class Description>
[[nodiscard("the outcome of the operation")]] auto async_value(Description description) {
  completion::value_promise<typename Description::outcome_type> promise;
  auto future = promise.get_future();
  std::move(description).then(std::move(promise));
  return future;
}

}  // namespace fanout

#endif
