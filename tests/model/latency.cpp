// SPDX-License-Identifier: BSL-1.0
// The windows of a latency tracker: events against turns, whether a full window or a hand makes them.

#include "model/model.hpp"

#include "fanout/latency.hpp"

namespace {

using namespace model;

template <std::uint32_t Batch = 1>
using counts = fanout::detail::recent_counts<platform, 2, Batch>;

constexpr std::uint32_t by_hand = 1000;

template <class Counts>
std::uint64_t remembered(const Counts& c) {
  const auto view = c.remembered();
  return view[0] + view[1];
}

// Whoever fills the window turns it, once; what is one turn old is remembered.
void a_full_window_turns_once(test& t) {
  auto& c = t.make<counts<>>(2u);
  t.thread([&c] { c.add(0), c.add(1); });
  t.thread([&c] { c.add(0); });
  t.finally([&c] { require(remembered(c) == 3, "a record was lost"); });
}

// The same with a fill that is counted in pairs, each of which somebody completes.
void pairs(test& t) {
  auto& c = t.make<counts<2>>(2u);
  t.thread([&c] { c.add(0), c.add(1); });
  t.thread([&c] { c.add(0); });
  t.finally([&c] {
    require(remembered(c) == 3, "a record was lost");
    c.turn();
    require(remembered(c) <= 1, "the full window was not turned");
  });
}

// After one's own turn at most one more can follow here, so what one has recorded since is remembered: it was not put into a
// window that another thread is still clearing.
void turns_against_a_record(test& t) {
  auto& c = t.make<counts<>>(by_hand);
  c.add(1);
  t.thread([&c] { c.turn(); });
  t.thread([&c] { c.turn(), c.add(0); });
  t.finally([&c] { require(c.remembered()[0] == 1, "a record was lost"); });
}

// Two turns, one after the other, forget what was there before them; at the same time, one of them may do nothing.
void turns_forget(test& t) {
  auto& c = t.make<counts<>>(by_hand);
  c.add(0);
  t.thread([&c] { c.turn(), c.turn(); });
  t.thread([&c] { c.turn(); });
  t.finally([&c] {
    c.turn();
    require(remembered(c) == 0, "an old record was remembered");
    c.add(0);
    require(remembered(c) == 1, "a record was lost");
  });
}

}  // namespace

int main() {
  check("a full window turns once", a_full_window_turns_once);
  check("a full window, counted in pairs", pairs);
  check("two turns against a record", turns_against_a_record);
  check("turns forget", turns_forget);
  return exit_code;
}
