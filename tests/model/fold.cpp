// SPDX-License-Identifier: BSL-1.0
// What can go wrong around a fold: errors, initiators that drop or throw while others fold, policies that throw.

#include "model/model.hpp"

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;

constexpr std::size_t most = 4;
constexpr int value_of(std::size_t branch) { return static_cast<int>(branch) + 1; }
constexpr int never = 100;

// What the policy was given, by branch. Nothing here is synchronised but by the baton.
struct given {
  number values[most], late[most];
  cell<int> runs{0};
  int folded[most] = {};  // as it was when the outcome was made
  std::error_code error[most];
  std::error_code cause;
  bool succeeded = false;
};

void fall_ill([[maybe_unused]] const char* why) {
#if FANOUT_HAS_EXCEPTIONS
  throw std::runtime_error(why);
#endif
}

// Keeps errors, so that each report is the policy's to judge; one value of `enough` decides; `poison` throws.
struct judges {
  using value_type = number;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
  static constexpr bool folds = true;

  given* to;
  int enough = never;
  std::size_t poison = never;
  bool deadline_throws = false;

  fanout::verdict on_value(std::size_t i, number&& value) {
    require(value == value_of(i), "a branch's value was lost");
    if (i == poison) fall_ill("poison");
    to->values[i] += 1;
    int n = 0;
    for (auto& one : to->values) n += one;
    return n == enough ? fanout::verdict::decided : fanout::verdict::go_on;
  }
  fanout::verdict on_error(std::size_t i, std::error_code&& error) noexcept {
    to->error[i] = error;
    return fanout::verdict::go_on;
  }
  bool on_deadline() {
    if (deadline_throws) fall_ill("no deadline");
    return true;
  }
  void on_late(std::size_t i, number&& value) noexcept {
    require(value == value_of(i), "a late value was lost");
    to->late[i] += 1;
  }
  int result() noexcept {
    for (std::size_t i = 0; i != most; ++i) to->folded[i] = to->values[i];
    return 0;
  }
};
// The first error fails the operation.
struct fails : judges {
  static constexpr bool keeps_errors = false;
};

struct note_outcome {
  given* to;
  template <class Outcome>
  void operator()(Outcome o) noexcept {
    to->runs += 1;
    to->succeeded = o.has_value();
    if (!o) to->cause = o.error().cause;
  }
};

using strategy = fanout::refcount::basic_atomic<platform>;
template <class Policy>
using op_of = fanout::fanout_op<fanout::handler, Policy, note_outcome, strategy, booked_bytes>;

template <class Policy>
struct scene {
  using op = op_of<Policy>;
  std::optional<typename op::branch> handles[most];
  std::optional<typename op::issuer> issuer;
  explorer::event go[most];
  given seen;
  ledger book;

  Policy policy() noexcept {
    Policy p{};
    p.to = &seen;
    return p;
  }
  void make(std::size_t n, Policy p) {
    issuer.emplace(*op::make(n, std::move(p), note_outcome{&seen}, booked_bytes(book)));
  }
  void start(std::size_t i) {
    issuer->start(i, [this, i](auto branch) { handles[i] = std::move(branch); });
  }
  void complete(std::size_t i) { (*handles[i])({}, value_of(i)); }
  void close(std::size_t n) {
    require(seen.runs == 1, "the completion did not run exactly once");
    for (std::size_t i = 0; i != n; ++i) require(seen.values[i] + seen.late[i] <= 1, "a value was folded and late");
    book.check();
  }
};

// The second initiator drops its handle, returns or throws, while another thread folds the first branch, and perhaps this one too.
enum misdeed { drops, throws, hands_away_and_throws, misdeeds };
[[maybe_unused]] void initiator_errs(test& t) {
  struct state : scene<judges> {
    misdeed what;
  };
  auto& x = t.make<state>();
  x.what = static_cast<misdeed>(t.choose(misdeeds));
  x.make(2, x.policy());
  t.thread([&x] {
    x.start(0);
    x.go[0].set();
    x.issuer->start(1, [&x](auto branch) {
      if (x.what == drops) return;
      if (x.what == hands_away_and_throws) x.handles[1] = std::move(branch), x.go[1].set();
      fall_ill("the initiator failed");
    });
    if (x.what != hands_away_and_throws) x.go[1].set();
    std::move(*x.issuer).seal();
  });
  t.thread([&x] { x.go[0].wait(), x.complete(0); });
  t.thread([&x] {
    x.go[1].wait();
    if (x.what == hands_away_and_throws) x.complete(1);
  });
  t.finally([&x] {
    x.close(2);
    if (x.what == hands_away_and_throws) {
      require(!x.seen.succeeded && x.seen.cause == fanout::errc::initiator_threw, "the exception was lost");
      return;
    }
    require(x.seen.succeeded && x.seen.folded[0] == 1, "a branch's value was lost");
    require(x.seen.error[1] == (x.what == drops ? fanout::errc::abandoned : fanout::errc::initiator_threw),
            "the policy was not told why");
  });
}

// A policy that throws at one value: that is the cause, whoever folds, and nothing more is folded.
template <bool AtDecided>
void policy_throws(test& t) {
  using policy = std::conditional_t<AtDecided, fanout::combine::at_decided_policy<judges>, judges>;
  auto& x = t.make<scene<policy>>();
  policy p = x.policy();
  p.poison = 0;
  x.make(2, std::move(p));
  x.start(0), x.start(1);
  for (std::size_t i = 0; i != 2; ++i) t.thread([&x, i] { x.complete(i); });
  t.thread([&x] { std::move(*x.issuer).seal(); });
  t.finally([&x] {
    x.close(2);
    require(!x.seen.succeeded && x.seen.cause == fanout::errc::policy_threw, "the exception was lost");
    require(x.seen.values[0] == 0 && x.seen.values[1] + x.seen.late[1] == 1, "a value was lost");
  });
}

struct to_the_deadline : note_outcome {
  static constexpr bool keeps_storage = true;
  void** op;
  to_the_deadline(given* seen, void** at) noexcept : note_outcome{seen}, op(at) {}
  void connect(auto& o) noexcept {
    o.keep_storage();
    *op = &o;
  }
};

// One that throws at the deadline, which passes among the reports.
[[maybe_unused]] void deadline_throws(test& t) {
  using timed = fanout::fanout_op<fanout::handler, judges, to_the_deadline, strategy, booked_bytes>;
  struct state : scene<judges> {
    void* to = nullptr;
    std::optional<timed::branch> handle;
  };
  auto& x = t.make<state>();
  judges p = x.policy();
  p.deadline_throws = true;
  {
    auto issuer = *timed::make(1, std::move(p), to_the_deadline(&x.seen, &x.to), booked_bytes(x.book));
    issuer.start(0, [&x](auto branch) { x.handle = std::move(branch); });
  }
  t.thread([&x] { (*x.handle)({}, value_of(0)); });
  t.thread([&x] {
    timed& late = *static_cast<timed*>(x.to);
    if (late.try_hold()) {
      late.deadline_passed();
      late.release_hold();
    }
    late.drop_storage();
  });
  t.finally([&x] {
    x.close(1);
    require(x.seen.succeeded ? x.seen.folded[0] == 1 : x.seen.cause == fanout::errc::policy_threw,
            "the exception was lost");
    require(x.seen.values[0] + x.seen.late[0] == 1, "a value was lost");
  });
}

// A value has decided; the loser fails, before that or after it. What is decided stays.
template <bool AtDecided>
void loser_fails(test& t) {
  using policy = std::conditional_t<AtDecided, fanout::combine::at_decided_policy<fails>, fails>;
  struct state : scene<policy> {
    bool after = false;
  };
  auto& x = t.make<state>();
  policy p = x.policy();
  p.enough = 1;
  x.make(2, std::move(p));
  x.start(0), x.start(1);
  std::move(*x.issuer).seal();
  t.thread([&x] { x.complete(0), x.go[0].set(); });
  t.thread([&x] {
    x.after = x.go[0].is_set();
    if (x.after) x.go[0].wait();
    x.handles[1]->set_error(std::make_error_code(std::errc::io_error));
  });
  t.finally([&x] {
    x.close(2);
    require(x.seen.succeeded ? x.seen.folded[0] == 1 : x.seen.cause == std::errc::io_error,
            "neither the value nor the error");
    require(x.seen.succeeded == (x.seen.values[0] == 1), "what was decided did not stay");
    require(x.seen.values[0] + x.seen.late[0] == 1, "a value was lost");
    require(x.seen.succeeded || !x.after, "an error undid a decision");
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
#if FANOUT_HAS_EXCEPTIONS
  check("an initiator drops or throws while another thread folds", initiator_errs, 0, plain);
  check("a policy throws", policy_throws<false>, 0, plain);
  check("a policy throws, at decided", policy_throws<true>, 0, plain);
  check("a policy throws at the deadline", deadline_throws, 0, plain);
#endif
  check("the loser fails", loser_fails<false>, 0, plain);
  check("the loser fails, at decided", loser_fails<true>, 0, plain);
  return exit_code;
}
