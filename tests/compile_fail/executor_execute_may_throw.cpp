// SPDX-License-Identifier: BSL-1.0
// expect: an executor's execute\(f\) must be noexcept for an f of one pointer
#include "fanout/combine/all.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"

struct pool {
  template <class F>
#ifdef FANOUT_EXPECT_OK
  void execute(F) const noexcept {
  }
#else
  void execute(F) const {
  }
#endif
  bool operator==(const pool&) const noexcept = default;
};

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, fanout::completion::via(pool(), [](auto) noexcept {}));
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
