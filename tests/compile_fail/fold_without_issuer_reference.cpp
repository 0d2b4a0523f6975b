// SPDX-License-Identifier: BSL-1.0
// expect: only where N is known and branches are neither voted on nor folded can the issuing code do without a reference
#include "fanout/combine/all.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/no_issuer_ref.hpp"

void f() {
  using strategy = fanout::refcount::no_issuer_ref;
#ifdef FANOUT_EXPECT_OK
  const auto combine = fanout::combine::all;
#else
  const auto combine = fanout::combine::quorum(2);
#endif
  auto issuer = fanout::issue<int, fanout::handler, strategy>(3, combine, [](auto) noexcept {});
  issuer.start([](auto branch) noexcept { branch.set_value(1); });
}
