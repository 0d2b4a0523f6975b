// SPDX-License-Identifier: BSL-1.0
// As allocation_failure.test.cpp, for what votes, folds, goes through a window, keeps memory for a timer, or is delivered early.
#include "fanout/fanout.hpp"

#include "catch.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FANOUT_TEST_UNDER_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define FANOUT_TEST_UNDER_TSAN
#endif

#if defined(FANOUT_TEST_UNDER_TSAN)

TEST_CASE("allocation failure in descriptions", "[memory]") {
  WARN(
      "SKIPPED: ThreadSanitizer brings an operator new that a program cannot replace; there is one thread here anyway");
}

#else

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "fail_each.hpp"
#include "fanout/algorithm/each.hpp"
#include "fanout/algorithm/merge.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/backoff.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "fanout/timer/manual.hpp"
#include "support/any_branch.hpp"
#include "support/numbers.hpp"

namespace {

using fanout::errc;
using memory::attempt;
using memory::fail_each;
using memory::tell;
using support::any_branch;
using support::counted;
using support::numbers;

[[maybe_unused]] const auto give = [](int n, auto branch, auto) { branch.set_value(n); };

/// The one allocation of an operation fails: nothing was started, and the completion says why.
const auto nothing_was_started = [](const attempt& a) {
  CHECK(a.started == 0);
  CHECK(a.cause == errc::out_of_memory);
  CHECK(a.index == fanout::no_index);
};

template <class Combine>
auto describe(Combine combine, auto&& range, attempt& a) {
  return fanout::detail::describe<counted, fanout::handler>(std::move(combine), std::forward<decltype(range)>(range),
                                                            [&a](int n, auto branch, auto) {
                                                              ++a.started;
                                                              branch.set_value(n);
                                                            });
}

}  // namespace

TEST_CASE("votes take one allocation, with all options", "[memory][quorum][E6]") {
  const std::array<int, 4> elements{1, 2, 3, 4};
  fanout::timer::manual_timer clock;
  fanout::inplace_stop_source never;
  const int n = fail_each(
      [&](attempt& a) {
        describe(fanout::combine::quorum(3), elements, a)
            .deadline(std::chrono::seconds(1), clock)
            .on_deadline(fanout::partial)
            .stop_on(never.get_token())
            .window(2)
            .then(tell(a));
      },
      nothing_was_started);
  CHECK(n == 1);
}

TEST_CASE("delivered early, a straggler later: one allocation", "[memory][decided][E6]") {
  const std::array<int, 2> elements{1, 2};
  const int n = fail_each(
      [&](attempt& a) {
        fanout::detail::describe<counted, fanout::handler>(fanout::combine::quorum(1), elements,
                                                           [&a](int i, auto branch) {
                                                             ++a.started;
                                                             if (i == 1) branch.set_value(1);
                                                           })
            .deliver_at(fanout::decided)
            .then(tell(a));
      },
      nothing_was_started);
  CHECK(n == 1);
}

TEST_CASE("a window over a range of unknown length folds in one allocation", "[memory][reduce][window][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        fanout::reduce<counted>(
            numbers(),
            [&a](int i, auto branch) {
              ++a.started;
              branch.set_value(i);
            },
            0, [](int so_far, const counted& v) { return so_far + v.value(); })
            .window(4)
            .then(tell(a));
      },
      nothing_was_started);
  CHECK(n == 1);
}

TEST_CASE("a window over a range of unknown length that collects: what a later allocation loses is told",
          "[memory][window][E6]") {
  const int n = fail_each([](attempt& a) { describe(fanout::combine::all, numbers(), a).window(4).then(tell(a)); },
                          [](const attempt& a) {
                            CHECK(a.started < 100);
                            CHECK_FALSE(a.succeeded);
                            CHECK(a.cause == errc::out_of_memory);
                          });
  CHECK(n == 5);
}

TEST_CASE("votes over a range of unknown length: what a later allocation loses is told", "[memory][quorum][E6]") {
  const int n = fail_each([](attempt& a) { describe(fanout::combine::at_most_errors(0), numbers(), a).then(tell(a)); },
                          [](const attempt& a) {
                            CHECK(a.started < 100);
                            CHECK_FALSE(a.succeeded);
                            CHECK(a.cause == errc::out_of_memory);
                          });
  CHECK(n == 5);
}

TEST_CASE("on an executor, with a timer: nothing is posted, nothing is armed where there is no memory",
          "[memory][issue_on][E6]") {
  const std::array<int, 2> elements{1, 2};
  fanout::timer::manual_timer clock;
  fanout::testing::manual_executor loop;
  const int n = fail_each(
      [&](attempt& a) {
        describe(fanout::combine::all, elements, a)
            .deadline(std::chrono::seconds(1), clock)
            .issue_on(loop.get_executor())
            .via(fanout::issuing_executor)
            .then(tell(a));
        loop.run_all();
      },
      nothing_was_started);
  CHECK(n == 1);
  CHECK(clock.next_expiry() == fanout::timer::manual_timer::time_point::max());
}

TEST_CASE("without memory for all attempts at once, each takes its own; one that finds none is its branch's error",
          "[memory][attempting][E6]") {
  const std::array<int, 3> elements{0, 1, 2};
  fanout::timer::manual_timer clock;
  for (const bool inside : {false, true}) {
    const int n = fail_each(
        [&](attempt& a) {
          std::array<any_branch, 3> kept;
          int no_memory = 0;
          fanout::settle<counted>(elements,
                                  [&](int i, auto branch, auto) {
                                    ++a.started;
                                    if (inside) return branch.set_value(i);
                                    kept[static_cast<std::size_t>(i)] = any_branch(std::move(branch));
                                  })
              .timeout(std::chrono::seconds(1), clock)
              .retry(fanout::exponential_backoff(), clock)
              .then([&, told = tell(a)](auto outcome) mutable noexcept {
                if (outcome) {
                  for (const auto& r : *outcome) no_memory += !r && r.error() == errc::out_of_memory;
                }
                std::move(told)(outcome);
              });
          for (any_branch& b : kept) {
            if (b) b.set_value(1);
          }
          CHECK(no_memory == (a.completions == 1 && a.succeeded ? 3 - a.started : 0));
        },
        [&](const attempt& a) {
          if (a.cause == errc::out_of_memory) return nothing_was_started(a);
          // The operation is there. One allocation has failed: that of the array, for which others make up. Or all have.
          CHECK(a.succeeded);
          CHECK(a.started == (a.failed_allocations == 1 ? 3 : 0));
        });
    CHECK(n == 2);
    CHECK(clock.next_expiry() == fanout::timer::manual_timer::time_point::max());
  }
}

#if FANOUT_HAS_EXCEPTIONS

constexpr const char* long_text = "longer than what a string keeps in itself, whoever wrote that string";

TEST_CASE("a fold that finds no memory is the operation's failure", "[memory][reduce][E6]") {
  const std::array<int, 3> elements{1, 2, 3};
  const int n = fail_each(
      [&](attempt& a) {
        fanout::reduce<int>(elements, give, 0,
                            [](int so_far, int v) {
                              const std::string text(long_text);
                              return so_far + v + static_cast<int>(text.size());
                            })
            .window(2)
            .then(tell(a));
      },
      [](const attempt& a) {
        CHECK_FALSE(a.succeeded);
        if (a.cause == errc::out_of_memory) return;  // of the operation itself
        CHECK(a.cause == errc::policy_threw);
        CHECK(a.kept_bad_alloc);
      });
  CHECK(n == 4);
}

TEST_CASE("a sink that finds no memory is the operation's failure, an initiator its branch's",
          "[memory][each][E6][E3b]") {
  const std::array<int, 2> elements{1, 2};
  const int n = fail_each(
      [&](attempt& a) {
        int threw = 0;
        fanout::each<int>(
            elements,
            [](int i, auto branch) {
              const std::string text(long_text);
              branch.set_value(i);
            },
            [&](std::size_t, const fanout::result<int>& r) {
              if (!r && r.error() == errc::initiator_threw) ++threw;
              const std::string text(long_text);
            })
            .then([&](auto outcome) noexcept {
              a.completed(outcome);
              if (threw != 0) a.cause = make_error_code(errc::initiator_threw);
            });
      },
      [](const attempt& a) {
        CHECK((a.cause == errc::out_of_memory || a.cause == errc::policy_threw || a.cause == errc::initiator_threw));
      });
  CHECK(n == 5);
}

TEST_CASE("a value whose construction finds no memory is a vote against, or an error that is folded",
          "[memory][quorum][each][E6]") {
  const std::array<int, 2> elements{1, 2};
  const auto spell = [](int, auto branch, auto) { branch.set_value(long_text); };
  const int votes = fail_each(
      [&](attempt& a) {
        fanout::detail::describe<std::string, fanout::handler>(fanout::combine::quorum(2), elements, spell)
            .then([&](auto outcome) noexcept { a.completed(outcome); });
      },
      [](const attempt& a) {
        CHECK((a.cause == errc::out_of_memory || (a.cause == errc::initiator_threw && a.index < 2)));
      });
  CHECK(votes == 3);
  const int folds = fail_each(
      [&](attempt& a) {
        int failed = 0;
        fanout::each<std::string>(elements, spell, [&](std::size_t, const auto& r) {
          failed += !r;
        }).then([&](auto outcome) noexcept {
          a.completed(outcome);
          a.started = failed;
        });
      },
      [](const attempt& a) { CHECK((a.cause == errc::out_of_memory || a.started != 0)); });
  CHECK(folds == 3);
}

// It keeps them in a std::vector, which has no other way to say that there is no memory.
TEST_CASE("a merge that tolerates failures has room for each of them from the beginning", "[memory][merge][E6]") {
  const std::array<int, 5> elements{1, 2, 3, 4, 5};
  const int n = fail_each(
      [&](attempt& a) {
        std::size_t failed = 0;
        fanout::merge<int>(
            elements,
            [&a](int, auto branch) {
              ++a.started;
              branch.set_error(std::make_error_code(std::errc::io_error));
            },
            fanout::combine::merge<int>([](int) {}).tolerate())
            .then([&](auto outcome) noexcept {
              a.completed(outcome);
              if (outcome) failed = outcome->failed.size();
            });
        CHECK(failed == (a.succeeded ? elements.size() : 0));
      },
      [](const attempt& a) {
        CHECK_FALSE(a.succeeded);
        CHECK(a.cause == errc::out_of_memory);  // never that a failure found no room
      });
  CHECK(n >= 5);
}

#endif

#endif  // FANOUT_TEST_UNDER_TSAN
