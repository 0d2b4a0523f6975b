// SPDX-License-Identifier: BSL-1.0
#include "fanout/batch.hpp"

#include "catch.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/first.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/embedded.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::batch_scope;
using fanout::complete_n;
using fanout::refcount::batched;

/// A platform of this test's own whose atomics count what is done to them.
struct counting_platform : fanout::std_platform {
  static inline int rmws = 0;
  template <class T>
  struct atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    T fetch_sub(T k, std::memory_order order) noexcept {
      ++rmws;
      return std::atomic<T>::fetch_sub(k, order);
    }
  };
};
using counting = fanout::refcount::basic_atomic<counting_platform>;

/// Releases neighbours only, and keeps a record of what it was asked for.
struct by_index {
  using platform = fanout::std_platform;
  static inline std::vector<std::pair<std::size_t, std::uint64_t>> released;

  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit by_index(std::size_t n, std::byte* = nullptr) noexcept : flat_(n) {}
  bool release(std::size_t first, std::uint64_t k) noexcept {
    released.emplace_back(first, k);
    return flat_.release(first, k);
  }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return flat_.release_issuer(inline_done, not_started);
  }

 private:
  fanout::refcount::atomic flat_;
};
static_assert(!fanout::refcount::anonymous<by_index>);

/// An operation whose branches are kept, for the test to complete.
template <class T, class Refcount = batched<>, class Combine = fanout::combine::all_t<std::error_code>>
struct kept {
  using handle = decltype(fanout::issue<T, fanout::handler, Refcount>(std::size_t{}, std::declval<Combine>(),
                                                                      support::ignore_outcome()))::branch;
};

template <class T, class Refcount = batched<>, class Completion, class Combine = decltype(fanout::combine::all)>
auto start(std::size_t n, Completion completion, Combine combine = fanout::combine::all) {
  auto issuer = fanout::issue<T, fanout::handler, Refcount>(n, combine, std::move(completion));
  std::vector<typename decltype(issuer)::branch> branches;
  for (std::size_t i = 0; i != n; ++i) issuer.start(i, [&](auto branch) { branches.push_back(std::move(branch)); });
  return branches;  // sealed
}

struct sum {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false, folds = true;
  int so_far = 0;
  void on_value(std::size_t, int&& v) noexcept { so_far += v; }
  int result() const noexcept { return so_far; }
};

}  // namespace

TEST_CASE("branches that report in a batch scope are released when it ends, in one read-modify-write",
          "[batch][scope]") {
  support::delivered<fanout::result<fanout::values<int, counting_platform>, fanout::failure<>>> done;
  auto branches = start<int, batched<counting>>(5, done.completion());
  counting_platform::rmws = 0;
  {
    batch_scope turn;
    for (auto& branch : branches) branch.set_value(1);
    CHECK(counting_platform::rmws == 0);
    CHECK(done.times == 0);
  }
  CHECK(counting_platform::rmws == 1);
  CHECK(done.succeeded());
  CHECK(done.outcome()->size() == 5);
}

TEST_CASE("a strategy that was not asked to join batches does not", "[batch][scope]") {
  support::delivered<fanout::result<fanout::values<int, counting_platform>, fanout::failure<>>> done;
  auto branches = start<int, counting>(3, done.completion());
  batch_scope turn;
  for (auto& branch : branches) branch.set_value(1);
  CHECK(done.succeeded());
}

TEST_CASE("a batch scope collects for several operations, failures and stops included", "[batch][scope]") {
  support::delivered<support::all_outcome<int>> first;
  support::delivered<support::settle_outcome<int>> second;
  auto a = start<int>(3, first.completion());
  auto b = start<int>(3, second.completion(), fanout::combine::settle);
  {
    batch_scope turn;
    a[0].set_value(1);
    b[0].set_value(2);
    a[1].set_error(std::errc::io_error);
    b[1].set_stopped();
    { auto dropped = std::move(a[2]); }
    b[2].set_error(std::errc::timed_out);
    CHECK(first.times + second.times == 0);
  }
  CHECK(first.failed(1, make_error_code(std::errc::io_error), 1));
  REQUIRE(second.succeeded());
  auto& results = *second.outcome();
  CHECK(results[0].has_value());
  CHECK(results[1].stopped());
  CHECK(results[2].error() == std::errc::timed_out);
}

TEST_CASE("a part of an operation's branches in a batch leaves the rest to whoever completes it", "[batch][scope]") {
  support::delivered<support::all_outcome<int>> done;
  auto branches = start<int>(4, done.completion());
  {
    batch_scope turn;
    branches[0].set_value(0);
    branches[2].set_value(2);
  }
  CHECK(done.times == 0);
  std::thread([&] { branches[1].set_value(1); }).join();
  branches[3].set_value(3);
  REQUIRE(done.succeeded());
  CHECK(support::holds(*done.outcome(), {0, 1, 2, 3}));
}

TEST_CASE("more than sixteen operations in a batch scope: the oldest is released", "[batch][scope]") {
  constexpr std::size_t n = 40;
  std::vector<std::size_t> order;
  std::vector<std::optional<kept<int>::handle>> handles;
  struct note {
    std::vector<std::size_t>* order;
    std::size_t me;
    void operator()(support::all_outcome<int> outcome) noexcept {
      if (outcome && outcome->size() == 2) order->push_back(me);
    }
  };
  std::vector<decltype(start<int>(2, note{}))> operations;
  for (std::size_t i = 0; i != n; ++i) operations.push_back(start<int>(2, note{&order, i}));
  {
    batch_scope turn;
    for (auto& one : operations) {
      one[0].set_value(1);
      one[1].set_value(2);
    }
    REQUIRE(order.size() == n - 16);
    for (std::size_t i = 0; i != order.size(); ++i) CHECK(order[i] == i);
  }
  REQUIRE(order.size() == n);
}

TEST_CASE("completions run after the last release of a batch", "[batch][scope]") {
  // The completion of one waits for another operation that is in the same batch.
  using outcome = support::all_outcome<int>;
  fanout::completion::waiter<outcome> delivered;
  int sum = 0;
  auto other = start<int>(1, delivered.completion());
  auto first = start<int>(1, [&](auto) noexcept { sum = *delivered.wait()->begin(); });
  {
    batch_scope turn;
    other[0].set_value(7);
    first[0].set_value(1);
  }
  CHECK(sum == 7);
}

TEST_CASE("what a completion completes goes into the scope outside, or is released at once", "[batch][scope]") {
  support::delivered<support::all_outcome<int>> outer_done;
  auto outer = start<int>(1, outer_done.completion());
  auto inner = start<int>(1, [&](auto) noexcept { outer[0].set_value(1); });
  SECTION("no scope outside") {
    {
      batch_scope turn;
      inner[0].set_value(1);
      CHECK(outer_done.times == 0);
    }
    CHECK(outer_done.succeeded());
  }
  SECTION("one outside") {
    batch_scope around;
    {
      batch_scope turn;
      inner[0].set_value(1);
    }
    CHECK(outer_done.times == 0);
    around.flush();
    CHECK(outer_done.succeeded());
  }
}

TEST_CASE("flush releases what is in the scope, which goes on collecting", "[batch][scope]") {
  support::delivered<support::all_outcome<int>> done;
  auto branches = start<int>(2, done.completion());
  batch_scope turn;
  branches[0].set_value(1);
  turn.flush();
  CHECK(done.times == 0);
  branches[1].set_value(2);
  CHECK(done.times == 0);
  turn.flush();
  CHECK(done.succeeded());
}

TEST_CASE("waiting inside batch scopes releases what they hold first", "[batch][scope][wait]") {
  fanout::completion::waiter<support::all_outcome<int>> delivered;
  auto branches = start<int>(2, delivered.completion());
  batch_scope around;
  branches[0].set_value(1);
  batch_scope turn;
  branches[1].set_value(2);
  auto outcome = delivered.wait();
  CHECK(support::holds(*outcome, {1, 2}));
}

TEST_CASE("a branch that completes inside its own start is counted inline in a batch scope, too", "[batch][scope]") {
  support::delivered<fanout::result<fanout::values<int, counting_platform>, fanout::failure<>>> done;
  batch_scope turn;
  counting_platform::rmws = 0;
  {
    auto issuer = fanout::issue<int, fanout::handler, batched<counting>>(3, fanout::combine::all, done.completion());
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [](auto branch) { branch({}, 1); });
  }
  CHECK(done.succeeded());
  CHECK(counting_platform::rmws == 0);
}

TEST_CASE("policies that vote do so at once, and are delivered when the batch is released", "[batch][scope]") {
  support::delivered<decltype(fanout::issue<int, fanout::handler, batched<>>(
      1, fanout::combine::first_success, support::ignore_outcome()))::operation::outcome_type>
      done;
  auto branches = start<int>(2, done.completion(), fanout::combine::first_success);
  {
    batch_scope turn;
    branches[1].set_value(5);
    CHECK(branches[0].stop_token().stop_requested());
    branches[0].set_stopped();
    CHECK(done.times == 0);
  }
  REQUIRE(done.succeeded());
  CHECK(done.outcome()->value == 5);
}

TEST_CASE("a strategy that keeps its count by index is released run by run", "[batch][refcount]") {
  support::delivered<support::all_outcome<int>> done;
  auto branches = start<int, batched<by_index>>(7, done.completion());
  by_index::released.clear();
  {
    batch_scope turn;
    for (const std::size_t i : {2u, 3u, 1u, 6u, 5u, 0u, 4u}) branches[i].set_value(1);
  }
  CHECK(done.succeeded());
  // 4 grows the newer run, {5, 6}.
  std::vector<std::pair<std::size_t, std::uint64_t>> expected{{4, 3}, {0, 4}};
  CHECK(by_index::released == expected);
}

TEST_CASE("an embedded operation takes part in a batch", "[batch][embedded]") {
  support::delivered<support::all_outcome<int>> done;
  auto completion = done.completion();
  fanout::embedded<int, 3, fanout::combine::all_t<std::error_code>, decltype(completion), fanout::handler, batched<>>
      operation(fanout::combine::all, completion);
  std::vector<decltype(operation)::issuer::branch> branches;
  {
    auto issuer = operation.issue();
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { branches.push_back(std::move(branch)); });
  }
  batch_scope turn;
  for (auto& branch : branches) branch.set_value(1);
  turn.flush();
  CHECK(done.succeeded());
}

TEST_CASE("an algorithm joins batches by its strategy", "[batch][algorithm]") {
  std::array<int, 3> elements{1, 2, 3};
  using description = decltype(fanout::all<int>(std::ref(elements), [](int&, auto) {}).count_with<batched<>>());
  static_assert(requires(description d) { std::move(d).then(support::ignore_outcome()); });
  bool done = false;
  std::vector<std::function<void()>> events;
  fanout::all<int>(
      std::ref(elements),
      [&](int& x, auto branch) {
        events.push_back([&x, b = std::make_shared<decltype(branch)>(std::move(branch))] { b->set_value(x); });
      })
      .count_with<batched<>>()
      .then([&](auto outcome) noexcept { done = outcome->size() == 3; });
  {
    batch_scope turn;
    for (auto& event : events) event();
    CHECK_FALSE(done);
  }
  CHECK(done);
}

TEST_CASE("complete_n completes handles without values, in one read-modify-write per operation",
          "[batch][complete_n]") {
  using outcome = support::void_outcome<>;
  support::delivered<outcome> first, second;
  auto a = start<void, counting>(3, first.completion());
  auto b = start<void, counting>(2, second.completion());
  counting_platform::rmws = 0;
  complete_n(std::move(a[0]), std::move(b[0]), std::move(a[1]), std::move(b[1]), std::move(a[2]));
  CHECK(counting_platform::rmws == 2);
  CHECK(first.succeeded());
  CHECK(second.succeeded());
  CHECK_FALSE(a[0]);
}

TEST_CASE("complete_n completes a range of handles", "[batch][complete_n]") {
  support::delivered<support::void_outcome<>> done;
  auto branches = start<void, counting>(8, done.completion());
  counting_platform::rmws = 0;
  complete_n(std::span(branches).first(3));
  CHECK(counting_platform::rmws == 1);
  complete_n(std::span(branches).last(5));
  CHECK(counting_platform::rmws == 2);
  CHECK(done.succeeded());
}

TEST_CASE("complete_n asks a function for what each branch comes to", "[batch][complete_n]") {
  SECTION("values") {
    support::delivered<fanout::result<fanout::values<std::unique_ptr<int>, counting_platform>, fanout::failure<>>> done;
    auto branches = start<std::unique_ptr<int>, counting>(3, done.completion());
    counting_platform::rmws = 0;
    complete_n(branches, [](std::size_t i) { return std::make_unique<int>(static_cast<int>(i)); });
    CHECK(counting_platform::rmws == 1);
    REQUIRE(done.succeeded());
    CHECK(*(*done.outcome())[2] == 2);
  }
  SECTION("results") {
    support::delivered<support::settle_outcome<int>> done;
    auto branches = start<int, fanout::refcount::atomic>(3, done.completion(), fanout::combine::settle);
    complete_n(branches, [](std::size_t i) -> fanout::result<int> {
      if (i == 1) return fanout::unexpected(std::make_error_code(std::errc::io_error));
      return static_cast<int>(i);
    });
    REQUIRE(done.succeeded());
    CHECK(*(*done.outcome())[2] == 2);
    CHECK((*done.outcome())[1].error() == std::errc::io_error);
  }
  SECTION("results without a value") {
    support::delivered<support::void_outcome<>> done;
    auto branches = start<void, fanout::refcount::atomic>(2, done.completion());
    complete_n(branches, [](std::size_t i) -> fanout::result<void> {
      if (i == 1) return fanout::unexpected(std::make_error_code(std::errc::io_error));
      return {};
    });
    CHECK(done.failed(1, make_error_code(std::errc::io_error)));
  }
  SECTION("nothing") {
    support::delivered<support::void_outcome<>> done;
    auto branches = start<void, fanout::refcount::local>(2, done.completion());
    std::size_t calls = 0;
    complete_n(branches, [&](std::size_t) { ++calls; });
    CHECK(calls == 2);
    CHECK(done.succeeded());
  }
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a function that throws in complete_n fails its branch only", "[batch][complete_n][E6]") {
  support::delivered<support::settle_outcome<support::counted>> done;
  {
    auto branches = start<support::counted, fanout::refcount::atomic>(3, done.completion(), fanout::combine::settle);
    complete_n(branches, [](std::size_t i) -> int {
      if (i == 1) throw std::runtime_error("no");
      return static_cast<int>(i);
    });
  }
  REQUIRE(done.succeeded());
  CHECK((*done.outcome())[0].has_value());
  CHECK_FALSE((*done.outcome())[1].has_value());
  CHECK((*done.outcome())[2].has_value());
}

TEST_CASE("a value whose construction throws in complete_n is the branch's error", "[batch][complete_n][E6]") {
  struct picky {
    explicit picky(int i) {
      if (i == 1) throw std::runtime_error("no");
    }
    picky(picky&&) noexcept = default;
  };
  support::delivered<support::settle_outcome<picky>> done;
  auto branches = start<picky, fanout::refcount::atomic>(3, done.completion(), fanout::combine::settle);
  complete_n(branches, [](std::size_t i) { return static_cast<int>(i); });
  REQUIRE(done.succeeded());
  CHECK((*done.outcome())[0].has_value());
  CHECK((*done.outcome())[1].error() == fanout::errc::initiator_threw);
}
#endif

TEST_CASE("complete_n inside a batch scope leaves operations that join it to the scope", "[batch][complete_n][scope]") {
  support::delivered<support::void_outcome<>> joins, does_not;
  auto a = start<void>(2, joins.completion());
  auto b = start<void, fanout::refcount::atomic>(2, does_not.completion());
  {
    batch_scope turn;
    complete_n(a);
    complete_n(b);
    CHECK(joins.times == 0);
    CHECK(does_not.succeeded());
  }
  CHECK(joins.succeeded());
}

TEST_CASE("complete_n inside start counts inline", "[batch][complete_n]") {
  support::delivered<support::void_outcome<>> done;
  counting_platform::rmws = 0;
  {
    auto issuer = fanout::issue<void, fanout::handler, counting>(2, fanout::combine::all, done.completion());
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [](auto branch) { complete_n(std::move(branch)); });
  }
  CHECK(done.succeeded());
  CHECK(counting_platform::rmws == 0);
}

TEST_CASE("complete_n of a folding policy publishes", "[batch][complete_n]") {
  int total = 0;
  auto branches = start<int>(4, [&](auto outcome) noexcept { total = *outcome; }, sum{});
  batch_scope turn;
  complete_n(branches, [](std::size_t i) { return static_cast<int>(i); });
  CHECK(total == 6);
}

TEST_CASE("complete_n of no handles does nothing", "[batch][complete_n]") {
  std::vector<kept<void>::handle> none;
  complete_n(none);
  complete_n(none, [](std::size_t) {});
}
