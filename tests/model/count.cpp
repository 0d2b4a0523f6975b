// SPDX-License-Identifier: BSL-1.0
// N + 1: every way in which branches may complete, against an issuer that may wander between threads.

#include "model/model.hpp"

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;

struct outcome_seen {
  int runs = 0;
  bool succeeded = false;
  int sum = 0;
  std::size_t failed_at = 0;
  std::error_code cause;
};

// Reads everything that the branches wrote, frees the operation, and notes what it saw.
struct note_outcome {
  outcome_seen* seen;
  template <class Outcome>
  void operator()(Outcome outcome) noexcept {
    ++seen->runs;
    seen->succeeded = outcome.has_value();
    if (outcome) {
      for (auto& value : *outcome) seen->sum += value;
    } else {
      seen->failed_at = outcome.error().index;
      seen->cause = outcome.error().cause;
    }
  }
};

using op = fanout::fanout_op<fanout::errno_callback, fanout::combine::all_policy<number>, note_outcome,
                             fanout::refcount::basic_atomic<platform>, bytes>;

enum way {
  by_handle,      // inside start, through the handle
  by_return,      // inside start, by the C initiator's return value
  elsewhere,      // on another thread, any time after it was started
  before_return,  // on another thread, and over before start returns
  later,       // by the issuing thread, after its last start and outside of any; perhaps after the issuer has left it
  in_another,  // inside start, but inside the start of another operation that is nested in it
  dropped,     // inside start, by dropping the handle
  dropped_elsewhere,
  ways
};

constexpr int value_of(std::size_t branch) { return static_cast<int>(branch) + 1; }

constexpr std::size_t most = 5;  // the largest N, and one for N = 0

// Thread 0 starts branches [0, hand_over), then the issuer moves to a second thread, which starts the rest and seals.
template <std::size_t N>
void every_way(test& t, int from, int to, bool moves, bool ordered_hand_over = true) {
  struct state {
    way how[most];
    bool ran[most] = {};  // its initiator; not if a dropped branch before it had the others asked to stop
    std::size_t hand_over;
    explorer::event go[most], over[most], moved;
    std::optional<op::branch> handles[most];
    std::optional<op::issuer> issuer;
    outcome_seen seen;

    void finish(std::size_t i) {
      if (!ran[i]) return;
      if (how[i] == dropped_elsewhere) {
        handles[i].reset();
      } else {
        (*handles[i])(0, value_of(i));
      }
    }
    void start(std::size_t i) {
      if (how[i] == by_return) {
        return issuer->start_c(i, [i](number* out, auto, void*) { return *out = value_of(i), 0; });
      }
      issuer->start(i, [this, i](op::branch branch) {
        ran[i] = true;
        switch (how[i]) {
          case by_handle:
            branch(0, value_of(i));
            break;
          case elsewhere:
          case dropped_elsewhere:
            handles[i] = std::move(branch);
            go[i].set();
            break;
          case before_return:
            handles[i] = std::move(branch);
            go[i].set();
            over[i].wait();
            break;
          case later:
            handles[i] = std::move(branch);
            break;
          case in_another: {
            const int another = 0;
            const void* const outer = std::exchange(platform::extent(), &another);
            branch(0, value_of(i));
            platform::extent() = outer;
            break;
          }
          default:
            break;  // dropped
        }
      });
      if (!ran[i]) go[i].set();
    }
    void start_some(std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) start(i);
    }
    void finish_later_ones(std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i)
        if (how[i] == later) finish(i);
    }
  };
  auto& x = t.make<state>();
  int remote = 0, failing = 0;
  for (std::size_t i = 0; i != N; ++i) {
    x.how[i] = static_cast<way>(from + t.choose(to - from));
    remote += x.how[i] != by_handle && x.how[i] != by_return && x.how[i] != dropped;
    failing += x.how[i] == dropped || x.how[i] == dropped_elsewhere;
  }
  x.hand_over = moves ? static_cast<std::size_t>(t.choose(N + 1)) : N + 1;

  t.thread([&x] {
    auto made = op::make(N, {}, note_outcome{&x.seen}, {});
    x.issuer.emplace(*std::move(made));
    if (x.hand_over > N) {
      x.start_some(0, N);
      x.finish_later_ones(0, N);
      std::move(*x.issuer).seal();
    } else {
      x.start_some(0, x.hand_over);
      x.moved.set();
      x.finish_later_ones(0, x.hand_over);
    }
  });
  if (x.hand_over <= N) {
    t.thread([&x, ordered_hand_over] {
      x.moved.wait(ordered_hand_over);
      x.start_some(x.hand_over, N);
      x.finish_later_ones(x.hand_over, N);
      std::move(*x.issuer).seal();
    });
  }
  for (std::size_t i = 0; i != N; ++i) {
    if (x.how[i] == elsewhere || x.how[i] == before_return || x.how[i] == dropped_elsewhere) {
      t.thread([&x, i] {
        x.go[i].wait();
        x.finish(i);
        if (x.how[i] == before_return) x.over[i].set();
      });
    }
  }
  t.finally([&x, remote, failing] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.succeeded == (failing == 0), "success and failure were mixed up");
    if (failing == 0) {
      require(x.seen.sum == N * (N + 1) / 2, "a branch's value was lost");
      // The price that the documentation names, in every execution.
      require(explorer::rmws() == static_cast<std::uint64_t>(remote == 0 ? 0 : remote + 1),
              "not one read-modify-write per remote branch and one for the seal");
    } else {
      require(x.seen.cause == fanout::errc::abandoned, "the cause is not the dropped branch");
      const way how = x.how[x.seen.failed_at];
      require(how == dropped || how == dropped_elsewhere, "the failure names another branch");
    }
  });
}

// All remote, nothing else: as many executions as there are orders of N + 1 releases.
template <std::size_t N>
void all_remote(test& t) {
  struct state {
    std::optional<op::issuer> issuer;
    std::optional<op::branch> handles[N];
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  auto made = op::make(N, {}, note_outcome{&x.seen}, {});
  x.issuer.emplace(*std::move(made));
  for (std::size_t i = 0; i != N; ++i)
    x.issuer->start(i, [&x, i](op::branch branch) { x.handles[i] = std::move(branch); });
  for (std::size_t i = 0; i != N; ++i) t.thread([&x, i] { (*x.handles[i])(0, 1); });
  t.thread([&x] { std::move(*x.issuer).seal(); });
  t.finally([&x] { require(x.seen.runs == 1 && x.seen.sum == N, "the completion did not run once with every value"); });
}

// The point of the seed: the issuing code uses the operation after the last remote completion, until it seals.
template <std::size_t N>
void used_until_the_seal(test& t) {
  struct state {
    std::optional<op::branch> handles[N];
    explorer::event started;
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    auto made = op::make(N, {}, note_outcome{&x.seen}, {});
    op::issuer issuer(*std::move(made));
    for (std::size_t i = 0; i != N; ++i)
      issuer.start(i, [&x, i](op::branch branch) { x.handles[i] = std::move(branch); });
    x.started.set();
    require(!issuer.stop_requested(), "nobody asked to stop");  // reads the operation
    require(x.seen.runs == 0, "completed out from underneath the issuing code");
    issuer.completion().seen = &x.seen;  // writes it
  });
  for (std::size_t i = 0; i != N; ++i) t.thread([&x, i] { x.started.wait(), (*x.handles[i])(0, 1); });
  t.finally([&x] { require(x.seen.runs == 1 && x.seen.sum == N, "the completion did not run once with every value"); });
}

}  // namespace

int main() {
  const bool full = full_depth();
  check("N = 0", [](test& t) { every_way<0>(t, 0, ways, true); });
  check("N = 1, every way, the issuer moves", [](test& t) { every_way<1>(t, 0, ways, true); });
  check("N = 2, every way, the issuer stays", [](test& t) { every_way<2>(t, 0, ways, false); });
  check("N = 2, without drops, the issuer moves", [](test& t) { every_way<2>(t, 0, dropped, true); });
  check("N = 3, without drops, the issuer stays", [](test& t) { every_way<3>(t, 0, dropped, false); });
  check("N = 2, drops against values", [](test& t) { every_way<2>(t, later, ways, true); });
  if (full) {
    check("N = 3, without drops, the issuer moves", [](test& t) { every_way<3>(t, 0, dropped, true); });
    check("N = 4, without drops, the issuer stays", [](test& t) { every_way<4>(t, 0, dropped, false); });
  }
  check("used until the seal, N = 1", used_until_the_seal<1>);
  check("used until the seal, N = 2", used_until_the_seal<2>);
  check("all remote, N = 1: (N + 1)! executions", all_remote<1>, 2);
  check("all remote, N = 2: (N + 1)! executions", all_remote<2>, 6);
  check("all remote, N = 3: (N + 1)! executions", all_remote<3>, 24);
  check("all remote, N = 4: (N + 1)! executions", all_remote<4>, 120);
  if (full) check("all remote, N = 5: (N + 1)! executions", all_remote<5>, 720);
  check_red(
      "the issuing right is handed on without release/acquire",
      [](test& t) { every_way<2>(t, 0, dropped, true, false); }, "data race");
  return exit_code;
}
