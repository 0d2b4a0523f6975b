// SPDX-License-Identifier: BSL-1.0
// The table behind c_checked: of any number of calls with one handle, early, late or at once, exactly one gets through.

#include "model/model.hpp"

#include "fanout/detail/context_table.hpp"

namespace {

using namespace model;

struct table : fanout::detail::context_table<platform> {
  ~table() { free_all(); }
};

struct state {
  table contexts;
  cell<int> target{0};
  void* handle = nullptr;
  explorer::atomic<int> redeemed{0};

  void present(void* h) {
    const auto r = contexts.redeem(h);
    if (r.target == nullptr) return;
    require(r.target == &target, "a handle led to another target");
    redeemed.fetch_add(1, std::memory_order_relaxed);
    target = target + 1;  // two at once would race
  }
};

void two_at_once(test& t) {
  auto& x = t.make<state>();
  x.handle = x.contexts.make(&x.target, 3);
  t.thread([&x] { x.present(x.handle); });
  t.thread([&x] { x.present(x.handle); });
  t.finally([&x] {
    require(x.redeemed.load() == 1, "not exactly one call got through");
    require(x.contexts.redeem(x.handle).number == 3, "a late call is named wrongly");
  });
}

// The entry is used again, by another handle, while late calls with the first one come in.
void late_while_used_again(test& t) {
  struct again : state {
    cell<int> other{0};
    explorer::event over;
  };
  auto& x = t.make<again>();
  x.handle = x.contexts.make(&x.target, 0);
  t.thread([&x] {
    x.present(x.handle);
    x.over.set();
    void* second = x.contexts.make(&x.other, 1);
    require(second != x.handle, "a handle was given out twice");
    const auto r = x.contexts.redeem(second);
    require(r.target == &x.other, "the second handle did not lead to its target");
  });
  t.thread([&x] {
    x.over.wait();
    require(x.contexts.redeem(x.handle).target == nullptr, "a late call got through");
  });
  t.finally([&x] { require(x.redeemed.load() == 1, "not exactly one call got through"); });
}

// Entries come and go on two threads: the stack of free ones never gives one out twice.
void entries_come_and_go(test& t) {
  struct many {
    table contexts;
    cell<int> target[2];
  };
  auto& x = t.make<many>();
  x.contexts.redeem(x.contexts.make(&x.target[0], 0));  // the block is there, and one entry free
  for (int k = 0; k != 2; ++k) {
    t.thread([&x, k] {
      void* h = x.contexts.make(&x.target[k], static_cast<std::size_t>(k));
      const auto r = x.contexts.redeem(h);
      require(r.target == &x.target[k], "a handle led to another target");
      x.target[k] = 1;
    });
  }
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  check("two calls at once", two_at_once);
  check("a late call while the entry is in use again", late_while_used_again, 0, plain);
  check("entries come and go on two threads", entries_come_and_go, 0, plain);
  return exit_code;
}
