// SPDX-License-Identifier: BSL-1.0
// expect: use of deleted function|call to deleted constructor|call to implicitly-deleted copy constructor
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int>(0, fanout::combine::all, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  auto other = std::move(issuer);
#else
  auto other = issuer;
#endif
  std::move(other).seal();
}
