// SPDX-License-Identifier: BSL-1.0
// expect: use of deleted function|call to deleted constructor|call to implicitly-deleted copy constructor
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, [](auto) noexcept {});
  issuer.start(0, [](decltype(issuer)::branch branch) {
#ifdef FANOUT_EXPECT_OK
    auto other = std::move(branch);
#else
    auto other = branch;
#endif
    other({}, 1);
  });
}
