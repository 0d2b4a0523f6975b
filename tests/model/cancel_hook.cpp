// SPDX-License-Identifier: BSL-1.0
// A cancel hook against everything that it must not meet: the start that has not returned, and the request after its completion.

#include "model/model.hpp"

#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/cancel_hook.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/stop_token.hpp"
#include "support/any_branch.hpp"

namespace {

using namespace model;

using source = fanout::basic_inplace_stop_source<platform>;
using token = fanout::basic_inplace_stop_token<platform>;

// What the API is given, and whoever completes ends.
struct request {
  cell<int> state{1};
  cell<int> cancelled{0};
  void cancel() {
    require(state == 1, "the hook was called when the call had completed");
    ++cancelled;
  }
  void end() { state = 0; }
};

// The three threads of the hook alone: one starts the call and arms, one completes, one requests stop. The hook may complete the
// call itself, on whichever thread it runs.
struct alone {
  struct cancel {
    alone* x;
    void operator()() noexcept {
      require(x->returned == 1, "the hook was called before the start had returned");
      x->call.cancel();
      if (x->may_take_over) x->complete();
    }
  };
  void complete() {
    if (claimed.exchange(1, std::memory_order_acq_rel) != 0) return;
    hook.disarm();
    call.end();
  }

  bool may_take_over = false;
  source stop;
  request call;
  cell<int> returned{0};
  explorer::atomic<int> claimed{0};
  explorer::event started;
  fanout::basic_cancel_hook<platform, cancel> hook;
};

void hook_alone(test& t, bool may_take_over) {
  auto& x = t.make<alone>();
  x.may_take_over = may_take_over;
  t.thread([&x] {
    x.started.set();
    x.returned = 1;
    x.hook.arm(x.stop.get_token(), alone::cancel{&x});
  });
  t.thread([&x] {
    x.started.wait();
    x.complete();
  });
  t.thread([&x] { x.stop.request_stop(); });
  t.finally([&x] { require(x.call.cancelled <= 1 && x.call.state == 0, "cancelled twice, or not completed"); });
}

// Nobody completes but the hook, which is called once a stop has been requested, whether the arming was before or after.
void hook_completes(test& t) {
  auto& x = t.make<alone>();
  x.may_take_over = true;
  t.thread([&x] {
    x.returned = 1;
    x.hook.arm(x.stop.get_token(), alone::cancel{&x});
  });
  t.thread([&x] { x.stop.request_stop(); });
  t.finally([&x] { require(x.call.cancelled == 1 && x.call.state == 0, "the hook was not called once"); });
}

// The whole: one branch of a description, and an operation that is freed meanwhile. The stop comes inside the start, so that the hook
// is called by the arming; or after it, on a thread of its own.
template <bool StopInside, bool MayTakeOver>
void in_an_operation(test& t) {
  struct scene {
    source outer;
    request call;
    cell<int> returned{0};
    cell<int> runs{0};
    explorer::atomic<int> claimed{0};
    explorer::event started;
    support::any_branch branch;
    void complete() {
      if (claimed.exchange(1, std::memory_order_acq_rel) != 0) return;
      call.end();
      branch.set_value(1);
    }
  };
  auto& x = t.make<scene>();
  auto start = [&x] {
    fanout::all<number>(std::array{0},
                        [&x](int, auto branch) {
                          x.branch = support::any_branch(std::move(branch));
                          x.started.set();
                          if constexpr (StopInside) x.outer.request_stop();
                          x.returned = 1;
                        })
        .cancel_with([&x](int) noexcept {
          require(x.returned == 1, "the hook was called before the start had returned");
          if constexpr (MayTakeOver) {
            x.complete();
          } else {
            ++x.call.cancelled;
          }
        })
        .template count_with<fanout::refcount::basic_atomic<platform>>()
        .allocate_with(bytes{})
        .stop_on(x.outer.get_token())
        .then([&x](auto outcome) noexcept {
          require(outcome && (*outcome)[0] == 1, "the branch's value was lost");
          ++x.runs;
          require(x.call.cancelled <= 1, "cancelled twice");
        });
  };
  if constexpr (StopInside) {
    t.thread(start);
  } else {
    start();
    t.thread([&x] { x.outer.request_stop(); });
  }
  t.thread([&x] {
    x.started.wait();
    x.complete();
  });
  t.finally([&x] { require(x.runs == 1, "the completion did not run exactly once"); });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  check("armed, completed and stopped on three threads", [](test& t) { hook_alone(t, false); }, 0, plain);
  check("the same, where the hook may complete", [](test& t) { hook_alone(t, true); }, 0, plain);
  check("stopped, and only the hook completes", hook_completes);
  check("in an operation, stopped inside the start", in_an_operation<true, false>, 0, plain);
  check("in an operation, stopped afterwards", in_an_operation<false, false>, 0, plain);
  check("in an operation, stopped inside the start, the hook may complete", in_an_operation<true, true>, 0, plain);
  check("in an operation, stopped afterwards, the hook may complete", in_an_operation<false, true>, 0, plain);
  return exit_code;
}
