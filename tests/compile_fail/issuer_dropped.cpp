// SPDX-License-Identifier: BSL-1.0
// expect: an issuer destroyed at once seals its operation with no branch started
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  static_cast<void>(fanout::issue<int>(1, fanout::combine::all, [](auto) noexcept {}));
#else
  fanout::issue<int>(1, fanout::combine::all, [](auto) noexcept {});
#endif
}
