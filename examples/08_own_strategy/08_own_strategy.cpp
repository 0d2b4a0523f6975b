// SPDX-License-Identifier: BSL-1.0
// A refcount strategy of one's own (tickets.hpp): checked, then used. bench/harness/example.cpp has it race the others.
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "fanout/testing/check_strategy.hpp"
#include "tickets.hpp"

int main() {
  const auto report = fanout::testing::check_strategy<tickets>();
  std::printf("%s\n", report ? "tickets is a refcount strategy" : report.wrong().c_str());
  if (!report) return 1;

  std::vector<std::thread> threads;
  {
    auto issuer = fanout::issue<int, fanout::handler, tickets<fanout::std_platform>>(
        3, fanout::combine::all, [](auto outcome) noexcept {
          int sum = 0;
          for (const int value : *outcome) sum += value;
          std::printf("the sum is %d\n", sum);
        });
    for (int i = 0; i != 3; ++i) {
      issuer.start([&](auto branch) {
        threads.emplace_back([i, mine = std::move(branch)]() mutable { mine.set_value(10 * i); });
      });
    }
  }
  for (std::thread& t : threads) t.join();
}
