// SPDX-License-Identifier: BSL-1.0
#include "fanout/embedded.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/combine/with.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

// That one ends the program when it is destroyed before it is delivered, issued twice or issued beyond its capacity is
// shown by programs that end: tests/stress has them.

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::settle_outcome;

using some_embedded = decltype(fanout::make_embedded<int, 4>(fanout::combine::all, [](auto) noexcept {}));
static_assert(!std::is_copy_constructible_v<some_embedded> && !std::is_move_constructible_v<some_embedded>);
static_assert(!std::is_copy_assignable_v<some_embedded> && !std::is_move_assignable_v<some_embedded>);

TEST_CASE("an embedded operation does what the allocated one does", "[embedded]") {
  delivered<all_outcome<int>> got;
  auto op = fanout::make_embedded<int, 4>(fanout::combine::all, got.completion());
  {
    auto issuer = op.issue();
    for (int i = 0; i != 4; ++i) {
      issuer.start([&](auto branch) { branch({}, i); });
    }
    CHECK(got.times == 0);
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1, 2, 3}));
}

TEST_CASE("an embedded operation may have fewer branches than room, or none", "[embedded][E1]") {
  delivered<all_outcome<int>> got;
  auto op = fanout::make_embedded<int, 4>(fanout::combine::all, got.completion());
  op.issue(2).start(1, [](auto branch) { branch({}, 1); });
  CHECK(got.failed(0, errc::not_issued));

  delivered<all_outcome<int>> none;
  auto empty = fanout::make_embedded<int, 4>(fanout::combine::all, none.completion());
  std::move(empty.issue(0)).seal();
  REQUIRE(none.succeeded());
  CHECK(none.outcome()->empty());

  delivered<settle_outcome<int>> no_room;
  auto capacity_zero = fanout::make_embedded<int, 0>(fanout::combine::settle, no_room.completion());
  std::move(capacity_zero.issue()).seal();
  REQUIRE(no_room.succeeded());
  CHECK(no_room.outcome()->empty());
}

TEST_CASE("an embedded operation that is never issued destroys its policies", "[embedded]") {
  counted::reset();
  {
    auto op = fanout::make_embedded<int, 1>(fanout::combine::with([c = counted(1)](auto) { return c.value(); }),
                                            [c = counted(2)](auto) noexcept { static_cast<void>(c); });
    static_cast<void>(op);
    CHECK(counted::alive() == 2);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("values are views into the embedded operation, which destroys them", "[embedded]") {
  counted::reset();
  delivered<all_outcome<counted>> got;
  {
    auto op = fanout::make_embedded<counted, 3>(fanout::combine::all, got.completion());
    {
      auto issuer = op.issue(2);
      issuer.start(0, [](auto branch) { branch({}, 5); });
      issuer.start(1, [](auto branch) { branch({}, 6); });
    }
    REQUIRE(got.succeeded());
    const void* const value = &(*got.outcome())[0];
    CHECK(std::less_equal<const void*>()(&op, value));
    CHECK(std::less<const void*>()(value, &op + 1));
    CHECK(counted::alive() == 2);
    CHECK(counted::moves() == 0);
    got.outcome() = fanout::unexpected(fanout::failure<>());
    CHECK(counted::alive() == 2);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("errors in an embedded operation are destroyed with it", "[embedded]") {
  struct holder {
    counted number;
    holder() = default;
    explicit holder(std::error_code code) : number(code.value()) {}
  };
  counted::reset();
  {
    delivered<settle_outcome<int, holder>> got;
    auto op = fanout::make_embedded<int, 3>(fanout::combine::settle_with<holder>, got.completion());
    op.issue().start(1, [](auto branch) { branch.set_error(std::errc::io_error); });
    REQUIRE(got.succeeded());
    CHECK((*got.outcome())[1].error().number.value() == EIO);
    CHECK(!(*got.outcome())[0]);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("the completion may destroy the embedded operation that it is called from", "[embedded][delivered]") {
  struct owner {
    struct completion {
      std::unique_ptr<owner>* self;
      int* sum;
      void operator()(all_outcome<int> outcome) && noexcept {
        int total = 0;
        for (const int x : *outcome) total += x;
        int* const told = sum;  // this is gone, too, in a moment
        self->reset();
        *told = total;
      }
    };
    fanout::embedded<int, 3, decltype(fanout::combine::all), completion> op;
    counted witness;
  };
  counted::reset();
  int sum = 0;
  std::unique_ptr<owner> self;
  self.reset(new owner{{fanout::combine::all, {&self, &sum}}, 1});
  {
    auto issuer = self->op.issue();
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [](auto branch) { branch({}, 2); });
    issuer.start(2, [](auto branch) { branch({}, 3); });
  }
  CHECK(sum == 6);
  CHECK(self == nullptr);
  CHECK(counted::alive() == 0);

  // The same from the last branch's completion, on another thread.
  sum = 0;
  self.reset(new owner{{fanout::combine::all, {&self, &sum}}, 1});
  std::thread other;
  {
    auto issuer = self->op.issue(1);
    issuer.start(
        0, [&](auto branch) { other = std::thread([mine = std::move(branch)]() mutable { mine.set_value(9); }); });
  }
  other.join();
  CHECK(sum == 9);
  CHECK(counted::alive() == 0);
}

TEST_CASE("an embedded operation destroyed inside a queued completion is not looked at again", "[embedded][I5]") {
  // The outer completion runs, completes the inner operation's branch, and the inner completion, which runs after it,
  // destroys the inner operation.
  struct inner {
    struct completion {
      std::unique_ptr<inner>* self;
      std::string* order;
      void operator()(all_outcome<int>) && noexcept {
        *order += "inner ";
        self->reset();
      }
    };
    fanout::embedded<int, 1, decltype(fanout::combine::all), completion> op;
    counted witness;
  };
  counted::reset();
  std::string order;
  std::unique_ptr<inner> self;
  self.reset(new inner{{fanout::combine::all, {&self, &order}}, 1});
  auto issuer = self->op.issue();
  decltype(issuer)::branch last;
  issuer.start(0, [&](auto branch) { last = std::move(branch); });
  std::move(issuer).seal();
  {
    auto outer = fanout::issue<int>(0, fanout::combine::all, [&](all_outcome<int>) noexcept {
      last.set_value(1);
      CHECK(self != nullptr);
      order += "outer ";
    });
  }
  CHECK(order == "outer inner ");
  CHECK(self == nullptr);
  CHECK(counted::alive() == 0);
}

TEST_CASE("over-aligned values are aligned in the owner's memory", "[embedded]") {
  struct alignas(128) wide {
    int x;
  };
  delivered<all_outcome<wide>> got;
  auto op = fanout::make_embedded<wide, 2>(fanout::combine::all, got.completion());
  {
    auto issuer = op.issue();
    issuer.start(0, [](auto branch) { branch.set_value(wide{1}); });
    issuer.start(1, [](auto branch) { branch.set_value(wide{2}); });
  }
  REQUIRE(got.succeeded());
  for (const wide& w : *got.outcome()) CHECK(reinterpret_cast<std::uintptr_t>(&w) % 128 == 0);
}

TEST_CASE("an embedded operation serves C interfaces and other strategies", "[embedded]") {
  delivered<all_outcome<int>> got;
  auto op = fanout::make_embedded<int, 2, fanout::errno_callback>(fanout::combine::all, got.completion());
  {
    auto issuer = op.issue();
    issuer.start_c(0, [](int* out, auto callback, void* context) {
      *out = 3;
      callback(0, context);
      return -EINPROGRESS;
    });
    issuer.start_c(1, [](int* out, auto, void*) {
      *out = 4;
      return 0;
    });
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {3, 4}));
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("an embedded operation whose issuing code throws completes all the same", "[embedded][E3b]") {
  delivered<all_outcome<int>> got;
  auto op = fanout::make_embedded<int, 2>(fanout::combine::all, got.completion());
  auto issuing = [&] {
    auto issuer = op.issue();
    issuer.start(0, [](auto branch) { branch({}, 1); });
    throw 5;
  };
  CHECK_THROWS_AS(issuing(), int);
  CHECK(got.failed(fanout::no_index, errc::issuer_threw));
}
#endif

}  // namespace
