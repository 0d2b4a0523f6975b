// SPDX-License-Identifier: BSL-1.0
// An outer stop request against everything else: the first start, a running branch, the last completion, the seal.

#include "model/model.hpp"

#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;

struct outcome_seen {
  cell<int> runs{0};  // a cell: two completions would race on it, or be counted
  bool succeeded = false;
  int sum = 0;
  std::error_code cause;
};

struct note_outcome {
  outcome_seen* seen;
  template <class Outcome>
  void operator()(Outcome outcome) noexcept {
    ++seen->runs;
    seen->succeeded = outcome.has_value();
    if (outcome) {
      for (auto& value : *outcome) seen->sum += value;
    } else {
      seen->cause = outcome.error().cause;
    }
  }
};

using source = fanout::basic_inplace_stop_source<platform>;
using token = fanout::basic_inplace_stop_token<platform>;
using completion = fanout::completion::stoppable<token, note_outcome>;
using op = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, completion,
                             fanout::refcount::basic_atomic<platform>, bytes>;

// Branches complete inline; on another thread; on another thread that listens to the operation's own token meanwhile; or they
// are taken over by a callback on the outer source, which completes them on the requesting thread, in the middle of the request.
enum way { by_handle, elsewhere, taken_over, listening };

// Not local classes of the scenario: clang lays out a local class wrongly that was declared before it is defined.
template <std::size_t N>
struct scene {
  struct take_over {
    scene* x;
    std::size_t i;
    void operator()() const noexcept {
      if (x->claimed[i].exchange(1, std::memory_order_acq_rel) == 0) x->handles[i]->set_stopped();
    }
  };
  source outer;
  way how[N];
  bool ran[N] = {};
  explorer::event go[N];
  std::optional<op::branch> handles[N];
  explorer::atomic<int> claimed[N];
  std::optional<fanout::basic_inplace_stop_callback<platform, take_over>> takes_over[N];
  std::optional<op::issuer> issuer;
  outcome_seen seen;
  void make() { issuer.emplace(*op::make(N, {}, completion(outer.get_token(), note_outcome{&seen}), {})); }
};
struct hear {
  bool* heard;
  void operator()() const noexcept { *heard = true; }
};

template <std::size_t N>
void stop_against_completion(test& t, way first, way last, bool registers = false) {
  using take_over = typename scene<N>::take_over;
  auto& x = t.make<scene<N>>();
  if (!registers) x.make();
  for (auto& how : x.how) how = static_cast<way>(first + t.choose(last - first + 1));
  t.thread([&x, registers] {
    if (registers) x.make();
    for (std::size_t i = 0; i != N; ++i) {
      x.issuer->start(i, [&x, i](op::branch branch) {
        x.ran[i] = true;
        if (x.how[i] == by_handle) return branch({}, 1);
        x.handles[i] = std::move(branch);
        if (x.how[i] == taken_over) x.takes_over[i].emplace(x.outer.get_token(), take_over{&x, i});
      });
      x.go[i].set();
    }
    std::move(*x.issuer).seal();
  });
  t.thread([&x] { x.outer.request_stop(); });
  for (std::size_t i = 0; i != N; ++i) {
    if (x.how[i] == by_handle) continue;
    t.thread([&x, i] {
      x.go[i].wait();
      if (!x.ran[i]) return;
      bool heard = false;
      if (x.how[i] == listening) {
        // It stops listening before it completes: afterwards there may be no operation to listen to.
        const fanout::basic_inplace_stop_callback<platform, hear> callback(x.handles[i]->stop_token(), hear{&heard});
      }
      if (x.how[i] == taken_over && x.claimed[i].exchange(1, std::memory_order_acq_rel) != 0) return;
      if (heard) return x.handles[i]->set_stopped();
      (*x.handles[i])({}, 1);
    });
  }
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    if (x.seen.succeeded) {
      require(x.seen.sum == static_cast<int>(N), "succeeded without every value");
    } else {
      require(x.seen.cause == fanout::errc::stopped, "failed, but not because it was stopped");
    }
    for (auto& callback : x.takes_over) callback.reset();
  });
}

// The source belongs to somebody who lets it go as soon as the operation is delivered and the request has returned.
void source_freed_after_delivery(test& t) {
  struct state {
    source* outer = ::new (explorer::allocator<source>{}.allocate(1)) source;
    std::optional<op::issuer> issuer;
    std::optional<op::branch> handle;
    explorer::event requested, delivered;
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(*op::make(1, {}, completion(x.outer->get_token(), note_outcome{&x.seen}), {}));
  x.issuer->start(0, [&x](op::branch branch) { x.handle = std::move(branch); });
  t.thread([&x] { x.outer->request_stop(), x.requested.set(); });
  t.thread([&x] { std::move(*x.issuer).seal(), (*x.handle)({}, 1), x.delivered.set(); });
  t.thread([&x] {
    x.delivered.wait(), x.requested.wait();
    if (x.seen.runs == 1) x.outer->~source(), explorer::allocator<source>{}.deallocate(x.outer, 1);
  });
  t.finally([&x] { require(x.seen.runs == 1, "the completion did not run exactly once"); });
}

}  // namespace

int main() {
  // The stop source's lock is explored with spurious and stale failures in stop_token.cpp; here they would only multiply.
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  check(
      "stop against a branch that completes inline",
      [](test& t) { stop_against_completion<1>(t, by_handle, by_handle); }, 0, plain);
  check(
      "the same, the request may come before the operation is made",
      [](test& t) { stop_against_completion<1>(t, by_handle, by_handle, true); }, 0, plain);
  check("stop against a remote branch", [](test& t) { stop_against_completion<1>(t, elsewhere, elsewhere); }, 0, plain);
  check("the source is freed after delivery", source_freed_after_delivery, 0, plain);
  if (full_depth()) {
    check(
        "stop against a branch that the request completes",
        [](test& t) { stop_against_completion<1>(t, taken_over, taken_over); }, 0, plain);
    check("stop against two branches", [](test& t) { stop_against_completion<2>(t, by_handle, elsewhere); }, 0, plain);
    check(
        "stop against a branch that listens", [](test& t) { stop_against_completion<1>(t, listening, listening); }, 0,
        plain);
  }
  return exit_code;
}
