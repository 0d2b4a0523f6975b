// SPDX-License-Identifier: BSL-1.0
// expect: a branch.s value must have a destructor that does not throw
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

struct value {
#ifdef FANOUT_EXPECT_OK
  ~value() {}
#else
  ~value() noexcept(false) {}
#endif
};

void f() {
  auto issuer = fanout::issue<value>(1, fanout::combine::all, [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch.set_value(); });
}
