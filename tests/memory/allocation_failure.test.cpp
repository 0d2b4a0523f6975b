// SPDX-License-Identifier: BSL-1.0
// Every allocation fails in turn, first it alone and then it and all after it, until a run needs none of them. After
// each run: the completion ran once or the caller has the exception that was promised, the cause says what happened,
// and every byte and every object that was alive before is alive now, and no other.
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

TEST_CASE("allocation failure", "[memory]") {
  WARN(
      "SKIPPED: ThreadSanitizer brings an operator new that a program cannot replace; there is one thread here anyway");
}

#else

#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "fail_each.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/numbers.hpp"

namespace {

using fanout::errc;
using memory::attempt;
using memory::fail_each;
using memory::tell;
using support::counted;
using support::numbers;

const auto complete_with_index = [](auto branch) {
  const auto i = static_cast<int>(branch.index());
  branch.set_value(i);
};

[[maybe_unused]] constexpr const char* long_text =
    "longer than what a string keeps in itself, whoever wrote that string";

}  // namespace

#if FANOUT_HAS_EXCEPTIONS

TEST_CASE("issue throws bad_alloc, and nothing has happened", "[memory][issue][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer = fanout::issue<counted>(3, fanout::combine::all, tell(a));
        for (std::size_t i = 0; i != 3; ++i) {
          issuer.start(i, [&a](auto branch) {
            ++a.started;
            complete_with_index(std::move(branch));
          });
        }
      },
      [](const attempt& a) {
        CHECK(a.threw_bad_alloc);
        CHECK(a.started == 0);
      });
  CHECK(n == 1);
}

TEST_CASE("issue with N unknown throws bad_alloc from its first allocation and settles what a later one loses",
          "[memory][issue][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer = fanout::issue<counted>(fanout::combine::all, tell(a));
        for (int i = 0; i != 100; ++i) issuer.start(complete_with_index);
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) return;
        CHECK_FALSE(a.succeeded);
        CHECK(a.cause == errc::out_of_memory);
        CHECK(a.index == fanout::no_index);
      });
  CHECK(n == 5);  // 8 slots in the block, then arrays of 8, 16, 32 and 64
}

TEST_CASE("a value whose construction finds no memory becomes its branch's error", "[memory][branch][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer = fanout::issue<std::string>(3, fanout::combine::all, tell(a));
        for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [](auto branch) { branch.set_value(long_text); });
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) return;
        CHECK_FALSE(a.succeeded);
        CHECK(a.cause == errc::initiator_threw);
        CHECK(a.kept_bad_alloc);
        CHECK(a.index < 3);
      });
  CHECK(n == 4);
}

TEST_CASE("settle tells which branch's value found no memory", "[memory][branch][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer = fanout::issue<std::string>(3, fanout::combine::settle, [&a](auto outcome) noexcept {
          ++a.completions;
          for (auto one : *outcome) {
            if (one.has_value()) continue;
            a.cause = one.error();
            a.index = one.index();
          }
        });
        for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [](auto branch) { branch.set_value(long_text); });
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) return;
        CHECK(a.cause == errc::initiator_threw);
        CHECK(a.index < 3);
      });
  CHECK(n == 4);
}

TEST_CASE("an initiator that finds no memory fails its branch", "[memory][issuer][E3b]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer = fanout::issue<counted>(3, fanout::combine::all, tell(a));
        for (std::size_t i = 0; i != 3; ++i) {
          issuer.start(i, [](auto branch) {
            const auto state = std::make_unique<int>(7);
            branch.set_value(*state);
          });
        }
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) return;
        CHECK(a.cause == errc::initiator_threw);
        CHECK(a.kept_bad_alloc);
        CHECK(a.index < 3);
      });
  CHECK(n == 4);
}

TEST_CASE("issuing code that finds no memory delivers that through the operation", "[memory][issue][E3b]") {
  const int n = fail_each(
      [](attempt& a) {
        fanout::issue(fanout::issue<counted>(3, fanout::combine::all, tell(a)), [](auto& issuer) {
          for (std::size_t i = 0; i != 3; ++i) {
            const std::string request(long_text);
            issuer.start(i, complete_with_index);
          }
        });
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) return;
        CHECK(a.cause == errc::issuer_threw);
        CHECK(a.kept_bad_alloc);
      });
  CHECK(n == 4);
}

TEST_CASE("issuing code that finds no memory unwinds through its issuer", "[memory][issuer][E3b]") {
  const int n = fail_each(
      [](attempt& a) {
        // The exception goes on to the caller *and* the operation completes, with the reason why: catch it here.
        try {
          auto issuer = fanout::issue<counted>(3, fanout::combine::all, tell(a));
          for (std::size_t i = 0; i != 3; ++i) {
            const std::string request(long_text);
            issuer.start(i, complete_with_index);
          }
        } catch (const std::bad_alloc&) {
          if (a.completions == 0) throw;
          a.kept_bad_alloc = true;
        }
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) return;
        CHECK(a.kept_bad_alloc);
        CHECK(a.cause == errc::issuer_threw);
      });
  CHECK(n == 4);
}

TEST_CASE("a combining function that finds no memory is the operation's failure", "[memory][with][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto collect = fanout::combine::with([](auto values) {
          std::vector<int> sums(values.size());
          std::string text(long_text);
          for (std::size_t i = 0; i != sums.size(); ++i) sums[i] = values[i].value();
          return sums;
        });
        auto issuer = fanout::issue<counted>(3, std::move(collect), tell(a));
        for (std::size_t i = 0; i != 3; ++i) issuer.start(i, complete_with_index);
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) return;
        CHECK(a.cause == errc::policy_threw);
        CHECK(a.kept_bad_alloc);
        CHECK(a.index == fanout::no_index);
      });
  CHECK(n == 3);
}

TEST_CASE("describing an algorithm may throw bad_alloc, starting it does not", "[memory][algorithm][E6]") {
  const std::vector<std::string> hosts{long_text, long_text, long_text};
  const int n = fail_each(
      [&hosts](attempt& a) {
        // Copies the vector: four allocations. Then one for the operation, and one per value.
        auto described = fanout::all<std::string>(hosts, [&a](std::string& host, auto branch) {
          ++a.started;
          branch.set_value(host);
        });
        std::move(described).then(tell(a));
      },
      [](const attempt& a) {
        if (a.threw_bad_alloc) {
          CHECK(a.started == 0);
        } else if (a.started == 0) {
          CHECK(a.cause == errc::out_of_memory);
          CHECK(a.index == fanout::no_index);
        } else {
          CHECK(a.cause == errc::initiator_threw);
          CHECK(a.index < 3);
        }
      });
  CHECK(n == 8);
}

TEST_CASE("errors kept as exceptions need memory for their text, and do without it", "[memory][failure][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer =
            fanout::issue<counted>(2, fanout::combine::settle_with<std::exception_ptr>, [&a](auto outcome) noexcept {
              ++a.completions;
              a.succeeded = (*outcome)[0].error() != nullptr && (*outcome)[1].error() != nullptr;
            });
        issuer.start(0, [](auto) {});  // dropped
        issuer.start(1, [](auto branch) { branch.set_stopped(); });
      },
      [](const attempt& a) {
        if (!a.threw_bad_alloc) CHECK(a.succeeded);
      });
  CHECK(n > 1);
}

#endif  // FANOUT_HAS_EXCEPTIONS

TEST_CASE("try_issue returns out_of_memory and leaves the completion where it is", "[memory][issue][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        tell completion(a);
        auto made = fanout::try_issue<counted>(3, fanout::combine::settle, std::move(completion));
        if (!made) {
          if (counted::alive() == 1) a.cause = made.error();
          ++a.completions;
          return;
        }
        for (std::size_t i = 0; i != 3; ++i) made->start(i, complete_with_index);
      },
      [](const attempt& a) {
        CHECK(a.cause == errc::out_of_memory);
        CHECK(a.cause == std::errc::not_enough_memory);
      });
  CHECK(n == 1);
}

TEST_CASE("try_issue returns out_of_memory for over-aligned values too", "[memory][issue][E6]") {
  struct alignas(64) wide {
    int value = 0;
  };
  const int n = fail_each(
      [](attempt& a) {
        auto made = fanout::try_issue<wide>(3, fanout::combine::all, tell(a));
        if (!made) {
          a.cause = made.error();
          ++a.completions;
          return;
        }
        for (std::size_t i = 0; i != 3; ++i) {
          made->start(i, [](auto branch) { branch.set_value(wide{reinterpret_cast<std::size_t>(&branch) != 0}); });
        }
      },
      [](const attempt& a) { CHECK(a.cause == errc::out_of_memory); });
  CHECK(n == 1);
}

TEST_CASE("an operation that cannot grow keeps what it has and says why", "[memory][issuer][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer = fanout::issue<counted>(fanout::combine::settle, [&a](auto outcome) noexcept {
          ++a.completions;
          std::size_t values = 0;
          for (auto one : *outcome) values += one.has_value() && one->value() == static_cast<int>(one.index());
          a.succeeded = values == static_cast<std::size_t>(a.started) && outcome->disturbance() == nullptr;
          if (outcome->disturbance() != nullptr) a.failed(*outcome->disturbance());
          if (values != static_cast<std::size_t>(a.started)) a.cause = std::error_code();
        });
        for (int i = 0; i != 100; ++i) {
          issuer.start([&a](auto branch) {
            ++a.started;
            complete_with_index(std::move(branch));
          });
        }
      },
      [](const attempt& a) {
        CHECK_FALSE(a.succeeded);
        CHECK(a.started < 100);
        CHECK(a.started % 8 == 0);
        CHECK(a.cause == errc::out_of_memory);
      },
      2);  // the first is issue's own: see above, and without exceptions it ends the program
  CHECK(n == 5);
}

TEST_CASE("try_start says that there is no memory for the next branch", "[memory][issuer][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        auto issuer = fanout::issue<counted>(fanout::combine::all, [&a](auto outcome) noexcept {
          ++a.completions;
          a.succeeded = outcome.has_value();
        });
        for (int i = 0; i != 20; ++i) {
          if (auto started = issuer.try_start(complete_with_index); !started) {
            a.cause = started.error();
            return;
          }
          ++a.started;
        }
      },
      [](const attempt& a) {
        CHECK_FALSE(a.succeeded);
        CHECK((a.started == 8 || a.started == 16));
        CHECK(a.cause == errc::out_of_memory);
      },
      2);
  CHECK(n == 3);
}

TEST_CASE("an algorithm delivers a want of memory to its completion", "[memory][algorithm][E6]") {
  std::array<int, 3> elements{1, 2, 3};
  const int n = fail_each(
      [&elements](attempt& a) {
        fanout::all<counted>(std::ref(elements), [&a](int& element, auto branch) {
          ++a.started;
          branch.set_value(element);
        }).then(tell(a));
      },
      [](const attempt& a) {
        CHECK(a.started == 0);
        CHECK(a.cause == errc::out_of_memory);
        CHECK(a.index == fanout::no_index);
      });
  CHECK(n == 1);
}

TEST_CASE("an algorithm over a range of unknown length settles what it could not start", "[memory][algorithm][E6]") {
  const int n = fail_each(
      [](attempt& a) {
        fanout::all<counted>(numbers(), [&a](int element, auto branch) {
          ++a.started;
          branch.set_value(element);
        }).then(tell(a));
      },
      [](const attempt& a) {
        CHECK(a.started < 100);
        CHECK_FALSE(a.succeeded);
        CHECK(a.cause == errc::out_of_memory);
      });
  CHECK(n == 5);
}

TEST_CASE("a blocked wait returns a want of memory", "[memory][wait][E6]") {
  std::array<int, 3> elements{1, 2, 3};
  fanout::inplace_stop_source never;
  const int n = fail_each(
      [&](attempt& a) {
        a.completed(fanout::wait(fanout::settle<counted>(std::ref(elements), [](int& element, auto branch) {
                                   branch.set_value(element);
                                 }).stop_on(never.get_token())));
      },
      [](const attempt& a) { CHECK(a.cause == errc::out_of_memory); });
  CHECK(n == 1);
}

TEST_CASE("a branch of a checked C interface fails when there is no memory for its context",
          "[memory][c_checked][E6]") {
  // The table of contexts is never freed, so only the first use of one can fail: here, of this policy's own.
  struct inner : fanout::errno_callback {};
  attempt a;
  tell completion(a);
  auto made = fanout::try_issue<int, fanout::c_checked<inner>>(1, fanout::combine::all, std::move(completion));
  REQUIRE(made.has_value());
  memory::fail_at(1, memory::failing::all_from_then_on);
  made->start_c(0, [&a](int*, auto, void*) {
    ++a.started;
    return 0;
  });
  const int failed = memory::stop_failing();
  std::move(*made).seal();
  CHECK(failed > 0);
  CHECK(a.started == 0);
  CHECK(a.completions == 1);
  CHECK(a.cause == errc::out_of_memory);
  CHECK(a.index == 0);
}

TEST_CASE("an allocator that refuses is heard at each of its allocations, and gets back all it gave",
          "[memory][allocator][E6]") {
  for (int refuse_from = 0; refuse_from != 5; ++refuse_from) {
    support::tally tally;
    tally.refuse_from = refuse_from;
    attempt a;
    fanout::all<counted>(numbers(),
                         [&a](int element, auto branch) {
                           ++a.started;
                           branch.set_value(element);
                         })
        .allocate_with(support::counting_allocator<std::byte>(tally))
        .then(tell(a));
    CHECK(a.completions == 1);
    CHECK(a.cause == errc::out_of_memory);
    CHECK(a.started == (refuse_from == 0 ? 0 : 8 << (refuse_from - 1)));
    CHECK(tally.allocations == refuse_from);
    CHECK(tally.deallocations == tally.allocations);
    CHECK(tally.live_bytes == 0);
    CHECK(counted::alive() == 0);
  }
}

#endif  // FANOUT_TEST_UNDER_TSAN
