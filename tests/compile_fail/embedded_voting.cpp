// SPDX-License-Identifier: BSL-1.0
// expect: an embedded operation cannot outlive its owner's memory
#include "fanout/combine/quorum.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/embedded.hpp"

void f() {
#ifdef FANOUT_EXPECT_OK
  auto op = fanout::make_embedded<int, 4>(fanout::combine::settle, [](auto) noexcept {});
#else
  auto op = fanout::make_embedded<int, 4>(fanout::combine::quorum(2), [](auto) noexcept {});
#endif
  auto issuer = op.issue();
}
