// SPDX-License-Identifier: BSL-1.0
// expect: this is not an executor: it has neither post\(fanout::work&\) nor execute\(f\)
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"
#include "fanout/testing/manual_executor.hpp"

void f(fanout::testing::manual_executor& loop) {
#ifdef FANOUT_EXPECT_OK
  fanout::completion::via hop(loop.get_executor(), [](auto) noexcept {});
#else
  fanout::completion::via hop(&loop, [](auto) noexcept {});
#endif
  auto issuer = fanout::issue<int>(1, fanout::combine::all, std::move(hop));
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
