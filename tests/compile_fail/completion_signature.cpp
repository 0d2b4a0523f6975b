// SPDX-License-Identifier: BSL-1.0
// expect: the completion must be callable with the outcome
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

#ifdef FANOUT_EXPECT_OK
auto on_done = [](const fanout::result<fanout::values<int>, fanout::failure<>>&) noexcept {};
#else
auto on_done = [](const fanout::values<int>&) noexcept {};
#endif

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, on_done);
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
