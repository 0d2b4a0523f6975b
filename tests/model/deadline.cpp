// SPDX-License-Identifier: BSL-1.0
// A timer that cannot be joined against everything: the making, the first start, the last report, an error, a stop, the seal.

#include "model/model.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/completion/deadline.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/timer/manual.hpp"

namespace {

using namespace model;
using namespace std::chrono_literals;

using timer = fanout::timer::basic_manual_timer<platform>;
constexpr timer::time_point in_a_second(1s);

using strategy = fanout::refcount::basic_atomic<platform>;
template <class Policy, class Completion>
using op_of = fanout::fanout_op<fanout::handler, Policy, Completion, strategy, booked_bytes>;

// One policy per protocol. Each outcome is the number of values, or a failure.
using collects = fanout::combine::all_policy<number>;
struct voting : fanout::combine::limits_policy<number> {
  int result(auto in) noexcept {
    int n = 0;
    for (auto&& one : in) n += *one;
    return n;
  }
};
struct sums {
  using value_type = number;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;

  int sum = 0;
  void on_value(std::size_t, number&& value) noexcept { sum += value; }
  int result() noexcept { return sum; }
};

struct outcome_seen {
  cell<int> runs{0};
  int sum = 0;
  std::error_code cause;
};
struct note_outcome {
  outcome_seen* seen;
  template <class Outcome>
  void operator()(Outcome o) noexcept {
    seen->runs += 1;
    if (!o) {
      seen->cause = o.error().cause;
    } else if constexpr (requires { o->begin(); }) {
      for (auto& value : *o) seen->sum += value;
    } else {
      seen->sum = *o;
    }
  }
};
using with_deadline = fanout::completion::deadline<timer, note_outcome>;

template <class Op>
struct scene {
  timer clock;
  std::optional<typename Op::branch> handles[2];
  std::optional<typename Op::issuer> issuer;
  explorer::event go, over[2];
  outcome_seen seen;
  ledger book;

  with_deadline completion() { return {clock, in_a_second, note_outcome{&seen}}; }
  void start(std::size_t n) {
    for (std::size_t i = 0; i != n; ++i) issuer->start(i, [this, i](auto branch) { handles[i] = std::move(branch); });
  }
};

enum end { succeeds, fails, gives_up };

template <class Branch>
void complete(Branch& branch, end how) {
  if (how == succeeds) return branch({}, 1);
  if (how == fails) return branch.set_error(std::make_error_code(std::errc::io_error));
  branch.set_stopped();
}

// The timer against the last report, whatever it is, and the seal.
template <class Policy, std::size_t N>
void against_the_reports(test& t, end last, bool seal_races) {
  using op = op_of<Policy, with_deadline>;
  auto& x = t.make<scene<op>>();
  x.issuer.emplace(*op::make(N, {}, x.completion(), booked_bytes(x.book)));
  x.start(N);
  if (seal_races) {
    t.thread([&x] { std::move(*x.issuer).seal(); });
  } else {
    std::move(*x.issuer).seal();
  }
  for (std::size_t i = 0; i != N; ++i) {
    t.thread([&x, i, last] { complete(*x.handles[i], i + 1 == N ? last : succeeds); });
  }
  t.thread([&x] { x.clock.advance(1s); });
  t.finally([&x, last] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    const bool first_was_the_report = last == succeeds ? !x.seen.cause && x.seen.sum == static_cast<int>(N)
                                      : last == fails  ? x.seen.cause == std::errc::io_error
                                                       : x.seen.cause == fanout::errc::stopped;
    require(first_was_the_report || x.seen.cause == fanout::errc::deadline, "neither the reports nor the deadline");
    x.book.check();
  });
}

// The clock moves while the operation is made; perhaps it fires before there is an issuer.
template <class Policy>
void against_the_making(test& t) {
  using op = op_of<Policy, with_deadline>;
  auto& x = t.make<scene<op>>();
  t.thread([&x] {
    auto issuer = *op::make(1, {}, x.completion(), booked_bytes(x.book));
    issuer.start(0, [](auto branch) { branch({}, 1); });
  });
  t.thread([&x] { x.clock.advance(1s); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.cause ? x.seen.cause == fanout::errc::deadline : x.seen.sum == 1,
            "neither the reports nor the deadline");
    if (x.clock.next_expiry() != timer::time_point::max()) require(false, "the deadline is still armed");
    x.book.check();
  });
}

// Every branch has completed, inline or elsewhere, before the timer runs: completion wins, although the seal is still to come, and
// although a second deadline holds the operation at the same time.
template <class Policy>
void all_completed_before(test& t, std::size_t inline_first, bool twice) {
  using two_deadlines = fanout::completion::deadline<timer, with_deadline>;
  using op = op_of<Policy, two_deadlines>;
  struct state : scene<op> {
    timer other;
  };
  auto& x = t.make<state>();
  t.thread([&x, inline_first] {
    x.issuer.emplace(*op::make(2, {}, two_deadlines(x.other, in_a_second, x.completion()), booked_bytes(x.book)));
    for (std::size_t i = 0; i != 2; ++i) {
      x.issuer->start(i, [&x, i, inline_first](auto branch) {
        if (i < inline_first) return branch({}, 1);
        x.handles[i] = std::move(branch);
      });
      if (i < inline_first) x.over[i].set();
    }
    x.go.set();
    std::move(*x.issuer).seal();
  });
  for (std::size_t i = inline_first; i != 2; ++i) {
    t.thread([&x, i] { x.go.wait(), (*x.handles[i])({}, 1), x.over[i].set(); });
  }
  t.thread([&x] { x.over[0].wait(), x.over[1].wait(), x.clock.advance(1s); });
  if (twice) t.thread([&x] { x.over[0].wait(), x.over[1].wait(), x.other.advance(1s); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(!x.seen.cause, "a deadline won, although every branch had completed before");
    require(x.seen.sum == 2, "a branch's value was lost");
    x.book.check();
  });
}

// A stop request, the timer, and a branch that gives up: one cause, and the operation is freed by whoever is last.
using token = fanout::basic_inplace_stop_token<platform>;
template <class Policy>
void against_a_stop(test& t) {
  using completion = fanout::completion::stoppable<token, with_deadline>;
  using op = op_of<Policy, completion>;
  struct state : scene<op> {
    fanout::basic_inplace_stop_source<platform> outer;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(*op::make(1, {}, completion(x.outer.get_token(), x.completion()), booked_bytes(x.book)));
  x.start(1);
  std::move(*x.issuer).seal();
  t.thread([&x] {
    x.outer.request_stop();
    x.handles[0]->set_stopped();
  });
  t.thread([&x] { x.clock.advance(1s); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.cause == fanout::errc::stopped || x.seen.cause == fanout::errc::deadline,
            "neither the stop nor the deadline");
    x.book.check();
  });
}
// Who asked before the timer ran has decided (E7).
template <class Policy>
void stopped_before(test& t) {
  using op = op_of<Policy, with_deadline>;
  auto& x = t.make<scene<op>>();
  Policy policy{};
  if constexpr (std::is_same_v<Policy, voting>) policy.limit.failures = 0;  // one that gives up makes a difference
  x.issuer.emplace(*op::make(1, std::move(policy), x.completion(), booked_bytes(x.book)));
  x.start(1);
  x.issuer->request_stop();
  std::move(*x.issuer).seal();
  t.thread([&x] { x.handles[0]->set_stopped(); });
  t.thread([&x] { x.clock.advance(1s); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.cause == fanout::errc::stopped, "a deadline won, although a stop had decided before");
    x.book.check();
  });
}

struct told : note_outcome {
  explorer::event* delivered;
  template <class Outcome>
  void operator()(Outcome o) noexcept {
    note_outcome::operator()(std::move(o));
    delivered->set();
  }
};
// At decided a deadline delivers by itself: the branch that is out reports only when the outcome is there.
template <class Policy>
void delivers_by_itself(test& t, bool seal_races, bool stopped_before = false) {
  using completion = fanout::completion::deadline<timer, told>;
  using op = op_of<fanout::combine::at_decided_policy<Policy>, completion>;
  struct state : scene<op> {
    explorer::event delivered;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(
      *op::make(2, {}, completion(x.clock, in_a_second, told{{&x.seen}, &x.delivered}), booked_bytes(x.book)));
  x.start(2);
  if (stopped_before) x.issuer->request_stop();
  if (seal_races) {
    t.thread([&x] { std::move(*x.issuer).seal(); });
  } else {
    std::move(*x.issuer).seal();
  }
  t.thread([&x] { complete(*x.handles[0], succeeds); });
  t.thread([&x] { x.delivered.wait(), complete(*x.handles[1], succeeds); });
  t.thread([&x] { x.clock.advance(1s); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.cause == fanout::errc::deadline, "not the deadline");
    x.book.check();
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  const bool full = full_depth();
  const auto reports_1 = [&]<class Policy>(const char* name, end last, bool seals) {
    check(name, [=](test& t) { against_the_reports<Policy, 1>(t, last, seals); }, 0, plain);
  };
  reports_1.operator()<collects>("collects: against the last value and the seal", succeeds, true);
  reports_1.operator()<collects>("collects: against an error", fails, false);
  reports_1.operator()<collects>("collects: against a branch that gives up", gives_up, false);
  reports_1.operator()<voting>("votes: against the last value", succeeds, false);
  reports_1.operator()<sums>("folds: against the last value", succeeds, false);
  reports_1.operator()<sums>("folds: against an error", fails, false);
  check("collects: against the making", against_the_making<collects>, 0, plain);
  check("votes: against the making", against_the_making<voting>, 0, plain);
  check("folds: against the making", against_the_making<sums>, 0, plain);
  check("collects: all inline before", [](test& t) { all_completed_before<collects>(t, 2, false); }, 0, plain);
  check(
      "collects: one inline, one elsewhere before", [](test& t) { all_completed_before<collects>(t, 1, false); }, 0,
      plain);
  check(
      "votes: one inline, one elsewhere before", [](test& t) { all_completed_before<voting>(t, 1, false); }, 0, plain);
  check("folds: one inline, one elsewhere before", [](test& t) { all_completed_before<sums>(t, 1, false); }, 0, plain);
  check(
      "collects: all inline before, two deadlines", [](test& t) { all_completed_before<collects>(t, 2, true); }, 0,
      plain);
  check("collects: a stop came before", stopped_before<collects>, 0, plain);
  check("votes: a stop came before", stopped_before<voting>, 0, plain);
  check("folds: a stop came before", stopped_before<sums>, 0, plain);
  check("votes: delivers by itself at decided", [](test& t) { delivers_by_itself<voting>(t, false); }, 0, plain);
  check("folds: delivers by itself at decided", [](test& t) { delivers_by_itself<sums>(t, false); }, 0, plain);
  check(
      "votes: the same, although a stop came before", [](test& t) { delivers_by_itself<voting>(t, false, true); }, 0,
      plain);
  if (full) {
    check(
        "votes: delivers by itself at decided, and the seal", [](test& t) { delivers_by_itself<voting>(t, true); }, 0,
        plain);
    check(
        "folds: delivers by itself at decided, and the seal", [](test& t) { delivers_by_itself<sums>(t, true); }, 0,
        plain);
    check(
        "collects: against two values", [](test& t) { against_the_reports<collects, 2>(t, succeeds, false); }, 0,
        plain);
    check(
        "votes: against a value, and the seal", [](test& t) { against_the_reports<voting, 1>(t, succeeds, true); }, 0,
        plain);
    check(
        "folds: against a value, and the seal", [](test& t) { against_the_reports<sums, 1>(t, succeeds, true); }, 0,
        plain);
    check("folds: against two values", [](test& t) { against_the_reports<sums, 2>(t, succeeds, false); }, 0, plain);
    check("collects: two elsewhere before", [](test& t) { all_completed_before<collects>(t, 0, false); }, 0, plain);
    check("collects: against a stop", against_a_stop<collects>, 0, plain);
  }
  return exit_code;
}
