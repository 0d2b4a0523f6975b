// SPDX-License-Identifier: BSL-1.0
// expect: nothing comes too late for a policy that collects until the last report
#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/combine/decided.hpp"

void f() {
  auto described =
      fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); }).on_late([](int) noexcept {});
#ifdef FANOUT_EXPECT_OK
  std::move(described).deliver_at(fanout::decided).then([](auto) noexcept {});
#else
  std::move(described).then([](auto) noexcept {});
#endif
}
