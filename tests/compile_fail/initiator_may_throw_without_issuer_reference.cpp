// SPDX-License-Identifier: BSL-1.0
// expect: without a reference of the issuing code's nobody is there for an exception: make the initiator noexcept
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/no_issuer_ref.hpp"

void f() {
  auto issuer = fanout::issue<int, fanout::handler, fanout::refcount::no_issuer_ref>(1, fanout::combine::all,
                                                                                     [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  issuer.start([](auto branch) noexcept { branch.set_value(1); });
#else
  issuer.start([](auto branch) { branch.set_value(1); });
#endif
}
