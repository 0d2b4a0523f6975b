// SPDX-License-Identifier: BSL-1.0
// expect: a completion is moved out of the operation before it runs, so moving it must not throw
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

struct completion {
  completion() = default;
#ifdef FANOUT_EXPECT_OK
  completion(completion&&) noexcept {}
#else
  completion(completion&&) {}
#endif
  template <class Outcome>
  void operator()(Outcome&&) && noexcept {}
};

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, completion());
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
