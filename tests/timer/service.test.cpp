// SPDX-License-Identifier: BSL-1.0
#include "fanout/timer/service.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/child_process.hpp"
#include "timer/event.hpp"

#if FANOUT_HAS_CHILD_PROCESSES
#include <pthread.h>
#include <signal.h>

#include <optional>
#endif

namespace {

using namespace std::chrono_literals;
using fanout::timer::service;

/// An entry that does whatever the test wants.
struct entry : service::entry {
  explicit entry(std::function<void()> what_to_do)
      : service::entry([](service::entry& e) noexcept {
          // Moved out: what it does may be to destroy the entry.
          auto what = std::move(static_cast<entry&>(e).f);
          what();
        }),
        f(std::move(what_to_do)) {}
  std::function<void()> f;
};

/// Keeps the service's thread in a function until it is opened, so that a test may arm in peace.
class gate {
 public:
  explicit gate(service& s) : entry_([this] { entered_.set(), open_.wait(); }) {
    s.arm(entry_, service::time_point::min());
    entered_.wait();
  }
  void open() { open_.set(); }

 private:
  event entered_, open_;
  entry entry_;
};

// Returns when all that is due has been called. Only for times that have passed.
void settle(service& s) {
  event reached;
  entry behind([&] { reached.set(); });
  s.arm(behind, service::now());
  reached.wait();
}

}  // namespace

TEST_CASE("a service that nobody uses comes and goes", "[timer][service]") {
  service s;
  const auto before = service::now();
  CHECK(before <= s.now());
}

TEST_CASE("entries are called on the service's thread, one thread, not inside arm", "[timer][service]") {
  service s;
  std::thread::id first, second;
  entry one([&] { first = std::this_thread::get_id(); });
  entry two([&] { second = std::this_thread::get_id(); });
  s.arm(one, service::now() - 1h);
  settle(s);
  s.arm(two, service::now());
  settle(s);
  CHECK(first == second);
  CHECK(first != std::thread::id());
  CHECK(first != std::this_thread::get_id());
}

TEST_CASE("a service calls in the order of the times, ties in the order of arming", "[timer][service]") {
  service s;
  std::vector<int> order;
  {
    entry a([&] { order.push_back(1); }), b([&] { order.push_back(2); }), c([&] { order.push_back(3); }),
        d([&] { order.push_back(4); });
    gate g(s);
    const auto now = service::now();
    s.arm(d, now);
    s.arm(b, now - 1ms);
    s.arm(c, now - 1ms);
    s.arm(a, now - 1s);
    g.open();
    settle(s);
  }
  CHECK(order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("a sleeping service is woken for an earlier time", "[timer][service]") {
  service s;
  entry later([] {});
  s.arm(later, service::now() + 1h);
  settle(s);  // asleep, or about to be, until an hour from now
  event called;
  entry soon([&] { called.set(); });
  s.arm(soon, service::now() + 1ms);
  called.wait();
  CHECK(s.cancel(later));
}

TEST_CASE("a service's cancel is true while the entry is armed, due or not, and false otherwise", "[timer][service]") {
  service s;
  int calls = 0;
  entry e([&] { ++calls; });
  CHECK(!s.cancel(e));
  s.arm(e, service::now() + 1h);
  CHECK(s.cancel(e));
  CHECK(!s.cancel(e));
  {
    gate g(s);
    s.arm(e, service::now() - 1h);
    CHECK(s.cancel(e));  // due, but the thread has not come to it
    g.open();
    settle(s);
    CHECK(calls == 0);
  }
  s.arm(e, service::now());
  settle(s);
  CHECK(calls == 1);
  CHECK(!s.cancel(e));
}

TEST_CASE("while its function runs, an entry's cancel is false, on its thread and on others", "[timer][service]") {
  service s;
  event running, go_on;
  bool inside = true;
  service::entry* self = nullptr;
  entry e([&] {
    inside = s.cancel(*self);
    running.set();
    go_on.wait();
  });
  self = &e;
  s.arm(e, service::now());
  running.wait();
  CHECK(!s.cancel(e));
  go_on.set();
  settle(s);
  CHECK(!inside);
}

TEST_CASE("a service's function may cancel and arm other entries", "[timer][service]") {
  service s;
  int calls = 0;
  bool cancelled = false;
  event done;
  entry due([&] { ++calls; }), armed([&] { done.set(); });
  entry e([&] {
    cancelled = s.cancel(due);
    s.arm(armed, service::time_point::min());
  });
  {
    gate g(s);
    const auto now = service::now();
    s.arm(e, now - 2ms);
    s.arm(due, now - 1ms);
    g.open();
    done.wait();
  }
  settle(s);
  CHECK(cancelled);
  CHECK(calls == 0);
}

TEST_CASE("a service's function may arm its entry again: a period", "[timer][service]") {
  service s;
  struct periodic : service::entry {
    explicit periodic(service& by)
        : service::entry([](service::entry& e) noexcept {
            auto& p = static_cast<periodic&>(e);
            p.times.push_back(service::now());
            if (p.times.size() == 3) p.done.set();
            else p.s.arm(p, p.due += 1ms);
          }),
          s(by) {}
    service& s;
    service::time_point due = service::now();
    std::vector<service::time_point> times;
    event done;
  } e(s);
  const auto start = e.due;
  s.arm(e, start);
  e.done.wait();
  settle(s);
  for (int i = 0; i != 3; ++i) CHECK(e.times[static_cast<std::size_t>(i)] >= start + i * 1ms);
}

TEST_CASE("a service's function may destroy its entry", "[timer][service]") {
  service s;
  auto e = std::make_unique<entry>([] {});
  e->f = [&] { e.reset(); };
  s.arm(*e, service::now());
  settle(s);
  CHECK(e == nullptr);
}

TEST_CASE("destroying a service calls what is due", "[timer][service]") {
  int calls = 0;
  entry e([&] { ++calls; });
  {
    service s;
    s.arm(e, service::now());
  }
  CHECK(calls == 1);
}

TEST_CASE("armed and cancelled by three threads against the clock, each is called once or never",
          "[timer][service][threads]") {
  // Each entry belongs to an operation as I6 has it: freed by the last of the completer and the deadline, and the
  // completer drops the deadline's share only if cancel was true. What is lost is leaked, what is called late is used
  // after its free.
  static std::atomic<int> calls, alive;
  calls = alive = 0;
  struct operation : service::entry {
    operation()
        : service::entry([](service::entry& e) noexcept {
            calls.fetch_add(1);
            static_cast<operation&>(e).drop(1);
          }) {
      alive.fetch_add(1);
    }
    ~operation() { alive.fetch_sub(1), alive.notify_one(); }
    void drop(int shares) {
      if (kept.fetch_sub(shares) == shares) delete this;
    }
    std::atomic<int> kept{2};
  };
  constexpr int per_thread = 10'000;
  constexpr std::size_t outstanding = 64;
  std::array<int, 3> cancelled{};
  service s;
  const auto use = [&](std::size_t who) {
    std::mt19937 random(static_cast<unsigned>(who));
    std::array<operation*, outstanding> pending{};
    const auto complete = [&](operation*& op) {
      if (op == nullptr) return;
      const bool was_armed = s.cancel(*op);
      cancelled[who] += was_armed;
      std::exchange(op, nullptr)->drop(was_armed ? 2 : 1);
    };
    for (int i = 0; i != per_thread; ++i) {
      operation*& op = pending[random() % outstanding];
      complete(op);
      op = new operation;
      // Some are due at once, some soon, and some would be due long after the test.
      const auto in = random() % 3 == 0 ? service::duration(1h) : std::chrono::microseconds(random() % 50);
      s.arm(*op, service::now() + in);
      if (i % 256 == 255) settle(s);  // on a busy machine the clock might have no turn otherwise
    }
    for (operation*& op : pending) complete(op);
  };
  std::vector<std::thread> threads;
  for (std::size_t who = 0; who != 3; ++who) threads.emplace_back(use, who);
  for (std::thread& t : threads) t.join();
  for (int left = alive; left != 0; left = alive) alive.wait(left);
  CHECK(calls + cancelled[0] + cancelled[1] + cancelled[2] == 3 * per_thread);
  CHECK(calls > 0);
}

#if FANOUT_HAS_CHILD_PROCESSES

TEST_CASE("the service's thread takes none of the process's signals, and its maker keeps its own mask",
          "[timer][service]") {
  constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGALRM};
  sigset_t mine, before, after, inside;
  sigemptyset(&mine);
  sigemptyset(&inside);
  for (int signal : signals) sigaddset(&mine, signal);
  pthread_sigmask(SIG_UNBLOCK, &mine, &before);
  service s;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  entry e([&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
  s.arm(e, service::now());
  settle(s);
  for (int signal : signals) {
    CHECK(sigismember(&inside, signal) == 1);
    CHECK(sigismember(&after, signal) == 0);
  }
  CHECK(sigismember(&inside, SIGSEGV) == 0);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("a service destroyed while an entry is armed ends the program, in any build", "[timer][service][fatal]") {
  const support::ended end = support::run_in_child([] {
    auto e = std::make_unique<entry>([] {}).release();
    service s;
    s.arm(*e, service::now() + 1h);
  });
  CHECK(end.by_abort());
  CHECK(end.saying("a timer service was destroyed while an entry was armed with it"));
}

TEST_CASE("a service destroyed by one of its entries ends the program", "[timer][service][fatal]") {
  const support::ended end = support::run_in_child([] {
    std::optional<service> s(std::in_place);
    event never;
    entry e([&] { s.reset(); });
    s->arm(e, service::now());
    never.wait();
  });
  CHECK(end.by_abort());
  CHECK(end.saying("a timer service was destroyed on its own thread"));
}

#endif
