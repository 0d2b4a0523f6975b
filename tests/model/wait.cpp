// SPDX-License-Identifier: BSL-1.0
// A blocked thread that destroys everything the moment it is woken, with and without a deadline.

#include "model/model.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/embedded.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;

using strategy = fanout::refcount::basic_atomic<platform>;
using outcome = fanout::result<fanout::values<number, platform>, fanout::failure<>>;
using waiter = fanout::completion::waiter<outcome, platform>;
using to_waiter = decltype(std::declval<waiter&>().completion());
using to_waiter_until = decltype(std::declval<waiter&>().completion_with_deadline());

// The waiter and the operation lie in memory that the waiting thread frees as soon as wait() has returned, as a stack would.
template <std::size_t N>
void waiter_destroys_at_once(test& t) {
  using embedded =
      fanout::embedded<number, N, fanout::combine::all_t<std::error_code>, to_waiter, fanout::handler, strategy>;
  struct frame {
    waiter delivered;
    embedded op{fanout::combine::all, delivered.completion()};
  };
  struct state {
    std::optional<typename embedded::operation::branch> handles[N];
    explorer::event go;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    frame* f = make<frame>();
    {
      auto issuer = f->op.issue(N);
      for (std::size_t i = 0; i != N; ++i) issuer.start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
      x.go.set();
    }
    {
      outcome o = f->delivered.wait();
      int sum = 0;
      for (auto& value : *o) sum += value;
      require(sum == static_cast<int>(N), "a branch's value was lost");
    }
    unmake(f);
  });
  for (std::size_t i = 0; i != N; ++i) t.thread([&x, i] { x.go.wait(), (*x.handles[i])({}, 1); });
}

// Another thread than the waiting one issues and seals.
void sealed_elsewhere(test& t) {
  using op = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, to_waiter, strategy, bytes>;
  struct state {
    waiter* delivered = make<waiter>();
    std::optional<op::issuer> issuer;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(*op::make(1, {}, x.delivered->completion(), {}));
  t.thread([&x] {
    {
      outcome o = x.delivered->wait();
      require(o && o->size() == 1 && (*o)[0] == 1, "a branch's value was lost");
    }
    unmake(x.delivered);
  });
  t.thread([&x] {
    x.issuer->start(0, [](auto branch) { branch({}, 1); });
    std::move(*x.issuer).seal();
  });
}

// The same with a deadline: everything completes inline, on a thread that knows nothing of the waiter's clock.
void deadline_sealed_elsewhere(test& t) {
  using op = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, to_waiter_until, strategy, bytes>;
  struct state {
    waiter* delivered = make<waiter>();
    std::optional<op::issuer> issuer;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(*op::make(1, {}, x.delivered->completion_with_deadline(), {}));
  t.thread([&x] {
    {
      outcome o = x.delivered->wait_until(explorer::clock::time_point(std::chrono::seconds(1)));
      const bool expected = o ? o->size() == 1 && (*o)[0] == 1
                              : o.error().cause == fanout::errc::deadline || o.error().cause == fanout::errc::stopped;
      require(expected, "neither the value nor the deadline");
    }
    unmake(x.delivered);
  });
  t.thread([&x] {
    x.issuer->start(0, [](auto branch) { branch({}, 1); });
    std::move(*x.issuer).seal();
  });
}

// The deadline against the last completion: the outcome is one of the two, whole, and everything is freed at once.
template <std::size_t N, bool Fails = false>
void deadline_against_completion(test& t) {
  using op = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, to_waiter_until, strategy, bytes>;
  struct state {
    std::optional<typename op::branch> handles[N];
    explorer::event go;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    waiter* delivered = make<waiter>();
    {
      auto issuer = *op::make(N, {}, delivered->completion_with_deadline(), {});
      for (std::size_t i = 0; i != N; ++i) issuer.start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
      x.go.set();
    }
    {
      outcome o = delivered->wait_until(explorer::clock::time_point(std::chrono::seconds(1)));
      if (o) {
        require(!Fails && o->size() == N && (*o)[0] == 1, "a branch's value was lost");
      } else if (o.error().cause != fanout::errc::deadline) {
        require(Fails && o.error().cause == std::errc::io_error && o.error().index == 0,
                "neither the deadline nor the error");
      }
    }
    unmake(delivered);
  });
  for (std::size_t i = 0; i != N; ++i) {
    t.thread([&x, i] {
      x.go.wait();
      if (Fails) {
        x.handles[i]->set_error(std::make_error_code(std::errc::io_error));
      } else {
        (*x.handles[i])({}, 1);
      }
    });
  }
}

// A completion that waits for an operation whose branch is completed by a completion queued behind it on the same thread.
void waiting_inside_a_completion(test& t) {
  using waits_for = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, to_waiter, strategy, bytes>;
  struct complete_inner {
    std::optional<typename waits_for::branch>* inner;
    void operator()(outcome) noexcept { (**inner)({}, 1); }
  };
  struct wait_inside {
    std::optional<typename waits_for::branch>* inner;
    int* sum;
    void operator()(outcome) noexcept {
      using queued =
          fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, complete_inner, strategy, bytes>;
      waiter delivered;
      {
        auto issuer = *waits_for::make(1, {}, delivered.completion(), {});
        issuer.start(0, [this](auto branch) { *inner = std::move(branch); });
        auto behind = *queued::make(0, {}, complete_inner{inner}, {});  // its completion is queued behind this one
      }
      *sum = (*delivered.wait())[0];
    }
  };
  using outer = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, wait_inside, strategy, bytes>;
  struct state {
    std::optional<typename waits_for::branch> inner;
    int sum = 0;
  };
  auto& x = t.make<state>();
  t.thread([&x] { auto issuer = *outer::make(0, {}, wait_inside{&x.inner, &x.sum}, {}); });
  t.finally([&x] { require(x.sum == 1, "the inner operation was not delivered"); });
}

}  // namespace

int main() {
  check("the waiter destroys at once, N = 1", waiter_destroys_at_once<1>);
  check("the waiter destroys at once, N = 2", waiter_destroys_at_once<2>);
  check("another thread seals", sealed_elsewhere);
  check("deadline against completion, N = 1", deadline_against_completion<1>, 0,
        {.spurious = 0, .stale_failures = false});
  check("deadline, another thread seals", deadline_sealed_elsewhere, 0, {.spurious = 0, .stale_failures = false});
  check("deadline against an error, N = 1", deadline_against_completion<1, true>, 0,
        {.spurious = 0, .stale_failures = false});
  check("waiting inside a completion", waiting_inside_a_completion);
  if (full_depth()) {
    check("the waiter destroys at once, N = 3", waiter_destroys_at_once<3>);
    check("the waiter destroys at once, N = 1, spurious wake-ups", waiter_destroys_at_once<1>, 0,
          {.spurious_wakeups = 1});
    check("deadline against completion, N = 2", deadline_against_completion<2>, 0,
          {.spurious = 0, .stale_failures = false});
  }
  return exit_code;
}
