// SPDX-License-Identifier: BSL-1.0
// expect: discards qualifiers|is an lvalue, but function has rvalue ref-qualifier|expects an rvalue
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int>(0, fanout::combine::all, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  std::move(issuer).seal();
#else
  issuer.seal();
#endif
}
