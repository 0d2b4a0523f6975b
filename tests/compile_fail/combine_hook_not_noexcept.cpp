// SPDX-License-Identifier: BSL-1.0
// expect: a combine policy.s on_error is noexcept and returns a fanout::verdict
#include "fanout/combine/concept.hpp"
#include "fanout/issue.hpp"

struct policy {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
#ifdef FANOUT_EXPECT_OK
  fanout::verdict on_error(std::size_t, const std::error_code&) noexcept { return fanout::verdict::decided; }
#else
  fanout::verdict on_error(std::size_t, const std::error_code&) { return fanout::verdict::decided; }
#endif
  auto result(fanout::results<int> all) noexcept { return all.size(); }
};

void f() {
  auto issuer = fanout::issue<int>(1, policy(), [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
