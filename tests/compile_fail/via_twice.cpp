// SPDX-License-Identifier: BSL-1.0
// expect: one hop: this completion goes via an executor already
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"
#include "fanout/testing/manual_executor.hpp"

void f(fanout::testing::manual_executor::executor_type first,
       [[maybe_unused]] fanout::testing::manual_executor::executor_type second) {
  fanout::completion::via one(first, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  auto issuer = fanout::issue<int>(1, fanout::combine::all, std::move(one));
#else
  auto issuer = fanout::issue<int>(1, fanout::combine::all, fanout::completion::via(second, std::move(one)));
#endif
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
