// SPDX-License-Identifier: BSL-1.0
// expect: .via.fanout::issuing_executor. goes back to where .issue_on.executor. said
#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/testing/manual_executor.hpp"

void f([[maybe_unused]] fanout::testing::manual_executor::executor_type loop) {
  auto described =
      fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); }).via(fanout::issuing_executor);
#ifdef FANOUT_EXPECT_OK
  std::move(described).issue_on(loop).then([](auto) noexcept {});
#else
  std::move(described).then([](auto) noexcept {});
#endif
}
