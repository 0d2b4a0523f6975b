// SPDX-License-Identifier: BSL-1.0
// expect: with N unknown the refcount strategy must have add or correct: use refcount::lazy_seed
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"

// Only what is needed where N is known.
class plain : fanout::refcount::local {
 public:
  using fanout::refcount::local::local;
  using fanout::refcount::local::platform;
  using fanout::refcount::local::release;
  using fanout::refcount::local::release_issuer;
  using fanout::refcount::local::storage_for;
};
static_assert(fanout::refcount::strategy<plain>);

void f() {
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::issue<int, fanout::handler, plain>(1, fanout::combine::all, [](auto) noexcept {});
#else
  auto issuer = fanout::issue<int, fanout::handler, plain>(fanout::combine::all, [](auto) noexcept {});
#endif
  issuer.start([](auto branch) { branch({}, 1); });
}
