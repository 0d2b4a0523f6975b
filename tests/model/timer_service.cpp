// SPDX-License-Identifier: BSL-1.0 A timer service's thread: woken for what comes first, never late for ever, and the
// last access made before it is gone.

#include "model/model.hpp"

#include <chrono>

#include "fanout/timer/loop.hpp"

namespace {

using namespace model;
using namespace std::chrono_literals;

using loop = fanout::timer::basic_loop<platform>;
using time_point = loop::time_point;

static_assert(fanout::timer::timer_service<loop>);

struct counted : loop::entry {
  counted()
      : loop::entry([](loop::entry& e) noexcept {
          auto& self = static_cast<counted&>(e);
          require(loop::now() >= time_point(self.due), "called before its time");
          ++self.called;
        }) {}
  void arm(loop& l, time_point t) {
    due = t;
    l.arm(*this, t);
  }
  cell<time_point> due = time_point{};
  cell<int> called = 0;
};

// Cancelling against the clock.
void cancel_against_the_call(test& t) {
  struct state {
    loop deadlines;
    counted e;
    cell<bool> cancelled = false;
  };
  auto& x = t.make<state>();
  t.thread([&x] { x.deadlines.run(); });
  t.thread([&x] {
    x.e.arm(x.deadlines, time_point(1s));
    x.cancelled = x.deadlines.cancel(x.e);
    x.deadlines.finish();
  });
  t.finally([&x] { require(x.e.called == (x.cancelled ? 0 : 1), "called although cancelled, or neither"); });
}

// An entry that only the service can make happen: a lost wake-up is a deadlock.
template <bool LaterFirst>
void no_wake_up_is_lost(test& t) {
  struct state {
    loop deadlines;
    counted later;
    explorer::event called;
    struct first : loop::entry {
      explicit first(state& shared)
          : loop::entry([](loop::entry& e) noexcept { static_cast<first&>(e).x.called.set(); }), x(shared) {}
      state& x;
    } earlier{*this};
  };
  auto& x = t.make<state>();
  t.thread([&x] { x.deadlines.run(); });
  t.thread([&x] {
    // While the thread sleeps until the later one, or before it has looked at all.
    if (LaterFirst) x.later.arm(x.deadlines, time_point::max());
    x.deadlines.arm(x.earlier, time_point(1s));
    x.called.wait();
    if (LaterFirst) require(x.deadlines.cancel(x.later), "the end of time was reached");
    x.deadlines.finish();
  });
}

// The first deadline is cancelled; the thread, which sleeps until then, must still be there for the one that is armed
// after it.
void cancel_does_not_wake(test& t) {
  struct state {
    loop deadlines;
    counted first, second;
    cell<bool> cancelled = false;
    explorer::event called;
    struct last : loop::entry {
      explicit last(state& shared)
          : loop::entry([](loop::entry& e) noexcept { static_cast<last&>(e).x.called.set(); }), x(shared) {}
      state& x;
    } third{*this};
  };
  auto& x = t.make<state>();
  t.thread([&x] { x.deadlines.run(); });
  t.thread([&x] {
    x.first.arm(x.deadlines, time_point(1s));
    x.cancelled = x.deadlines.cancel(x.first);
    x.deadlines.arm(x.third, time_point(2s));
    x.called.wait();
    x.deadlines.finish();
  });
  t.finally([&x] { require(x.first.called == (x.cancelled ? 0 : 1), "called although cancelled, or neither"); });
}

// The owner waits for a call, as for an operation with a deadline, and destroys the service at once, while the thread
// that armed the entry may still be inside arm.
void destroyed_after_the_call(test& t) {
  struct state {
    loop* deadlines = make<loop>();
    explorer::event called, left;
    struct last : loop::entry {
      explicit last(state& shared)
          : loop::entry([](loop::entry& e) noexcept { static_cast<last&>(e).x.called.set(); }), x(shared) {}
      state& x;
    } entry{*this};
  };
  auto& x = t.make<state>();
  t.thread([&x] { x.deadlines->run(), x.left.set(); });
  t.thread([&x] { x.deadlines->arm(x.entry, time_point(1s)); });
  t.thread([&x] {
    x.called.wait();
    x.deadlines->finish();
    x.left.wait();
    unmake(x.deadlines);
  });
}

}  // namespace

int main() {
  check("cancel against the call", cancel_against_the_call);
  check("armed while the thread sleeps or looks: called", no_wake_up_is_lost<false>);
  check("armed before what the thread sleeps until: called", no_wake_up_is_lost<true>);
  check("a cancel does not wake, and nothing is lost by it", cancel_does_not_wake);
  check("destroyed as soon as the call is seen", destroyed_after_the_call);
  return exit_code;
}
