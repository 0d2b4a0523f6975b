// SPDX-License-Identifier: BSL-1.0
// expect: the completion must be noexcept, since nobody could catch
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"
#include "fanout/testing/manual_executor.hpp"

void f(fanout::testing::manual_executor::executor_type loop) {
#ifdef FANOUT_EXPECT_OK
  fanout::completion::via hop(loop, [](auto) noexcept {});
#else
  fanout::completion::via hop(loop, [](auto) {});
#endif
  auto issuer = fanout::issue<int>(1, fanout::combine::all, std::move(hop));
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
