// SPDX-License-Identifier: BSL-1.0
// Each refcount strategy on its own: exactly one caller sees zero, and it sees what the others wrote. The counted executions of
// a flat count have a closed form, so that an explorer that misses some cannot pass quietly.

#include "model/model.hpp"

#include <cstddef>

#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/lazy_seed.hpp"

namespace {

using namespace model;

using atomic = fanout::refcount::basic_atomic<platform>;
using lazy_seed = fanout::refcount::basic_lazy_seed<platform>;

template <class S, std::size_t N>
struct counted {
  counted(std::size_t seeded = N) : count(seeded) {}

  S count;
  cell<int> slot[N + 1];
  int zeros = 0;

  void last() {
    int sum = 0;
    for (auto& s : slot) sum += s;
    require(sum == static_cast<int>(N) + 1, "the last does not see every write");
    ++zeros;
  }
};

// N branches and the issuer, each on a thread of its own; of the branches, `inlined` complete inline and `unstarted` never.
template <class S, std::size_t N>
void countdown(test& t, std::size_t inlined = 0, std::size_t unstarted = 0) {
  auto& x = t.make<counted<S, N>>();
  const std::size_t remote = N - inlined - unstarted;
  for (std::size_t i = 0; i != remote; ++i) {
    t.thread([&x, i] {
      x.slot[i] = 1;
      if (x.count.release(i, 1)) x.last();
    });
  }
  t.thread([&x, remote, inlined, unstarted] {
    for (std::size_t i = remote; i != N + 1; ++i) x.slot[i] = 1;
    if (x.count.release_issuer(inlined, unstarted)) x.last();
  });
  t.finally([&x] { require(x.zeros == 1, "not exactly one saw zero"); });
}

// N unknown. One thread starts branches; each may be over before the next is started.
template <class S, std::size_t N>
void discovered(test& t) {
  struct state : counted<S, N> {
    state() : counted<S, N>(0) {}
    explorer::event go[N];
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    x.slot[N] = 1;
    for (std::size_t i = 0; i != N; ++i) {
      if constexpr (fanout::refcount::addable<S>) x.count.add(1);
      x.go[i].set();
    }
    bool last;
    if constexpr (fanout::refcount::correctable<S>) {
      last = x.count.correct(N, 0);
    } else {
      last = x.count.release_issuer(0, 0);
    }
    if (last) x.last();
  });
  for (std::size_t i = 0; i != N; ++i) {
    t.thread([&x, i] {
      x.go[i].wait();
      x.slot[i] = 1;
      if (x.count.release(i, 1)) x.last();
    });
  }
  t.finally([&x] { require(x.zeros == 1, "not exactly one saw zero"); });
}

// Somebody without a reference asks for one: not after zero, and then it counts.
template <class S, std::size_t N>
void hold_against_the_last(test& t) {
  struct state : counted<S, N> {
    int held_for = 0;  // not a cell: the question is what came when, not what is ordered
  };
  auto& x = t.make<state>();
  for (std::size_t i = 0; i != N; ++i) {
    t.thread([&x, i] {
      x.slot[i] = 1;
      if (x.count.release(i, 1)) x.last(), x.held_for = -1;
    });
  }
  t.thread([&x] {
    x.slot[N] = 1;
    if (x.count.release_issuer(0, 0)) x.last(), x.held_for = -1;
  });
  t.thread([&x] {
    if (!x.count.try_hold()) return;
    require(x.held_for == 0, "a reference was taken after zero");
    x.held_for = 1;
    if (x.count.release_hold()) x.last(), x.held_for = -1;
  });
  t.finally([&x] { require(x.zeros == 1, "not exactly one saw zero"); });
}

template <class S>
void check_strategy(const char* name) {
  std::printf("%s\n", name);
  check("  all remote, N = 1", [](test& t) { countdown<S, 1>(t); }, 2);
  check("  all remote, N = 2", [](test& t) { countdown<S, 2>(t); }, 6);
  check("  all remote, N = 3", [](test& t) { countdown<S, 3>(t); }, 24);
  check("  all remote, N = 4", [](test& t) { countdown<S, 4>(t); }, 120);
  check("  some inline, N = 4", [](test& t) { countdown<S, 4>(t, 2); }, 6);
  check("  all inline, N = 3", [](test& t) { countdown<S, 3>(t, 3); }, 1);
  check("  one never started, N = 4", [](test& t) { countdown<S, 4>(t, 1, 1); }, 6);
  check("  N found out while issuing, 1", discovered<S, 1>);
  check("  N found out while issuing, 2", discovered<S, 2>);
  check("  N found out while issuing, 3", discovered<S, 3>);
  check("  a hold against the last, N = 1", hold_against_the_last<S, 1>);
  check("  a hold against the last, N = 2", hold_against_the_last<S, 2>);
  if (full_depth()) {
    check("  all remote, N = 5", [](test& t) { countdown<S, 5>(t); }, 720);
    check("  all remote, N = 6", [](test& t) { countdown<S, 6>(t); }, 5040);
    check("  a hold against the last, N = 3", hold_against_the_last<S, 3>);
  }
}

}  // namespace

int main() {
  check_strategy<atomic>("atomic");
  check_strategy<lazy_seed>("lazy_seed");
  return exit_code;
}
