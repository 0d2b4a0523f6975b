// SPDX-License-Identifier: BSL-1.0
// The explorer against the C++ memory model: each litmus test must show exactly the outcomes that the model allows,
// less the two that the explorer is documented not to explore (marked "limit").
#include "fanout/testing/explorer.hpp"

#include <cstdio>

#if FANOUT_HAS_EXPLORER

#include <memory>
#include <set>
#include <string>

namespace {

namespace ex = fanout::testing::explorer;
using ex::fence;

constexpr auto rlx = std::memory_order_relaxed;
constexpr auto acq = std::memory_order_acquire;
constexpr auto rel = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto sc = std::memory_order_seq_cst;

struct shared {
  ex::atomic<int> x{0}, y{0};
  ex::event go{};
  int r[4] = {-1, -1, -1, -1};  // what the threads read; those not used stay out of the outcome
};

int mismatches = 0;

// `expected`: all outcomes, in order, separated by spaces. An outcome is what
// r holds in the end, or else x and y.
template <class... Threads>
void litmus(const char* name, const std::string& expected, Threads... threads) {
  std::set<std::string> seen;
  const ex::report r = ex::explore([&](ex::test& t) {
    shared& s = t.make<shared>();
    (t.thread([&s, threads] { threads(s); }), ...);
    t.finally([&] {
      std::string outcome;
      for (const int value : s.r) outcome += value < 0 ? "" : std::to_string(value);
      if (outcome.empty()) outcome = "end " + std::to_string(s.x.load()) + std::to_string(s.y.load());
      seen.insert(outcome);
    });
  });
  std::string outcomes;
  for (const std::string& outcome : seen) outcomes += (outcomes.empty() ? "" : " ") + outcome;
  const bool ok = r && outcomes == expected;
  std::printf("%-10s %-44s %6llu executions: %s\n", ok ? "ok" : "MISMATCH", name,
              static_cast<unsigned long long>(r.executions), outcomes.c_str());
  if (ok) return;
  ++mismatches;
  std::printf("           expected: %s\n%s", expected.c_str(), to_string(r).c_str());
}

void store_buffering() {
  const auto sb = [](auto store_order, auto load_order) {
    return [=](shared& s) {
      s.x.store(1, store_order);
      s.r[0] = s.y.load(load_order);
    };
  };
  const auto bs = [](auto store_order, auto load_order) {
    return [=](shared& s) {
      s.y.store(1, store_order);
      s.r[1] = s.x.load(load_order);
    };
  };
  const auto with_fence_0 = [](shared& s) { s.x.store(1, rlx), fence(sc), s.r[0] = s.y.load(rlx); };
  const auto with_fence_1 = [](shared& s) { s.y.store(1, rlx), fence(sc), s.r[1] = s.x.load(rlx); };
  litmus("store buffering, relaxed", "00 01 10 11", sb(rlx, rlx), bs(rlx, rlx));
  litmus("store buffering, release and acquire", "00 01 10 11", sb(rel, acq), bs(rel, acq));
  litmus("store buffering, seq_cst", "01 10 11", sb(sc, sc), bs(sc, sc));
  litmus("store buffering, seq_cst loads only", "00 01 10 11", sb(rlx, sc), bs(rlx, sc));
  litmus("store buffering, seq_cst stores only", "00 01 10 11", sb(sc, rlx), bs(sc, rlx));
  litmus("store buffering, seq_cst fences", "01 10 11", with_fence_0, with_fence_1);
  litmus("store buffering, one seq_cst fence", "00 01 10 11", with_fence_0, bs(rlx, rlx));
  litmus("store buffering, fence against seq_cst", "01 10 11", sb(sc, sc), with_fence_1);
  // 10 is there only if the second fence comes first, which nothing but the order of the fences can bring about.
  litmus(
      "message passing, seq_cst fences in either order", "00 01 10 11",
      [](shared& s) { s.x.store(1, rlx), fence(sc), s.y.store(1, rlx); },
      [](shared& s) { fence(sc), s.r[0] = s.y.load(rlx), s.r[1] = s.x.load(rlx); });
  litmus(
      "store buffering, acq_rel fences", "00 01 10 11",
      [](shared& s) { s.x.store(1, rlx), fence(acq_rel), s.r[0] = s.y.load(rlx); },
      [](shared& s) { s.y.store(1, rlx), fence(acq_rel), s.r[1] = s.x.load(rlx); });
}

void message_passing() {
  const auto send = [](auto order) { return [=](shared& s) { s.x.store(1, rlx), s.y.store(1, order); }; };
  const auto receive = [](auto order) { return [=](shared& s) { s.r[0] = s.y.load(order), s.r[1] = s.x.load(rlx); }; };
  const auto send_fence = [](shared& s) { s.x.store(1, rlx), fence(rel), s.y.store(1, rlx); };
  const auto receive_fence = [](shared& s) { s.r[0] = s.y.load(rlx), fence(acq), s.r[1] = s.x.load(rlx); };
  litmus("message passing, relaxed", "00 01 10 11", send(rlx), receive(rlx));
  litmus("message passing, release and acquire", "00 01 11", send(rel), receive(acq));
  litmus("message passing, seq_cst", "00 01 11", send(sc), receive(sc));
  litmus("message passing, release only", "00 01 10 11", send(rel), receive(rlx));
  litmus("message passing, acquire only", "00 01 10 11", send(rlx), receive(acq));
  litmus("message passing, fences", "00 01 11", send_fence, receive_fence);
  litmus("message passing, release fence to acquire load", "00 01 11", send_fence, receive(acq));
  litmus("message passing, release store to acquire fence", "00 01 11", send(rel), receive_fence);
  litmus("message passing, no acquire fence", "00 01 10 11", send_fence, receive(rlx));
  litmus("message passing, no release fence", "00 01 10 11", send(rlx), receive_fence);
  const auto send_notify = [](shared& s) { s.x.store(1, rlx), s.y.store(1, rel), s.y.notify_one(); };
  litmus("message passing, wait that acquires", "1", send_notify,
         [](shared& s) { s.y.wait(0, acq), s.r[0] = s.x.load(rlx); });
  litmus("message passing, relaxed wait", "0 1", send_notify,
         [](shared& s) { s.y.wait(0, rlx), s.r[0] = s.x.load(rlx); });
}

void release_sequences() {
  const auto send = [](shared& s) { s.x.store(1, rlx), s.y.store(1, rel); };
  const auto receive = [](shared& s) { s.r[0] = s.y.load(acq), s.r[1] = s.x.load(rlx); };
  // 10 is there because the increment may come first and store 1 too.
  litmus(
      "release sequence through a relaxed RMW", "00 01 10 11 21", send, [](shared& s) { s.y.fetch_add(1, rlx); },
      receive);
  litmus(
      "release sequence broken by a relaxed store", "00 01 11 20 21", send, [](shared& s) { s.y.store(2, rlx); },
      receive);
}

void coherence() {
  const auto write = [](shared& s) { s.x.store(1, rlx); };
  litmus("coherence of two reads", "00 01 11", write,
         [](shared& s) { s.r[0] = s.x.load(rlx), s.r[1] = s.x.load(rlx); });
  litmus(
      "coherence of reads in two threads", "000 001 010 011 100 101 111", write,
      [](shared& s) { s.r[0] = s.x.load(rlx), s.y.store(1, rel); },
      [](shared& s) { s.r[1] = s.y.load(acq), s.r[2] = s.x.load(rlx); });
  litmus(
      "coherence of a read after a write", "1 2", [](shared& s) { s.x.store(1, rlx), s.r[0] = s.x.load(rlx); },
      [](shared& s) { s.x.store(2, rlx); });
  litmus(
      "read-modify-writes lose no update", "01 10", [](shared& s) { s.r[0] = s.x.fetch_add(1, rlx); },
      [](shared& s) { s.r[1] = s.x.fetch_add(1, rlx); });
  litmus(
      "write to read causality", "000 001 010 011 100 101 111", [](shared& s) { s.x.store(1, rel); },
      [](shared& s) { s.r[0] = s.x.load(acq), s.y.store(1, rel); },
      [](shared& s) { s.r[1] = s.y.load(acq), s.r[2] = s.x.load(rlx); });
}

void independent_reads_of_independent_writes() {
  const auto write_x = [](auto order) { return [=](shared& s) { s.x.store(1, order); }; };
  const auto write_y = [](auto order) { return [=](shared& s) { s.y.store(1, order); }; };
  const auto read_xy = [](auto order) {
    return [=](shared& s) { s.r[0] = s.x.load(order), s.r[1] = s.y.load(order); };
  };
  const auto read_yx = [](auto order) {
    return [=](shared& s) { s.r[2] = s.y.load(order), s.r[3] = s.x.load(order); };
  };
  const std::string all = "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111";
  const std::string agreeing = "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111";
  litmus("independent reads, acquire", all, write_x(rel), write_y(rel), read_xy(acq), read_yx(acq));
  litmus("independent reads, seq_cst", agreeing, write_x(sc), write_y(sc), read_xy(sc), read_yx(sc));
  litmus(
      "independent reads, seq_cst fences", agreeing, write_x(rlx), write_y(rlx),
      [](shared& s) { s.r[0] = s.x.load(rlx), fence(sc), s.r[1] = s.y.load(rlx); },
      [](shared& s) { s.r[2] = s.y.load(rlx), fence(sc), s.r[3] = s.x.load(rlx); });
}

void sequentially_consistent_reads() {
  // Either read may miss the store, but not if it comes after one that saw it: both orders of the reads must be tried.
  litmus(
      "seq_cst reads of a relaxed store", "00 01 10 11", [](shared& s) { s.x.store(1, rlx), s.go.set(); },
      [](shared& s) { s.go.wait(false), s.r[0] = s.x.load(sc); },
      [](shared& s) { s.go.wait(false), s.r[1] = s.x.load(sc); });
  litmus(
      "seq_cst reads agree on a relaxed store", "000 001 010 011 101 110 111", [](shared& s) { s.x.store(1, rlx); },
      [](shared& s) { s.r[0] = s.x.load(sc), s.r[1] = s.y.load(sc); },
      [](shared& s) { s.y.store(1, sc), s.r[2] = s.x.load(sc); });
}

void compare_exchange() {
  const auto once = [](bool weak) {
    return [=](shared& s) {
      int expected = 0;
      s.r[0] = weak ? s.x.compare_exchange_weak(expected, 1) : s.x.compare_exchange_strong(expected, 1);
      s.r[1] = expected;
    };
  };
  litmus("compare_exchange_weak fails spuriously", "00 10", once(true));
  litmus("compare_exchange_strong does not", "10", once(false));
  litmus(
      "two compare_exchange_strong, one succeeds", "01 10",
      [](shared& s) {
        int e = 0;
        s.r[0] = s.x.compare_exchange_strong(e, 1, rlx);
      },
      [](shared& s) {
        int e = 0;
        s.r[1] = s.x.compare_exchange_strong(e, 1, rlx);
      });
  litmus(
      "a failing compare_exchange may read stale", "00 01 10 11",
      [](shared& s) { s.x.store(1, rlx), s.y.store(1, rlx); },
      [](shared& s) {
        s.r[0] = s.y.load(rlx);
        int expected = 2;
        s.x.compare_exchange_strong(expected, 3, rlx, rlx);
        s.r[1] = expected;
      });
}

void failing_compare_exchange() {
  const auto send = [](shared& s) { s.x.store(1, rlx), s.y.store(1, rel); };
  const auto receive = [](auto failure) {
    return [failure](shared& s) {
      s.r[0] = 5;
      s.y.compare_exchange_strong(s.r[0], 6, acq, failure);
      s.r[1] = s.x.load(rlx);
    };
  };
  litmus("a failing compare_exchange that acquires", "00 01 11", send, receive(acq));
  litmus("a failing compare_exchange, relaxed", "00 01 10 11", send, receive(rlx));
}

void limits() {
  litmus(
      "limit: load buffering (C++ adds 11)", "00 01 10", [](shared& s) { s.r[0] = s.x.load(rlx), s.y.store(1, rlx); },
      [](shared& s) { s.r[1] = s.y.load(rlx), s.x.store(1, rlx); });
  litmus(
      "limit: two stores each (C++ adds end 11)", "end 12 end 21 end 22",
      [](shared& s) { s.x.store(1, rlx), s.y.store(2, rlx); }, [](shared& s) { s.y.store(1, rlx), s.x.store(2, rlx); });
}

}  // namespace

int main() {
  store_buffering();
  message_passing();
  release_sequences();
  coherence();
  independent_reads_of_independent_writes();
  sequentially_consistent_reads();
  compare_exchange();
  failing_compare_exchange();
  limits();
  return mismatches == 0 ? 0 : 1;
}

#else

int main() { std::puts("SKIPPED: no explorer here (see FANOUT_HAS_EXPLORER)"); }

#endif
