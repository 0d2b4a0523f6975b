// SPDX-License-Identifier: BSL-1.0
// expect: all streams must be open at once.*a merge takes no .window
#include <array>
#include <utility>

#include "fanout/algorithm/merge.hpp"

void f() {
  auto described = fanout::merge<int>(
      std::array{1, 2}, [](int n, auto branch) { static_cast<void>(branch.emit(n)), branch.set_value(); }, [](int) {});
#ifdef FANOUT_EXPECT_OK
  std::move(described).then([](auto) noexcept {});
#else
  std::move(described).window(1).then([](auto) noexcept {});
#endif
}
