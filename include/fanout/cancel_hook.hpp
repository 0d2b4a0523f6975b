// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_CANCEL_HOOK_HPP
#define FANOUT_CANCEL_HOOK_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/stop_token.hpp"

namespace fanout {

/// Calls the cancel function of an API that knows no stop tokens: `F`, once stop is requested. A stop callback would do, but for
/// two things that such APIs cannot bear: being cancelled before they have been started, and being registered by one thread while
/// another one reports that the call has completed. One object for one call of the API:
///
///     start(request);                                       // may complete at once, on any thread
///     hook.arm(token, [&request] { cancel(request); });     // then, on the thread that has called it
///     …
///     hook.disarm();                                        // whoever completes, before anybody is told
///
/// `F` is called at most once; never before `arm`, thus never before the start has returned; and when `disarm` returns it is not
/// running on any other thread and will not be called. It runs on the thread that requests stop, or inside `arm` if stop had been
/// requested before. If the call completes inside `F`, on the same thread, `disarm` does not wait; otherwise it waits for an `F`
/// that is running, and an `F` that waits in turn for the completing thread waits for ever: as with a stop callback.
///
/// `arm` and `disarm` may race; each is called once, and `disarm` may come first: then nothing is armed. The object and the stop
/// source outlive both calls. Cost: two read-modify-writes and those of a stop callback; none of that callback's if the call
/// completed before `arm`. Nothing allocates.
template <class Platform, class F>
class basic_cancel_hook {
  static_assert(std::is_nothrow_invocable_v<F&>,
                "fanout: a cancel hook must be noexcept: it runs inside request_stop, where nobody could catch");
  static_assert(std::is_nothrow_move_constructible_v<F>,
                "fanout: a cancel hook is moved while another thread may wait for it, so moving it must not throw");

 public:
  using stop_token_type = basic_inplace_stop_token<Platform>;

  basic_cancel_hook() noexcept {}
  basic_cancel_hook(const basic_cancel_hook&) = delete;
  basic_cancel_hook& operator=(const basic_cancel_hook&) = delete;
  ~basic_cancel_hook() {}

  /// On the thread that called the API, once that call has returned.
  void arm(stop_token_type token, F f) noexcept {
    armer_ = Platform::self();
    std::uint32_t seen = starting;
    // release: the armer, for a disarm that finds it at work. relaxed: completed already, and nothing more is done.
    if (!state_.compare_exchange_strong(seen, arming, std::memory_order_release, std::memory_order_relaxed)) return;
    ::new (static_cast<void*>(&callback_)) callback(token, std::move(f));  // may call it
    // release: the callback, for the disarm that ends it
    seen = state_.exchange(armed, std::memory_order_release);
    if (seen == awaited) state_.notify_one();
    if (seen == over) end();  // completed inside the function, above
  }

  /// On the thread that completes, before it passes the completion on.
  void disarm() noexcept {
    std::uint32_t seen = state_.load(std::memory_order_acquire);  // acquire, here and below: the armer, or the callback
    for (;;) {
      if (seen == starting) {  // nothing is to be armed any more
        // no release: who finds it over does nothing
        if (state_.compare_exchange_strong(seen, over, std::memory_order_acquire)) return;
      } else if (seen == armed) {  // it is this thread's to end
        return end();
      } else if (seen == arming &&
                 armer_ == Platform::self()) {          // inside the function, inside arm, which ends the callback
        state_.store(over, std::memory_order_relaxed);  // relaxed: this thread's arm reads it
        return;
      } else if (seen == arming) {  // the other thread is about to be done with it, or is in the function
        if (state_.compare_exchange_strong(seen, awaited, std::memory_order_acquire)) seen = awaited;
      } else {  // awaited: by this thread
        state_.wait(awaited, std::memory_order_acquire);
        seen = state_.load(std::memory_order_acquire);
      }
    }
  }

  /// For another call of the API. pre: armed and disarmed, and both have returned
  void reset() noexcept { state_.store(starting, std::memory_order_relaxed); }  // relaxed: nobody else knows of it yet

 private:
  using callback = basic_inplace_stop_callback<Platform, F>;

  void end() noexcept { std::destroy_at(&callback_); }  // joins

  static constexpr std::uint32_t starting = 0;  // the call may not have returned
  static constexpr std::uint32_t arming = 1;    // `armer_` is making the callback, which may run
  static constexpr std::uint32_t awaited = 2;   // the same, and the completing thread waits for the end of it
  static constexpr std::uint32_t armed = 3;     // the callback exists until disarm ends it
  static constexpr std::uint32_t over = 4;      // completed before there was a callback, or inside it

  typename Platform::template atomic<std::uint32_t> state_{starting};
  typename Platform::template cell<const void*> armer_{nullptr};  // written before `arming`
  union {
    callback callback_;
  };
};

template <class F>
using cancel_hook = basic_cancel_hook<std_platform, F>;

}  // namespace fanout

#endif
