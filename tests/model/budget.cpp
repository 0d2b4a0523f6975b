// SPDX-License-Identifier: BSL-1.0
// Threads that deposit into and withdraw from one bucket: each token is given to exactly one, and no deposit is lost.

#include "model/model.hpp"

#include "fanout/budget.hpp"

namespace {

using namespace model;

using budget = fanout::basic_budget<platform>;

// One token, and `Threads` that want it.
template <std::size_t Threads>
void one_token(test& t) {
  struct state {
    budget shared{{.ratio = 0, .initial = 1, .cap = 1}};
    int granted[Threads] = {};
  };
  auto& x = t.make<state>();
  for (std::size_t i = 0; i != Threads; ++i) t.thread([&x, i] { x.granted[i] = x.shared.try_withdraw() ? 1 : 0; });
  t.finally([&x] {
    int granted = 0;
    for (const int one : x.granted) granted += one;
    require(granted == 1, "one token was not given to exactly one");
    require(x.shared.available() == 0, "the balance is not what is left");
    const auto counts = x.shared.counted();
    require(counts.withdrawn == 1 && counts.refused == Threads - 1, "a withdrawal was not counted");
  });
}

// Half a token from each of two threads, while a third wants one: before, between or after, it adds up.
void deposits_against_a_withdrawal(test& t) {
  struct state {
    budget shared{{.ratio = 0.5, .initial = 0.5, .cap = 2}};
    int granted = 0;
  };
  auto& x = t.make<state>();
  for (int i = 0; i != 2; ++i) t.thread([&x] { x.shared.deposit(); });
  t.thread([&x] { x.granted = x.shared.try_withdraw() ? 1 : 0; });
  t.finally([&x] {
    require(x.shared.available() == (x.granted == 1 ? 0.5 : 1.5), "a deposit was lost");
    require(x.shared.counted().deposited == 2, "a deposit was not counted");
  });
}

// At the cap a deposit may find no room, or the room that a withdrawal has made. It never makes more than there is room for.
void at_the_cap(test& t) {
  struct state {
    budget shared{{.ratio = 0.75, .initial = 1, .cap = 1}};
    int granted = 0;
  };
  auto& x = t.make<state>();
  for (int i = 0; i != 2; ++i) t.thread([&x] { x.shared.deposit(); });
  t.thread([&x] { x.granted = x.shared.try_withdraw() ? 1 : 0; });
  t.finally([&x] {
    require(x.granted == 1, "a token that was there was refused");
    const double left = x.shared.available();
    require(left == 0 || left == 0.75 || left == 1, "the cap was not respected");
  });
}

// A thread that puts a whole token in can take one out, unless another was faster; two cannot both find one.
void each_pays_for_one(test& t) {
  struct state {
    budget shared{{.ratio = 1, .initial = 0, .cap = 2}};
    int granted[2] = {};
  };
  auto& x = t.make<state>();
  for (std::size_t i = 0; i != 2; ++i) {
    t.thread([&x, i] {
      x.shared.deposit();
      x.granted[i] = x.shared.try_withdraw() ? 1 : 0;
    });
  }
  t.finally([&x] { require(x.granted[0] + x.granted[1] == 2, "a token that was paid for was refused"); });
}

}  // namespace

int main() {
  check("one token, two withdrawals", one_token<2>);
  check("two deposits against a withdrawal", deposits_against_a_withdrawal);
  check("two deposits against a withdrawal, at the cap", at_the_cap);
  check("two that deposit and withdraw", each_pays_for_one);
  if (full_depth()) check("one token, three withdrawals", one_token<3>);
  return exit_code;
}
