// SPDX-License-Identifier: BSL-1.0
// Each allocation of a monitored operation fails in turn: the outcome says so, every started branch reports, and all memory is back.
#include "fanout/monitor.hpp"

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
  WARN("SKIPPED: ThreadSanitizer brings an operator new that a program cannot replace");
}

#else

#include <array>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "failing_new.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/completion/monitored.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/issue.hpp"
#include "support/numbers.hpp"

namespace {

using support::numbers;

using fanout::errc;

struct seen {
  int completions = 0;
  std::size_t ran = 0;  // initiators
  std::size_t suppressed = 0;
  bool succeeded = false;
  std::error_code cause;
  fanout::progress progress{};
  bool told_delivered = false;

  template <class Outcome>
  void complete(const Outcome& outcome) noexcept {
    ++completions;
    succeeded = outcome.has_value();
    if (!outcome) {
      cause = outcome.error().cause;
      suppressed = outcome.error().suppressed;
    }
  }
};

// Returns how many allocations there are.
int fail_each(auto scenario, auto check) {
  for (const memory::failing how : {memory::failing::one, memory::failing::all_from_then_on}) {
    for (int k = 1;; ++k) {
      const std::size_t bytes = memory::now.live_bytes, blocks = memory::now.live_blocks;
      seen s;
      memory::fail_at(k, how);
      scenario(s);
      const int failed = memory::stop_failing();
      const std::size_t bytes_after = memory::now.live_bytes, blocks_after = memory::now.live_blocks;
      INFO("allocation " << k << (how == memory::failing::one ? "" : " and all after it"));
      REQUIRE(bytes_after == bytes);
      REQUIRE(blocks_after == blocks);
      REQUIRE(s.completions == 1);
      if (failed == 0) {
        REQUIRE(s.succeeded);
        if (how == memory::failing::all_from_then_on) return k - 1;
        break;
      }
      REQUIRE_FALSE(s.succeeded);
      REQUIRE(s.cause == errc::out_of_memory);
      check(s);
    }
  }
  return -1;
}

const std::array<int, 3> elements{1, 2, 3};

}  // namespace

TEST_CASE("an operation fails where its monitor has no memory", "[memory][monitor][E6]") {
  const int n = fail_each(
      [](seen& s) {
        const fanout::monitor m;
        fanout::all<int>(std::ref(elements),
                         [&](const int& x, auto branch) {
                           ++s.ran;
                           branch.set_value(x);
                         })
            .monitor(m)
            .then([&](auto outcome) noexcept { s.complete(outcome); });
        s.progress = m.progress();
        s.told_delivered = m.is_delivered();
      },
      [](const seen& s) {
        CHECK(s.ran == 0);
        CHECK(s.suppressed == 0);
        CHECK(s.progress.outstanding() == 0);
        CHECK(s.progress.failed == 0);
      });
  CHECK(n == 3);  // the monitor, the operation, the records
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a want of memory for a label costs no more than the label", "[memory][monitor][label][E6]") {
  const fanout::monitor m;
  std::size_t labels = 0, first_size = 1, others = 0;
  memory::fail_at(3, memory::failing::one);  // 1: the operation, 2: the records
  bool succeeded = false;
  fanout::all<int>(std::ref(elements),
                   [&](const int& x, auto branch) {
                     m.for_each_outstanding([&](const fanout::outstanding_branch& one) {
                       ++labels;
                       (one.index() == 0 ? first_size : others) = one.label().size();
                     });
                     branch.set_value(x);
                   })
      .label([](const int&) { return std::string_view("longer than what a string keeps in itself"); })
      .monitor(m)
      .then([&](auto outcome) noexcept { succeeded = outcome.has_value(); });
  CHECK(memory::stop_failing() == 1);
  CHECK(succeeded);
  CHECK(labels == 3);
  CHECK(first_size == 0);
  CHECK(others == 41);
}
#endif

TEST_CASE("with N unknown an operation fails where its monitor cannot grow", "[memory][monitor][E6]") {
  const int n = fail_each(
      [](seen& s) {
        const fanout::monitor m;
        fanout::all<int>(numbers(),
                         [&](int x, auto branch) {
                           ++s.ran;
                           branch.set_value(x);
                         })
            .monitor(m)
            .then([&](auto outcome) noexcept { s.complete(outcome); });
        s.progress = m.progress();
        s.told_delivered = m.is_delivered();
        if (m.outstanding_branches().size() != 0) std::abort();
      },
      [](const seen& s) {
        CHECK(s.ran < 100);
        CHECK(s.progress.outstanding() == 0);
      });
  CHECK(n == 2 + 4 + 3);  // the monitor and the operation, the latter's growth to 128, the records' 32 + 32 + 64
}

TEST_CASE("settle tells of it beside its branches", "[memory][monitor][settle][E6]") {
  fanout::monitor m;
  bool disturbed = false;
  memory::fail_at(2, memory::failing::one);  // 1: the operation
  auto issuer =
      fanout::issue<int>(2, fanout::combine::settle, fanout::completion::monitored(m, [&](auto outcome) noexcept {
                           disturbed = !outcome && outcome.error().cause == errc::out_of_memory;
                           if (outcome && outcome->disturbance() != nullptr)
                             disturbed = outcome->disturbance()->cause == errc::out_of_memory;
                         }));
  memory::stop_failing();
  for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [](auto) { FAIL("run without a record"); });
  std::move(issuer).seal();
  CHECK(disturbed);
}

#endif  // FANOUT_TEST_UNDER_TSAN
