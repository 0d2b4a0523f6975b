// SPDX-License-Identifier: BSL-1.0
// expect: has at most four words: capture a pointer
#include "fanout/combine/merge.hpp"
#include "fanout/issue.hpp"

struct state {
  void* words[5];
};

void f(state& s) {
  auto issuer = fanout::issue<void>(1, fanout::combine::merge<int>([](int) {}), [](auto) noexcept {});
  issuer.start(0, [&s](auto branch) {
#ifdef FANOUT_EXPECT_OK
    branch.on_resume([&s]() noexcept { s.words[0] = nullptr; });
#else
    branch.on_resume([s]() mutable noexcept { s.words[0] = nullptr; });
#endif
  });
}
