// SPDX-License-Identifier: BSL-1.0
// expect: fatal.f. calls f.error. on the thread that reports, where nobody could catch
#include <array>
#include <system_error>

#include "fanout/algorithm/hedge.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  const auto is_fatal = [](const std::error_code& e) noexcept { return e == std::errc::permission_denied; };
#else
  const auto is_fatal = [](const std::error_code& e) { return e == std::errc::permission_denied; };
#endif
  fanout::hedge<int>(std::array{1, 2}, [](int n, auto branch, auto) { branch({}, n); })
      .fatal(is_fatal)
      .then([](auto) noexcept {});
}
