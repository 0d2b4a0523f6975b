// SPDX-License-Identifier: BSL-1.0
#include "fanout/fanout_op.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/combine/with.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"
#include "support/small_stack.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::open_outcome;
using support::settle_outcome;
using support::void_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);
const std::error_code timed_out = std::make_error_code(std::errc::timed_out);

using counting = support::counting_allocator<std::byte>;

// ---------------------------------------------------------------------------------------------------------------------
// What the class says about itself

[[maybe_unused]] auto ignore = [](auto) noexcept {};
using int_op = decltype(fanout::issue<int>(1, fanout::combine::all, ignore))::operation;
static_assert(!std::is_copy_constructible_v<int_op> && !std::is_move_constructible_v<int_op>);
static_assert(!std::is_destructible_v<int_op>, "it is destroyed by what it is delivered as");
static_assert(std::is_same_v<int_op::value_type, int> && std::is_same_v<int_op::error_type, std::error_code>);
static_assert(std::is_same_v<int_op::outcome_type, all_outcome<int>>);
static_assert(!int_op::is_open && !int_op::is_embedded && int_op::counts_inline && !int_op::keeps_errors);
using open_op = decltype(fanout::issue<int>(fanout::combine::settle, ignore))::operation;
static_assert(open_op::is_open && open_op::keeps_errors);
static_assert(std::is_same_v<open_op::outcome_type, settle_outcome<int>>);
using local_op =
    decltype(fanout::issue<void, fanout::handler, fanout::refcount::local>(1, fanout::combine::all, ignore))::operation;
static_assert(!local_op::counts_inline);
static_assert(std::is_same_v<local_op::outcome_type, void_outcome<>>);

// ---------------------------------------------------------------------------------------------------------------------
// Exactly once, after the seal (I1)

// Runs `n` branches, of which the bits of `later` complete after the seal and the rest inside start.
template <class Refcount>
void completes_once(std::size_t n, unsigned later) {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::handler, Refcount>(n, fanout::combine::all, got.completion());
  std::vector<typename decltype(issuer)::branch> kept;
  for (std::size_t i = 0; i != n; ++i) {
    issuer.start(i, [&](auto branch) {
      if (later >> i & 1u) {
        kept.push_back(std::move(branch));
      } else {
        branch({}, static_cast<int>(i));
      }
    });
  }
  // half of them before the seal
  const std::size_t before = kept.size() / 2;
  for (std::size_t k = 0; k != before; ++k) kept[k].set_value(static_cast<int>(kept[k].index()));
  CHECK(got.times == 0);
  std::move(issuer).seal();
  for (std::size_t k = before; k != kept.size(); ++k) {
    CHECK(got.times == 0);
    kept[k].set_value(static_cast<int>(kept[k].index()));
  }
  REQUIRE(got.succeeded());
  for (std::size_t i = 0; i != n; ++i) CHECK((*got.outcome())[i] == static_cast<int>(i));
}

TEST_CASE("the completion runs once, after the seal, whichever branches complete inline", "[fanout_op][I1][E2]") {
  for (std::size_t n = 0; n != 6; ++n) {
    for (unsigned later = 0; later != 1u << n; ++later) {
      completes_once<fanout::refcount::atomic>(n, later);
      completes_once<fanout::refcount::lazy_seed>(n, later);
      completes_once<fanout::refcount::local>(n, later);
    }
  }
}

TEST_CASE("zero branches complete once, from the seal", "[fanout_op][E1]") {
  delivered<all_outcome<int>> all;
  auto all_issuer = fanout::issue<int>(0, fanout::combine::all, all.completion());
  CHECK(all.times == 0);
  std::move(all_issuer).seal();
  REQUIRE(all.succeeded());
  CHECK(all.outcome()->empty());

  delivered<settle_outcome<int>> settle;
  std::move(fanout::issue<int>(0, fanout::combine::settle, settle.completion())).seal();
  REQUIRE(settle.succeeded());
  CHECK(settle.outcome()->empty());

  delivered<void_outcome<>> nothing;
  std::move(fanout::issue<void>(0, fanout::combine::all, nothing.completion())).seal();
  CHECK(nothing.succeeded());

  delivered<support::with_outcome<std::size_t>> with;
  auto size = [](auto values) { return values.size(); };
  std::move(fanout::issue<int>(0, fanout::combine::with(size), with.completion())).seal();
  REQUIRE(with.succeeded());
  CHECK(*with.outcome() == 0);

  delivered<open_outcome<int>> open;
  std::move(fanout::issue<int>(fanout::combine::all, open.completion())).seal();
  REQUIRE(open.succeeded());
  CHECK(open.outcome()->empty());

  delivered<settle_outcome<int>> local;
  std::move(
      fanout::issue<int, fanout::handler, fanout::refcount::local>(0, fanout::combine::settle, local.completion()))
      .seal();
  CHECK(local.succeeded());
}

TEST_CASE("a completion may be move-only, and is moved once or more but never copied", "[fanout_op]") {
  counted::reset();
  {
    int sum = 0;
    struct completion {
      std::unique_ptr<int> owned;
      counted witness;
      int* sum;
      void operator()(all_outcome<int> outcome) && noexcept { *sum = *owned + (*outcome)[0]; }
    };
    fanout::issue<int>(1, fanout::combine::all, completion{std::make_unique<int>(40), 1, &sum})
        .start(0, [](auto branch) { branch({}, 2); });
    CHECK(sum == 42);
    CHECK(counted::copies() == 0);
  }
  CHECK(counted::alive() == 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The first real cause wins (I7)

TEST_CASE("the first real error is the cause whatever comes before and after", "[fanout_op][I7]") {
  // every order in which branches 0: io_error, 1: timed_out, 2: stopped, 3: a value report
  std::vector<std::size_t> order{0, 1, 2, 3};
  do {
    delivered<all_outcome<int>> got;
    auto issuer = fanout::issue<int>(4, fanout::combine::all, got.completion());
    decltype(issuer)::branch kept[4];
    for (std::size_t i = 0; i != 4; ++i) issuer.start(i, [&](auto branch) { kept[i] = std::move(branch); });
    std::move(issuer).seal();
    bool io_first = false;
    bool any = false;
    for (const std::size_t i : order) {
      if (i == 0) kept[0].set_error(io_error);
      if (i == 1) kept[1].set_error(timed_out);
      if (i == 2) kept[2].set_stopped();
      if (i == 3) kept[3].set_value(1);
      if (i < 2 && !any) {
        any = true;
        io_first = i == 0;
      }
    }
    CHECK(got.failed(io_first ? 0 : 1, io_first ? io_error : timed_out, 1));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("stopped is told only where there is no real error", "[fanout_op][I7]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch.set_value(1); });
    issuer.start(1, [](auto branch) { branch.set_stopped(); });
    CHECK(issuer.stop_requested());
    issuer.start(2, [](auto branch) { branch.set_error(io_error); });  // does not run any more
  }
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("a completion after the decision is counted, and its value destroyed", "[fanout_op][E5]") {
  counted::reset();
  delivered<all_outcome<counted>> got;
  auto issuer = fanout::issue<counted>(3, fanout::combine::all, got.completion());
  decltype(issuer)::branch kept[3];
  for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { kept[i] = std::move(branch); });
  std::move(issuer).seal();
  kept[1].set_error(io_error);
  kept[0].set_value(1);
  CHECK(counted::alive() == 1);
  CHECK(got.times == 0);
  kept[2].set_value(2);
  CHECK(got.failed(1, io_error));
  CHECK(counted::alive() == 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Completions queue, they do not nest (I5)

TEST_CASE("a completion that becomes due inside another one runs after it, first in first out", "[fanout_op][I5]") {
  std::string order;
  auto told = [&](const char* name) { return [&order, name](auto) noexcept { order += name; }; };
  auto a = fanout::issue<int>(1, fanout::combine::all, told("a"));
  auto b = fanout::issue<int>(1, fanout::combine::all, told("b"));
  decltype(a)::branch branch_a;
  decltype(b)::branch branch_b;
  a.start(0, [&](auto branch) { branch_a = std::move(branch); });
  b.start(0, [&](auto branch) { branch_b = std::move(branch); });
  std::move(a).seal();
  std::move(b).seal();
  {
    auto outer = fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
      order += "(";
      branch_a.set_value(1);
      branch_b.set_value(1);
      // one that completes at once
      static_cast<void>(fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
        order += "c[";
        static_cast<void>(fanout::issue<int>(0, fanout::combine::all, told("d")));
        order += "]";
      }));
      order += ")";
    });
  }
  CHECK(order ==
        "("
        ")"
        "a"
        "b"
        "c["
        "]"
        "d");
}

TEST_CASE("a chain of completions takes the stack of one", "[fanout_op][I5]") {
  // The completion of each operation makes the next one, which is complete at once.
  struct chain {
    int* left;
    const char** deepest;
    void operator()(all_outcome<int>) && noexcept {
      const char here = 0;
      if (*deepest == nullptr || &here < *deepest) *deepest = &here;
      if (--*left > 0) static_cast<void>(fanout::issue<int>(0, fanout::combine::all, chain{left, deepest}));
    }
  };
  const char* shallow = nullptr;
  int left = 2;
  static_cast<void>(fanout::issue<int>(0, fanout::combine::all, chain{&left, &shallow}));
  CHECK(left == 0);

  const char* deep = nullptr;
  left = 10000;
  static_cast<void>(fanout::issue<int>(0, fanout::combine::all, chain{&left, &deep}));
  CHECK(left == 0);
  // Under a sanitizer, the address of a variable says nothing of the depth.
  if (!support::sanitized) CHECK(shallow - deep < 64 * 1024);
}

// ---------------------------------------------------------------------------------------------------------------------
// Numbers (E20) and memory

TEST_CASE("a million branches complete inline", "[fanout_op][E20]") {
  constexpr std::size_t n = 1'000'000;
  delivered<all_outcome<std::uint32_t>> got;
  {
    auto issuer = fanout::issue<std::uint32_t>(n, fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != n; ++i) {
      issuer.start(i, [&](auto branch) { branch({}, static_cast<std::uint32_t>(i)); });
    }
  }
  REQUIRE(got.succeeded());
  std::size_t right = 0;
  for (std::size_t i = 0; i != n; ++i) right += (*got.outcome())[i] == i;
  CHECK(right == n);
}

TEST_CASE("a million branches complete later, in any order, without a value too", "[fanout_op][E20]") {
  constexpr std::size_t n = 1'000'000;
  delivered<void_outcome<>> got;
  auto issuer = fanout::issue<void>(n, fanout::combine::all, got.completion());
  std::vector<decltype(issuer)::branch> kept;
  kept.reserve(n);
  for (std::size_t i = 0; i != n; ++i) issuer.start(i, [&](auto branch) { kept.push_back(std::move(branch)); });
  std::move(issuer).seal();
  std::size_t misplaced = 0;
  for (std::size_t i = 0; i != n; ++i) {
    auto& branch = kept[(i * 7919) % n];  // a permutation: 7919 is prime to n
    misplaced += branch.index() != (i * 7919) % n;
    CHECK(got.times == 0);
    branch.set_value();
  }
  CHECK(misplaced == 0);
  CHECK(got.succeeded());
}

TEST_CASE("more branches than can be counted are refused at construction", "[fanout_op][E20]") {
  for (const std::size_t n : {(std::size_t{1} << 31) + 1, std::size_t{1} << 40, fanout::no_index}) {
    const auto made = fanout::try_issue<char>(n, fanout::combine::all, [](auto) noexcept { std::abort(); });
    REQUIRE(!made);
    CHECK(made.error() == errc::too_many);
  }
}

TEST_CASE("known N takes exactly one allocation, also with everything in it", "[fanout_op][memory]") {
  for (const std::size_t n : {0u, 1u, 2u, 100u, 10000u}) {
    support::tally counts;
    delivered<settle_outcome<std::string>> got;
    {
      auto issuer = fanout::issue<std::string>(n, fanout::combine::settle, got.completion(), counting(counts));
      CHECK(counts.allocations == 1);
      for (std::size_t i = n; i-- != 0;) {  // out of order: the started-bits have their place as well
        issuer.start(i, [&](auto branch) {
          if (i % 3 == 0) {
            branch(io_error);
          } else {
            branch({}, "short");
          }
        });
      }
    }
    REQUIRE(got.succeeded());
    CHECK(counts.allocations == 1);
    got.outcome() = settle_outcome<std::string>(fanout::unexpect);
    CHECK(counts.deallocations == 1);
    CHECK(counts.live_bytes == 0);
  }
}

// A C callback with nothing but its context: the value is written before.
struct context_only : fanout::handler {
  template <class Door>
  static void function(void* context) noexcept {
    Door::set_value(context);
  }
};

TEST_CASE("unknown N takes at most 1 + log2 N allocations, and no slot ever moves", "[fanout_op][memory][open]") {
  for (const std::size_t n : {1u, 2u, 8u, 9u, 100u, 1000u, 100000u}) {
    support::tally counts;
    delivered<open_outcome<std::size_t>> got;
    std::vector<const void*> addresses;
    {
      auto issuer = fanout::issue<std::size_t, context_only>(fanout::combine::all, got.completion(), counting(counts));
      for (std::size_t i = 0; i != n; ++i) {
        issuer.start([&](auto branch) {
          const auto door = branch.release();
          addresses.push_back(door.out);
          *door.out = i;
          door.callback(door.context);
        });
      }
    }
    int log2 = 0;
    while (n >> (log2 + 1) != 0) ++log2;
    CHECK(counts.allocations <= 1 + log2);
    REQUIRE(got.succeeded());
    REQUIRE(got.outcome()->size() == n);
    bool stayed = true;
    for (std::size_t i = 0; i != n; ++i)
      stayed = stayed && &(*got.outcome())[i] == addresses[i] && (*got.outcome())[i] == i;
    CHECK(stayed);
    got.outcome() = fanout::unexpected(fanout::failure<>());
    CHECK(counts.deallocations == counts.allocations);
    CHECK(counts.live_bytes == 0);
  }
}

TEST_CASE("no memory for the operation: nothing has happened, and the completion is not called", "[fanout_op][E6]") {
  support::tally counts;
  counts.refuse_from = 0;
  bool called = false;
  auto completion = [&, owned = std::make_unique<int>(1)](auto) noexcept { called = *owned == 1; };
  const auto made = fanout::try_issue<int>(3, fanout::combine::all, std::move(completion), counting(counts));
  REQUIRE(!made);
  CHECK(made.error() == errc::out_of_memory);
  CHECK(!called);
  CHECK(counts.live_bytes == 0);
}

TEST_CASE("no memory for the next branch: clear error, the branches so far are told to stop, nothing is lost",
          "[fanout_op][E6][open]") {
  for (int allowed = 1; allowed != 5; ++allowed) {
    support::tally counts;
    counts.refuse_from = allowed;
    counted::reset();
    delivered<settle_outcome<counted>> got;
    std::size_t initiated = 0;
    {
      auto issuer = fanout::issue<counted>(fanout::combine::settle, got.completion(), counting(counts));
      for (std::size_t i = 0; i != 1000 && !issuer.stop_requested(); ++i) {
        issuer.start([&](auto branch) {
          ++initiated;
          branch({}, static_cast<int>(i));
        });
      }
      CHECK(issuer.stop_requested());
      CHECK(issuer.started() == initiated);
      const auto refused = issuer.try_start([](auto) { std::abort(); });
      REQUIRE(!refused);
      CHECK(refused.error() == errc::stopped);
    }
    CHECK(initiated == std::size_t{8} << (allowed - 1));
    REQUIRE(got.succeeded());
    CHECK(got.outcome()->size() == initiated);
    REQUIRE(got.outcome()->disturbance() != nullptr);
    CHECK(got.outcome()->disturbance()->cause == errc::out_of_memory);
    CHECK(got.outcome()->disturbance()->index == fanout::no_index);
    CHECK((*got.outcome())[initiated - 1]->value() == static_cast<int>(initiated) - 1);
    got.outcome() = settle_outcome<counted>(fanout::unexpect);
    CHECK(counts.live_bytes == 0);
    CHECK(counted::alive() == 0);
  }
}

TEST_CASE("try_start says that there is no memory for the next branch", "[fanout_op][E6][open]") {
  support::tally counts;
  counts.refuse_from = 1;
  delivered<open_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(fanout::combine::all, got.completion(), counting(counts));
    for (int i = 0; i != 8; ++i) {
      issuer.start([](auto branch) { branch({}, 0); });
    }
    const auto refused = issuer.try_start([](auto) { std::abort(); });
    REQUIRE(!refused);
    CHECK(refused.error() == errc::out_of_memory);
    CHECK(refused.error() == std::errc::not_enough_memory);
  }
  CHECK(got.failed(fanout::no_index, errc::out_of_memory));
  CHECK(counts.live_bytes == 0);
}

TEST_CASE("a failed operation has freed everything before its completion runs", "[fanout_op][memory]") {
  support::tally counts;
  counted::reset();
  bool checked = false;
  {
    auto issuer = fanout::issue<counted>(
        3, fanout::combine::all,
        [&](all_outcome<counted> outcome) noexcept {
          CHECK(!outcome);
          CHECK(counts.live_bytes == 0);
          CHECK(counted::alive() == 0);
          checked = true;
        },
        counting(counts));
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [](auto branch) { branch(io_error); });
  }
  CHECK(checked);
}

TEST_CASE("an operation without values has freed everything before its completion runs", "[fanout_op][memory]") {
  support::tally counts;
  bool checked = false;
  {
    auto issuer = fanout::issue<void>(
        1, fanout::combine::all,
        [&](void_outcome<> outcome) noexcept {
          CHECK(outcome);
          CHECK(counts.live_bytes == 0);
          checked = true;
        },
        counting(counts));
    issuer.start(0, [](auto branch) { branch({}); });
  }
  CHECK(checked);
}

TEST_CASE("an allocator with pointers of its own kind serves both widths", "[fanout_op][memory]") {
  support::tally counts;
  const support::fancy_allocator<std::byte> allocator(counts);
  delivered<all_outcome<std::string>> known;
  delivered<open_outcome<std::string>> open;
  {
    auto known_issuer = fanout::issue<std::string>(3, fanout::combine::all, known.completion(), allocator);
    auto open_issuer = fanout::issue<std::string>(fanout::combine::all, open.completion(), allocator);
    for (int i = 0; i != 50; ++i) {
      if (i < 3) {
        known_issuer.start([](auto branch) { branch.set_value("known"); });
      }
      open_issuer.start([](auto branch) { branch.set_value("open"); });
    }
  }
  REQUIRE(known.succeeded());
  REQUIRE(open.succeeded());
  CHECK((*open.outcome())[49] == "open");
  CHECK(counts.allocations == 1 + 4);
  known.outcome() = fanout::unexpected(fanout::failure<>());
  open.outcome() = fanout::unexpected(fanout::failure<>());
  CHECK(counts.live_bytes == 0);
  CHECK(counts.deallocations == counts.allocations);
}

// ---------------------------------------------------------------------------------------------------------------------
// Values of every kind

struct alignas(64) line {
  int x;
};
struct no_default {
  explicit no_default(int i) : x(i) {}
  int x;
};
struct large {
  int x;
  char bytes[300];
};
struct three_bytes {
  char bytes[3];
};
struct empty {};

template <class T>
T make(int i) {
  if constexpr (std::is_same_v<T, std::string>) {
    return std::string(static_cast<std::size_t>(i) + 20, 'x');
  } else if constexpr (std::is_same_v<T, std::unique_ptr<int>>) {
    return std::make_unique<int>(i);
  } else if constexpr (std::is_same_v<T, line> || std::is_same_v<T, no_default>) {
    return T{i};
  } else if constexpr (std::is_same_v<T, large>) {
    return large{i, {}};
  } else if constexpr (std::is_same_v<T, three_bytes>) {
    return three_bytes{{static_cast<char>(i), 1, 2}};
  } else if constexpr (std::is_same_v<T, empty>) {
    return {};
  } else {
    return static_cast<T>(i);
  }
}

template <class T>
int number(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return static_cast<int>(value.size()) - 20;
  } else if constexpr (std::is_same_v<T, std::unique_ptr<int>>) {
    return *value;
  } else if constexpr (requires { value.x; }) {
    return value.x;
  } else if constexpr (std::is_same_v<T, three_bytes>) {
    return value.bytes[0];
  } else if constexpr (std::is_same_v<T, empty>) {
    return -1;
  } else {
    return static_cast<int>(value);
  }
}

TEMPLATE_TEST_CASE("values of every kind arrive, in every kind of operation", "[fanout_op][values]", char, int,
                   std::uint64_t, double, std::string, large, line, no_default, three_bytes, empty,
                   std::unique_ptr<int>) {
  using T = TestType;
  static constexpr int n = 37;
  const auto check = [](auto& all) {
    REQUIRE(all.size() == n);
    for (std::size_t i = 0; i != n; ++i) {
      const T& value = *std::addressof(*(all.begin() + static_cast<std::ptrdiff_t>(i)));
      CHECK(number(value) == (std::is_empty_v<T> ? -1 : static_cast<int>(i)));
      CHECK(reinterpret_cast<std::uintptr_t>(&value) % alignof(T) == 0);
    }
  };
  const auto fill = [](auto& issuer) {
    std::vector<typename std::remove_reference_t<decltype(issuer)>::branch> kept;
    for (int i = 0; i != n; ++i) {
      issuer.start([&](auto branch) {
        CHECK(branch.index() == static_cast<std::size_t>(i));
        if (i % 2 == 0) {
          branch.set_value(make<T>(i));
        } else {
          kept.push_back(std::move(branch));
        }
      });
    }
    for (auto& branch : kept) {
      const int i = static_cast<int>(branch.index());
      branch.set_value(make<T>(i));
    }
  };

  delivered<all_outcome<T>> known;
  {
    auto issuer = fanout::issue<T>(n, fanout::combine::all, known.completion());
    fill(issuer);
  }
  REQUIRE(known.succeeded());
  check(*known.outcome());

  delivered<open_outcome<T>> open;
  {
    auto issuer = fanout::issue<T>(fanout::combine::all, open.completion());
    fill(issuer);
  }
  REQUIRE(open.succeeded());
  check(*open.outcome());

  delivered<settle_outcome<T>> settled;
  {
    auto issuer = fanout::issue<T>(fanout::combine::settle, settled.completion());
    fill(issuer);
  }
  REQUIRE(settled.succeeded());
  for (std::size_t i = 0; i != n; ++i) {
    CHECK(number<T>(*(*settled.outcome())[i]) == (std::is_empty_v<T> ? -1 : static_cast<int>(i)));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Threads

TEST_CASE("branches of one operation complete on many threads at once", "[fanout_op][I1][I3]") {
  constexpr std::size_t n = 64;
  for (int round = 0; round != 50; ++round) {
    delivered<all_outcome<std::string>> got;
    auto issuer = fanout::issue<std::string>(n, fanout::combine::all, got.completion());
    std::vector<decltype(issuer)::branch> kept;
    for (std::size_t i = 0; i != n; ++i) issuer.start(i, [&](auto branch) { kept.push_back(std::move(branch)); });
    std::atomic<bool> go = false;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t != 4; ++t) {
      threads.emplace_back([&, t] {
        while (!go.load()) std::this_thread::yield();
        for (std::size_t i = t; i < n; i += 4) kept[i].set_value(i + 1, 'v');
      });
    }
    go = true;
    std::move(issuer).seal();
    for (std::thread& thread : threads) thread.join();
    REQUIRE(got.succeeded());
    for (std::size_t i = 0; i != n; ++i) CHECK((*got.outcome())[i].size() == i + 1);
  }
}

TEST_CASE("one of several failing threads is the cause, and the others are counted", "[fanout_op][I7]") {
  for (int round = 0; round != 50; ++round) {
    delivered<all_outcome<int>> got;
    auto issuer = fanout::issue<int>(4, fanout::combine::all, got.completion());
    std::vector<std::thread> threads;
    std::atomic<int> ready = 0;
    for (std::size_t i = 0; i != 4; ++i) {
      issuer.start(i, [&](auto branch) {
        threads.emplace_back([&ready, i, mine = std::move(branch)]() mutable {
          ready.fetch_add(1);
          while (ready.load() != 4) std::this_thread::yield();
          if (i == 3) {
            mine.set_stopped();
          } else {
            mine.set_error(std::error_code(static_cast<int>(i) + 100, std::generic_category()));
          }
        });
      });
    }
    std::move(issuer).seal();
    for (std::thread& thread : threads) thread.join();
    REQUIRE(got.once());
    REQUIRE(!got.outcome());
    CHECK(got.failure().index < 3);
    CHECK(got.failure().cause.value() == static_cast<int>(got.failure().index) + 100);
    CHECK(got.failure().suppressed == 2);
  }
}

}  // namespace
