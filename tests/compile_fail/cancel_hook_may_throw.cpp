// SPDX-License-Identifier: BSL-1.0
// expect: a cancel hook must be noexcept: it runs inside request_stop, where nobody could catch
#include <array>

#include "fanout/algorithm/all.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  const auto cancel = [](int) noexcept {};
#else
  const auto cancel = [](int) {};
#endif
  fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); })
      .cancel_with(cancel)
      .then([](auto) noexcept {});
}
