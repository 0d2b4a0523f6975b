// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TIMER_DEFAULT_SERVICE_HPP
#define FANOUT_TIMER_DEFAULT_SERVICE_HPP

#include <cstddef>
#include <new>

#include "fanout/timer.hpp"
#include "fanout/timer/service.hpp"

namespace fanout::timer {

/// The program's timer service, for `.deadline(200ms)` and the like where there is no event loop. Its thread is started
/// by the first call. It is never destroyed, so that whatever has static storage may use it, in its destructor too; its
/// thread ends with the process. An entry that falls due while statics are being destroyed is still called then: cancel
/// what must not be.
///
/// Thread safety: any thread. Errors: throws std::system_error if the thread cannot be started; the next call tries
/// again. Call it early where that matters: afterwards it cannot fail. Do not unload code that has called it, and do
/// not expect the thread in a forked child.
inline service& default_service() {
  alignas(service) static std::byte storage[sizeof(service)];
  static service* const only = ::new (static_cast<void*>(storage)) service;
  return *only;
}

}  // namespace fanout::timer

namespace fanout::detail {

template <class Dependent>
struct default_timer {
  using type = timer::service;
  static type& get() { return timer::default_service(); }
};

}  // namespace fanout::detail

#endif
