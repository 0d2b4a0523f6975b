// SPDX-License-Identifier: BSL-1.0
// expect: flow::pause and flow::stop are for the producer
#include "fanout/combine/merge.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<void>(1, fanout::combine::merge<int>([](int) {}), [](auto) noexcept {});
  issuer.start(0, [](auto branch) {
#ifdef FANOUT_EXPECT_OK
    static_cast<void>(branch.emit(1));
#else
    branch.emit(1);
#endif
  });
}
