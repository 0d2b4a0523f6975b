// SPDX-License-Identifier: BSL-1.0
// expect: the elements of this one cannot be copied: move it in, or pass std::ref
#include <functional>
#include <memory>
#include <vector>

#include "fanout/algorithm/all.hpp"

void f(std::vector<std::unique_ptr<int>>& numbers) {
  auto initiator = [](const std::unique_ptr<int>& n, auto branch) { branch({}, *n); };
#ifdef FANOUT_EXPECT_OK
  fanout::all<int>(std::ref(numbers), initiator).then([](auto) noexcept {});
  fanout::all<int>(std::move(numbers), initiator).then([](auto) noexcept {});
#else
  fanout::all<int>(numbers, initiator).then([](auto) noexcept {});
#endif
}
