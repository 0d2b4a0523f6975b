// SPDX-License-Identifier: BSL-1.0
// Real threads against real operations: branches that complete inside start, later, on other threads, before start has
// returned or from another operation's completion, with values, errors and stop, or dropped, while stop is requested
// from outside and waits time out. Every round checks that its completion ran once, with what the branches reported,
// and that nothing is alive afterwards. Sanitizers check the rest: run it under TSan and ASan.
//
//   FANOUT_STRESS_SEED     plans the first round, and so all of them; without it, a new one each time
//   FANOUT_STRESS_ROUNDS   how many
#include <fanout/fanout.hpp>

#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <random>
#include <type_traits>
#include <utility>

#include "crew.hpp"
#include "round.hpp"

namespace {

using stress::crew;
using stress::record;
using stress::round;
using support::counted;

enum class ending { then, wait, wait_until };
enum class heard { no, yes };  // whether the operation listens to an outer stop token

struct tell {
  round* of;
  template <class Outcome>
  void operator()(Outcome&& outcome) && noexcept {
    of->completed(std::forward<Outcome>(outcome));
  }
};

template <heard Heard, class Completion>
auto listening(round& r, Completion completion) {
  if constexpr (Heard == heard::yes) {
    return fanout::completion::stoppable<fanout::inplace_stop_token, Completion>(r.token(), std::move(completion));
  } else {
    return completion;
  }
}

// ---- operations issued by hand --------------------------------------------------------------------------------------

template <class Issuer>
void start_one(round& r, Issuer& issuer, std::size_t i) {
  using callback = typename Issuer::operation::callback_type;
  record& one = r[i];
  const auto initiator = [&](typename Issuer::branch branch, fanout::inplace_stop_token token) {
    r.start(one, std::move(branch), token);
  };
  if constexpr (fanout::c_callback_policy<callback>) {
    issuer.start_c(i, [&](auto* out, auto function, void* context) {
      if (one.way == stress::route::inside && one.delay % 2 == 0) return r.start_and_return(one, out);
      using branch = stress::c_branch<std::remove_pointer_t<decltype(out)>>;
      const bool twice = std::is_same_v<callback, fanout::c_checked<>> && one.value % 2 == 0;
      r.start(one, branch{out, function, context, twice}, fanout::inplace_stop_token{});
      return -EINPROGRESS;
    });
  } else if constexpr (Issuer::operation::is_open) {
    issuer.start(initiator);
  } else {
    issuer.start(i, initiator);
  }
}

/// The issuing code. Somewhere on its way it may go on on another thread, and take the issuer with it. Lives until the
/// end of the round.
template <class Issuer>
class issuing_code : stress::task {
 public:
  issuing_code(round& r, Issuer issuer) : round_(r), issuer_(std::move(issuer)) {
    run = [](stress::task& self) noexcept { static_cast<issuing_code&>(self).go_on(); };
  }

  void go_on() noexcept {
    Issuer issuer = std::move(issuer_);
    for (; next_ != round_.limit(); ++next_) {
      if (!handed_on_ && round_.hands_on_at(next_)) {
        handed_on_ = true;
        issuer_ = std::move(issuer);
        return round_.hand_on(*this);
      }
      start_one(round_, issuer, round_.nth(next_));
      round_.pump_some();
    }
    std::move(issuer).seal();
    round_.pump_all();
    round_.issued();
  }

 private:
  round& round_;
  Issuer issuer_;
  std::size_t next_ = 0;
  bool handed_on_ = false;
};

template <heard Heard>
constexpr round::abilities by_hand_can{.outer_token = Heard == heard::yes, .handed_on = true};

/// `issue` makes the operation: issue(round, completion).
template <heard Heard>
void by_hand(crew& c, std::uint64_t seed, const char* form, round::abilities can, auto issue) {
  round r(c, seed, form, can);
  r.begin();
  issuing_code code(r, issue(r, listening<Heard>(r, tell{&r})));
  code.go_on();
  r.end();
}

template <class Outcome, heard Heard>
void by_hand_and_wait(crew& c, std::uint64_t seed, const char* form, round::abilities can, auto issue) {
  round r(c, seed, form, can);
  r.begin();
  const auto delivered = std::make_unique<fanout::completion::waiter<Outcome>>();
  issuing_code code(r, issue(r, listening<Heard>(r, delivered->completion())));
  code.go_on();
  r.completed(delivered->wait());
  r.end();
}

template <heard Heard>
void known_all(crew& c, std::uint64_t seed, const char* form) {
  auto can = by_hand_can<Heard>;
  can.partial = true;
  by_hand<Heard>(c, seed, form, can, [](round& r, auto completion) {
    return fanout::issue<int>(r.size(), fanout::combine::all, std::move(completion));
  });
}

void known_settle(crew& c, std::uint64_t seed, const char* form) {
  auto can = by_hand_can<heard::no>;
  can.partial = true;
  by_hand<heard::no>(c, seed, form, can, [](round& r, auto completion) {
    return fanout::issue<counted>(r.size(), fanout::combine::settle, std::move(completion));
  });
}

template <class Callback>
void known_c(crew& c, std::uint64_t seed, const char* form) {
  auto can = by_hand_can<heard::no>;
  can.partial = true;
  can.speaks_c = true;
  by_hand<heard::no>(c, seed, form, can, [](round& r, auto completion) {
    return fanout::issue<int, Callback>(r.size(), fanout::combine::all, std::move(completion));
  });
}

void known_with_wait(crew& c, std::uint64_t seed, const char* form) {
  using outcome = fanout::result<int, fanout::failure<>>;
  by_hand_and_wait<outcome, heard::yes>(c, seed, form, by_hand_can<heard::yes>, [](round& r, auto completion) {
    auto sum = fanout::combine::with([](auto values) {
      int s = 0;
      for (const counted& value : values) s += value.value();
      return s;
    });
    return fanout::issue<counted>(r.size(), std::move(sum), std::move(completion));
  });
}

void known_void_wait(crew& c, std::uint64_t seed, const char* form) {
  using outcome = fanout::result<void, fanout::failure<>>;
  by_hand_and_wait<outcome, heard::no>(c, seed, form, by_hand_can<heard::no>, [](round& r, auto completion) {
    return fanout::issue<void>(r.size(), fanout::combine::all, std::move(completion));
  });
}

template <class Refcount>
void open_all(crew& c, std::uint64_t seed, const char* form) {
  by_hand<heard::yes>(c, seed, form, by_hand_can<heard::yes>, [](round&, auto completion) {
    return fanout::issue<counted, fanout::handler, Refcount>(fanout::combine::all, std::move(completion));
  });
}

void open_settle_wait(crew& c, std::uint64_t seed, const char* form) {
  using outcome = fanout::result<fanout::results<counted>, fanout::failure<>>;
  by_hand_and_wait<outcome, heard::no>(c, seed, form, by_hand_can<heard::no>, [](round&, auto completion) {
    return fanout::issue<counted>(fanout::combine::settle, std::move(completion));
  });
}

// ---- embedded operations, freed at the first moment at which that is allowed ----------------------------------------

/// Frees the operation from inside its completion. What lies where is the owner's to say: its type names this one.
struct tell_and_free {
  round* of;
  void* owner;
  void (*free)(void*) noexcept;

  template <class Outcome>
  void operator()(Outcome outcome) && noexcept {
    of->completed(std::move(outcome));
    free(owner);
  }
};

void embedded_all(crew& c, std::uint64_t seed, const char* form) {
  using completion = fanout::completion::stoppable<fanout::inplace_stop_token, tell_and_free>;
  using embedded = fanout::embedded<counted, round::most_branches, fanout::combine::all_policy<counted>, completion>;
  round r(c, seed, form, by_hand_can<heard::yes>);
  r.begin();
  std::allocator<embedded> memory;
  embedded* const op = memory.allocate(1);
  const auto free = [](void* owner) noexcept {
    auto* const used = static_cast<embedded*>(owner);
    std::destroy_at(used);
    std::allocator<embedded>().deallocate(used, 1);
  };
  ::new (static_cast<void*>(op)) embedded({}, listening<heard::yes>(r, tell_and_free{&r, op, free}));
  issuing_code code(r, op->issue(r.size()));
  code.go_on();
  r.end();
}

void embedded_settle_wait(crew& c, std::uint64_t seed, const char* form) {
  using waiter = fanout::completion::waiter<fanout::result<fanout::results<counted>, fanout::failure<>>>;
  using completion = decltype(std::declval<waiter&>().completion());
  using embedded = fanout::embedded<counted, round::most_branches, fanout::combine::settle_policy<counted>, completion>;
  round r(c, seed, form, by_hand_can<heard::no>);
  r.begin();
  auto delivered = std::make_unique<waiter>();
  auto op = std::make_unique<embedded>(fanout::combine::settle_policy<counted>{}, delivered->completion());
  issuing_code code(r, op->issue(r.size()));
  code.go_on();
  r.completed(delivered->wait());
  op.reset();
  delivered.reset();
  r.end();
}

// ---- algorithms -----------------------------------------------------------------------------------------------------

// The records of a round as a range. Going on to the next element completes deferred branches; going past the last one
// completes all of them where the thread is about to wait.
template <bool Counted>
class elements {
 public:
  class iterator {
   public:
    using iterator_concept = std::conditional_t<Counted, std::forward_iterator_tag, std::input_iterator_tag>;
    using value_type = record;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    iterator(const elements* of, std::size_t at) : of_(of), at_(at) {}
    record& operator*() const { return (*of_->round_)[at_]; }
    iterator& operator++() {
      ++at_;
      of_->went_on(at_);
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.at_ == b.at_; }

   private:
    const elements* of_ = nullptr;
    std::size_t at_ = 0;
  };

  elements(round& r, ending e) : round_(&r), ending_(e) {}
  iterator begin() const { return {this, 0}; }
  iterator end() const { return {this, round_->size()}; }
  std::size_t size() const
    requires Counted
  {
    return round_->size();
  }

 private:
  void went_on(std::size_t at) const {
    if (at == round_->size() && ending_ != ending::then) {
      round_->pump_all();
    } else {
      round_->pump_some();
    }
  }
  round* round_;
  ending ending_;
};

struct all_of {
  static auto describe(auto range, auto initiator) { return fanout::all<int>(std::move(range), std::move(initiator)); }
};
struct settle_of {
  static auto describe(auto range, auto initiator) {
    return fanout::settle<counted>(std::move(range), std::move(initiator));
  }
};

template <class Algorithm, bool Counted, heard Heard, ending Ending>
void algorithm(crew& c, std::uint64_t seed, const char* form) {
  round r(c, seed, form, {.outer_token = Heard == heard::yes});
  r.begin();
  auto described = [&r] {
    auto d = Algorithm::describe(elements<Counted>(r, Ending), [&r](record& one, auto branch, auto token) {
      r.start(one, std::move(branch), token);
    });
    if constexpr (Heard == heard::yes) {
      return std::move(d).stop_on(r.token());
    } else {
      return d;
    }
  }();
  if constexpr (Ending == ending::then) {
    std::move(described).then(tell{&r});
  } else if constexpr (Ending == ending::wait) {
    r.completed(fanout::wait(std::move(described)));
  } else {
    using clock = std::chrono::steady_clock;
    const auto deadline = r.deadline_passes() ? clock::time_point{} : clock::now() + std::chrono::hours(1);
    r.completed(fanout::wait_until(std::move(described), deadline));
  }
  r.pump_all();
  r.issued();
  r.end();
}

// ---- the rounds -----------------------------------------------------------------------------------------------------

struct form {
  const char* name;
  void (*run)(crew&, std::uint64_t seed, const char* name);
};

constexpr form forms[] = {
    {"issue, all", &known_all<heard::no>},
    {"issue, all, stop", &known_all<heard::yes>},
    {"issue, settle", &known_settle},
    {"issue, errno_callback", &known_c<fanout::errno_callback>},
    {"issue, c_checked", &known_c<fanout::c_checked<>>},
    {"issue, with, wait, stop", &known_with_wait},
    {"issue, void, wait", &known_void_wait},
    {"issue, N unknown, all, stop", &open_all<fanout::refcount::lazy_seed>},
    {"issue, N unknown, all, stop, counted up", &open_all<fanout::refcount::atomic>},
    {"issue, N unknown, settle, wait", &open_settle_wait},
    {"embedded, all, stop", &embedded_all},
    {"embedded, settle, wait", &embedded_settle_wait},
    {"all, then", &algorithm<all_of, true, heard::no, ending::then>},
    {"all, then, stop", &algorithm<all_of, true, heard::yes, ending::then>},
    {"all, wait", &algorithm<all_of, true, heard::no, ending::wait>},
    {"all, wait, stop", &algorithm<all_of, true, heard::yes, ending::wait>},
    {"all, wait_until", &algorithm<all_of, true, heard::no, ending::wait_until>},
    {"all, N unknown, then", &algorithm<all_of, false, heard::no, ending::then>},
    {"all, N unknown, then, stop", &algorithm<all_of, false, heard::yes, ending::then>},
    {"all, N unknown, wait", &algorithm<all_of, false, heard::no, ending::wait>},
    {"all, N unknown, wait, stop", &algorithm<all_of, false, heard::yes, ending::wait>},
    {"settle, then", &algorithm<settle_of, true, heard::no, ending::then>},
    {"settle, then, stop", &algorithm<settle_of, true, heard::yes, ending::then>},
    {"settle, wait", &algorithm<settle_of, true, heard::no, ending::wait>},
    {"settle, wait, stop", &algorithm<settle_of, true, heard::yes, ending::wait>},
    {"settle, wait_until, stop", &algorithm<settle_of, true, heard::yes, ending::wait_until>},
    {"settle, N unknown, then", &algorithm<settle_of, false, heard::no, ending::then>},
    {"settle, N unknown, then, stop", &algorithm<settle_of, false, heard::yes, ending::then>},
    {"settle, N unknown, wait", &algorithm<settle_of, false, heard::no, ending::wait>},
    {"settle, N unknown, wait_until, stop", &algorithm<settle_of, false, heard::yes, ending::wait_until>},
};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const set = std::getenv(name);
  return set != nullptr ? std::strtoull(set, nullptr, 0) : otherwise;
}

}  // namespace

int main() {
  const std::uint64_t seed =
      from_environment("FANOUT_STRESS_SEED", (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}());
  const std::uint64_t rounds = from_environment("FANOUT_STRESS_ROUNDS", FANOUT_STRESS_ROUNDS);
  std::printf("FANOUT_STRESS_SEED=%" PRIu64 " FANOUT_STRESS_ROUNDS=%" PRIu64 "\n", seed, rounds);
  std::fflush(stdout);

  fanout::on_late_callback([](const fanout::late_callback&) noexcept { stress::late_callbacks.fetch_add(1); });
  crew c;
  std::uint64_t next = seed;
  for (std::uint64_t k = 0; k != rounds; ++k) {
    const form& chosen = forms[stress::random(~next).below(std::size(forms))];
    chosen.run(c, next, chosen.name);
    next = stress::random(next).next();
  }
  std::printf("%" PRIu64 " rounds of %zu forms: every completion ran once, with what the branches reported\n", rounds,
              std::size(forms));
}
