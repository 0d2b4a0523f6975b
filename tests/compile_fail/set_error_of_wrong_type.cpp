// SPDX-License-Identifier: BSL-1.0
// expect: this cannot become the operation.s error type: set_error takes that type
#include <string>
#include <system_error>

#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, [](auto) noexcept {});
#ifdef FANOUT_EXPECT_OK
  issuer.start(0, [](auto branch) { branch.set_error(std::errc::io_error); });
#else
  issuer.start(0, [](auto branch) { branch.set_error("text"); });
#endif
}
