// SPDX-License-Identifier: BSL-1.0
// expect: the error type must be constructible from std::error_code, or specialise fanout::error_traits
#include <system_error>

#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

struct error {
  int number = 0;
  error() = default;
#ifdef FANOUT_EXPECT_OK
  explicit error(std::error_code code) : number(code.value()) {}
#endif
};

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all_with<error>, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch.set_value(1); });
}
