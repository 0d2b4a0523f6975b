// SPDX-License-Identifier: BSL-1.0
// expect: an executor is a handle that is copied without throwing
#include "fanout/combine/all.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"

struct loop {
  loop() = default;
#ifdef FANOUT_EXPECT_OK
  loop(const loop&) noexcept {}
#else
  loop(const loop&) {}
#endif
  void post(fanout::work&) const noexcept {}
  bool operator==(const loop&) const noexcept = default;
};

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, fanout::completion::via(loop(), [](auto) noexcept {}));
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
