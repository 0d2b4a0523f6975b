// SPDX-License-Identifier: BSL-1.0
// Releases that are put together and made at once, against the last completion elsewhere, the seal, and a wait.

#include "model/model.hpp"

#include <cstddef>
#include <optional>
#include <utility>

#include "fanout/batch.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/batched.hpp"

namespace {

using namespace model;

using strategy = fanout::refcount::batched<fanout::refcount::basic_atomic<platform>>;
using plain = fanout::refcount::basic_atomic<platform>;  // joins no batch
using scope = fanout::basic_batch_scope<platform>;
using outcome = fanout::result<fanout::values<number, platform>, fanout::failure<>>;

int sum_of(outcome o) {
  int sum = 0;
  for (auto& value : *o) sum += value;
  return sum;
}

using waiter = fanout::completion::waiter<outcome, platform>;
template <class Strategy>
using waited_with = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>,
                                      decltype(std::declval<waiter&>().completion()), Strategy, bytes>;

struct deliveries {
  cell<int> times{0};
  cell<int> sum{0};
};
struct tell {
  deliveries* to;
  void operator()(outcome o) noexcept {
    to->times = to->times + 1;
    require(o.has_value(), "not delivered with a value");
    to->sum = to->sum + sum_of(std::move(o));
  }
};
using op = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, tell, strategy, bytes>;

template <class Op, class Completion>
typename Op::issuer start(std::size_t n, Completion completion, std::optional<typename Op::branch>* handles) {
  auto issuer = *Op::make(n, {}, std::move(completion), {});
  for (std::size_t i = 0; i != n; ++i) issuer.start(i, [=](auto branch) { handles[i] = std::move(branch); });
  return issuer;
}
template <class Op, class Completion>
void start_and_seal(std::size_t n, Completion completion, std::optional<typename Op::branch>* handles) {
  std::move(start<Op>(n, std::move(completion), handles)).seal();
}

// Two branches in a batch, one elsewhere, and the seal: each may be last, and the batch counts as one.
void flush_against_the_last(test& t) {
  struct state {
    std::optional<op::branch> handles[3];
    std::optional<op::issuer> issuer;
    deliveries seen;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(start<op>(3, tell{&x.seen}, x.handles));
  t.thread([&x] {
    scope turn;
    (*x.handles[0])({}, 1);
    (*x.handles[2])({}, 100);
  });
  t.thread([&x] { (*x.handles[1])({}, 10); });
  t.thread([&x] { std::move(*x.issuer).seal(); });
  t.finally([&x] {
    require(x.seen.times == 1 && x.seen.sum == 111, "not delivered once with every value");
    require(explorer::rmws() == 3, "a batch took more than one read-modify-write");
  });
}

// Two operations in one batch, whose other branches another thread completes: also in a batch.
void two_batches_of_two_operations(test& t) {
  struct state {
    std::optional<op::branch> first[2], second[2];
    deliveries seen[2];
  };
  auto& x = t.make<state>();
  start_and_seal<op>(2, tell{&x.seen[0]}, x.first);
  start_and_seal<op>(2, tell{&x.seen[1]}, x.second);
  for (std::size_t i = 0; i != 2; ++i) {
    t.thread([&x, i] {
      scope turn;
      (*x.first[i])({}, 1);
      (*x.second[i])({}, 10);
    });
  }
  t.finally([&x] {
    require(x.seen[0].times == 1 && x.seen[0].sum == 2 && x.seen[1].times == 1 && x.seen[1].sum == 20,
            "not delivered once with every value");
    require(explorer::rmws() == 6, "a batch took more than one read-modify-write");  // two seals among them
  });
}

// A completion that a flush runs completes a branch of another operation, whose other branch completes elsewhere.
void flush_runs_a_completion_that_completes(test& t) {
  struct complete_other {
    std::optional<op::branch>* other;
    void operator()(outcome) noexcept { (**other)({}, 1); }
  };
  using inner =
      fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, complete_other, strategy, bytes>;
  struct state {
    std::optional<op::branch> outer[2];
    std::optional<inner::branch> handles[2];
    deliveries seen;
  };
  auto& x = t.make<state>();
  start_and_seal<op>(2, tell{&x.seen}, x.outer);
  start_and_seal<inner>(2, complete_other{&x.outer[0]}, x.handles);
  t.thread([&x] {
    scope turn;
    (*x.handles[0])({}, 1);
    (*x.outer[1])({}, 10);
  });
  t.thread([&x] { (*x.handles[1])({}, 1); });
  t.finally([&x] { require(x.seen.times == 1 && x.seen.sum == 11, "not delivered once with every value"); });
}

// Handles in one call, of an operation that knows nothing of batches, against the last completion.
void complete_n_against_the_last(test& t) {
  using unbatched = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, tell, plain, bytes>;
  struct state {
    std::optional<unbatched::branch> handles[3];
    deliveries seen;
  };
  auto& x = t.make<state>();
  start_and_seal<unbatched>(3, tell{&x.seen}, x.handles);
  t.thread([&x] {
    unbatched::branch two[2] = {std::move(*x.handles[0]), std::move(*x.handles[1])};
    fanout::complete_n(two, [](std::size_t i) { return static_cast<int>(i) + 1; });
  });
  t.thread([&x] { (*x.handles[2])({}, 10); });
  t.finally([&x] {
    require(x.seen.times == 1 && x.seen.sum == 13, "not delivered once with every value");
    require(explorer::rmws() == 3, "a batch took more than one read-modify-write");
  });
}

// A thread waits for an operation while a branch of it is in its own batch, below a completion that runs meanwhile.
void waiting_inside_a_batch(test& t) {
  using waited = waited_with<strategy>;
  struct state {
    waiter* delivered = make<waiter>();
    std::optional<waited::branch> handles[2];
    int sum = 0;
  };
  auto& x = t.make<state>();
  start_and_seal<waited>(2, x.delivered->completion(), x.handles);
  t.thread([&x] {
    scope around;
    (*x.handles[0])({}, 1);
    scope turn;
    x.sum += sum_of(x.delivered->wait());
    unmake(x.delivered);
  });
  t.thread([&x] {
    scope turn;
    (*x.handles[1])({}, 10);
  });
  t.finally([&x] { require(x.sum == 11, "a branch's value was lost"); });
}

// A completion that a flush makes due waits for another operation of the same batch: all releases come before it.
void waiting_for_another_of_the_batch(test& t) {
  using waited = waited_with<strategy>;
  struct wait_for_other {
    waiter* other;
    int* sum;
    void operator()(outcome) noexcept { *sum = sum_of(other->wait()); }
  };
  using waiting =
      fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, wait_for_other, strategy, bytes>;
  struct state {
    waiter* delivered = make<waiter>();
    std::optional<waited::branch> other[1];
    std::optional<waiting::branch> first[1];
    int sum = 0;
  };
  auto& x = t.make<state>();
  start_and_seal<waited>(1, x.delivered->completion(), x.other);
  start_and_seal<waiting>(1, wait_for_other{x.delivered, &x.sum}, x.first);
  t.thread([&x] {
    {
      scope turn;
      (*x.other[0])({}, 7);
      (*x.first[0])({}, 1);
    }
    unmake(x.delivered);
  });
  t.finally([&x] { require(x.sum == 7, "a branch's value was lost"); });
}

// In one call, of operations that join nothing. Its function completes another operation, whose completion waits for the one that is
// being completed: it runs after all releases.
void waiting_for_what_is_being_completed(test& t) {
  using waited = waited_with<plain>;
  struct wait_for_other {
    waiter* other;
    int* sum;
    void operator()(outcome) noexcept { *sum = sum_of(other->wait()); }
  };
  using waiting = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, wait_for_other, plain, bytes>;
  struct state {
    waiter* delivered = make<waiter>();
    std::optional<waited::branch> handles[2];
    std::optional<waiting::branch> other[1];
    int sum = 0;
  };
  auto& x = t.make<state>();
  start_and_seal<waited>(2, x.delivered->completion(), x.handles);
  start_and_seal<waiting>(1, wait_for_other{x.delivered, &x.sum}, x.other);
  t.thread([&x] {
    waited::branch two[2] = {std::move(*x.handles[0]), std::move(*x.handles[1])};
    fanout::complete_n(two, [&x](std::size_t i) {
      if (i == 0) (*x.other[0])({}, 1);
      return i == 0 ? 3 : 4;
    });
    unmake(x.delivered);
  });
  t.finally([&x] { require(x.sum == 7, "a branch's value was lost"); });
}

// The function waits for an operation whose branch it was asked about before: that release is made first.
void waiting_while_completing(test& t) {
  using waited = waited_with<plain>;
  struct state {
    waiter* delivered[2] = {make<waiter>(), make<waiter>()};
    std::optional<waited::branch> first[1], second[1];
    int sum = 0;
  };
  auto& x = t.make<state>();
  start_and_seal<waited>(1, x.delivered[0]->completion(), x.first);
  start_and_seal<waited>(1, x.delivered[1]->completion(), x.second);
  t.thread([&x] {
    waited::branch two[2] = {std::move(*x.first[0]), std::move(*x.second[0])};
    fanout::complete_n(two, [&x](std::size_t i) {
      if (i == 1) x.sum += sum_of(x.delivered[0]->wait());
      return i == 0 ? 3 : 4;
    });
    x.sum += sum_of(x.delivered[1]->wait());
    for (waiter* w : x.delivered) unmake(w);
  });
  t.finally([&x] { require(x.sum == 7, "a branch's value was lost"); });
}

}  // namespace

int main() {
  check("a batch against the last completion and the seal", flush_against_the_last);
  check("complete_n against the last completion", complete_n_against_the_last);
  check("waiting inside a batch", waiting_inside_a_batch);
  check("a completion that waits for another of the batch", waiting_for_another_of_the_batch);
  check("a completion that waits for what is being completed", waiting_for_what_is_being_completed);
  check("waiting while completing", waiting_while_completing);
  check("a completion that completes, run by a flush", flush_runs_a_completion_that_completes);
  check("two batches of two operations", two_batches_of_two_operations);
  return exit_code;
}
