// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/each.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/errc.hpp"
#include "support/any_branch.hpp"
#include "support/delivered.hpp"
#include "support/styles.hpp"

namespace {

using fanout::errc;
using support::any_branch;

TEMPLATE_TEST_CASE("every result once, in every style: no elements, one, many; inline and from other threads",
                   "[algorithm][each][E1][E2]", support::by_callback, support::by_wait, support::by_future) {
  for (const std::size_t n : {0u, 1u, 50u}) {
    for (const bool elsewhere : {false, true}) {
      for (const std::size_t width : {1u, 4u, 100u}) {
        std::vector<std::size_t> elements(n);
        std::vector<std::size_t> shown;  // the sink is called one at a time
        std::vector<std::thread> workers;
        const auto outcome = TestType::run(fanout::each<int>(
                                               elements,
                                               [&](std::size_t, auto branch) {
                                                 const auto i = branch.index();
                                                 auto report = [i, mine = std::move(branch)]() mutable {
                                                   if (i % 3 == 2) return mine.set_error(make_error_code(errc::closed));
                                                   mine.set_value(static_cast<int>(i));
                                                 };
                                                 if (!elsewhere) return report();
                                                 workers.emplace_back(std::move(report));
                                               },
                                               [&](std::size_t i, fanout::result<int> r) {
                                                 shown.push_back(i);
                                                 if (r.has_value() != (i % 3 != 2)) shown.push_back(1000);
                                               })
                                               .window(width));
        for (std::thread& worker : workers) worker.join();
        REQUIRE(outcome);
        CHECK(outcome->branches == n);
        CHECK(outcome->failures == n / 3);
        std::sort(shown.begin(), shown.end());
        REQUIRE(shown.size() == n);
        for (std::size_t i = 0; i != n; ++i) CHECK(shown[i] == i);
      }
    }
  }
}

TEST_CASE("a sink may own what only moves, and outlives the last call", "[algorithm][each]") {
  auto total = std::make_unique<int>(0);
  int* const seen = total.get();
  std::vector<any_branch> kept;
  support::delivered<support::with_outcome<fanout::tally>> got;
  fanout::each<int>(
      std::array{0, 1}, [&](int, auto branch) { kept.emplace_back(std::move(branch)); },
      [owned = std::move(total)](std::size_t, auto r) { *owned += *r; })
      .then(got.completion());
  kept[1].set_value(1);
  CHECK(*seen == 1);
  kept[0].set_value(2);
  CHECK(got.succeeded());
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a C initiator that throws after its callback has come reports once", "[algorithm][each][c][E3b]") {
  std::vector<std::size_t> shown;
  support::delivered<fanout::result<fanout::tally, fanout::failure<>>> done;
  fanout::each<int, fanout::errno_callback>(
      std::array{0, 1, 2},
      [](int, int* out, auto callback, void* context) -> int {
        *out = 7;
        callback(0, context);
        throw std::runtime_error("too late");
      },
      [&](std::size_t i, const fanout::result<int>& r) {
        shown.push_back(i);
        CHECK(r.has_value());
      })
      .window(1)
      .then(done.completion());
  CHECK(shown == std::vector<std::size_t>{0});  // the exception stops the others, and is not lost
  REQUIRE_FALSE(done.outcome().has_value());
  CHECK(done.outcome().error().cause == errc::initiator_threw);
  CHECK(done.outcome().error().exception);
}
#endif

TEST_CASE("a sink that has seen enough, delivered at once", "[algorithm][each][E5]") {
  std::vector<any_branch> kept;
  support::delivered<support::with_outcome<fanout::tally>> got;
  fanout::each<int>(
      std::array{0, 1, 2}, [&](int, auto branch) { kept.emplace_back(std::move(branch)); },
      [](std::size_t, auto) { return fanout::verdict::decided; })
      .deliver_at(fanout::decided)
      .then(got.completion());
  kept[1].set_value(1);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->successes == 1);
  kept[0].set_value(1);
  kept[2].set_error(make_error_code(errc::closed));
}

}  // namespace
