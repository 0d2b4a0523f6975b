// SPDX-License-Identifier: BSL-1.0
// Delivery at decided: the outcome is somebody's, and the caller's things are gone, while branches are still out.

#include "model/model.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/first.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/testing/manual_executor.hpp"

namespace {

using namespace model;

constexpr int value_of(std::size_t branch) { return static_cast<int>(branch) + 1; }

using strategy = fanout::refcount::basic_atomic<platform>;
using unmet = fanout::reported_failure<number, std::error_code, platform>;
using loop = fanout::testing::basic_manual_executor<platform>;
using source = fanout::basic_inplace_stop_source<platform>;
using token = fanout::basic_inplace_stop_token<platform>;

// The first value wins; two policies, one that votes and one that folds.
struct takes_first {
  using value_type = number;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;
  static constexpr bool delivers_at_decided = true;

  cell<int>* late;  // by branch
  int taken = 0;
  std::size_t index = 0;

  fanout::verdict on_value(std::size_t i, number&& value) noexcept {
    taken = value;
    index = i;
    return fanout::verdict::decided;
  }
  void on_late(std::size_t i, number&& value) noexcept {
    require(value == value_of(i), "a late value was lost");
    late[i] += 1;
  }
  fanout::winner<int> result() noexcept { return {index, taken}; }
};
struct note_late {
  cell<int>* late;  // by branch: several may be late at once
  void operator()(std::size_t i, number&& value) const noexcept {
    require(value == value_of(i), "a late value was lost");
    late[i] += 1;
  }
};
struct votes_first : fanout::combine::on_late_policy<fanout::combine::first_success_policy<number>, note_late> {
  static constexpr bool delivers_at_decided = true;
  bool keeps = false;
  bool keeps_losers() const noexcept { return keeps; }
  template <class Reports>
  fanout::winner<int> result(Reports in) noexcept {
    auto first = *in.begin();
    return {first.index(), *first};
  }
};
template <class Policy>
Policy policy_noting(cell<int>* late) noexcept {
  if constexpr (std::is_same_v<Policy, takes_first>) {
    return {late};
  } else {
    return {{{}, {late}}};
  }
}
template <class Policy>
struct told;
template <>
struct told<takes_first> {
  using outcome = fanout::result<fanout::winner<int>, fanout::failure<>>;
};
template <>
struct told<votes_first> {
  using outcome = fanout::result<fanout::winner<int>, unmet>;
};

// What the caller has, and frees as soon as it has its outcome.
struct callers {
  cell<int> runs{0};
  cell<std::size_t> winner{fanout::no_index};
  const void* thread = nullptr;
};

template <class Outcome>
struct note_outcome {
  callers* to;
  explorer::event* delivered;
  void operator()(Outcome o) noexcept {
    to->runs += 1;
    to->thread = platform::self();
    require(o.has_value(), "unmet, although all succeed");
    require(o->value == value_of(o->index), "the winner's value is lost");
    to->winner = o->index;
    delivered->set();
  }
};

template <class Policy, class Completion>
using op_of = fanout::fanout_op<fanout::handler, Policy, Completion, strategy, booked_bytes>;

template <class Op>
struct scene {
  explorer::event delivered, requested;
  std::optional<typename Op::branch> handles[3];
  std::optional<typename Op::issuer> issuer;
  callers* theirs = make<callers>();
  cell<int> late[2] = {};
  ledger book;

  void start(std::size_t n) {
    for (std::size_t i = 0; i != n; ++i) issuer->start(i, [this, i](auto branch) { handles[i] = std::move(branch); });
  }
  void report(std::size_t i) { (*handles[i])({}, value_of(i)); }
  void take_home() {
    require(theirs->runs == 1, "the completion did not run exactly once");
    require(theirs->winner < 2, "nobody won");
    unmake(theirs);
  }
};

struct hear {
  bool* heard;
  void operator()() const noexcept { *heard = true; }
};

// Two branches succeed, one is late, and the caller's things are freed as soon as the completion has run. The straggler may listen to
// the operation's token, before and after that.
template <class Policy>
void freed_by_the_caller_at_once(test& t, bool seal_races, bool listens = false) {
  using completion = note_outcome<typename told<Policy>::outcome>;
  using op = op_of<Policy, completion>;
  auto& x = t.make<scene<op>>();
  x.issuer.emplace(
      *op::make(2, policy_noting<Policy>(x.late), completion{x.theirs, &x.delivered}, booked_bytes(x.book)));
  x.start(2);
  if (seal_races) {
    t.thread([&x] { std::move(*x.issuer).seal(); });
  } else {
    std::move(*x.issuer).seal();
  }
  t.thread([&x] { x.report(0); });
  t.thread([&x, listens] {
    bool heard = false;
    if (listens) {
      const fanout::basic_inplace_stop_callback<platform, hear> callback(x.handles[1]->stop_token(), hear{&heard});
    }
    x.report(1);
  });
  t.thread([&x] { x.delivered.wait(), x.take_home(); });
  t.finally([&x] {
    require(x.late[0] + x.late[1] == 1, "the late value is lost");
    x.book.check();
  });
}

// An outer stop source, which goes as soon as the completion has run and the request has returned.
template <class Policy>
void source_freed_at_once(test& t) {
  using completion = fanout::completion::stoppable<token, note_outcome<typename told<Policy>::outcome>>;
  using op = op_of<Policy, completion>;
  struct state : scene<op> {
    source* outer = make<source>();
  };
  auto& x = t.make<state>();
  auto policy = policy_noting<Policy>(x.late);
  if constexpr (std::is_same_v<Policy, votes_first>)
    policy.keeps = true;  // stop requests of its own would only multiply
  x.issuer.emplace(*op::make(2, std::move(policy), completion(x.outer->get_token(), {x.theirs, &x.delivered}),
                             booked_bytes(x.book)));
  x.start(2);
  std::move(*x.issuer).seal();
  t.thread([&x] {
    x.report(0);
    x.delivered.wait(), x.requested.wait();
    x.take_home();
    unmake(x.outer);
  });
  t.thread([&x] { x.report(1); });
  t.thread([&x] { x.outer->request_stop(), x.requested.set(); });
  t.finally([&x] {
    require(x.late[0] + x.late[1] == 1, "the late value is lost");
    x.book.check();
  });
}

// The hop to an executor, which is pumped after everybody has reported, before, or in between, and goes with the caller's things.
template <class Policy>
void pumped_among_the_stragglers(test& t, bool seal_races) {
  using completion = fanout::completion::via<loop::executor_type, note_outcome<typename told<Policy>::outcome>>;
  using op = op_of<Policy, completion>;
  struct state : scene<op> {
    loop* executor = make<loop>();
    explorer::event reported[2];
  };
  auto& x = t.make<state>();
  x.issuer.emplace(*op::make(2, policy_noting<Policy>(x.late),
                             completion(x.executor->get_executor(), {x.theirs, &x.delivered}), booked_bytes(x.book)));
  x.start(2);
  if (seal_races) {
    t.thread([&x] { std::move(*x.issuer).seal(), x.requested.set(); });
  } else {
    std::move(*x.issuer).seal(), x.requested.set();
  }
  for (std::size_t i = 0; i != 2; ++i) t.thread([&x, i] { x.report(i), x.reported[i].set(); });
  t.thread([&x] {
    // One of the two reports, and the seal, or nothing is due yet: then all.
    if (!x.executor->run_one()) {
      x.requested.wait();
      x.reported[0].wait();
      if (!x.executor->run_one()) x.reported[1].wait(), require(x.executor->run_one(), "nothing was posted");
    }
    require(x.theirs->thread == platform::self(), "the completion did not run on the executor");
    x.take_home();
    x.requested.wait();
    x.reported[0].wait();
    x.reported[1].wait();
    unmake(x.executor);
  });
  t.finally([&x] {
    require(x.late[0] + x.late[1] == 1, "the late value is lost");
    x.book.check();
  });
}

// It becomes due inside another completion, and has to queue behind that: meanwhile the last straggler reports.
template <class Policy>
void queued_behind_a_completion(test& t) {
  using completion = note_outcome<typename told<Policy>::outcome>;
  using op = op_of<Policy, completion>;
  struct report_inside {
    scene<op>* x;
    void operator()(fanout::result<void, fanout::failure<>>) noexcept { x->report(0); }
  };
  using outer_op = op_of<fanout::combine::all_policy<void>, report_inside>;
  auto& x = t.make<scene<op>>();
  x.issuer.emplace(
      *op::make(2, policy_noting<Policy>(x.late), completion{x.theirs, &x.delivered}, booked_bytes(x.book)));
  x.start(2);
  std::move(*x.issuer).seal();
  t.thread([&x] { auto issuer = *outer_op::make(0, {}, report_inside{&x}, booked_bytes(x.book)); });
  t.thread([&x] { x.report(1); });
  t.thread([&x] { x.delivered.wait(), x.take_home(); });
  t.finally([&x] {
    require(x.late[0] + x.late[1] == 1, "the late value is lost");
    x.book.check();
  });
}

// A thread that is woken at decided, and frees the waiter and all that it has while the straggler reports.
template <class Policy, bool Deadline>
void waiter_destroys_at_once(test& t) {
  using outcome = typename told<Policy>::outcome;
  using waiter = fanout::completion::waiter<outcome, platform>;
  using completion = std::conditional_t<Deadline, decltype(std::declval<waiter&>().completion_with_deadline()),
                                        decltype(std::declval<waiter&>().completion())>;
  using op = op_of<Policy, completion>;
  struct state {
    std::optional<typename op::branch> handles[2];
    explorer::event go;
    cell<int> late[2] = {};
    ledger book;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    auto* delivered = make<waiter>();
    {
      auto to = [&] {
        if constexpr (Deadline) {
          return delivered->completion_with_deadline();
        } else {
          return delivered->completion();
        }
      }();
      auto issuer = *op::make(2, policy_noting<Policy>(x.late), std::move(to), booked_bytes(x.book));
      for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
      x.go.set();
    }
    {
      outcome o = [&] {
        if constexpr (Deadline) {
          return delivered->wait_until(explorer::clock::time_point(std::chrono::seconds(1)));
        } else {
          return delivered->wait();
        }
      }();
      if (o) {
        require(o->value == value_of(o->index), "the winner's value is lost");
      } else {
        require(Deadline && o.error().cause == fanout::errc::deadline, "failed, but not because of the deadline");
      }
    }
    unmake(delivered);
  });
  for (std::size_t i = 0; i != 2; ++i) t.thread([&x, i] { x.go.wait(), (*x.handles[i])({}, value_of(i)); });
  t.finally([&x] {
    const int late = x.late[0] + x.late[1];
    require(late == 1 || (Deadline && late == 2), "the late value is lost");
    x.book.check();
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  const bool full = full_depth();
  check(
      "votes: the caller frees at once", [](test& t) { freed_by_the_caller_at_once<votes_first>(t, true); }, 0, plain);
  check(
      "folds: the caller frees at once", [](test& t) { freed_by_the_caller_at_once<takes_first>(t, true); }, 0, plain);
  check("votes: queued behind a completion", queued_behind_a_completion<votes_first>, 0, plain);
  check("folds: queued behind a completion", queued_behind_a_completion<takes_first>, 0, plain);
  check(
      "votes: pumped among the stragglers", [](test& t) { pumped_among_the_stragglers<votes_first>(t, false); }, 0,
      plain);
  check(
      "folds: pumped among the stragglers", [](test& t) { pumped_among_the_stragglers<takes_first>(t, false); }, 0,
      plain);
  check("votes: the waiter destroys at once", waiter_destroys_at_once<votes_first, false>, 0, plain);
  check("folds: the waiter destroys at once", waiter_destroys_at_once<takes_first, false>, 0, plain);
  check(
      "folds: the straggler listens", [](test& t) { freed_by_the_caller_at_once<takes_first>(t, false, true); }, 0,
      plain);
  check("votes: the stop source is freed at once", source_freed_at_once<votes_first>, 0, plain);
  if (full) {
    check(
        "votes: the straggler listens", [](test& t) { freed_by_the_caller_at_once<votes_first>(t, false, true); }, 0,
        plain);
    check("folds: the stop source is freed at once", source_freed_at_once<takes_first>, 0, plain);
    check("votes: the waiter has a deadline", waiter_destroys_at_once<votes_first, true>, 0, plain);
    check("folds: the waiter has a deadline", waiter_destroys_at_once<takes_first, true>, 0, plain);
    check(
        "votes: pumped among the stragglers and the seal",
        [](test& t) { pumped_among_the_stragglers<votes_first>(t, true); }, 0, plain);
    check(
        "folds: pumped among the stragglers and the seal",
        [](test& t) { pumped_among_the_stragglers<takes_first>(t, true); }, 0, plain);
  }
  return exit_code;
}
