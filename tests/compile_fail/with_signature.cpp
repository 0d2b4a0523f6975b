// SPDX-License-Identifier: BSL-1.0
// expect: combine::with.f. calls f.fanout::values<T>.: take it by value or as auto
#include "fanout/combine/with.hpp"
#include "fanout/issue.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto combined = [](fanout::values<int> values) { return values.size(); };
#else
  auto combined = [](fanout::values<int>& values) { return values.size(); };
#endif
  auto issuer = fanout::issue<int>(1, fanout::combine::with(combined), [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
