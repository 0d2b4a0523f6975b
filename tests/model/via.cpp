// SPDX-License-Identifier: BSL-1.0
// The hop to an executor: whoever completes last posts, another thread pumps and frees everything at once, a third one
// asks for a stop meanwhile.

#include "model/model.hpp"

#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/executor.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/testing/manual_executor.hpp"

namespace {

using namespace model;

using loop = fanout::testing::basic_manual_executor<platform>;
using strategy = fanout::refcount::basic_atomic<platform>;
using outcome = fanout::result<fanout::values<number, platform>, fanout::failure<>>;
template <class Completion>
using op_of = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, Completion, strategy, bytes>;

// A handle that uses itself after it has queued the work, as one does that has a sleeping loop to wake.
class waking {
 public:
  waking(loop& to, explorer::event& posted) noexcept : to_(&to), posted_(&posted) {}
  waking(const waking& other) noexcept : to_(other.to_), posted_(other.posted_) {}
  void post(fanout::work& w) const noexcept {
    loop* const to = to_;
    to->post(w);
    explorer::event* const posted = posted_;
    posted->set();
  }
  bool operator==(const waking& other) const noexcept {
    loop* const mine = to_;
    loop* const others = other.to_;
    return mine == others;
  }

 private:
  cell<loop*> to_;
  cell<explorer::event*> posted_;
};

struct note_outcome {
  struct seen {
    cell<int> runs{0};  // a cell: two completions would race on it, or be counted
    bool succeeded = false;
    int sum = 0;
    std::error_code cause;
    const void* thread = nullptr;
  };
  seen* to;
  void operator()(outcome o) noexcept {
    ++to->runs;
    to->thread = platform::self();
    to->succeeded = o.has_value();
    if (o) {
      for (auto& value : *o) to->sum += value;
    } else {
      to->cause = o.error().cause;
    }
  }
};

// The executor lies in memory that the pumping thread frees as soon as it has run what it waited for.
struct pumped {
  loop* executor = make<loop>();
  explorer::event posted;
  const void* pump = nullptr;

  waking handle() { return waking(*executor, posted); }
  void run() {
    pump = platform::self();
    if (!executor->run_one()) {  // it need not wait until post has returned
      posted.wait();
      require(executor->run_one(), "nothing was posted");
    }
    unmake(executor);
  }
};

template <std::size_t N>
void completed_on_the_pump(test& t) {
  using op = op_of<fanout::completion::via<waking, note_outcome>>;
  struct state : pumped {
    note_outcome::seen seen;
    std::optional<typename op::branch> handles[N == 0 ? 1 : N];
    explorer::event go;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    auto issuer = *op::make(N, {}, {x.handle(), note_outcome{&x.seen}}, {});
    for (std::size_t i = 0; i != N; ++i) issuer.start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
    x.go.set();
  });
  for (std::size_t i = 0; i != N; ++i) t.thread([&x, i] { x.go.wait(), (*x.handles[i])({}, 1); });
  t.thread([&x] { x.run(); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.thread == x.pump, "the completion did not run on the executor");
    require(x.seen.succeeded && x.seen.sum == static_cast<int>(N), "a branch's value was lost");
  });
}

using source = fanout::basic_inplace_stop_source<platform>;
using token = fanout::basic_inplace_stop_token<platform>;
using stoppable = fanout::completion::stoppable<token, note_outcome>;
using stoppable_op = op_of<fanout::completion::via<waking, stoppable>>;

// Not local classes of the scenario: see stop.cpp.
struct stop_scene : pumped {
  struct take_over {
    stop_scene* x;
    void operator()() const noexcept {
      if (x->claimed.exchange(1, std::memory_order_acq_rel) == 0) x->handle_of_branch->set_stopped();
    }
  };
  source* outer = make<source>();
  explorer::atomic<int> claimed{0};
  std::optional<stoppable_op::branch> handle_of_branch;
  std::optional<fanout::basic_inplace_stop_callback<platform, take_over>> takes_over;
  explorer::event requested;
  note_outcome::seen seen;
};

// The last report, the pump and a stop request, which finds the branch out, asks in vain, or completes it on its own
// thread: then it posts from inside the request, and the pump joins the callback that is still running. The source goes
// when all is done.
void stop_against_the_hop(test& t, bool may_take_over) {
  auto& x = t.make<stop_scene>();
  const bool takes_over = may_take_over && t.choose(2) == 1;
  auto issuer = *stoppable_op::make(1, {}, {x.handle(), stoppable(x.outer->get_token(), note_outcome{&x.seen})}, {});
  issuer.start(0, [&x](auto branch) { x.handle_of_branch = std::move(branch); });
  std::move(issuer).seal();
  if (takes_over) x.takes_over.emplace(x.outer->get_token(), stop_scene::take_over{&x});
  t.thread([&x, takes_over] {
    if (takes_over && x.claimed.exchange(1, std::memory_order_acq_rel) != 0) return;
    x.handle_of_branch->set_value(1);
  });
  t.thread([&x] { x.outer->request_stop(), x.requested.set(); });
  t.thread([&x] {
    x.run();
    x.requested.wait();
    x.takes_over.reset();
    unmake(x.outer);
  });
  t.finally([&x, takes_over] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.thread == x.pump, "the completion did not run on the executor");
    if (x.seen.succeeded) {
      require(x.seen.sum == 1, "succeeded without the value");
    } else {
      require(takes_over && x.seen.cause == fanout::errc::stopped, "failed, but not because it was stopped");
    }
  });
}

// A thread that is woken from the executor, and frees the waiter at once.
void waiting_behind_the_hop(test& t) {
  using waiter = fanout::completion::waiter<outcome, platform>;
  using op = op_of<fanout::completion::via<waking, decltype(std::declval<waiter&>().completion())>>;
  struct state : pumped {
    std::optional<op::branch> handle_of_branch;
    explorer::event go;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    waiter* delivered = make<waiter>();
    {
      auto issuer = *op::make(1, {}, {x.handle(), delivered->completion()}, {});
      issuer.start(0, [&x](auto branch) { x.handle_of_branch = std::move(branch); });
      x.go.set();
    }
    {
      outcome o = delivered->wait();
      require(o && (*o)[0] == 1, "a branch's value was lost");
    }
    unmake(delivered);
  });
  t.thread([&x] { x.go.wait(), (*x.handle_of_branch)({}, 1); });
  t.thread([&x] { x.run(); });
}

// The executor alone: two threads post, two pump. Each work runs once and sees what its poster wrote.
struct watched : fanout::work {
  cell<int> written{0};
  cell<int> runs{0};
};
void two_post_and_two_pump(test& t) {
  struct state {
    loop executor;
    watched works[2];
    explorer::event posted[2];
  };
  auto& x = t.make<state>();
  for (std::size_t i = 0; i != 2; ++i) {
    t.thread([&x, i] {
      watched& w = x.works[i];
      w.run = [](fanout::work* self) noexcept {
        auto& me = *static_cast<watched*>(self);
        require(me.written == 1, "what the poster wrote is not to be seen");
        ++me.runs;
      };
      w.written = 1;
      x.executor.get_executor().post(w);
      x.posted[i].set();
    });
  }
  t.thread([&x] { x.executor.run_one(); });
  t.thread([&x] {
    x.posted[0].wait();
    x.posted[1].wait();
    x.executor.run_all();
  });
  t.finally([&x] {
    for (watched& w : x.works) require(w.runs == 1, "a work did not run exactly once");
    require(x.executor.pending() == 0, "works that have run are pending");
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  check("the executor alone: two post, two pump", two_post_and_two_pump);
  check("no branches: the seal posts", completed_on_the_pump<0>);
  check("one branch against the seal, the pump frees at once", completed_on_the_pump<1>);
  check("a thread waits behind the hop", waiting_behind_the_hop, 0, plain);
  check("stop against the last report and the hop", [](test& t) { stop_against_the_hop(t, false); }, 0, plain);
  if (full_depth()) {
    check("two branches against the seal, the pump frees at once", completed_on_the_pump<2>);
    check(
        "the same, where the stop request may be the last report", [](test& t) { stop_against_the_hop(t, true); }, 0,
        plain);
  }
  return exit_code;
}
