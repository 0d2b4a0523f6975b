// SPDX-License-Identifier: BSL-1.0
// The baton: reports are folded one at a time, by whoever finds it idle, and it carries the count.

#include "model/model.hpp"

#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;

constexpr std::size_t most = 4;
constexpr int never = 100;

// What was folded, in which order. Nothing here is synchronised but by the baton.
struct tape {
  cell<int> folded{0};
  cell<int> late{0};
  number branch[most];

  int position_of(std::size_t i) const {
    for (int at = 0; at != folded; ++at)
      if (branch[at] == static_cast<int>(i)) return at;
    return never;
  }
  int sum() const {
    int s = 0;
    for (int at = 0; at != folded; ++at) s += branch[at] + 1;
    return s;
  }
};

constexpr int value_of(std::size_t branch) { return static_cast<int>(branch) + 1; }

// Enough after `enough` values; a deadline makes an outcome of what there is.
struct record_on {
  using value_type = number;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;

  tape* to;
  int enough = never;
  explorer::event* folding = nullptr;    // is set inside the first fold,
  explorer::event* published = nullptr;  // which goes on when this is

  fanout::verdict on_value(std::size_t i, number&& value) noexcept {
    require(value == value_of(i), "a branch's value was lost");
    const int at = to->folded;
    require(at < static_cast<int>(most), "more was folded than there is");
    to->branch[at] = static_cast<int>(i);
    to->folded = at + 1;
    if (folding != nullptr && at == 0) folding->set(), published->wait();
    return at + 1 == enough ? fanout::verdict::decided : fanout::verdict::go_on;
  }
  bool on_deadline() noexcept { return true; }
  void on_late(std::size_t i, number&& value) noexcept {
    require(value == value_of(i), "a late value was lost");
    ++to->late;
  }
  int result() noexcept { return to->folded; }
};

struct outcome_seen {
  cell<int> runs{0};
  cell<int> folded{0};
  std::error_code cause;
};

struct note_outcome {
  outcome_seen* seen;
  void operator()(fanout::result<int, fanout::failure<>> outcome) noexcept {
    ++seen->runs;
    if (outcome) {
      seen->folded = *outcome;
    } else {
      seen->cause = outcome.error().cause;
    }
  }
};

using strategy = fanout::refcount::basic_atomic<platform>;
template <class Combine, class Completion>
using op_of = fanout::fanout_op<fanout::handler, Combine, Completion, strategy, booked_bytes>;
using op = op_of<record_on, note_outcome>;

enum way {
  by_handle,
  elsewhere,
  before_return,
  later,  // by the issuing thread, after its last start
  ways,
};

// Thread 0 starts branches [0, hand_over), then the issuer moves to a second thread, which starts the rest and seals.
template <std::size_t N>
void every_way(test& t, int from, int to, bool moves) {
  struct state {
    way how[most];
    std::size_t hand_over;
    explorer::event go[most], over[most], moved;
    std::optional<op::branch> handles[most];
    std::optional<op::issuer> issuer;
    ledger book;
    tape folded;
    outcome_seen seen;

    void finish(std::size_t i) { (*handles[i])({}, value_of(i)); }
    void start_some(std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        issuer->start(i, [this, i](op::branch branch) {
          if (how[i] == by_handle) return branch({}, value_of(i));
          handles[i] = std::move(branch);
          go[i].set();
          if (how[i] == before_return) over[i].wait();
        });
      }
      for (std::size_t i = first; i < last; ++i)
        if (how[i] == later) finish(i);
    }
  };
  auto& x = t.make<state>();
  bool in_turn = true;  // every branch completed inside its start, and nobody else ever knew of the operation
  for (std::size_t i = 0; i != N; ++i) {
    x.how[i] = static_cast<way>(from + t.choose(to - from));
    in_turn = in_turn && x.how[i] == by_handle;
  }
  x.hand_over = moves ? static_cast<std::size_t>(t.choose(N + 1)) : N + 1;
  t.thread([&x] {
    x.issuer.emplace(*op::make(N, {&x.folded}, note_outcome{&x.seen}, booked_bytes(x.book)));
    x.start_some(0, x.hand_over > N ? N : x.hand_over);
    if (x.hand_over > N) return std::move(*x.issuer).seal();
    x.moved.set();
  });
  if (x.hand_over <= N) {
    t.thread([&x] {
      x.moved.wait();
      x.start_some(x.hand_over, N);
      std::move(*x.issuer).seal();
    });
  }
  for (std::size_t i = 0; i != N; ++i) {
    if (x.how[i] != elsewhere && x.how[i] != before_return) continue;
    t.thread([&x, i] {
      x.go[i].wait();
      x.finish(i);
      if (x.how[i] == before_return) x.over[i].set();
    });
  }
  t.finally([&x, in_turn] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.folded == static_cast<int>(N), "delivered before everything was folded");
    require(x.folded.folded == static_cast<int>(N) && x.folded.sum() == N * (N + 1) / 2, "not folded exactly once");
    int before = -1;  // what a thread reports in turn is folded in turn
    for (std::size_t i = 0; i != N; ++i) {
      if (x.how[i] != by_handle && x.how[i] != before_return) continue;
      require(x.folded.position_of(i) > before, "not folded in the order of publication");
      before = x.folded.position_of(i);
    }
    if (in_turn) require(explorer::rmws() == 0, "an inline fold that meets nobody costs a read-modify-write");
    x.book.check();
  });
}

// What one thread publishes in turn, others fold in turn.
void in_the_order_of_publication(test& t) {
  struct state {
    std::optional<op::branch> handles[3];
    ledger book;
    tape folded;
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  auto issuer = *op::make(3, {&x.folded}, note_outcome{&x.seen}, booked_bytes(x.book));
  for (std::size_t i = 0; i != 3; ++i)
    issuer.start(i, [&x, i](op::branch branch) { x.handles[i] = std::move(branch); });
  std::move(issuer).seal();
  t.thread([&x] { (*x.handles[0])({}, value_of(0)), (*x.handles[1])({}, value_of(1)); });
  t.thread([&x] { (*x.handles[2])({}, value_of(2)); });
  t.finally([&x] {
    require(x.seen.runs == 1 && x.folded.folded == 3, "not folded exactly once");
    require(x.folded.position_of(0) < x.folded.position_of(1), "not folded in the order of publication");
    x.book.check();
  });
}

// The price, one report at a time: nobody meets anybody.
template <std::size_t N>
void price_of_lone_branches(test& t, std::size_t inline_first, std::uint64_t rmws) {
  struct state {
    std::optional<op::branch> handles[most];
    ledger book;
    tape folded;
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  t.thread([&x, inline_first] {
    auto issuer = *op::make(N, {&x.folded}, note_outcome{&x.seen}, booked_bytes(x.book));
    for (std::size_t i = 0; i != N; ++i) {
      issuer.start(i, [&x, i, inline_first](op::branch branch) {
        if (i < inline_first) return branch({}, value_of(i));
        x.handles[i] = std::move(branch);
      });
    }
    std::move(issuer).seal();
    for (std::size_t i = inline_first; i != N; ++i) (*x.handles[i])({}, value_of(i));
  });
  t.finally([&x, rmws] {
    require(x.seen.runs == 1 && x.seen.folded == static_cast<int>(N), "the completion did not run exactly once");
    require(explorer::rmws() == rmws, "the baton costs something else than the documentation says");
    x.book.check();
  });
}

// The price of a report that meets a folder: one push (and the guess before it that nobody folds).
void price_of_a_meeting(test& t) {
  struct state {
    explorer::event folding, published;
    std::optional<op::branch> handles[2];
    ledger book;
    tape folded;
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  auto issuer = *op::make(2, {&x.folded, never, &x.folding, &x.published}, note_outcome{&x.seen}, booked_bytes(x.book));
  for (std::size_t i = 0; i != 2; ++i)
    issuer.start(i, [&x, i](op::branch branch) { x.handles[i] = std::move(branch); });
  std::move(issuer).seal();
  t.thread([&x] { (*x.handles[0])({}, value_of(0)); });
  t.thread([&x] {
    x.folding.wait();
    (*x.handles[1])({}, value_of(1));
    x.published.set();
  });
  t.finally([&x] {
    require(x.seen.runs == 1 && x.seen.folded == 2, "the completion did not run exactly once");
    // the seal: take, give back. The folder: take, a give-back that fails, take the list, release. The other: guess, push.
    require(explorer::rmws() == 2 + 4 + 2, "the baton costs something else than the documentation says");
    x.book.check();
  });
}

// Somebody who cannot be joined, and lets the deadline pass at any time: before the seal, in the middle, after the end.
template <class Op>
void let_the_deadline_pass(Op& late) {
  if (late.try_hold()) {
    late.deadline_passed();
    late.release_hold();
  }
  late.drop_storage();
}
template <class Completion>
struct with_a_deadline : Completion {
  static constexpr bool keeps_storage = true;
  void** op;
  with_a_deadline(Completion inner, void** to) noexcept : Completion(inner), op(to) {}
  template <class Op>
  void connect(Op& o) noexcept {
    o.keep_storage();
    *op = &o;
  }
};

// Values that decide early, and a deadline, against everything. Each value is in the outcome or late.
template <std::size_t N, bool AtDecided>
void decided_early(test& t, int enough, bool deadline, bool seal_races) {
  using policy = std::conditional_t<AtDecided, fanout::combine::at_decided_policy<record_on>, record_on>;
  using timed = op_of<policy, with_a_deadline<note_outcome>>;
  struct state {
    void* to = nullptr;
    std::optional<typename timed::branch> handles[most];
    std::optional<typename timed::issuer> issuer;
    ledger book;
    tape folded;
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  policy p{};
  p.to = &x.folded;
  p.enough = enough;
  x.issuer.emplace(
      *timed::make(N, std::move(p), with_a_deadline<note_outcome>({&x.seen}, &x.to), booked_bytes(x.book)));
  for (std::size_t i = 0; i != N; ++i) x.issuer->start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
  for (std::size_t i = 0; i != N; ++i) t.thread([&x, i] { (*x.handles[i])({}, value_of(i)); });
  if (seal_races) {
    t.thread([&x] { std::move(*x.issuer).seal(); });
  } else {
    std::move(*x.issuer).seal();
  }
  if (deadline) {
    t.thread([&x] { let_the_deadline_pass(*static_cast<timed*>(x.to)); });
  } else {
    static_cast<timed*>(x.to)->drop_storage();
  }
  t.finally([&x, enough, deadline] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(!x.seen.cause, "failed without a cause");
    require(x.folded.folded + x.folded.late == static_cast<int>(N), "a value was neither folded nor late, or both");
    require(x.seen.folded == x.folded.folded, "what was folded after the delivery was not late");
    const int most_folded = enough < static_cast<int>(N) ? enough : static_cast<int>(N);
    require(deadline ? x.folded.folded <= most_folded : x.folded.folded == most_folded,
            "decided too early or too late");
    x.book.check();
  });
}

// A branch that fails decides. At decided, whoever delivers must see the whole cause.
template <bool AtDecided>
void an_error_decides(test& t) {
  using policy = std::conditional_t<AtDecided, fanout::combine::at_decided_policy<record_on>, record_on>;
  using failing = op_of<policy, note_outcome>;
  struct state {
    std::optional<typename failing::branch> handles[2];
    std::optional<typename failing::issuer> issuer;
    ledger book;
    tape folded;
    outcome_seen seen;
  };
  auto& x = t.make<state>();
  policy p{};
  p.to = &x.folded;
  x.issuer.emplace(*failing::make(2, std::move(p), note_outcome{&x.seen}, booked_bytes(x.book)));
  for (std::size_t i = 0; i != 2; ++i) x.issuer->start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
  t.thread([&x] { (*x.handles[0])({}, value_of(0)); });
  t.thread([&x] { x.handles[1]->set_error(std::make_error_code(std::errc::io_error)); });
  t.thread([&x] { std::move(*x.issuer).seal(); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.cause == std::errc::io_error, "the cause is not the error");
    require(x.folded.folded + x.folded.late == 1, "a value was neither folded nor late, or both");
    x.book.check();
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  const bool full = full_depth();
  check("N = 0", [](test& t) { every_way<0>(t, 0, ways, true); });
  check("N = 1, every way, the issuer moves", [](test& t) { every_way<1>(t, 0, ways, true); });
  check("N = 2, every way, the issuer stays", [](test& t) { every_way<2>(t, 0, ways, false); }, 0, plain);
  check(
      "N = 2, inline or elsewhere, the issuer moves", [](test& t) { every_way<2>(t, 0, before_return, true); }, 0,
      plain);
  if (full) {
    check("N = 2, every way, the issuer stays, weak compare-exchanges",
          [](test& t) { every_way<2>(t, 0, ways, false); });
    check(
        "N = 3, inline or elsewhere, the issuer stays", [](test& t) { every_way<3>(t, 0, before_return, false); }, 0,
        plain);
  }
  check("in the order of publication", in_the_order_of_publication, 0, plain);
  // Two for a report that meets nobody, and for the seal; none for inline folds that nobody can meet.
  check("the price: a lone branch", [](test& t) { price_of_lone_branches<1>(t, 0, 4); }, 1, plain);
  check("the price: three, one at a time", [](test& t) { price_of_lone_branches<3>(t, 0, 8); }, 1, plain);
  check("the price: two inline, then one", [](test& t) { price_of_lone_branches<3>(t, 2, 4); }, 1, plain);
  check("the price: all inline", [](test& t) { price_of_lone_branches<3>(t, 3, 0); }, 1, plain);
  check("the price: a report that meets a folder", price_of_a_meeting, 0, plain);
  check("one value of two decides", [](test& t) { decided_early<2, false>(t, 1, false, true); }, 0, plain);
  check("the same, delivered at decided", [](test& t) { decided_early<2, true>(t, 1, false, true); }, 0, plain);
  check(
      "decided by the last only, delivered at decided", [](test& t) { decided_early<2, true>(t, never, false, true); },
      0, plain);
  check(
      "a deadline against one branch and the seal", [](test& t) { decided_early<1, false>(t, never, true, true); }, 0,
      plain);
  check("the same, delivered at decided", [](test& t) { decided_early<1, true>(t, never, true, true); }, 0, plain);
  check(
      "a deadline against two branches, delivered at decided",
      [](test& t) { decided_early<2, true>(t, never, true, false); }, 0, plain);
  check("an error decides", an_error_decides<false>, 0, plain);
  check("an error decides, delivered at decided", an_error_decides<true>, 0, plain);
  if (full) {
    check(
        "two values of three decide, delivered at decided", [](test& t) { decided_early<3, true>(t, 2, false, false); },
        0, plain);
    check(
        "a deadline against two branches, one of which decides",
        [](test& t) { decided_early<2, true>(t, 1, true, false); }, 0, plain);
  }
  return exit_code;
}
