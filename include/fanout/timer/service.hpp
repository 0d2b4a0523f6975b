// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TIMER_SERVICE_HPP
#define FANOUT_TIMER_SERVICE_HPP

#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif

#include "fanout/detail/assert.hpp"
#include "fanout/timer.hpp"
#include "fanout/timer/loop.hpp"

namespace fanout::timer {

namespace detail {

// While it lives, a thread that is started inherits a mask that leaves the process's signals to the program's own
// threads. Those that a thread causes itself, and a profiler's, stay as they are.
class signals_left_to_others {
 public:
#if defined(__unix__) || defined(__APPLE__)
  signals_left_to_others() noexcept {
    sigset_t most;
    sigfillset(&most);
    for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) sigdelset(&most, own);
    pthread_sigmask(SIG_BLOCK, &most, &before_);
  }
  ~signals_left_to_others() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  signals_left_to_others(const signals_left_to_others&) = delete;
  signals_left_to_others& operator=(const signals_left_to_others&) = delete;

 private:
  sigset_t before_;
#else
  signals_left_to_others() noexcept {}
#endif
};

}  // namespace detail

/// A timer service with a thread of its own, by the steady clock.
///
///     fanout::timer::service timer;
///
/// The service's thread is that one; order and lateness are those of `timer::loop`. It handles no signals that are sent
/// to the process.
///
/// Thread safety: `now`, `arm` and `cancel` from any thread. Lifetime: the destructor joins the thread, so it must not
/// run on it; what is due is called before. **No entry may be armed then**: an operation that is still to be told of
/// its deadline will also want to cancel it, and calling it early would not keep it from coming back to a service that
/// is gone. So the destructor ends the program, with a sentence, in any build. Errors: the constructor throws
/// std::system_error if there is no thread to be had; nothing after it can fail.
class service {
 public:
  using clock = loop::clock;
  using duration = loop::duration;
  using time_point = loop::time_point;
  using entry = loop::entry;

  service() : thread_(start(loop_)) {}
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  ~service() {
    if (std::this_thread::get_id() == thread_.get_id())
      fanout::detail::fatal("a timer service was destroyed on its own thread, which it would have to join");
    loop_.finish();
    thread_.join();
  }

  static time_point now() noexcept { return loop::now(); }

  /// See `timer_service`.
  void arm(entry& e, time_point t) noexcept { loop_.arm(e, t); }
  bool cancel(entry& e) noexcept { return loop_.cancel(e); }

 private:
  static std::thread start(loop& served) {
    const detail::signals_left_to_others mask;
    return std::thread([&served] { served.run(); });
  }

  loop loop_;
  std::thread thread_;
};

static_assert(timer_service<service>);

}  // namespace fanout::timer

#endif
