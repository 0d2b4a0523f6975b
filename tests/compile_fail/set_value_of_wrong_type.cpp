// SPDX-License-Identifier: BSL-1.0
// expect: the branch.s value type cannot be made from these arguments
#include <string>

#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<std::string>(1, fanout::combine::all, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  issuer.start(0, [](auto branch) { branch.set_value("text"); });
#else
  issuer.start(0, [](auto branch) { branch.set_value(1.5); });
#endif
}
