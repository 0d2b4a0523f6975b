// SPDX-License-Identifier: BSL-1.0
// expect: try_issue takes the completion by std::move, if it succeeds
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto completion = [](auto) noexcept {};
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::try_issue<int>(1, fanout::combine::all, std::move(completion));
#else
  auto issuer = fanout::try_issue<int>(1, fanout::combine::all, completion);
#endif
  if (!issuer) return;
}
