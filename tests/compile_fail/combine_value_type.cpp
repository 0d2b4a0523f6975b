// SPDX-License-Identifier: BSL-1.0
// expect: issue<T> and the combine policy name different value types
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::issue<int>(1, fanout::combine::all_policy<int>(), [](auto) noexcept {});
#else
  auto issuer = fanout::issue<int>(1, fanout::combine::all_policy<long>(), [](auto) noexcept {});
#endif
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
