// SPDX-License-Identifier: BSL-1.0
// expect: fanout: a refcount strategy that wants to be told each branch needs the issuing code's reference
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/no_issuer_ref.hpp"

struct told : fanout::refcount::no_issuer_ref {
  using basic_no_issuer_ref::basic_no_issuer_ref;
#ifndef FANOUT_EXPECT_OK
  static constexpr bool wants_each = true;
#endif
};

void f() {
  auto issuer = fanout::issue<int, fanout::handler, told>(2, fanout::combine::all, [](auto) noexcept {});
  issuer.start([](auto branch) noexcept { branch.set_value(1); });
}
