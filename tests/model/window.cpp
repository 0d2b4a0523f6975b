// SPDX-License-Identifier: BSL-1.0
// A window: whoever reports starts the next branch, one at a time, without anybody waiting; on an executor, the same.

#include "model/model.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/detail/pump.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "fanout/timer/manual.hpp"

namespace {

using namespace model;
using namespace std::chrono_literals;

using strategy = fanout::refcount::basic_atomic<platform>;
using loop = fanout::testing::basic_manual_executor<platform>;
using timer = fanout::timer::basic_manual_timer<platform>;

constexpr std::size_t most = 4;
constexpr int value_of(std::size_t branch) { return static_cast<int>(branch) + 1; }

// ---- the pump alone ------------------------------------------------------------------------------------------------------

// Two threads add credits; each is worked off once, by one at a time.
void pump_alone(test& t, std::uint64_t end_after) {
  struct state {
    fanout::detail::pump<platform> pump{0};
    cell<std::uint64_t> done{0};
    std::uint64_t end_after = 0;
    cell<int> ended{0};
    void add(std::uint64_t credits) {
      if (!pump.add(credits)) return;
      pump.run([this](std::uint64_t due) noexcept {
        done = done + due;
        if (end_after == 0 || done < end_after) return true;
        ended += 1;
        return false;
      });
    }
  };
  auto& x = t.make<state>();
  x.end_after = end_after;
  t.thread([&x] { x.add(1), x.add(1); });
  t.thread([&x] { x.add(2); });
  t.finally([&x, end_after] {
    if (end_after == 0) {
      require(x.done == 4, "credits were forgotten");
    } else {
      require(x.ended == 1 && x.done >= end_after, "the end was not reached once");
    }
  });
}

// ---- an operation --------------------------------------------------------------------------------------------------------

struct record {
  cell<int> pulled{0};  // by the range; the issuing right's
  number started[most];
  cell<int> runs{0};
  int outcome = 0;
  std::error_code cause;
};

// Elements 0, 1, …: fetched on whichever thread starts the next branch, each once.
class counted_range {
 public:
  counted_range(record& r, std::size_t n) noexcept : record_(&r), n_(n) {}

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = std::size_t;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    explicit iterator(const counted_range* of) noexcept : of_(of) {}
    std::size_t operator*() const {
      of_->record_->pulled += 1;
      return at_;
    }
    iterator& operator++() {
      ++at_;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return at_ == of_->n_; }

   private:
    const counted_range* of_ = nullptr;
    std::size_t at_ = 0;
  };
  iterator begin() const noexcept { return iterator(this); }
  std::default_sentinel_t end() const noexcept { return {}; }
  std::size_t size() const noexcept { return n_; }

 private:
  record* record_;
  std::size_t n_;
};

// Collects into slots of their own: at drained, all values, or fewer with a stop.
struct adds_up {
  using value_type = number;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
  static constexpr bool votes = true;

  std::uint32_t enough = fanout::combine::limits::none;
  fanout::ruling rule(const fanout::tally& t) const noexcept {
    fanout::combine::limits l;
    l.successes = enough;
    return l.rule(t);
  }
  template <class T>
  adds_up bind() const noexcept {
    return *this;
  }
  int result(auto in) noexcept {
    int sum = 0;
    for (auto&& one : in) sum += *one;
    return sum;
  }
};
// The same without votes: what a branch costs is its release.
struct collects_up {
  using value_type = number;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;

  int result(auto in) noexcept {
    int sum = 0;
    for (auto&& one : in) sum += *one;
    return sum;
  }
};
// The same without slots of their own: what is folded makes room.
struct folds_up {
  using value_type = number;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;

  int enough = -1;
  int count = 0;
  int sum = 0;
  fanout::verdict on_value(std::size_t i, number&& value) noexcept {
    require(value == value_of(i), "a branch's value was lost");
    sum += value;
    return ++count == enough ? fanout::verdict::decided : fanout::verdict::go_on;
  }
  template <class T>
  folds_up bind() const noexcept {
    return *this;
  }
  int result() noexcept { return sum; }
};

struct note_outcome {
  record* to;
  template <class Outcome>
  void operator()(Outcome o) noexcept {
    to->runs += 1;
    if (o) {
      to->outcome = *o;
    } else {
      to->cause = o.error().cause;
    }
  }
};

// A branch completes inside its start, on the thread that is kept for it, or on the one that described it all, afterwards.
enum way { by_handle, elsewhere, ways, later = ways };

// A branch of whichever operation, on its way to the thread that completes it.
class any_branch {
 public:
  template <class Branch>
  void take(Branch branch) {
    static_assert(sizeof(Branch) <= sizeof bytes_);
    ::new (static_cast<void*>(bytes_)) Branch(std::move(branch));
    complete_ = [](void* at, std::size_t i) {
      Branch& taken = *static_cast<Branch*>(at);
      taken({}, value_of(i));
      taken.~Branch();
    };
  }
  void complete(std::size_t i) { complete_(bytes_, i); }

 private:
  alignas(void*) std::byte bytes_[sizeof(void*)];
  void (*complete_)(void*, std::size_t) = nullptr;
};

struct scene {
  way how[most] = {};
  any_branch handles[most];
  explorer::event go[most], posted[most], over;
  bool ran[most] = {};
  record seen;
  ledger book;

  auto initiator() {
    return [this](std::size_t i, auto branch, auto) noexcept {
      seen.started[i] += 1;
      ran[i] = true;
      if (how[i] == by_handle) return branch({}, value_of(i));
      handles[i].take(std::move(branch));
      go[i].set();
    };
  }
  // What no branch was started for will not be: the threads that wait for one go home.
  void end() {
    over.set();
    for (std::size_t i = 0; i != most; ++i) {
      if (!ran[i]) go[i].set();
      posted[i].set();
    }
  }
};

struct note_and_end : note_outcome {
  scene* x;
  template <class Outcome>
  void operator()(Outcome o) noexcept {
    note_outcome::operator()(std::move(o));
    x->end();
  }
};

template <class Policy>
auto described(scene& x, Policy policy, std::size_t n, std::size_t width) {
  return fanout::detail::describe<number, fanout::handler>(std::move(policy), counted_range(x.seen, n), x.initiator())
      .template count_with<strategy>()
      .allocate_with(booked_bytes(x.book))
      .window(width);
}

void branch_threads(test& t, scene& x, std::size_t n) {
  for (std::size_t i = 0; i != n; ++i) {
    if (x.how[i] != elsewhere) continue;
    t.thread([&x, i] {
      x.go[i].wait();
      if (x.ran[i]) x.handles[i].complete(i);
    });
  }
}

// All elements, exactly once, whoever starts them; sealed once.
template <class Policy, std::size_t N>
void refilled(test& t, std::size_t width, bool inline_too) {
  auto& x = t.make<scene>();
  for (std::size_t i = 0; i != N; ++i) x.how[i] = inline_too ? static_cast<way>(t.choose(ways)) : elsewhere;
  if (!inline_too) x.how[0] = later;
  t.thread([&x, width] {
    described(x, Policy{}, N, width).then(note_and_end{{&x.seen}, &x});
    if (x.how[0] == later) x.handles[0].complete(0);
  });
  branch_threads(t, x, N);
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.pulled == static_cast<int>(N), "an element was not fetched exactly once");
    for (std::size_t i = 0; i != N; ++i) require(x.seen.started[i] == 1, "a branch was not started exactly once");
    require(!x.seen.cause && x.seen.outcome == static_cast<int>(N * (N + 1) / 2), "a branch's value was lost");
    x.book.check();
  });
}

// One value is enough: nothing is fetched any more, and what is out reports.
template <class Policy>
void decided(test& t, bool at_decided) {
  constexpr std::size_t n = 3;
  auto& x = t.make<scene>();
  for (auto& how : x.how) how = elsewhere;
  x.how[0] = later;
  t.thread([&x, at_decided] {
    Policy policy{};
    policy.enough = 1;
    auto d = described(x, policy, n, 2);
    if (at_decided) {
      std::move(d).deliver_at(fanout::decided).then(note_and_end{{&x.seen}, &x});
    } else {
      std::move(d).drain().then(note_and_end{{&x.seen}, &x});
    }
    if (x.ran[0]) x.handles[0].complete(0);
  });
  branch_threads(t, x, n);
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(!x.seen.cause && x.seen.outcome != 0, "not decided by a value");
    require(x.seen.pulled <= 2 && x.seen.started[2] == 0, "an element was fetched after the decision");
    x.book.check();
  });
}

// Nothing but the deadline decides, while the only branch in flight waits for the outcome: the seal must not wait for it.
template <class Policy>
void deadline_ends_the_window(test& t) {
  struct state : scene {
    timer clock;
  };
  auto& x = t.make<state>();
  for (auto& how : x.how) how = elsewhere;
  t.thread([&x] {
    described(x, Policy{}, 2, 1)
        .deadline(timer::time_point(1s), x.clock)
        .deliver_at(fanout::decided)
        .then(note_and_end{{&x.seen}, &x});
    x.clock.run_due();  // armed after the clock had passed that time
  });
  t.thread([&x] { x.clock.advance(1s); });
  t.thread([&x] {
    x.over.wait();
    if (x.ran[0]) x.handles[0].complete(0);
  });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.seen.cause == fanout::errc::deadline, "not the deadline");
    require(x.seen.pulled <= 1 && x.seen.started[1] == 0, "an element was fetched after the decision");
    x.book.check();
  });
}

// Branches are started on an executor only, a turn at a time: the first one reports during its turn, or makes another one due; the
// others complete inside their start, but may be folded elsewhere.
class counting {
 public:
  counting(loop& to, explorer::event* posted, int& turns) noexcept : to_(&to), posted_(posted), turns_(&turns) {}
  void post(fanout::work& w) const noexcept {
    explorer::event* const posted = posted_ + (*turns_)++;
    to_->post(w);
    posted->set();
  }
  bool operator==(const counting&) const noexcept = default;

 private:
  loop* to_;
  explorer::event* posted_;
  int* turns_;
};
template <class Policy>
void issued_on_an_executor(test& t) {
  constexpr std::size_t n = 3;
  struct state : scene {
    loop executor;
    int turns = 0;
  };
  auto& x = t.make<state>();
  for (auto& how : x.how) how = elsewhere;
  x.how[1] = x.how[2] = by_handle;
  described(x, Policy{}, n, 1).issue_on(counting(x.executor, x.posted, x.turns)).then(note_and_end{{&x.seen}, &x});
  branch_threads(t, x, n);
  t.thread([&x] {
    for (auto& turn : x.posted) {
      turn.wait();
      x.executor.run_one();
    }
  });
  t.finally([&x] {
    require(x.seen.runs == 1, "the completion did not run exactly once");
    require(x.executor.pending() == 0 && x.turns <= static_cast<int>(n), "a turn was posted that nobody needs");
    for (std::size_t i = 0; i != n; ++i) require(x.seen.started[i] == 1, "a branch was not started exactly once");
    require(!x.seen.cause && x.seen.outcome == static_cast<int>(n * (n + 1) / 2), "a branch's value was lost");
    x.book.check();
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  const bool full = full_depth();
  check("the pump alone", [](test& t) { pump_alone(t, 0); });
  check("the pump alone, until an end", [](test& t) { pump_alone(t, 2); });
  check("collects: two at once of three", [](test& t) { refilled<collects_up, 3>(t, 2, false); }, 0, plain);
  check("votes: two at once of three", [](test& t) { refilled<adds_up, 3>(t, 2, false); }, 0, plain);
  check("folds: two at once of three, in two slots", [](test& t) { refilled<folds_up, 3>(t, 2, false); }, 0, plain);
  check(
      "votes: one at a time of two, inline and elsewhere", [](test& t) { refilled<adds_up, 2>(t, 1, true); }, 0, plain);
  check(
      "folds: one at a time of two, inline and elsewhere", [](test& t) { refilled<folds_up, 2>(t, 1, true); }, 0,
      plain);
  check("votes: one value is enough", [](test& t) { decided<adds_up>(t, false); }, 0, plain);
  check("folds: one value is enough", [](test& t) { decided<folds_up>(t, false); }, 0, plain);
  check("votes: one value is enough, at decided", [](test& t) { decided<adds_up>(t, true); }, 0, plain);
  check("folds: one value is enough, at decided", [](test& t) { decided<folds_up>(t, true); }, 0, plain);
  check("folds: a deadline ends it at decided", deadline_ends_the_window<folds_up>, 0, plain);
  check("votes: issued on an executor", issued_on_an_executor<adds_up>, 0, plain);
  check("folds: issued on an executor", issued_on_an_executor<folds_up>, 0, plain);
  if (full) {
    check("votes: a deadline ends it at decided", deadline_ends_the_window<adds_up>, 0, plain);
    check(
        "votes: two at once of three, inline and elsewhere", [](test& t) { refilled<adds_up, 3>(t, 2, true); }, 0,
        plain);
    check(
        "folds: two at once of three, inline and elsewhere", [](test& t) { refilled<folds_up, 3>(t, 2, true); }, 0,
        plain);
  }
  return exit_code;
}
