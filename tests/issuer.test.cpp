// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
// The rules that are broken on purpose must be seen, so this one comes before the header under test.
#include "fanout/issuer.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::only_broken_rule;
using support::open_outcome;
using support::settle_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

auto ignore = [](auto) noexcept {};
using int_issuer = decltype(fanout::issue<int>(1, fanout::combine::all, ignore));

static_assert(!std::is_copy_constructible_v<int_issuer> && !std::is_copy_assignable_v<int_issuer>);
static_assert(std::is_nothrow_move_constructible_v<int_issuer> && std::is_nothrow_move_assignable_v<int_issuer>);
static_assert(std::is_nothrow_default_constructible_v<int_issuer>);

// ---------------------------------------------------------------------------------------------------------------------
// Starting

TEST_CASE("a branch may complete inside start, and the operation still waits for the seal", "[issuer][E2]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  issuer.start(0, [](auto branch) { branch({}, 10); });
  issuer.start(1, [](auto branch) { branch({}, 11); });
  CHECK(got.times == 0);
  std::move(issuer).seal();
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {10, 11}));
}

TEST_CASE("a branch may complete after start, before or after the seal", "[issuer]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  decltype(issuer)::branch first;
  decltype(issuer)::branch second;
  issuer.start(0, [&](auto branch) { first = std::move(branch); });
  issuer.start(1, [&](auto branch) { second = std::move(branch); });
  second.set_value(2);
  CHECK(got.times == 0);
  std::move(issuer).seal();
  CHECK(got.times == 0);
  first.set_value(1);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("the destructor seals", "[issuer]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch({}, 1); });
    CHECK(got.times == 0);
  }
  CHECK(got.succeeded());
}

TEST_CASE("start without an index takes the next one", "[issuer]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::all, got.completion());
    for (int i = 0; i != 3; ++i) {
      CHECK(issuer.started() == static_cast<std::size_t>(i));
      issuer.start([&](auto branch) {
        CHECK(branch.index() == static_cast<std::size_t>(i));
        branch({}, i);
      });
    }
    CHECK(issuer.started() == 3);
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1, 2}));
}

TEST_CASE("branches may be started in any order", "[issuer]") {
  // 11 needs more than one byte of started-bits; the first ones in order, so that the bits begin half-way
  constexpr std::size_t n = 11;
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(n, fanout::combine::all, got.completion());
    for (const std::size_t i : {0u, 1u, 10u, 2u, 9u, 8u, 3u, 7u, 4u, 6u, 5u}) {
      issuer.start(i, [&](auto branch) {
        CHECK(branch.index() == i);
        branch({}, static_cast<int>(i));
      });
    }
    CHECK(issuer.started() == n);
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("start(i) counts on over start() and the other way round, as long as it is in order", "[issuer]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::all, got.completion());
    issuer.start([](auto branch) { branch({}, 0); });
    issuer.start(1, [](auto branch) { branch({}, 1); });
    issuer.start([](auto branch) { branch({}, 2); });
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1, 2}));
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("an initiator may take the operation's stop token", "[issuer]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  fanout::inplace_stop_token seen;
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch, fanout::inplace_stop_token token) {
    CHECK(token == issuer.stop_token());
    CHECK(branch.stop_token() == token);
    seen = token;
    kept = std::move(branch);
  });
  CHECK(!seen.stop_requested());
  issuer.start(1, [](auto branch) { branch(io_error); });
  CHECK(seen.stop_requested());
  std::move(issuer).seal();
  kept.set_stopped();
  CHECK(got.failed(1, io_error));
}

TEST_CASE("an initiator's return value is ignored, and it may be an lvalue, mutable or a function", "[issuer]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
    int calls = 0;
    auto initiator = [calls, &seen = calls](auto branch) mutable {
      seen = ++calls;
      branch({}, calls);
      return 17;
    };
    issuer.start(0, initiator);
    CHECK(calls == 1);
    issuer.start(1, initiator);
    CHECK(calls == 2);
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("starting another operation inside start leaves both counts right", "[issuer][E8]") {
  delivered<all_outcome<int>> outer_got;
  delivered<all_outcome<int>> inner_got;
  {
    auto outer = fanout::issue<int>(3, fanout::combine::all, outer_got.completion());
    auto inner = fanout::issue<int>(1, fanout::combine::all, inner_got.completion());
    decltype(outer)::branch escaped;
    outer.start(0, [&](auto branch) { branch({}, 0); });
    outer.start(1, [&](auto branch) {
      inner.start(0, [&](auto inner_branch) {
        branch({}, 1);  // of the outer one, not inside its innermost start: an atomic release
        inner_branch({}, 100);
      });
      std::move(inner).seal();
    });
    CHECK(inner_got.succeeded());
    outer.start(2, [&](auto branch) { escaped = std::move(branch); });
    CHECK(outer_got.times == 0);
    escaped.set_value(2);
    CHECK(outer_got.times == 0);
  }
  REQUIRE(outer_got.succeeded());
  CHECK(support::holds(*outer_got.outcome(), {0, 1, 2}));
}

// ---------------------------------------------------------------------------------------------------------------------
// Stop while issuing (E4)

TEST_CASE("start settles the branch as stopped without running the initiator once stop is requested", "[issuer][E4]") {
  delivered<all_outcome<int>> got;
  bool ran = false;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch({}, 1); });
    CHECK(!issuer.stop_requested());
    issuer.request_stop();
    CHECK(issuer.stop_requested());
    issuer.start(1, [&](auto) { ran = true; });
    CHECK(issuer.started() == 2);
  }
  CHECK(!ran);
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("try_start leaves the branch alone and says why once stop is requested", "[issuer][E4]") {
  delivered<settle_outcome<int>> got;
  bool ran = false;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::settle, got.completion());
    CHECK(issuer.try_start(0, [](auto branch) { branch({}, 1); }));
    issuer.request_stop();
    const auto refused = issuer.try_start(1, [&](auto) { ran = true; });
    REQUIRE(!refused);
    CHECK(refused.error() == errc::stopped);
    const auto refused_next = issuer.try_start([&](auto) { ran = true; });
    REQUIRE(!refused_next);
    CHECK(refused_next.error() == errc::stopped);
    CHECK(issuer.started() == 1);
    issuer.start(1, [&](auto) { ran = true; });
  }
  CHECK(!ran);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 1);
  CHECK(all[1].stopped());
  CHECK(all[2].error() == errc::not_issued);
}

TEST_CASE("a failing branch stops the issuing of `all`", "[issuer][E4][I7]") {
  delivered<all_outcome<int>> got;
  int initiated = 0;
  {
    auto issuer = fanout::issue<int>(10, fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 10; ++i) {
      issuer.start(i, [&](auto branch) {
        ++initiated;
        if (i == 3) {
          branch(io_error);
        } else {
          branch({}, 0);
        }
      });
    }
  }
  CHECK(initiated == 4);
  CHECK(got.failed(3, io_error));
}

// ---------------------------------------------------------------------------------------------------------------------
// Not started

TEST_CASE("branches that were not started settle as not_issued, the first of them named", "[issuer][E3]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(4, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch({}, 1); });
  }
  CHECK(got.failed(1, errc::not_issued));
}

TEST_CASE("branches that were not started are found between those that were", "[issuer][E3]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(10, fanout::combine::settle, got.completion());
    for (const std::size_t i : {9u, 0u, 4u}) {
      issuer.start(i, [&](auto branch) { branch({}, static_cast<int>(i)); });
    }
  }
  REQUIRE(got.succeeded());
  for (const auto& branch : *got.outcome()) {
    const std::size_t i = branch.index();
    if (i == 9 || i == 0 || i == 4) {
      CHECK(*branch == static_cast<int>(i));
    } else {
      CHECK(branch.error() == errc::not_issued);
    }
  }
  CHECK(got.outcome()->disturbance() == nullptr);
}

TEST_CASE("not_issued is noise: a real error of a started branch is the cause", "[issuer][I7]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(4, fanout::combine::all, got.completion());
    issuer.start(2, [](auto branch) { branch(io_error); });
  }
  CHECK(got.failed(2, io_error));
}

TEST_CASE("not started while remote branches are outstanding: the last of those completes", "[issuer][E3]") {
  delivered<all_outcome<counted>> got;
  counted::reset();
  {
    auto issuer = fanout::issue<counted>(5, fanout::combine::all, got.completion());
    decltype(issuer)::branch kept;
    issuer.start(0, [&](auto branch) { kept = std::move(branch); });
    issuer.start(1, [&](auto branch) { branch({}, 2); });
    std::move(issuer).seal();
    CHECK(got.times == 0);
    kept.set_value(1);
    CHECK(got.failed(2, errc::not_issued));
    CHECK(counted::alive() == 0);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Misuse: asserted, and in release nothing runs and an error settles

TEST_CASE("starting a branch twice runs nothing and becomes the cause", "[issuer][misuse]") {
  delivered<all_outcome<int>> got;
  bool ran = false;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch({}, 0); });
    issuer.start(0, [&](auto) { ran = true; });
    CHECK(only_broken_rule("start(i) twice with the same i"));
    CHECK(issuer.stop_requested());
    CHECK(issuer.started() == 1);
  }
  CHECK(!ran);
  CHECK(got.failed(0, errc::already_started));
}

TEST_CASE("starting a branch twice out of order is seen as well", "[issuer][misuse]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(20, fanout::combine::all, got.completion());
    issuer.start(17, [](auto branch) { branch({}, 0); });
    CHECK(support::take_broken_rules().empty());
    const auto again = issuer.try_start(17, [](auto) { FAIL("ran"); });
    REQUIRE(!again);
    CHECK(again.error() == errc::already_started);
    CHECK(only_broken_rule("start(i) twice with the same i"));
  }
  CHECK(got.failed(17, errc::already_started));
}

TEST_CASE("starting a branch that there is not runs nothing and becomes the cause", "[issuer][misuse]") {
  for (const std::size_t beyond : {std::size_t{2}, std::size_t{1000}, fanout::no_index}) {
    delivered<all_outcome<int>> got;
    bool ran = false;
    {
      auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
      issuer.start(0, [](auto branch) { branch({}, 0); });
      issuer.start(beyond, [&](auto) { ran = true; });
      CHECK(only_broken_rule("start(i) with i >= N"));
    }
    CHECK(!ran);
    CHECK(got.failed(beyond, errc::no_such_branch));
  }
}

TEST_CASE("starting the next branch after the last one is refused", "[issuer][misuse]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
    issuer.start([](auto branch) { branch({}, 0); });
    const auto more = issuer.try_start([](auto) { FAIL("ran"); });
    REQUIRE(!more);
    CHECK(more.error() == errc::no_such_branch);
    CHECK(only_broken_rule("start(initiator) after N branches, or after start(i) out of order"));
  }
  CHECK(got.failed(fanout::no_index, errc::no_such_branch));
}

TEST_CASE("misuse leaves settle's branches what they are and shows as a disturbance", "[issuer][misuse]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::settle, got.completion());
    issuer.start(0, [](auto branch) { branch({}, 5); });
    issuer.start(0, [](auto) { FAIL("ran"); });
    CHECK(only_broken_rule("start(i) twice with the same i"));
  }
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 5);
  REQUIRE(got.outcome()->disturbance() != nullptr);
  CHECK(got.outcome()->disturbance()->cause == errc::already_started);
  CHECK(got.outcome()->disturbance()->index == 0);
}

TEST_CASE("a spent issuer starts nothing and says that it is closed", "[issuer][E10][misuse]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
  issuer.start(0, [](auto branch) { branch({}, 0); });
  std::move(issuer).seal();
  CHECK(got.succeeded());
  CHECK(!issuer);

  bool ran = false;
  issuer.start(0, [&](auto) { ran = true; });
  CHECK(only_broken_rule("start on an issuer that has been sealed or moved from"));
  issuer.start([&](auto) { ran = true; });
  CHECK(only_broken_rule("start on an issuer that has been sealed or moved from"));
  const auto refused = issuer.try_start(0, [&](auto) { ran = true; });
  REQUIRE(!refused);
  CHECK(refused.error() == errc::closed);
  const auto refused_next = issuer.try_start([&](auto) { ran = true; });
  REQUIRE(!refused_next);
  CHECK(refused_next.error() == errc::closed);
  CHECK(support::take_broken_rules().empty());

  std::move(issuer).seal();
  CHECK(only_broken_rule("this issuer has been sealed already, or was moved from"));
  CHECK(!ran);
  CHECK(got.times == 1);
}

TEST_CASE("sealing or moving an issuer inside its own start is named", "[issuer][misuse]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
  issuer.start(0, [&](auto branch) {
    branch({}, 0);
    auto stolen = std::move(issuer);
    CHECK(only_broken_rule("an issuer must not be moved from inside its own start"));
    issuer = std::move(stolen);
    CHECK(!support::take_broken_rules().empty());
  });
  std::move(issuer).seal();
  CHECK(got.succeeded());
}

// ---------------------------------------------------------------------------------------------------------------------
// Moving

TEST_CASE("a moved issuer goes on where the other one was", "[issuer][move]") {
  delivered<all_outcome<int>> got;
  {
    auto first = fanout::issue<int>(3, fanout::combine::all, got.completion());
    first.start([](auto branch) { branch({}, 0); });
    auto second = std::move(first);
    CHECK(!first);
    CHECK(second);
    CHECK(second.started() == 1);
    second.start([](auto branch) { branch({}, 1); });
    decltype(second) third;
    CHECK(!third);
    third = std::move(second);
    CHECK(!second);
    third.start([](auto branch) { branch({}, 2); });
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1, 2}));
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("a moved issuer remembers what was started out of order", "[issuer][move]") {
  delivered<settle_outcome<int>> got;
  {
    auto first = fanout::issue<int>(3, fanout::combine::settle, got.completion());
    first.start(2, [](auto branch) { branch({}, 2); });
    auto second = std::move(first);
    CHECK(second.started() == 1);
    second.start(0, [](auto branch) { branch({}, 0); });
    CHECK(second.started() == 2);
  }
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 0);
  CHECK((*got.outcome())[1].error() == errc::not_issued);
  CHECK(*(*got.outcome())[2] == 2);
}

TEST_CASE("assigning to an issuer seals what it held", "[issuer][move]") {
  delivered<all_outcome<int>> first_got;
  delivered<all_outcome<int>> second_got;
  auto make = [](delivered<all_outcome<int>>& got) {
    return fanout::issue<int>(1, fanout::combine::all, got.completion());
  };
  auto issuer = make(first_got);
  issuer.start(0, [](auto branch) { branch({}, 0); });
  issuer = make(second_got);
  CHECK(first_got.succeeded());
  CHECK(second_got.times == 0);
  issuer.start(0, [](auto branch) { branch({}, 0); });
  issuer = decltype(issuer)();
  CHECK(second_got.succeeded());
}

TEST_CASE("an issuer may be handed to another thread between two starts", "[issuer][move]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  issuer.start([](auto branch) { branch({}, 0); });
  std::thread other([moved = std::move(issuer)]() mutable {
    moved.start([](auto branch) { branch({}, 1); });
    std::move(moved).seal();
  });
  const auto id = other.get_id();
  other.join();
  REQUIRE(got.succeeded());
  CHECK(got.thread == id);
  CHECK(support::holds(*got.outcome(), {0, 1}));
}

TEST_CASE("the policies can be read and written while issuing", "[issuer]") {
  struct keeps {
    int base;
    int* sum;
    void operator()(all_outcome<int> outcome) && noexcept {
      *sum = base;
      for (int x : *outcome) *sum += x;
    }
  };
  int sum = 0;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, keeps{0, &sum});
    issuer.completion().base = 100;
    static_assert(std::is_same_v<decltype(issuer.combine()), fanout::combine::all_policy<int>&>);
    issuer.start(0, [](auto branch) { branch({}, 1); });
  }
  CHECK(sum == 101);
}

// ---------------------------------------------------------------------------------------------------------------------
// N unknown

TEST_CASE("where N is unknown each start adds a branch", "[issuer][open]") {
  for (const int n : {0, 1, 7, 8, 9, 16, 17, 100, 1000}) {
    delivered<open_outcome<int>> got;
    {
      auto issuer = fanout::issue<int>(fanout::combine::all, got.completion());
      for (int i = 0; i != n; ++i) {
        issuer.start([&](auto branch) {
          CHECK(branch.index() == static_cast<std::size_t>(i));
          branch({}, i);
        });
      }
      CHECK(issuer.started() == static_cast<std::size_t>(n));
    }
    REQUIRE(got.succeeded());
    REQUIRE(got.outcome()->size() == static_cast<std::size_t>(n));
    int expected = 0;
    for (const int x : *got.outcome()) CHECK(x == expected++);
  }
}

TEST_CASE("where N is unknown start(i) is good in order, and refused otherwise", "[issuer][open]") {
  delivered<open_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 100; ++i) {
      issuer.start(i, [&](auto branch) {
        CHECK(branch.index() == i);
        branch({}, static_cast<int>(i));
      });
    }
    CHECK(support::take_broken_rules().empty());
    const auto twice = issuer.try_start(99, [](auto) { FAIL("ran"); });
    CHECK(only_broken_rule("where N is unknown, branches are started in order: start(initiator)"));
    REQUIRE(!twice);
    CHECK(twice.error() == errc::already_started);
  }
  CHECK(got.failed(99, errc::already_started));
}

TEST_CASE("where N is unknown start(i) in order writes where the value is looked for", "[issuer][open]") {
  delivered<open_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 100; ++i) {
      issuer.start(i, [&](auto branch) { branch({}, static_cast<int>(i)); });
    }
  }
  REQUIRE(got.succeeded());
  for (std::size_t i = 0; i != 100; ++i) CHECK((*got.outcome())[i] == static_cast<int>(i));
}

TEST_CASE("where N is unknown remote branches and stop are counted like any other", "[issuer][open]") {
  delivered<settle_outcome<int>> got;
  auto issuer = fanout::issue<int>(fanout::combine::settle, got.completion());
  std::vector<decltype(issuer)::branch> kept;
  for (int i = 0; i != 20; ++i) issuer.start([&](auto branch) { kept.push_back(std::move(branch)); });
  issuer.request_stop();
  issuer.start([](auto) { FAIL("ran"); });
  std::move(issuer).seal();
  for (std::size_t i = kept.size(); i-- != 0;) {
    CHECK(got.times == 0);
    kept[i].set_value(static_cast<int>(i));
  }
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  REQUIRE(all.size() == 21);
  for (std::size_t i = 0; i != 20; ++i) CHECK(*all[i] == static_cast<int>(i));
  CHECK(all[20].stopped());
}

// ---------------------------------------------------------------------------------------------------------------------
// C interfaces

using c_callback = void (*)(int, void*);

TEST_CASE("start_c takes a return value other than -EINPROGRESS for the branch's report", "[issuer][start_c][E3]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 2; ++i) {
      issuer.start_c(i, [&](int* out, auto, void*) {
        *out = static_cast<int>(i) + 5;
        return 0;
      });
    }
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {5, 6}));
}

TEST_CASE("start_c takes an error that is returned for that branch's error, the rest is told to stop",
          "[issuer][start_c][E3]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::errno_callback>(3, fanout::combine::settle, got.completion());
    issuer.start_c(0, [](int*, auto, void*) { return -EIO; });
    issuer.start_c(1, [](int* out, auto, void*) {
      *out = 1;
      return 0;
    });
  }
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(all[0].error() == std::errc::io_error);
  CHECK(*all[1] == 1);
  CHECK(all[2].error() == errc::not_issued);

  delivered<all_outcome<int>> all_got;
  int initiated = 0;
  {
    auto issuer = fanout::issue<int, fanout::errno_callback>(3, fanout::combine::all, all_got.completion());
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start_c(i, [&](int*, auto, void*) {
        ++initiated;
        return EAGAIN;
      });
    }
  }
  CHECK(initiated == 1);
  CHECK(all_got.failed(0, std::make_error_code(std::errc::resource_unavailable_try_again)));
}

TEST_CASE("start_c waits for the callback after -EINPROGRESS, inside start or later", "[issuer][start_c]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::all, got.completion());
  c_callback later = nullptr;
  void* later_context = nullptr;
  int* later_out = nullptr;
  issuer.start_c(0, [&](int* out, c_callback callback, void* context) {
    later = callback;
    later_context = context;
    later_out = out;
    return -EINPROGRESS;
  });
  issuer.start_c([](int* out, c_callback callback, void* context) {
    *out = 2;
    callback(0, context);
    return -EINPROGRESS;
  });
  std::move(issuer).seal();
  CHECK(got.times == 0);
  *later_out = 1;
  later(0, later_context);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("start_c of branches without a value has no out-parameter", "[issuer][start_c]") {
  delivered<support::void_outcome<>> got;
  {
    auto issuer = fanout::issue<void, fanout::errno_callback>(2, fanout::combine::all, got.completion());
    issuer.start_c(0, [](c_callback, void*) { return 0; });
    issuer.start_c(1, [](c_callback callback, void* context) {
      callback(0, context);
      return -EINPROGRESS;
    });
  }
  CHECK(got.succeeded());
}

TEST_CASE("start_c does not run the initiator once stop is requested", "[issuer][start_c][E4]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::settle, got.completion());
    issuer.request_stop();
    issuer.start_c(0, [](int*, auto, void*) -> int { std::abort(); });
    issuer.start_c([](int*, auto, void*) -> int { std::abort(); });
  }
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].stopped());
  CHECK((*got.outcome())[1].stopped());
}

TEST_CASE("start_c works where N is unknown", "[issuer][start_c][open]") {
  delivered<open_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::errno_callback>(fanout::combine::all, got.completion());
    for (int i = 0; i != 30; ++i) {
      issuer.start_c([&](int* out, c_callback callback, void* context) {
        *out = i;
        if (i % 2 == 0) return 0;
        callback(0, context);
        return -EINPROGRESS;
      });
    }
  }
  REQUIRE(got.succeeded());
  for (std::size_t i = 0; i != 30; ++i) CHECK((*got.outcome())[i] == static_cast<int>(i));
}

// ---------------------------------------------------------------------------------------------------------------------
// Exceptions (E3b)

#if FANOUT_HAS_EXCEPTIONS

struct oops {
  int number;
};

template <class Failure>
int number_in(const Failure& failure) {
  try {
    std::rethrow_exception(failure.exception);
  } catch (const oops& caught) {
    return caught.number;
  }
  return -1;
}

TEST_CASE("a throwing initiator is its branch's error, and the exception is kept", "[issuer][E3b]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch({}, 0); });
    issuer.start(1, [](auto) { throw oops{7}; });
  }
  REQUIRE(got.failed(1, errc::initiator_threw));
  CHECK(number_in(got.failure()) == 7);
}

TEST_CASE("a throwing initiator is its branch's error, for settle too", "[issuer][E3b]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::settle, got.completion());
    issuer.start(1, [](auto) { throw oops{7}; });
    issuer.start(0, [](auto branch) { branch({}, 0); });
    issuer.start(2, [](auto branch) { branch({}, 2); });
  }
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 0);
  CHECK((*got.outcome())[1].error() == errc::initiator_threw);
  CHECK(*(*got.outcome())[2] == 2);
  CHECK(got.outcome()->disturbance() == nullptr);
}

TEST_CASE("a throwing initiator after another error does not displace it", "[issuer][E3b][I7]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  issuer.start(1, [&](auto) {
    kept.set_error(io_error);
    throw oops{7};
  });
  std::move(issuer).seal();
  CHECK(got.failed(0, io_error, 1));
}

TEST_CASE("an initiator that throws after giving the handle away loses neither the exception nor the branch",
          "[issuer][E3b]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) {
    kept = std::move(branch);
    throw oops{8};
  });
  CHECK(issuer.stop_requested());
  std::move(issuer).seal();
  CHECK(got.times == 0);  // the branch is still out
  kept.set_value(1);
  REQUIRE(got.failed(0, errc::initiator_threw));
  CHECK(number_in(got.failure()) == 8);
}

TEST_CASE("an initiator that throws after completing the branch fails the operation", "[issuer][E3b]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::settle, got.completion());
    issuer.start(0, [&](auto branch) {
      branch({}, 1);
      throw oops{9};
    });
  }
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 1);
  REQUIRE(got.outcome()->disturbance() != nullptr);
  CHECK(got.outcome()->disturbance()->cause == errc::initiator_threw);
  CHECK(number_in(*got.outcome()->disturbance()) == 9);
}

TEST_CASE("a throwing C initiator is its branch's error", "[issuer][start_c][E3b]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::all, got.completion());
    issuer.start_c(0, [](int*, auto, void*) { return 0; });
    issuer.start_c(1, [](int*, auto, void*) -> int { throw oops{10}; });
  }
  REQUIRE(got.failed(1, errc::initiator_threw));
  CHECK(number_in(got.failure()) == 10);
}

TEST_CASE("code that throws between starts leaves nothing hanging, and the exception goes on", "[issuer][E3b]") {
  delivered<settle_outcome<int>> got;
  fanout::inplace_stop_token token;
  using issuer_type = decltype(fanout::issue<int>(1, fanout::combine::settle, got.completion()));
  issuer_type::branch kept;
  auto issuing = [&] {
    auto issuer = fanout::issue<int>(3, fanout::combine::settle, got.completion());
    token = issuer.stop_token();
    issuer.start(0, [&](auto branch) { kept = std::move(branch); });
    throw oops{11};
  };
  CHECK_THROWS_AS(issuing(), oops);
  CHECK(got.times == 0);
  CHECK(token.stop_requested());
  kept.set_value(1);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 1);
  CHECK(all[1].error() == errc::not_issued);
  CHECK(all[2].error() == errc::not_issued);
  REQUIRE(all.disturbance() != nullptr);
  CHECK(all.disturbance()->cause == errc::issuer_threw);
  CHECK(all.disturbance()->index == fanout::no_index);
}

TEST_CASE("code that throws where N is unknown is issuer_threw", "[issuer][E3b][open]") {
  delivered<open_outcome<int>> got;
  auto issuing = [&] {
    auto issuer = fanout::issue<int>(fanout::combine::all, got.completion());
    issuer.start([](auto branch) { branch({}, 1); });
    throw oops{12};
  };
  CHECK_THROWS_AS(issuing(), oops);
  CHECK(got.failed(fanout::no_index, errc::issuer_threw));
}

TEST_CASE("an issuer used in a destructor that runs during unwinding is not taken for a failing one", "[issuer][E3b]") {
  delivered<all_outcome<int>> known;
  delivered<open_outcome<int>> open;
  struct fans_out_when_destroyed {
    delivered<all_outcome<int>>& known;
    delivered<open_outcome<int>>& open;
    ~fans_out_when_destroyed() {
      auto first = fanout::issue<int>(2, fanout::combine::all, known.completion());
      auto issuer = std::move(first);
      auto open_issuer = fanout::issue<int>(fanout::combine::all, open.completion());
      for (int i = 1; i != 3; ++i) {
        issuer.start([&](auto branch) { branch({}, i); });
        open_issuer.start([&](auto branch) { branch({}, i); });
      }
    }
  };
  auto unwinding = [&] {
    const fans_out_when_destroyed last{known, open};
    throw oops{13};
  };
  CHECK_THROWS_AS(unwinding(), oops);
  REQUIRE(known.succeeded());
  CHECK(support::holds(*known.outcome(), {1, 2}));
  REQUIRE(open.succeeded());
  CHECK(support::holds(*open.outcome(), {1, 2}));
}

TEST_CASE("an exception after every branch was started is nothing that the operation has to know of", "[issuer][E3b]") {
  delivered<all_outcome<int>> got;
  auto issuing = [&] {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, got.completion());
    issuer.start([](auto branch) { branch({}, 1); });
    throw oops{15};
  };
  CHECK_THROWS_AS(issuing(), oops);
  CHECK(got.succeeded());
}

TEST_CASE("the extent of start ends with it, also by an exception", "[issuer][E3b]") {
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, got.completion());
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  issuer.start(1, [](auto) { throw oops{14}; });
  CHECK(fanout::std_platform::extent() == nullptr);
  std::move(issuer).seal();
  kept.set_stopped();
  CHECK(got.failed(1, errc::initiator_threw));
}

#endif  // FANOUT_HAS_EXCEPTIONS

TEST_CASE("the extent of start is the innermost operation's", "[issuer]") {
  CHECK(fanout::std_platform::extent() == nullptr);
  auto outer = fanout::issue<int>(1, fanout::combine::all, ignore);
  auto inner = fanout::issue<int>(1, fanout::combine::all, ignore);
  outer.start(0, [&](auto branch) {
    const void* const in_outer = fanout::std_platform::extent();
    CHECK(in_outer != nullptr);
    inner.start(0, [&](auto inner_branch) {
      CHECK(fanout::std_platform::extent() != in_outer);
      inner_branch({}, 0);
    });
    CHECK(fanout::std_platform::extent() == in_outer);
    branch({}, 0);
  });
  CHECK(fanout::std_platform::extent() == nullptr);
  CHECK(support::take_broken_rules().empty());
}

}  // namespace
