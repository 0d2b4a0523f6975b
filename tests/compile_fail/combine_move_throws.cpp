// SPDX-License-Identifier: BSL-1.0
// expect: a combine policy is moved into the operation and out of it, so moving it must not throw
#include "fanout/combine/concept.hpp"
#include "fanout/issue.hpp"

struct policy {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  policy() = default;
#ifdef FANOUT_EXPECT_OK
  policy(policy&&) noexcept {}
#else
  policy(policy&&) {}
#endif
  template <class Collected>
  Collected result(Collected collected) noexcept {
    return collected;
  }
};

void f() {
  auto issuer = fanout::issue<int>(1, policy(), [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
