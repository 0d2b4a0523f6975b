// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
// The rules that are broken on purpose must be seen, so this one comes before the header under test.
#include "fanout/branch.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <ios>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/callback/receiver.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::only_broken_rule;
using support::settle_outcome;
using support::void_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

template <class T, class Callback = fanout::handler>
using branch_of = typename decltype(fanout::issue<T, Callback>(1, fanout::combine::all, [](auto) noexcept {}))::branch;

static_assert(!std::is_copy_constructible_v<branch_of<int>> && !std::is_copy_assignable_v<branch_of<int>>);
static_assert(std::is_nothrow_move_constructible_v<branch_of<int>> &&
              std::is_nothrow_move_assignable_v<branch_of<int>>);
static_assert(sizeof(branch_of<std::string>) == sizeof(void*));

// Whatever completes it is noexcept, also where making the value may throw.
static_assert(noexcept(std::declval<branch_of<std::string>&>().set_value("text")));
static_assert(noexcept(std::declval<branch_of<int>&>().set_error(std::error_code())));
static_assert(noexcept(std::declval<branch_of<int>&>().set_stopped()));
static_assert(noexcept(std::declval<branch_of<int>&>()(std::error_code(), 1)));

// It can be called in the shape of the callback policy and no other.
static_assert(std::is_invocable_v<branch_of<int>&, std::error_code, int>);
static_assert(std::is_invocable_v<branch_of<void>&, std::error_code>);
static_assert(!std::is_invocable_v<branch_of<int>&>);
static_assert(!std::is_invocable_v<branch_of<int, fanout::receiver>&, std::error_code, int>);
static_assert(!std::is_invocable_v<branch_of<int, fanout::receiver>&>);

// One operation with one branch, of which `use` has the handle after start.
template <class T, class Use>
all_outcome<T> after_start(Use use) {
  delivered<all_outcome<T>> got;
  auto issuer = fanout::issue<T>(1, fanout::combine::all, got.completion());
  typename decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  std::move(issuer).seal();
  CHECK(got.times == 0);
  use(kept);
  REQUIRE(got.once());
  return std::move(got.outcome());
}

TEST_CASE("a branch is a receiver of a value, which is made in its place", "[branch]") {
  counted::reset();
  {
    const auto outcome = after_start<counted>([](auto& branch) { branch.set_value(7); });
    REQUIRE(outcome);
    CHECK((*outcome)[0].value() == 7);
    CHECK(counted::moves() == 0);
    CHECK(counted::copies() == 0);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("a value is made from any arguments that it can be made from", "[branch]") {
  const auto repeated = after_start<std::string>([](auto& branch) { branch.set_value(3u, 'x'); });
  CHECK((*repeated)[0] == "xxx");
  const auto none = after_start<std::string>([](auto& branch) { branch.set_value(); });
  CHECK((*none)[0].empty());
  auto owned = after_start<std::unique_ptr<int>>([](auto& branch) { branch.set_value(std::make_unique<int>(4)); });
  CHECK(*(*owned)[0] == 4);
}

TEST_CASE("a branch is a receiver of any error that the error type can be made from", "[branch]") {
  const auto code = after_start<int>([](auto& branch) { branch.set_error(io_error); });
  CHECK(code.error().cause == io_error);
  const auto own = after_start<int>([](auto& branch) { branch.set_error(errc::closed); });
  CHECK(own.error().cause == errc::closed);
  const auto standard = after_start<int>([](auto& branch) { branch.set_error(std::errc::timed_out); });
  CHECK(standard.error().cause == std::errc::timed_out);
  const auto enumeration = after_start<int>([](auto& branch) { branch.set_error(std::io_errc::stream); });
  CHECK(enumeration.error().cause == std::io_errc::stream);
}

TEST_CASE("a branch is a receiver of stopped", "[branch]") {
  const auto outcome = after_start<int>([](auto& branch) { branch.set_stopped(); });
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == errc::stopped);
  CHECK(outcome.error().index == fanout::no_index);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("an exception given to a branch is kept beside the cause", "[branch]") {
  const auto outcome =
      after_start<int>([](auto& branch) { branch.set_error(std::make_exception_ptr(std::string("why"))); });
  REQUIRE(!outcome);
  CHECK(outcome.error().index == 0);
  CHECK_THROWS_AS(std::rethrow_exception(outcome.error().exception), std::string);
}

TEST_CASE("a value whose construction throws becomes the branch's error", "[branch][E6]") {
  counted::reset();
  {
    counted::throw_on_construction(1);
    const auto outcome = after_start<counted>([](auto& branch) { branch.set_value(1); });
    REQUIRE(!outcome);
    CHECK(outcome.error().index == 0);
    CHECK_THROWS_AS(std::rethrow_exception(outcome.error().exception), support::told_to_throw);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("a value whose construction throws inside start is that branch's error only", "[branch][E6]") {
  counted::reset();
  {
    delivered<settle_outcome<counted>> got;
    {
      auto issuer = fanout::issue<counted>(2, fanout::combine::settle, got.completion());
      counted::throw_on_construction(1);
      issuer.start(0, [](auto branch) { branch.set_value(1); });
      issuer.start(1, [](auto branch) { branch.set_value(2); });
    }
    REQUIRE(got.succeeded());
    CHECK(!(*got.outcome())[0]);
    CHECK((*got.outcome())[1]->value() == 2);
  }
  CHECK(counted::alive() == 0);
}
#endif

TEST_CASE("a branch is a completion handler", "[branch]") {
  const auto value = after_start<int>([](auto& branch) { branch(std::error_code(), 3); });
  CHECK((*value)[0] == 3);
  const auto empty_braces = after_start<int>([](auto& branch) { branch({}, 4); });
  CHECK((*empty_braces)[0] == 4);
  const auto error = after_start<int>([](auto& branch) { branch(io_error, 5); });
  CHECK(error.error().cause == io_error);
}

TEST_CASE("a branch released to C is completed through its context", "[branch][c]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::all, got.completion());
  void (*callback)(int, void*) = nullptr;
  void* contexts[2] = {};
  int* outs[2] = {};
  for (std::size_t i = 0; i != 2; ++i) {
    issuer.start(i, [&](auto branch) {
      const auto door = branch.release();
      CHECK(!branch);
      callback = door.callback;
      contexts[i] = door.context;
      outs[i] = door.out;
    });
  }
  std::move(issuer).seal();
  CHECK(contexts[0] != contexts[1]);
  *outs[1] = 11;
  callback(0, contexts[1]);
  CHECK(got.times == 0);
  *outs[0] = 10;
  callback(0, contexts[0]);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {10, 11}));
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("a duplicate C callback is named while the operation lives, and ignored", "[branch][c][I4]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::all, got.completion());
  void (*callback)(int, void*) = nullptr;
  void* context = nullptr;
  decltype(issuer)::branch other;
  issuer.start(0, [&](auto branch) {
    const auto door = branch.release();
    callback = door.callback;
    context = door.context;
    *door.out = 1;
  });
  issuer.start(1, [&](auto branch) { other = std::move(branch); });
  callback(0, context);
  CHECK(support::take_broken_rules().empty());
  callback(0, context);
  CHECK(only_broken_rule("a C callback came twice for the same branch"));
  callback(EIO, context);
  CHECK(only_broken_rule("a C callback came twice for the same branch"));
  std::move(issuer).seal();
  CHECK(got.times == 0);
  other.set_value(2);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("a handle dropped unused settles as abandoned, inside start and later", "[branch][I4]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
    issuer.start(0, [](auto) {});
  }
  CHECK(got.failed(0, errc::abandoned));

  const auto later = after_start<int>([](auto& branch) { auto dropped = std::move(branch); });
  REQUIRE(!later);
  CHECK(later.error().cause == errc::abandoned);
  CHECK(later.error().index == 0);

  delivered<settle_outcome<int>> each;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::settle, each.completion());
    issuer.start(0, [](auto) {});
    issuer.start(1, [](auto branch) { branch({}, 1); });
  }
  REQUIRE(each.succeeded());
  CHECK((*each.outcome())[0].error() == errc::abandoned);
  CHECK(*(*each.outcome())[1] == 1);
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("assigning to a handle that was not used abandons its branch", "[branch][I4]") {
  delivered<settle_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::settle, got.completion());
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  issuer.start(1, [&](auto branch) { kept = std::move(branch); });
  std::move(issuer).seal();
  CHECK(kept.index() == 1);
  kept.set_value(1);
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == errc::abandoned);
  CHECK(*(*got.outcome())[1] == 1);
}

TEST_CASE("a spent handle is false, and a second completion is named and ignored", "[branch][I4][misuse]") {
  const char* const rule = "this branch has completed already, or was moved from";
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  decltype(issuer)::branch kept;
  CHECK(!kept);
  issuer.start(0, [&](auto branch) {
    CHECK(branch);
    kept = std::move(branch);
    CHECK(!branch);
    branch.set_value(77);
    CHECK(only_broken_rule(rule));
  });
  CHECK(kept);
  kept.set_value(1);
  CHECK(!kept);
  CHECK(support::take_broken_rules().empty());

  kept.set_value(2);
  CHECK(only_broken_rule(rule));
  kept.set_error(io_error);
  CHECK(only_broken_rule(rule));
  kept.set_stopped();
  CHECK(only_broken_rule(rule));
  kept({}, 3);
  CHECK(only_broken_rule(rule));

  issuer.start(1, [](auto branch) { branch({}, 2); });
  CHECK(!issuer.stop_requested());
  std::move(issuer).seal();
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("a handle knows its index and its stop token", "[branch]") {
  auto issuer = fanout::issue<int>(3, fanout::combine::all, [](auto) noexcept {});
  for (std::size_t i = 0; i != 3; ++i) {
    issuer.start(i, [&](auto branch) {
      auto moved = std::move(branch);
      CHECK(moved.index() == i);
      CHECK(moved.stop_token() == issuer.stop_token());
      CHECK(moved.stop_token().stop_possible());
      moved({}, 0);
    });
  }
}

TEST_CASE("completing the last branch runs the completion on the completing thread", "[branch]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  decltype(issuer)::branch first;
  decltype(issuer)::branch second;
  issuer.start(0, [&](auto branch) { first = std::move(branch); });
  issuer.start(1, [&](auto branch) { second = std::move(branch); });
  std::move(issuer).seal();
  std::thread one([&] { first.set_value(1); });
  one.join();
  CHECK(got.times == 0);
  std::thread two([&] { second.set_value(2); });
  const auto id = two.get_id();
  two.join();
  REQUIRE(got.succeeded());
  CHECK(got.thread == id);
}

TEST_CASE("two threads that complete at once complete once, with both values", "[branch][I1][I3]") {
  for (int round = 0; round != 200; ++round) {
    delivered<all_outcome<std::string>> got;
    std::atomic<int> ready = 0;
    auto issuer = fanout::issue<std::string>(3, fanout::combine::all, got.completion());
    std::thread threads[2];
    for (std::size_t i = 0; i != 2; ++i) {
      issuer.start(i, [&](auto branch) {
        threads[i] = std::thread([&ready, i, mine = std::move(branch)]() mutable {
          ready.fetch_add(1);
          while (ready.load() != 3) std::this_thread::yield();
          mine.set_value(i == 0 ? "a string that is too long to be stored inside" : "b");
        });
      });
    }
    issuer.start(2, [](auto branch) { branch({}, "inline"); });
    ready.fetch_add(1);
    std::move(issuer).seal();
    for (std::thread& thread : threads) thread.join();
    REQUIRE(got.succeeded());
    CHECK((*got.outcome())[0] == "a string that is too long to be stored inside");
    CHECK((*got.outcome())[1] == "b");
    CHECK((*got.outcome())[2] == "inline");
  }
}

TEST_CASE("with the single-threaded strategy a dropped, failed or stopped branch settles the same", "[branch][local]") {
  delivered<settle_outcome<int>> got;
  auto issuer =
      fanout::issue<int, fanout::handler, fanout::refcount::local>(4, fanout::combine::settle, got.completion());
  decltype(issuer)::branch later;
  issuer.start(0, [](auto) {});
  issuer.start(1, [](auto branch) { branch(io_error); });
  issuer.start(2, [](auto branch) { branch.set_stopped(); });
  issuer.start(3, [&](auto branch) { later = std::move(branch); });
  std::move(issuer).seal();
  CHECK(got.times == 0);
  later.set_value(3);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(all[0].error() == errc::abandoned);
  CHECK(all[1].error() == io_error);
  CHECK(all[2].stopped());
  CHECK(*all[3] == 3);
}

TEST_CASE("branches without a value complete with nothing", "[branch]") {
  delivered<void_outcome<>> got;
  auto issuer = fanout::issue<void>(3, fanout::combine::all, got.completion());
  issuer.start(0, [](auto branch) { branch({}); });
  issuer.start(1, [](auto branch) { branch.set_value(); });
  issuer.start(2, [](auto branch) { branch(0); });
  std::move(issuer).seal();
  CHECK(got.succeeded());
}

}  // namespace
