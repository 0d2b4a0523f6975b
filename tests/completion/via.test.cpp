// SPDX-License-Identifier: BSL-1.0
#include "fanout/completion/via.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/combine/with.hpp"
#include "fanout/completion/concept.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/embedded.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"
#include "support/gives_up.hpp"

namespace {

using fanout::completion::via;
using fanout::errc;
using fanout::testing::manual_executor;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::gives_up;
using support::open_outcome;
using support::settle_outcome;
using support::void_outcome;
using support::with_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

template <class Token, class Completion>
fanout::completion::stoppable<Token, Completion> stoppable(Token token, Completion completion) {
  return {std::move(token), std::move(completion)};
}

// Exactly one hop: nothing has run when the last report is in, and then one pump runs all of it, here.
template <class Outcome>
void check_hop(manual_executor& loop, delivered<Outcome>& got) {
  CHECK(got.times == 0);
  CHECK(loop.pending() == 1);
  CHECK(loop.run_one());
  CHECK(got.once());
  CHECK(got.thread == std::this_thread::get_id());
  CHECK(loop.pending() == 0);
}

// ---- what it is -----------------------------------------------------------------------------------------------------

using executor = manual_executor::executor_type;
[[maybe_unused]] auto plain = [](all_outcome<int>) noexcept {};
using via_plain = via<executor, decltype(plain)>;
static_assert(fanout::completion::policy<via_plain, all_outcome<int>>);
static_assert(!fanout::completion::policy<via_plain, int>);
static_assert(sizeof(via_plain) == sizeof(void*));

// It has the hooks that the completion behind it has, and no others: an operation that nobody connects to keeps its
// shortcut.
template <class C, class Op>
concept connects = requires(C& c, Op& op) { c.connect(op); };
template <class C>
concept disconnects = requires(C& c) { c.disconnect(); };
template <class C>
concept is_direct = requires { requires C::is_direct; };
struct hooked {
  std::string* log;
  template <class Op>
  void connect(Op&) noexcept {
    *log += "connect ";
  }
  void disconnect() noexcept { *log += "disconnect "; }
  void operator()(all_outcome<int>) && noexcept { *log += "complete"; }
};
using waits = decltype(std::declval<fanout::completion::waiter<all_outcome<int>>&>().completion());
static_assert(!connects<via_plain, int> && !disconnects<via_plain>);
static_assert(connects<via<executor, hooked>, int> && disconnects<via<executor, hooked>>);
static_assert(is_direct<waits> && !is_direct<via<executor, waits>>);

// ---- the hop --------------------------------------------------------------------------------------------------------

TEST_CASE("the completion runs on the executor, not on the thread that reports last", "[via][E9]") {
  manual_executor loop;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, via(loop.get_executor(), got.completion()));
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  issuer.start(1, [](auto branch) { branch({}, 2); });
  std::move(issuer).seal();
  CHECK(loop.pending() == 0);
  std::thread([&] { kept.set_value(1); }).join();
  check_hop(loop, got);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("no branches: one hop, from the seal", "[via][E1]") {
  manual_executor loop;
  delivered<all_outcome<int>> got;
  static_cast<void>(fanout::issue<int>(0, fanout::combine::all, via(loop.get_executor(), got.completion())));
  check_hop(loop, got);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->empty());
}

TEST_CASE("every branch completed inside its start: one hop all the same", "[via][E2]") {
  manual_executor loop;
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::settle, via(loop.get_executor(), got.completion()));
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [](auto branch) { branch.set_error(io_error); });
  }
  check_hop(loop, got);
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 1);
  CHECK((*got.outcome())[1].error() == io_error);
}

TEST_CASE("N unknown, embedded, and counted on one thread: one hop each", "[via]") {
  manual_executor loop;
  SECTION("N unknown") {
    delivered<open_outcome<int>> got;
    {
      auto issuer = fanout::issue<int>(fanout::combine::all, via(loop.get_executor(), got.completion()));
      for (int i = 0; i != 100; ++i) issuer.start([i](auto branch) { branch({}, i); });
    }
    check_hop(loop, got);
    REQUIRE(got.succeeded());
    CHECK(got.outcome()->size() == 100);
  }
  SECTION("embedded") {
    delivered<all_outcome<int>> got;
    auto op = fanout::make_embedded<int, 1>(fanout::combine::all, via(loop.get_executor(), got.completion()));
    op.issue().start(0, [](auto branch) { branch({}, 1); });
    check_hop(loop, got);
    CHECK(got.succeeded());
  }
  SECTION("single-threaded count") {
    delivered<all_outcome<int>> got;
    fanout::issue<int, fanout::handler, fanout::refcount::local>(1, fanout::combine::all,
                                                                 via(loop.get_executor(), got.completion()))
        .start(0, [](auto branch) { branch({}, 1); });
    check_hop(loop, got);
    CHECK(got.succeeded());
  }
}

TEST_CASE("whatever goes wrong while issuing hops once", "[via][I1]") {
  manual_executor loop;
  SECTION("a branch is dropped") {
    delivered<all_outcome<int>> got;
    fanout::issue<int>(1, fanout::combine::all, via(loop.get_executor(), got.completion())).start(0, [](auto) {});
    check_hop(loop, got);
    CHECK(got.failed(0, errc::abandoned));
  }
  SECTION("a branch is not started") {
    delivered<all_outcome<int>> got;
    static_cast<void>(fanout::issue<int>(2, fanout::combine::all, via(loop.get_executor(), got.completion())));
    check_hop(loop, got);
    CHECK(got.failed(0, errc::not_issued));
  }
#if FANOUT_HAS_EXCEPTIONS
  SECTION("the issuing code throws") {
    delivered<all_outcome<int>> got;
    fanout::issue(fanout::issue<int>(2, fanout::combine::all, via(loop.get_executor(), got.completion())),
                  [](auto& issuer) {
                    issuer.start(0, [](auto branch) { branch({}, 1); });
                    throw std::runtime_error("between two starts");
                  });
    check_hop(loop, got);
    CHECK(got.failed(fanout::no_index, errc::issuer_threw));
  }
#endif
}

TEST_CASE("combining is done on the executor as well", "[via][E9]") {
  manual_executor loop;
  std::thread::id combined;
  delivered<with_outcome<int>> got;
  auto sum = [&](auto values) {
    combined = std::this_thread::get_id();
    return values[0] + values[1];
  };
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::with(sum), via(loop.get_executor(), got.completion()));
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [](auto branch) { branch({}, 2); });
  }
  CHECK(combined == std::thread::id());
  std::thread pump([&] { loop.run_all(); });
  const std::thread::id there = pump.get_id();
  pump.join();
  CHECK(combined == there);
  CHECK(got.thread == there);
  REQUIRE(got.succeeded());
  CHECK(*got.outcome() == 3);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a combine policy that throws on the executor is the operation's cause", "[via][E6]") {
  manual_executor loop;
  delivered<with_outcome<int>> got;
  auto refuse = [](auto) -> int { throw std::runtime_error("no"); };
  fanout::issue<int>(1, fanout::combine::with(refuse), via(loop.get_executor(), got.completion()))
      .start(0, [](auto branch) { branch({}, 1); });
  check_hop(loop, got);
  CHECK(got.failed(fanout::no_index, errc::policy_threw));
}
#endif

// Takes functions, and no work.
struct functions {
  manual_executor* loop;
  int* executed;
  template <class F>
  void execute(F f) const noexcept {
    ++*executed;
    loop->post(*f.what);
  }
  bool operator==(const functions&) const noexcept = default;
};

TEST_CASE("an executor that runs functions will do", "[via]") {
  manual_executor loop;
  int executed = 0;
  delivered<all_outcome<int>> got;
  fanout::issue<int>(1, fanout::combine::all, via(functions{&loop, &executed}, got.completion()))
      .start(0, [](auto branch) { branch({}, 1); });
  CHECK(executed == 1);
  check_hop(loop, got);
  CHECK(got.succeeded());
}

// Calls a function once, when an executor gets to it.
template <class F>
struct task : fanout::work {
  explicit task(F f) : work{nullptr, &call}, function(std::move(f)) {}
  static void call(work* self) noexcept { static_cast<task*>(self)->function(); }
  F function;
};

TEST_CASE("back to the executor that one issues on, also if the last report comes from there", "[via]") {
  manual_executor loop;
  delivered<all_outcome<int>> got;
  std::thread::id issued;
  std::optional<decltype(fanout::issue<int>(1, fanout::combine::all,
                                            via(loop.get_executor(), got.completion())))::branch>
      kept;
  task start([&] {
    issued = std::this_thread::get_id();
    auto issuer = fanout::issue<int>(1, fanout::combine::all, via(loop.get_executor(), got.completion()));
    issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  });
  task report([&] {
    kept->set_value(1);
    CHECK(got.times == 0);  // not inside the work that reports
  });
  const bool from_the_loop = GENERATE(false, true);
  loop.post(start);
  CHECK(loop.run_one());
  if (from_the_loop) {
    loop.post(report);
    CHECK(loop.run_one());
  } else {
    std::thread([&] { kept->set_value(1); }).join();
  }
  check_hop(loop, got);
  CHECK(got.thread == issued);
  CHECK(got.succeeded());
}

TEST_CASE("completions of one executor never nest, however long the chain", "[via][I5]") {
  struct link {
    manual_executor* loop;
    int* left;
    int* depth;
    int* deepest;
    void operator()(void_outcome<>) noexcept {
      if (++*depth > *deepest) *deepest = *depth;
      if (--*left != 0) {
        auto issuer = fanout::issue<void>(1, fanout::combine::all, via(loop->get_executor(), link(*this)));
        issuer.start(0, [](auto branch) { branch.set_value(); });
      }
      --*depth;
    }
  };
  manual_executor loop;
  int left = 10000;
  int depth = 0;
  int deepest = 0;
  static_cast<void>(
      fanout::issue<void>(0, fanout::combine::all, via(loop.get_executor(), link{&loop, &left, &depth, &deepest})));
  CHECK(loop.run_all() == 10000);
  CHECK(left == 0);
  CHECK(deepest == 1);
}

// ---- what it wraps --------------------------------------------------------------------------------------------------

TEST_CASE("the completion's own hooks are called: connect when made, disconnect on the executor", "[via][I6]") {
  manual_executor loop;
  std::string log;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, via(loop.get_executor(), hooked{&log}));
    CHECK(log == "connect ");
    issuer.start(0, [](auto branch) { branch({}, 1); });
  }
  CHECK(log == "connect ");
  loop.run_all();
  CHECK(log == "connect disconnect complete");
}

TEST_CASE("executor and completion can be reached while issuing", "[via]") {
  struct summing {
    int extra = 0;
    int* sum;
    void operator()(all_outcome<int> outcome) && noexcept { *sum = (*outcome)[0] + extra; }
  };
  manual_executor loop;
  int sum = 0;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, via(loop.get_executor(), summing{0, &sum}));
    CHECK(issuer.completion().executor() == loop.get_executor());
    issuer.completion().completion().extra = 40;
    issuer.start(0, [](auto branch) { branch({}, 2); });
  }
  loop.run_all();
  CHECK(sum == 42);
}

TEST_CASE("values and the completion are destroyed exactly once", "[via]") {
  counted::reset();
  {
    manual_executor loop;
    int sum = 0;
    auto done = [&sum, c = counted(1)](all_outcome<counted> outcome) noexcept {
      for (const counted& each : *outcome) sum += each.value();
    };
    {
      auto issuer = fanout::issue<counted>(2, fanout::combine::all, via(loop.get_executor(), std::move(done)));
      issuer.start(0, [](auto branch) { branch({}, 1); });
      issuer.start(1, [](auto branch) { branch({}, 2); });
    }
    CHECK(counted::alive() == 2 + 2);  // what is in the operation, and what `done` was moved from
    loop.run_all();
    CHECK(sum == 3);
    CHECK(counted::alive() == 1);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("a thread may wait behind the hop, if another one runs the executor", "[via][wait]") {
  manual_executor loop;
  std::atomic<bool> done = false;
  std::thread pump([&] {
    while (!done.load()) {
      if (!loop.run_one()) std::this_thread::yield();
    }
  });
  for (int round = 0; round != 100; ++round) {
    fanout::completion::waiter<all_outcome<int>> waiter;
    fanout::issue<int>(1, fanout::combine::all, via(loop.get_executor(), waiter.completion()))
        .start(0, [&](auto branch) { branch({}, round); });
    const auto outcome = waiter.wait();
    REQUIRE(outcome);
    CHECK((*outcome)[0] == round);
  }
  done = true;
  pump.join();
}

TEST_CASE("what wraps the hop passes it on", "[via][stoppable]") {
  manual_executor loop;
  fanout::inplace_stop_source outer;
  delivered<all_outcome<int>> got;
  SECTION("a stoppable completion") {
    fanout::issue<int>(1, fanout::combine::all,
                       stoppable(outer.get_token(), via(loop.get_executor(), got.completion())))
        .start(0, [](auto branch) { branch({}, 1); });
  }
  SECTION("a description") {
    fanout::all<int>(std::array{1}, [](int n, auto branch) {
      branch({}, n);
    }).then(via(loop.get_executor(), got.completion()));
  }
  SECTION("a description with a stop token") {
    fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); })
        .stop_on(outer.get_token())
        .then(via(loop.get_executor(), got.completion()));
  }
  outer.request_stop();  // too late
  check_hop(loop, got);
  CHECK(got.succeeded());
}

TEST_CASE("a description's range is gone before a thread that waits behind the hop is woken", "[via][wait][I2]") {
  for (int round = 0; round != 100; ++round) {
    manual_executor loop;
    auto alive = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = alive;
    std::vector<std::shared_ptr<int>> range{std::move(alive)};
    fanout::completion::waiter<all_outcome<int>> waiter;
    fanout::all<int>(std::move(range), [](const std::shared_ptr<int>& n, auto branch) {
      branch({}, *n);
    }).then(via(loop.get_executor(), waiter.completion()));
    std::thread pump([&] { loop.run_one(); });
    const auto outcome = waiter.wait();
    CHECK(seen.expired());
    pump.join();
    CHECK(outcome);
  }
}

TEST_CASE("where there is no operation, there is nothing to post: a description completes inside then", "[via][E6]") {
  manual_executor loop;
  support::tally counts;
  counts.refuse_from = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{1}, [](int, auto) { FAIL("ran"); })
      .allocate_with(support::counting_allocator<std::byte>(counts))
      .then(via(loop.get_executor(), got.completion()));
  CHECK(loop.pending() == 0);
  CHECK(got.failed(fanout::no_index, errc::out_of_memory));
}

// ---- and a stop request ---------------------------------------------------------------------------------------------

TEST_CASE("stop before the first start: hops, and is stopped", "[via][stoppable][E4]") {
  manual_executor loop;
  fanout::inplace_stop_source outer;
  outer.request_stop();
  delivered<all_outcome<int>> got;
  fanout::issue<int>(1, fanout::combine::all, via(loop.get_executor(), stoppable(outer.get_token(), got.completion())))
      .start(0, [](auto) { FAIL("ran"); });
  check_hop(loop, got);
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("stop while branches are out: they are asked, and the operation hops when they have reported",
          "[via][stoppable][E12]") {
  manual_executor loop;
  fanout::inplace_stop_source outer;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(1, fanout::combine::all,
                                   via(loop.get_executor(), stoppable(outer.get_token(), got.completion())));
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  std::move(issuer).seal();
  outer.request_stop();
  CHECK(kept.stop_token().stop_requested());
  CHECK(loop.pending() == 0);
  kept.set_stopped();
  check_hop(loop, got);
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("branches that give up at once: posted inside request_stop, completed on the executor",
          "[via][stoppable][I6]") {
  manual_executor loop;
  fanout::inplace_stop_source outer;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all,
                                   via(loop.get_executor(), stoppable(outer.get_token(), got.completion())));
  using pending = gives_up<decltype(issuer)::branch>;
  pending kept[2];
  for (pending& each : kept) {
    issuer.start([&](auto branch, auto token) {
      each.branch = std::move(branch);
      each.callback.emplace(token, pending::on_stop{&each});
    });
  }
  std::move(issuer).seal();
  outer.request_stop();
  check_hop(loop, got);
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("stop between the last report and the hop comes too late, and harms nothing", "[via][stoppable][I6][E7]") {
  manual_executor loop;
  delivered<all_outcome<int>> got;
  {
    fanout::inplace_stop_source outer;
    auto issuer = fanout::issue<int>(1, fanout::combine::all,
                                     via(loop.get_executor(), stoppable(outer.get_token(), got.completion())));
    issuer.start(0, [](auto branch) { branch({}, 1); });
    std::move(issuer).seal();
    CHECK(loop.pending() == 1);
    CHECK(outer.request_stop());
    check_hop(loop, got);
  }  // the source was needed until the executor had got to it
  CHECK(got.succeeded());
}

TEST_CASE("stop inside the completion, and after it, does nothing", "[via][stoppable][E12]") {
  manual_executor loop;
  fanout::inplace_stop_source outer;
  int times = 0;
  fanout::issue<int>(1, fanout::combine::all,
                     via(loop.get_executor(), stoppable(outer.get_token(),
                                                        [&](auto outcome) noexcept {
                                                          CHECK(outer.request_stop());
                                                          CHECK(outcome);
                                                          ++times;
                                                        })))
      .start(0, [](auto branch) { branch({}, 1); });
  CHECK(loop.run_all() == 1);
  CHECK(times == 1);
  CHECK(!outer.request_stop());
  CHECK(loop.run_all() == 0);
  CHECK(times == 1);
}

TEST_CASE("last report, stop and executor on three threads: completes once, on the executor's",
          "[via][stoppable][I6]") {
  for (int round = 0; round != 300; ++round) {
    manual_executor loop;
    fanout::inplace_stop_source outer;
    delivered<all_outcome<int>> got;
    auto issuer = fanout::issue<int>(1, fanout::combine::all,
                                     via(loop.get_executor(), stoppable(outer.get_token(), got.completion())));
    decltype(issuer)::branch kept;
    issuer.start(0, [&](auto branch) { kept = std::move(branch); });
    std::move(issuer).seal();
    std::atomic<int> ready = 0;
    auto together = [&ready] {
      ready.fetch_add(1);
      while (ready.load() != 3) std::this_thread::yield();
    };
    std::thread stopper([&] {
      together();
      outer.request_stop();
    });
    std::thread pump([&] {
      together();
      while (!loop.run_one()) std::this_thread::yield();
    });
    const std::thread::id pumping = pump.get_id();
    together();
    if (kept.stop_token().stop_requested()) {
      kept.set_stopped();
    } else {
      kept.set_value(1);
    }
    stopper.join();
    pump.join();
    CHECK(got.once());
    CHECK(got.thread == pumping);
    CHECK((got.outcome().has_value() || got.failure().cause == errc::stopped));
  }
}

// ---- nesting -----------------------------------------------------------------------------------------------------------

TEST_CASE("what a hopped completion makes due runs after it, not inside it", "[via]") {
  manual_executor loop;
  std::string order;
  static_cast<void>(fanout::issue<int>(0, fanout::combine::all, via(loop.get_executor(), [&](auto) noexcept {
                                         static_cast<void>(fanout::issue<int>(
                                             0, fanout::combine::all, [&](auto) noexcept { order += "inner "; }));
                                         order += "outer ";
                                       })));
  loop.run_all();
  CHECK(order == "outer inner ");
}

TEST_CASE("a completion that pumps the executor gets what it pumps for", "[via]") {
  manual_executor loop;
  std::string order;
  static_cast<void>(fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
    static_cast<void>(fanout::issue<int>(0, fanout::combine::all,
                                         via(loop.get_executor(), [&](auto) noexcept { order += "pumped "; })));
    CHECK(loop.run_one());
    order += "outer ";
  }));
  CHECK(order == "pumped outer ");
}

TEST_CASE("a wait inside a hopped completion runs what is queued below it", "[via]") {
  manual_executor loop;
  std::string order;
  // The completion below makes a delivery due behind itself, pumps a hopped completion, and that waits for what is behind.
  static_cast<void>(fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
    fanout::completion::waiter<all_outcome<int>> done;
    auto waited_for = fanout::issue<int>(1, fanout::combine::all, done.completion());
    std::optional<decltype(waited_for)::branch> last;
    waited_for.start(0, [&](auto branch) { last.emplace(std::move(branch)); });
    std::move(waited_for).seal();
    static_cast<void>(fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
      order += "below ";
      (*last)({}, 1);
    }));
    static_cast<void>(fanout::issue<int>(0, fanout::combine::all, via(loop.get_executor(), [&](auto) noexcept {
                                           CHECK(done.wait().has_value());
                                           order += "waited ";
                                         })));
    CHECK(loop.run_one());
    order += "outer ";
  }));
  CHECK(order == "below waited outer ");
}

}  // namespace
