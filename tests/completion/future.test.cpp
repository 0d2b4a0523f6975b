// SPDX-License-Identifier: BSL-1.0
#include "fanout/completion/future.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <future>
#include <new>
#include <optional>
#include <stdexcept>
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
#include "fanout/completion/concept.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/issue.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::completion::promise;
using fanout::errc;
using support::all_outcome;
using support::counted;
using support::settle_outcome;
using support::void_outcome;
using support::with_outcome;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

static_assert(fanout::completion::policy<promise<all_outcome<int>>, all_outcome<int>>);
static_assert(promise<all_outcome<int>>::is_direct);
static_assert(!std::is_copy_constructible_v<promise<all_outcome<int>>>);

template <class Future>
bool ready(const Future& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

TEST_CASE("a future holds the outcome once every branch has reported", "[future]") {
  promise<all_outcome<int>> done;
  auto future = done.get_future();
  static_assert(std::is_same_v<decltype(future), std::future<all_outcome<int>>>);
  auto issuer = fanout::issue<int>(2, fanout::combine::all, std::move(done));
  decltype(issuer)::branch kept;
  issuer.start(0, [&](auto branch) { kept = std::move(branch); });
  issuer.start(1, [](auto branch) { branch({}, 2); });
  std::move(issuer).seal();
  CHECK(!ready(future));
  kept.set_value(1);
  CHECK(ready(future));
  const auto outcome = future.get();
  REQUIRE(outcome);
  CHECK(support::holds(*outcome, {1, 2}));
}

TEST_CASE("a failure is in the outcome, whole, and get does not throw", "[future][E18]") {
  promise<all_outcome<int>> done;
  auto future = done.get_future();
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::all, std::move(done));
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start(1, [](auto branch) { branch.set_error(io_error); });
  }
  const auto outcome = future.get();
  REQUIRE(!outcome);
  CHECK(outcome.error().index == 1);
  CHECK(outcome.error().cause == io_error);
}

TEST_CASE("a thread blocks in get until another one has reported", "[future]") {
  for (int round = 0; round != 100; ++round) {
    promise<all_outcome<std::string>> done;
    auto future = done.get_future();
    std::vector<std::thread> threads;
    {
      auto issuer = fanout::issue<std::string>(2, fanout::combine::all, std::move(done));
      for (std::size_t i = 0; i != 2; ++i) {
        issuer.start(i, [&](auto branch) {
          threads.emplace_back([i, mine = std::move(branch)]() mutable { mine.set_value(i + 1, 'x'); });
        });
      }
    }
    {
      const auto outcome = future.get();
      REQUIRE(outcome);
      CHECK((*outcome)[1] == "xx");
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST_CASE("once it is given to an operation, a promise is kept whatever becomes of the branches", "[future][I1]") {
  // get() of a broken promise throws, which ends the test; an operation that is dropped would leave the future not
  // ready.
  auto kept = [](auto make) {
    promise<settle_outcome<int>> done;
    auto future = done.get_future();
    make(std::move(done));
    REQUIRE(ready(future));
    auto outcome = future.get();
    REQUIRE(outcome);
    return outcome;
  };
  using fanout::combine::settle;
  using fanout::issue;
  SECTION("there are none") {
    auto none = [](auto done) { static_cast<void>(issue<int>(0, settle, std::move(done))); };
    CHECK(kept(none)->empty());
  }
  SECTION("none is started") {
    auto unstarted = [](auto done) { static_cast<void>(issue<int>(2, settle, std::move(done))); };
    CHECK((*kept(unstarted))[1].error() == errc::not_issued);
  }
  SECTION("a branch is dropped where it starts") {
    auto dropped = [](auto done) { issue<int>(1, settle, std::move(done)).start(0, [](auto) {}); };
    CHECK((*kept(dropped))[0].error() == errc::abandoned);
  }
  SECTION("a branch is dropped later, with what held it") {
    auto dropped_later = [](auto done) {
      auto issuer = issue<int>(1, settle, std::move(done));
      std::optional<typename decltype(issuer)::branch> held;
      issuer.start(0, [&](auto branch) { held = std::move(branch); });
      std::move(issuer).seal();
    };
    CHECK((*kept(dropped_later))[0].error() == errc::abandoned);
  }
  SECTION("an issuer is overwritten") {
    auto overwritten = [](auto done) {
      auto issuer = issue<int>(1, settle, std::move(done));
      issuer = decltype(issuer)();
    };
    CHECK((*kept(overwritten))[0].error() == errc::not_issued);
  }
  SECTION("it is stopped before it began") {
    auto stopped = [](auto done) {
      fanout::inplace_stop_source outer;
      outer.request_stop();
      using completion = fanout::completion::stoppable<fanout::inplace_stop_token, promise<settle_outcome<int>>>;
      issue<int>(1, settle, completion(outer.get_token(), std::move(done))).start(0, [](auto) { FAIL("ran"); });
    };
    CHECK((*kept(stopped))[0].stopped());
  }
#if FANOUT_HAS_EXCEPTIONS
  SECTION("an initiator throws") {
    auto threw = [](auto done) {
      issue<int>(1, settle, std::move(done)).start(0, [](auto) { throw std::runtime_error("no"); });
    };
    CHECK((*kept(threw))[0].error() == errc::initiator_threw);
  }
  SECTION("the issuing code throws") {
    auto unwound = [](auto done) {
      auto unwinding = [&] {
        auto issuer = issue<int>(2, settle, std::move(done));
        issuer.start(0, [](auto branch) { branch({}, 1); });
        throw std::runtime_error("between two starts");
      };
      CHECK_THROWS_AS(unwinding(), std::runtime_error);
    };
    const auto outcome = kept(unwound);
    CHECK(*(*outcome)[0] == 1);
    REQUIRE(outcome->disturbance() != nullptr);
    CHECK(outcome->disturbance()->cause == errc::issuer_threw);
  }
#endif
}

TEST_CASE("an operation that could not be made leaves the promise with its owner", "[future][E6]") {
  support::tally counts;
  counts.refuse_from = 0;
  promise<all_outcome<int>> done;
  auto future = done.get_future();
  auto issuer =
      fanout::try_issue<int>(1, fanout::combine::all, std::move(done), support::counting_allocator<std::byte>(counts));
  REQUIRE(!issuer);
  CHECK(issuer.error() == errc::out_of_memory);
  CHECK(!ready(future));
  fanout::issue<int>(1, fanout::combine::all, std::move(done)).start(0, [](auto branch) { branch({}, 1); });
  CHECK(future.get());
}

TEST_CASE("a future that is dropped neither waits nor stops anything", "[future]") {
  counted::reset();
  {
    promise<all_outcome<counted>> done;
    static_cast<void>(done.get_future());
    auto issuer = fanout::issue<counted>(1, fanout::combine::all, std::move(done));
    decltype(issuer)::branch kept;
    issuer.start(0, [&](auto branch) { kept = std::move(branch); });
    std::move(issuer).seal();
    CHECK(!kept.stop_token().stop_requested());
    kept.set_value(1);
    CHECK(counted::alive() == 0);
  }
}

TEST_CASE("it does not queue behind a completion that may be waiting for it", "[future][I5]") {
  int got = 0;
  auto outer = fanout::issue<int>(0, fanout::combine::all, [&](auto) noexcept {
    promise<all_outcome<int>> done;
    auto future = done.get_future();
    fanout::issue<int>(1, fanout::combine::all, std::move(done)).start(0, [](auto branch) { branch({}, 7); });
    got = (*future.get())[0];
  });
  std::move(outer).seal();
  CHECK(got == 7);
}

TEST_CASE("behind a hop the future becomes ready on the executor", "[future][via]") {
  fanout::testing::manual_executor loop;
  promise<void_outcome<>> done;
  auto future = done.get_future();
  fanout::issue<void>(1, fanout::combine::all, fanout::completion::via(loop.get_executor(), std::move(done)))
      .start(0, [](auto branch) { branch.set_value(); });
  CHECK(!ready(future));
  loop.run_all();
  REQUIRE(ready(future));
  CHECK(future.get());
}

// ---- get() returns the value and throws the failure -----------------------------------------------------------------

#if FANOUT_HAS_EXCEPTIONS

using fanout::completion::value_promise;

static_assert(fanout::completion::policy<value_promise<all_outcome<int>>, all_outcome<int>>);

template <class Error, class Future>
std::optional<Error> thrown_by(Future& future) {
  try {
    static_cast<void>(future.get());
  } catch (const Error& e) {
    return e;
  }
  return std::nullopt;
}

TEST_CASE("get returns the value", "[future]") {
  value_promise<all_outcome<int>> values;
  auto future = values.get_future();
  static_assert(std::is_same_v<decltype(future), std::future<fanout::values<int>>>);
  fanout::issue<int>(1, fanout::combine::all, std::move(values)).start(0, [](auto branch) { branch({}, 5); });
  CHECK(future.get()[0] == 5);

  value_promise<void_outcome<>> nothing;
  std::future<void> done = nothing.get_future();
  fanout::issue<void>(1, fanout::combine::all, std::move(nothing)).start(0, [](auto branch) { branch.set_value(); });
  CHECK_NOTHROW(done.get());
}

TEST_CASE("get throws an error code as a std::system_error", "[future]") {
  value_promise<all_outcome<int>> values;
  auto future = values.get_future();
  fanout::issue<int>(1, fanout::combine::all, std::move(values)).start(0, [](auto branch) {
    branch.set_error(io_error);
  });
  const auto error = thrown_by<std::system_error>(future);
  REQUIRE(error);
  CHECK(error->code() == io_error);
}

TEST_CASE("get throws the exception behind the failure where there was one", "[future]") {
  value_promise<all_outcome<int>> values;
  auto future = values.get_future();
  fanout::issue<int>(1, fanout::combine::all, std::move(values)).start(0, [](auto) {
    throw std::domain_error("not this one");
  });
  const auto error = thrown_by<std::domain_error>(future);
  REQUIRE(error);
  CHECK(std::string(error->what()) == "not this one");

  value_promise<with_outcome<int>> combined;
  auto sum = combined.get_future();
  auto refuse = [](auto) -> int { throw std::range_error("nor that"); };
  fanout::issue<int>(1, fanout::combine::with(refuse), std::move(combined)).start(0, [](auto branch) {
    branch({}, 1);
  });
  CHECK(thrown_by<std::range_error>(sum));
}

struct refused {
  int why = 0;
  refused() = default;
  explicit refused(int n) noexcept : why(n) {}
  explicit refused(std::error_code code) noexcept : why(code.value()) {}
};

TEST_CASE("get throws an error of one's own type as it is, and an exception_ptr's exception", "[future]") {
  value_promise<all_outcome<int, refused>> values;
  auto future = values.get_future();
  fanout::issue<int>(1, fanout::combine::all_with<refused>, std::move(values)).start(0, [](auto branch) {
    branch.set_error(refused(3));
  });
  const auto error = thrown_by<refused>(future);
  REQUIRE(error);
  CHECK(error->why == 3);

  for (const bool empty : {false, true}) {
    value_promise<all_outcome<int, std::exception_ptr>> others;
    auto other = others.get_future();
    fanout::issue<int>(1, fanout::combine::all_with<std::exception_ptr>, std::move(others)).start(0, [&](auto branch) {
      branch.set_error(empty ? std::exception_ptr() : std::make_exception_ptr(std::domain_error("x")));
    });
    if (empty) {
      const auto nothing = thrown_by<std::system_error>(other);
      REQUIRE(nothing);
      CHECK(nothing->code() == errc::no_value);
    } else {
      CHECK(thrown_by<std::domain_error>(other));
    }
  }
}

TEST_CASE("only a promise that was given to nobody can be broken", "[future][I1]") {
  support::tally counts;
  counts.refuse_from = 0;
  std::future<all_outcome<int>> never;
  {
    promise<all_outcome<int>> done;
    never = done.get_future();
    CHECK_THROWS_AS(
        fanout::issue<int>(1, fanout::combine::all, std::move(done), support::counting_allocator<std::byte>(counts)),
        std::bad_alloc);
  }
  const auto error = thrown_by<std::future_error>(never);
  REQUIRE(error);
  CHECK(error->code() == std::future_errc::broken_promise);
}

#endif

}  // namespace
