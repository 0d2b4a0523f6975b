// SPDX-License-Identifier: BSL-1.0
#include "fanout/completion/concept.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "fanout/stop_token.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"
#include "support/gives_up.hpp"
#include "support/pump.hpp"

// Completions of one's own.

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::gives_up;

// Posts the outcome to an executor: the completion runs when that gets to it.
template <class Then>
struct post_to {
  support::pump* executor;
  Then then;
  template <class Outcome>
  void operator()(Outcome outcome) && noexcept {
    executor->post([f = std::move(then), o = std::move(outcome)]() mutable { std::move(f)(std::move(o)); });
  }
};

[[maybe_unused]] auto good = [](all_outcome<int>) noexcept {};
[[maybe_unused]] auto may_throw = [](all_outcome<int>) {};
[[maybe_unused]] auto other = [](int) noexcept {};
static_assert(fanout::completion::policy<decltype(good), all_outcome<int>>);
static_assert(!fanout::completion::policy<decltype(may_throw), all_outcome<int>>);
static_assert(!fanout::completion::policy<decltype(other), all_outcome<int>>);

TEST_CASE("a completion may queue the outcome to an executor, which owns it then", "[completion]") {
  support::pump loop;
  counted::reset();
  int sum = 0;
  {
    auto add = [&](all_outcome<counted> outcome) {
      for (const counted& c : *outcome) sum += c.value();
    };
    auto issuer = fanout::issue<counted>(2, fanout::combine::all, post_to<decltype(add)>{&loop, add});
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [](auto branch) { branch({}, 2); });
    std::move(issuer).seal();
  }
  CHECK(sum == 0);
  CHECK(counted::alive() == 2);
  CHECK(loop.run() == 1);
  CHECK(sum == 3);
  CHECK(counted::alive() == 0);
}

TEST_CASE("an outcome that nobody runs is freed with the queue", "[completion]") {
  counted::reset();
  {
    support::pump loop;
    auto never = [](all_outcome<counted>) {};
    fanout::issue<counted>(1, fanout::combine::all, post_to<decltype(never)>{&loop, never}).start(0, [](auto branch) {
      branch({}, 1);
    });
    CHECK(counted::alive() == 1);
  }
  CHECK(counted::alive() == 0);
}

// Takes part in the operation's life: a handle through which anybody may decide it from outside.
struct door {
  void* op = nullptr;
  bool (*decide)(void*, std::error_code) noexcept = nullptr;
  std::string log;
};
template <class Then>
struct with_door {
  door* to;
  Then then;

  template <class Op>
  void connect(Op& op) noexcept {
    to->log += "connect ";
    to->op = &op;
    to->decide = [](void* o, std::error_code cause) noexcept {
      Op& operation = *static_cast<Op*>(o);
      if (!operation.try_hold()) return false;
      operation.decide(cause);
      operation.release_hold();
      return true;
    };
  }
  void disconnect() noexcept {
    to->log += "disconnect ";
    CHECK(!to->decide(to->op, make_error_code(errc::closed)));  // drained: no reference from zero
    to->op = nullptr;
  }
  void operator()(all_outcome<int> outcome) && noexcept {
    to->log += "complete";
    then(std::move(outcome));
  }
};

template <class Then>
auto completion_with(door& to, Then then) {
  return with_door<Then>{&to, std::move(then)};
}

TEST_CASE("connect comes before the first start, disconnect before combining", "[completion][I6]") {
  door side;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(1, fanout::combine::all, completion_with(side, got.completion()));
  CHECK(side.log == "connect ");
  CHECK(side.op != nullptr);
  issuer.start(0, [](auto branch) { branch({}, 1); });
  CHECK(side.log == "connect ");
  std::move(issuer).seal();
  CHECK(side.log == "connect disconnect complete");
  CHECK(got.succeeded());
}

TEST_CASE("a party that was connected may decide the operation until it is drained", "[completion][E7]") {
  door side;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, completion_with(side, got.completion()));
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  CHECK(side.decide(side.op, make_error_code(errc::deadline)));
  CHECK(kept.stop_token().stop_requested());
  CHECK(side.decide(side.op, make_error_code(errc::closed)));  // too late: the first cause wins
  issuer.start(1, [](auto) { FAIL("ran"); });
  std::move(issuer).seal();
  CHECK(got.times == 0);
  kept.set_value(1);
  CHECK(got.failed(fanout::no_index, errc::deadline, 0));
}

TEST_CASE("a decision after a branch's error does not displace it", "[completion][E7][I7]") {
  door side;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, completion_with(side, got.completion()));
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  issuer.start(1, [](auto branch) { branch.set_error(std::errc::io_error); });
  CHECK(side.decide(side.op, make_error_code(errc::deadline)));
  std::move(issuer).seal();
  kept.set_stopped();
  CHECK(got.failed(1, std::make_error_code(std::errc::io_error), 0));
}

TEST_CASE("a decision whose stop request has the last branch report completes inside it", "[completion][I6]") {
  door side;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(1, fanout::combine::all, completion_with(side, got.completion()));
  gives_up<decltype(issuer)::branch> pending;
  issuer.start(0, [&](auto branch, auto token) {
    pending.branch = std::move(branch);
    pending.callback.emplace(token, typename decltype(pending)::on_stop{&pending});
  });
  std::move(issuer).seal();
  CHECK(got.times == 0);
  CHECK(side.decide(side.op, make_error_code(errc::deadline)));
  CHECK(got.failed(fanout::no_index, errc::deadline));
}

struct direct {
  static constexpr bool is_direct = true;
  std::string* order;
  void operator()(all_outcome<int>) && noexcept { *order += "direct "; }
};

TEST_CASE("a direct completion does not queue behind one that is running", "[completion][I5]") {
  std::string order;
  auto outer = fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
    static_cast<void>(fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept { order += "queued "; }));
    static_cast<void>(fanout::issue<int>(0, fanout::combine::all, direct{&order}));
    order += "outer ";
  });
  std::move(outer).seal();
  CHECK(order == "direct outer queued ");
}

}  // namespace
