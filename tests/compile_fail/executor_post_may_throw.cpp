// SPDX-License-Identifier: BSL-1.0
// expect: an executor's post\(fanout::work&\) must be noexcept, since nobody could handle its failure
#include "fanout/combine/all.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/issue.hpp"

struct loop {
#ifdef FANOUT_EXPECT_OK
  void post(fanout::work&) const noexcept {}
#else
  void post(fanout::work&) const {}
#endif
  bool operator==(const loop&) const noexcept = default;
};

void f() {
  auto issuer = fanout::issue<int>(1, fanout::combine::all, fanout::completion::via(loop(), [](auto) noexcept {}));
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
