// SPDX-License-Identifier: BSL-1.0
// Issuing that ends badly, branches that are dropped, errors that meet, and operations whose N is unknown.

#include "model/model.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/lazy_seed.hpp"
#include "fanout/results.hpp"

namespace {

using namespace model;

template <class Seen>
struct tell {
  Seen* seen;
  template <class Outcome>
  void operator()(Outcome outcome) noexcept {
    seen->look(outcome);
  }
};

template <class Refcount = fanout::refcount::basic_atomic<platform>, class Width = fanout::known_width>
struct all_of {
  struct seen {
    int runs = 0, sum = 0;
    bool succeeded = false;
    std::size_t size = 0;
    fanout::failure<> failure;
    template <class Outcome>
    void look(Outcome& outcome) {
      ++runs;
      succeeded = outcome.has_value();
      if (succeeded) {
        size = outcome->size();
        for (auto& value : *outcome) sum += value;
      } else {
        failure = outcome.error();
      }
    }
  };
  using op =
      fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, tell<seen>, Refcount, bytes, Width>;

  static auto issue(std::size_t n, seen& s) { return *op::make(n, {}, tell<seen>{&s}, {}); }
};

#if FANOUT_HAS_EXCEPTIONS
// The issuing code throws after j of N starts. Those started may complete before, meanwhile or after.
template <std::size_t N, bool ThroughIssue>
void issuing_throws(test& t) {
  using all = all_of<>;
  struct state {
    std::optional<typename all::op::branch> handles[N];
    explorer::event go[N];
    std::size_t j;
    bool caught = false;
    typename all::seen seen;
  };
  auto& x = t.make<state>();
  x.j = static_cast<std::size_t>(t.choose(N));
  t.thread([&x] {
    auto start_j_and_throw = [&x](auto& issuer) {
      for (std::size_t i = 0; i != x.j; ++i) {
        issuer.start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch), x.go[i].set(); });
      }
      throw std::runtime_error("issuing code");
    };
    if constexpr (ThroughIssue) {
      fanout::issue(all::issue(N, x.seen), start_j_and_throw);
    } else {
      try {
        auto issuer = all::issue(N, x.seen);
        start_j_and_throw(issuer);
      } catch (const std::runtime_error&) {
        x.caught = true;
      }
    }
  });
  for (std::size_t i = 0; i != x.j; ++i) t.thread([&x, i] { x.go[i].wait(), (*x.handles[i])(0, 1); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(!x.seen.succeeded && x.seen.failure.cause == fanout::errc::issuer_threw,
            "the cause is not that issuing threw");
    require(x.caught != ThroughIssue, "the exception went to the wrong place");
    require((x.seen.failure.exception != nullptr) == ThroughIssue, "the exception is not where it was promised");
  });
}

// An initiator that throws: having kept its handle to the end, or having given it to another thread.
template <bool GivesAway>
void initiator_throws(test& t) {
  using all = all_of<>;
  struct state {
    std::optional<typename all::op::branch> given;
    explorer::event go;
    typename all::seen seen;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    auto issuer = all::issue(2, x.seen);
    issuer.start(0, [&](auto branch) {
      if constexpr (GivesAway) x.given = std::move(branch), x.go.set();
      throw std::runtime_error("initiator");
    });
    issuer.start(1, [](auto branch) { branch(0, 1); });
  });
  if (GivesAway) t.thread([&x] { x.go.wait(), (*x.given)(0, 1); });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(!x.seen.succeeded && x.seen.failure.index == 0, "the failure does not name the branch");
    require(x.seen.failure.cause == fanout::errc::initiator_threw, "the cause is not that the initiator threw");
    require(x.seen.failure.exception != nullptr, "the exception is lost");
  });
}
#endif

// Two branches fail, one succeeds: one cause, whole, and one suppressed.
void errors_meet(test& t) {
  using all = all_of<>;
  struct state {
    std::optional<typename all::op::branch> handles[3];
    std::optional<typename all::op::issuer> issuer;
    typename all::seen seen;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(all::issue(3, x.seen));
  for (std::size_t i = 0; i != 3; ++i) x.issuer->start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
  t.thread([&x] { x.handles[0]->set_error(std::make_error_code(std::errc::io_error)); });
  t.thread([&x] { x.handles[1]->set_error(std::make_error_code(std::errc::timed_out)); });
  t.thread([&x] {
    x.handles[2]->set_value(1);
    std::move(*x.issuer).seal();
  });
  t.finally([&x] {
    require(x.seen.runs == 1 && !x.seen.succeeded, "the completion did not run once, as a failure");
    const auto& f = x.seen.failure;
    require(f.cause == (f.index == 0 ? std::errc::io_error : std::errc::timed_out),
            "index and cause are of two branches");
    require(f.index < 2 && f.suppressed == 1, "not one cause and one suppressed");
  });
}

// A branch that only stopped never displaces a real error, whichever comes first (I7).
void noise_against_an_error(test& t) {
  using all = all_of<>;
  struct state {
    std::optional<typename all::op::branch> handles[2];
    std::optional<typename all::op::issuer> issuer;
    typename all::seen seen;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(all::issue(2, x.seen));
  for (std::size_t i = 0; i != 2; ++i) x.issuer->start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
  t.thread([&x] { x.handles[0]->set_stopped(); });
  t.thread([&x] { x.handles[1]->set_error(std::make_error_code(std::errc::io_error)); });
  t.thread([&x] { std::move(*x.issuer).seal(); });
  t.finally([&x] {
    require(x.seen.runs == 1 && !x.seen.succeeded, "the completion did not run once, as a failure");
    require(x.seen.failure.index == 1 && x.seen.failure.cause == std::errc::io_error, "noise displaced a real error");
    require(x.seen.failure.suppressed == 0, "a branch that stopped was counted as an error");
  });
}

// A failing branch asks its sibling to stop before it releases its own reference; the sibling does as it is told, through a
// callback that completes it on the failing branch's thread, unless it was quicker.
void an_error_stops_the_sibling(test& t) {
  using all = all_of<>;
  struct state {
    std::optional<typename all::op::branch> failing, sibling;
    std::optional<typename all::op::issuer> issuer;
    explorer::atomic<int> claimed{0};
    typename all::seen seen;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(all::issue(2, x.seen));
  x.issuer->start(0, [&x](auto branch) { x.failing = std::move(branch); });
  x.issuer->start(1, [&x](auto branch) { x.sibling = std::move(branch); });
  struct on_stop {
    state* x;
    void operator()() const noexcept {
      if (x->claimed.exchange(1, std::memory_order_acq_rel) == 0) x->sibling->set_stopped();
    }
  };
  t.thread([&x] { x.failing->set_error(std::make_error_code(std::errc::io_error)); });
  t.thread([&x] {
    bool mine;
    {
      fanout::basic_inplace_stop_callback<platform, on_stop> callback(x.issuer->stop_token(), on_stop{&x});
      mine = x.claimed.exchange(1, std::memory_order_acq_rel) == 0;
    }  // gone before the last reference that this thread knows of
    if (mine) x.sibling->set_value(1);
    std::move(*x.issuer).seal();
  });
  t.finally(
      [&x] { require(x.seen.runs == 1 && x.seen.failure.index == 0, "not failed once, by the branch that failed"); });
}

// N unknown: branches complete while others are still being started, also beyond the first array.
template <class Refcount, std::size_t Remote, std::size_t Inline>
void grows(test& t) {
  using all = all_of<Refcount, fanout::open_width>;
  struct state {
    std::optional<typename all::op::branch> handles[Remote];
    explorer::event go[Remote];
    typename all::seen seen;
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    auto issuer = *all::op::make(0, {}, tell<typename all::seen>{&x.seen}, {});
    for (std::size_t i = 0; i != Inline; ++i) issuer.start([](auto branch) { branch(0, 1); });
    for (std::size_t i = 0; i != Remote; ++i) {
      issuer.start([&x, i](auto branch) { x.handles[i] = std::move(branch), x.go[i].set(); });
    }
  });
  for (std::size_t i = 0; i != Remote; ++i) t.thread([&x, i] { x.go[i].wait(), (*x.handles[i])(0, 1); });
  t.finally([&x] {
    require(x.seen.runs == 1 && x.seen.size == Remote + Inline, "not completed once with as many values as branches");
    require(x.seen.sum == static_cast<int>(Remote + Inline), "a branch's value was lost");
  });
}

struct settled_seen {
  int runs = 0;
  bool as_expected = false;
  template <class Outcome>
  void look(Outcome& outcome) {
    ++runs;
    auto& r = *outcome;
    as_expected = r.size() == 3 && r[0] && *r[0] == 1 && !r[1] && r[1].error() == std::errc::io_error && r[2].stopped();
  }
};

// settle keeps every branch's own result.
void settles(test& t) {
  using op = fanout::fanout_op<fanout::handler, fanout::combine::settle_policy<number>, tell<settled_seen>,
                               fanout::refcount::basic_atomic<platform>, bytes>;
  struct state {
    std::optional<op::branch> handles[3];
    std::optional<op::issuer> issuer;
    settled_seen seen;
  };
  auto& x = t.make<state>();
  x.issuer.emplace(*op::make(3, {}, tell<settled_seen>{&x.seen}, {}));
  for (std::size_t i = 0; i != 3; ++i) x.issuer->start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
  t.thread([&x] { x.handles[0]->set_value(1), std::move(*x.issuer).seal(); });
  t.thread([&x] { x.handles[1]->set_error(std::make_error_code(std::errc::io_error)); });
  t.thread([&x] { x.handles[2]->set_stopped(); });
  t.finally(
      [&x] { require(x.seen.runs == 1 && x.seen.as_expected, "not settled once with every branch's own result"); });
}

}  // namespace

int main() {
  using atomic = fanout::refcount::basic_atomic<platform>;
  using lazy_seed = fanout::refcount::basic_lazy_seed<platform>;
#if FANOUT_HAS_EXCEPTIONS
  check("issuing throws after j of 2 starts, past ~issuer", issuing_throws<2, false>);
  check("issuing throws after j of 3 starts, past ~issuer", issuing_throws<3, false>);
  check("issuing throws after j of 3 starts, inside issue(issuer, f)", issuing_throws<3, true>);
  check("an initiator throws", initiator_throws<false>);
  check("an initiator throws, another thread has the handle", initiator_throws<true>);
#endif
  check("two errors and a value", errors_meet);
  check("a stopped branch and a real error", noise_against_an_error);
  // The stop source's lock is explored with spurious and stale failures in stop_token.cpp; here they would only multiply.
  check("an error stops the sibling", an_error_stops_the_sibling, 0, {.spurious = 0, .stale_failures = false});
  check("settle: a value, an error and a stopped branch", settles);
  check("N unknown, lazy_seed, one inline and two remote", grows<lazy_seed, 2, 1>);
  check("N unknown, lazy_seed, beyond the first array", grows<lazy_seed, 2, 8>);
  check("N unknown, atomic, one inline and two remote", grows<atomic, 2, 1>);
  if (full_depth()) {
    check("N unknown, lazy_seed, three remote", grows<lazy_seed, 3, 1>);
    check("N unknown, atomic, three remote", grows<atomic, 3, 7>);
  }
  return exit_code;
}
