// SPDX-License-Identifier: BSL-1.0
// Ten thousand elements, at most four in flight, memory for four: results are folded, or shown, as they arrive.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <memory>
#include <ranges>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"

int main() {
  // Answers come later, in some other order than they were asked for.
  std::vector<std::function<void()>> waiting;
  std::size_t most = 0;
  auto square = [&](long n, auto branch) {
    auto kept = std::make_shared<decltype(branch)>(std::move(branch));
    waiting.push_back([kept, n] { (*kept)({}, n* n); });
    most = std::max(most, waiting.size());
  };
  auto answer_all = [&] {
    while (!waiting.empty()) {
      auto answer = std::move(waiting[waiting.size() / 2]);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(waiting.size() / 2));
      answer();
    }
  };

  fanout::reduce<long>(std::views::iota(1L, 10'001L), square, 0L, std::plus<>()).window(4).then([](auto sum) noexcept {
    std::printf("the sum of the squares: %ld\n", *sum);
  });
  answer_all();
  std::printf("in flight at once: %zu\n", most);

  // An endless range: the sink says when it has seen enough, and nothing more is fetched.
  std::vector<long> seen;
  fanout::each<long>(std::views::iota(1L), square,
                     [&](std::size_t, auto result) {
                       seen.push_back(*result);
                       return *result >= 400 ? fanout::verdict::decided : fanout::verdict::go_on;
                     })
      .window(4)
      .drain()  // what is in flight when the sink has seen enough is waited for
      .then([&](auto outcome) noexcept {
        std::printf("squares seen: %zu, shown: %u\n", seen.size(), outcome->successes);
      });
  answer_all();
}
