// SPDX-License-Identifier: BSL-1.0
// expect: the error type must be default constructible
#include <system_error>

#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"

struct error {
  int number = 0;
#ifdef FANOUT_EXPECT_OK
  error() = default;
#endif
  explicit error(std::error_code code) : number(code.value()) {}
};

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::settle_with<error>, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch.set_value(1); });
}
