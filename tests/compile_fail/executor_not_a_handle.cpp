// SPDX-License-Identifier: BSL-1.0
// expect: an executor is a handle that can be compared: give it an operator==
#include "fanout/combine/all.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"

struct loop {
  void post(fanout::work&) const noexcept {}
#ifdef FANOUT_EXPECT_OK
  bool operator==(const loop&) const noexcept = default;
#endif
};

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, fanout::completion::via(loop(), [](auto) noexcept {}));
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
