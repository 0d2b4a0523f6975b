// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_REFCOUNT_STRATEGY_HPP
#define FANOUT_TESTS_REFCOUNT_STRATEGY_HPP

#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "fanout/testing/check_strategy.hpp"
#include "support/delivered.hpp"

namespace support {

/// Whether fanout::testing::check_strategy finds nothing wrong with it; if it does, the test says what.
inline void holds(const fanout::testing::strategy_report& report) {
  INFO(report.wrong());
  CHECK(report);
}

/// An operation of five branches that counts with S: four threads, and one that completes inline.
template <class S>
void operation_across_threads() {
  delivered<all_outcome<std::string>> got;
  auto issuer = fanout::issue<std::string, fanout::handler, S>(5, fanout::combine::all, got.completion());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i != 4; ++i) {
    issuer.start(i, [&](auto branch) {
      threads.emplace_back([i, mine = std::move(branch)]() mutable { mine.set_value(i + 30, 'x'); });
    });
  }
  issuer.start(4, [](auto branch) { branch.set_value("inline"); });
  std::move(issuer).seal();
  for (std::thread& thread : threads) thread.join();
  REQUIRE(got.succeeded());
  for (std::size_t i = 0; i != 4; ++i) CHECK((*got.outcome())[i].size() == i + 30);
}

}  // namespace support

#endif  // FANOUT_TESTS_REFCOUNT_STRATEGY_HPP
