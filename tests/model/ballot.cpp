// SPDX-License-Identifier: BSL-1.0
// The ballot: k successes of N decide, drained and at decided, against every order of reports and the seal.

#include "model/model.hpp"

#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;

constexpr std::size_t most = 4;

constexpr int value_of(std::size_t branch) { return static_cast<int>(branch) + 1; }

using strategy = fanout::refcount::basic_atomic<platform>;
using reports = fanout::reports<number, std::error_code, platform>;
using unmet = fanout::reported_failure<number, std::error_code, platform>;
using outcome = fanout::result<reports, unmet>;

// Whoever is told of a branch's success: the outcome, or on_late.
struct accounts {
  cell<int> in_outcome[most];
  cell<int> late[most];
};
struct note_late {
  accounts* to;
  void operator()(std::size_t i, number&& value) const noexcept {
    require(value == value_of(i), "a late value was lost");
    to->late[i] += 1;
  }
};
using limited = fanout::combine::limits_policy<number>;
using with_late = fanout::combine::on_late_policy<limited, note_late>;

enum report { succeeds, fails, gives_up, kinds };

// What becomes of the outcome: it ends with the completion, is kept until all is over, or goes to another thread, which lets it go.
enum owner { the_completion, the_end, another_thread, owners };

template <std::size_t N>
struct scene {
  std::size_t k = 0;
  report what[most] = {};
  bool ran[most] = {};
  bool sealing = false;
  owner kept_by = the_completion;
  explorer::event delivered;
  std::optional<outcome> kept;
  cell<int> runs{0};
  accounts seen;
  ledger book;

  void check(outcome& o) {
    require(sealing, "delivered before the seal");
    ++runs;
    std::size_t successes = 0;
    for (std::size_t i = 0; i != N; ++i) successes += ran[i] && what[i] == succeeds;
    const reports& in = o ? *o : o.error().reported;
    std::size_t listed = 0;
    for (auto&& one : in.successes()) {
      require(what[one.index()] == succeeds && *one == value_of(one.index()),
              "a success that is none, or its value is lost");
      seen.in_outcome[one.index()] += 1;
      ++listed;
    }
    require(listed == in.size(), "the successes are not as many as was counted");
    for (auto&& one : in.failures()) {
      require(what[one.index()] == fails && one.error() == std::errc::io_error,
              "a failure that is none, or its cause is lost");
      ++listed;
    }
    require(in.missing().size() + in.count().reported() - in.count().not_issued == N,
            "missing and reported are not all");
    if (o) {
      require(in.size() == k, "met with another number of successes than was asked for");
    } else {
      require(in.size() < k && N - in.count().failures - in.count().stopped < k,
              "unmet, although it was not out of reach");
      require(o.error().cause == std::errc::io_error || in.count().failures == 0, "unmet without the cause");
    }
    require(o.has_value() == (successes >= k), "met and unmet were mixed up");
  }
};

template <std::size_t N>
struct take_outcome {
  scene<N>* x;
  void operator()(outcome o) noexcept {
    x->check(o);
    if (x->kept_by == the_completion) return;
    x->kept.emplace(std::move(o));
    x->delivered.set();
  }
};

template <bool AtDecided>
using policy_of = std::conditional_t<AtDecided, fanout::combine::at_decided_policy<with_late>, with_late>;

template <bool AtDecided>
policy_of<AtDecided> policy_for(std::size_t k, accounts& to) {
  with_late p{limited{}, note_late{&to}};
  p.limit.successes = static_cast<std::uint32_t>(k);
  if constexpr (AtDecided) {
    return {p};
  } else {
    return p;
  }
}

template <class Branch>
void complete(report what, Branch& branch, std::size_t i) {
  if (what == succeeds) return branch({}, value_of(i));
  if (what == fails) return branch.set_error(std::make_error_code(std::errc::io_error));
  branch.set_stopped();
}

template <std::size_t N>
void close_the_books(test& t, scene<N>& x, bool all_ran = true) {
  t.finally([&x, all_ran] {
    require(x.runs == 1, "the completion did not run exactly once");
    for (std::size_t i = 0; i != N; ++i) {
      require(!all_ran || x.ran[i], "a branch was not started");
      require(x.seen.in_outcome[i] + x.seen.late[i] == (x.ran[i] && x.what[i] == succeeds ? 1 : 0),
              "a success was neither delivered nor handed to on_late, or both");
    }
    x.kept.reset();
    x.book.check();
  });
}

// All branches report on threads of their own, or the first one by the issuing thread.
template <std::size_t N, bool AtDecided>
void quorum_of(test& t, std::size_t k, int reports_vary, int owners_vary, bool seal_races, int inline_first = 0) {
  using op = fanout::fanout_op<fanout::handler, policy_of<AtDecided>, take_outcome<N>, strategy, booked_bytes>;
  struct state : scene<N> {
    std::optional<typename op::branch> handles[most];
    std::optional<typename op::issuer> issuer;
    void start(std::size_t i, bool completes) {
      issuer->start(i, [this, i, completes](auto branch) {
        this->ran[i] = true;
        if (completes) return complete(this->what[i], branch, i);
        handles[i] = std::move(branch);
      });
    }
    void seal() {
      this->sealing = true;
      std::move(*issuer).seal();
    }
  };
  auto& x = t.make<state>();
  x.k = k;
  for (std::size_t i = 0; i != N; ++i) x.what[i] = static_cast<report>(t.choose(reports_vary));
  x.kept_by = static_cast<owner>(t.choose(owners_vary));
  x.issuer.emplace(*op::make(N, policy_for<AtDecided>(k, x.seen), take_outcome<N>{&x}, booked_bytes(x.book)));
  const auto at_once = static_cast<std::size_t>(inline_first);
  for (std::size_t i = 0; i != at_once; ++i) x.start(i, true);
  for (std::size_t i = at_once; i != N; ++i) x.start(i, false);
  if (seal_races) {
    t.thread([&x] { x.seal(); });
  } else {
    x.seal();
  }
  for (std::size_t i = at_once; i != N; ++i) {
    if (x.ran[i]) t.thread([&x, i] { complete(x.what[i], *x.handles[i], i); });
  }
  if (x.kept_by == another_thread) t.thread([&x] { x.delivered.wait(), x.kept.reset(); });
  close_the_books(t, x, inline_first == 0);
}

// Nobody is started once it is decided, and the seal makes up for them.
template <bool AtDecided>
void decided_while_issuing(test& t) {
  using op = fanout::fanout_op<fanout::handler, policy_of<AtDecided>, take_outcome<2>, strategy, booked_bytes>;
  struct state : scene<2> {
    std::optional<typename op::branch> handles[2];
    explorer::event go;
  };
  auto& x = t.make<state>();
  x.k = 1;
  t.thread([&x] {
    auto issuer = *op::make(2, policy_for<AtDecided>(1, x.seen), take_outcome<2>{&x}, booked_bytes(x.book));
    issuer.start(0, [&x](auto branch) {
      x.ran[0] = true;
      x.handles[0] = std::move(branch);
      x.go.set();
    });
    if (!issuer.is_decided()) {
      issuer.start(1, [&x](auto branch) {
        x.ran[1] = true;
        branch({}, value_of(1));
      });
    }
    x.sealing = true;
    std::move(issuer).seal();
  });
  t.thread([&x] { x.go.wait(), (*x.handles[0])({}, value_of(0)); });
  close_the_books(t, x, false);
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  const bool full = full_depth();
  check("1 of 1, weak compare-exchanges", [](test& t) { quorum_of<1, false>(t, 1, kinds, owners, true); });
  check("1 of 1, at decided, weak compare-exchanges", [](test& t) { quorum_of<1, true>(t, 1, kinds, owners, true); });
  check("1 of 2", [](test& t) { quorum_of<2, false>(t, 1, kinds, the_end, true); }, 0, plain);
  check("1 of 2, at decided", [](test& t) { quorum_of<2, true>(t, 1, kinds, the_end, true); }, 0, plain);
  check(
      "1 of 2, at decided, the first inline", [](test& t) { quorum_of<2, true>(t, 1, kinds, owners, true, 1); }, 0,
      plain);
  check("1 of 2, at decided, decided while issuing", decided_while_issuing<true>, 0, plain);
  check("1 of 2, decided while issuing", decided_while_issuing<false>, 0, plain);
  check(
      "1 of 2, at decided, the outcome lives longer, or goes elsewhere",
      [](test& t) { quorum_of<2, true>(t, 1, 1, owners, true); }, 0, plain);
  check("2 of 2", [](test& t) { quorum_of<2, false>(t, 2, kinds, the_end, true); }, 0, plain);
  check("2 of 2, at decided", [](test& t) { quorum_of<2, true>(t, 2, kinds, the_end, true); }, 0, plain);
  check("2 of 3, at decided, all succeed", [](test& t) { quorum_of<3, true>(t, 2, 1, the_end, false); }, 0, plain);
  if (full) {
    check("2 of 3", [](test& t) { quorum_of<3, false>(t, 2, kinds, the_end, false); }, 0, plain);
    check("2 of 3, at decided", [](test& t) { quorum_of<3, true>(t, 2, gives_up, the_end, false); }, 0, plain);
    check(
        "2 of 3, at decided, against the seal, the first inline",
        [](test& t) { quorum_of<3, true>(t, 2, gives_up, the_end, true, 1); }, 0, plain);
    check(
        "2 of 3, at decided, the outcome goes elsewhere", [](test& t) { quorum_of<3, true>(t, 2, 1, owners, false); },
        0, plain);
  }
  return exit_code;
}
