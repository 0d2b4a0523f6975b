// SPDX-License-Identifier: BSL-1.0
#include "fanout/cancel_hook.hpp"

#include <atomic>
#include <thread>
#include <type_traits>

#include "catch.hpp"

namespace {

struct call {
  int* calls;
  void operator()() const noexcept { ++*calls; }
};
using hook = fanout::cancel_hook<call>;

static_assert(!std::is_move_constructible_v<hook>);

TEST_CASE("an armed hook is called once, when stop is requested", "[cancel_hook]") {
  fanout::inplace_stop_source source;
  int calls = 0;
  hook h;
  h.arm(source.get_token(), call{&calls});
  CHECK(calls == 0);
  source.request_stop();
  CHECK(calls == 1);
  source.request_stop();
  CHECK(calls == 1);
  h.disarm();
}

TEST_CASE("a hook armed after the stop is called inside arm", "[cancel_hook]") {
  fanout::inplace_stop_source source;
  source.request_stop();
  int calls = 0;
  hook h;
  h.arm(source.get_token(), call{&calls});
  CHECK(calls == 1);
  h.disarm();
}

TEST_CASE("a hook is not called once it is disarmed", "[cancel_hook]") {
  fanout::inplace_stop_source source;
  int calls = 0;
  hook h;
  h.arm(source.get_token(), call{&calls});
  h.disarm();
  source.request_stop();
  CHECK(calls == 0);
}

TEST_CASE("what completed before the start returned is not armed", "[cancel_hook]") {
  fanout::inplace_stop_source source;
  int calls = 0;
  hook h;
  h.disarm();
  h.arm(source.get_token(), call{&calls});
  source.request_stop();
  CHECK(calls == 0);
}

struct disarm_inside {
  fanout::basic_cancel_hook<fanout::std_platform, disarm_inside>* hook;
  int* calls;
  void operator()() const noexcept {
    ++*calls;
    hook->disarm();
  }
};
using hook_that_completes = fanout::cancel_hook<disarm_inside>;

TEST_CASE("the call may complete inside the hook", "[cancel_hook]") {
  int calls = 0;
  {
    fanout::inplace_stop_source source;
    hook_that_completes h;
    h.arm(source.get_token(), {&h, &calls});
    source.request_stop();
    CHECK(calls == 1);
  }
  {
    fanout::inplace_stop_source source;
    source.request_stop();
    hook_that_completes h;
    h.arm(source.get_token(), {&h, &calls});
    CHECK(calls == 2);
  }
}

TEST_CASE("a hook is used again for the next call", "[cancel_hook]") {
  fanout::inplace_stop_source source;
  int calls = 0;
  hook h;
  h.arm(source.get_token(), call{&calls});
  h.disarm();
  h.reset();
  h.disarm();
  h.arm(source.get_token(), call{&calls});
  h.reset();
  h.arm(source.get_token(), call{&calls});
  source.request_stop();
  CHECK(calls == 1);
  h.disarm();
}

TEST_CASE("a completion waits for a hook that runs on another thread", "[cancel_hook]") {
  struct slow {
    std::atomic<int>* stage;
    void operator()() const noexcept {
      *stage = 1;
      stage->notify_all();
      // The completing thread may be in disarm by now, or not: in either case it leaves after this.
      for (int i = 0; i != 1000; ++i) std::this_thread::yield();
      *stage = 2;
    }
  };
  for (const bool inside_arm : {false, true}) {
    fanout::inplace_stop_source source;
    std::atomic<int> stage = 0;
    fanout::cancel_hook<slow> h;
    if (inside_arm) {
      source.request_stop();
    } else {
      h.arm(source.get_token(), {&stage});
    }
    std::thread other([&] {
      if (inside_arm) {
        h.arm(source.get_token(), {&stage});
      } else {
        source.request_stop();
      }
    });
    stage.wait(0);
    h.disarm();
    CHECK(stage == 2);
    other.join();
  }
}

}  // namespace
