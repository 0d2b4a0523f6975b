// SPDX-License-Identifier: BSL-1.0
// expect: issuing code that may throw, and a description, need a reference of the issuing code's
#include <vector>

#include "fanout/algorithm/all.hpp"
#include "fanout/refcount/no_issuer_ref.hpp"
#include "fanout/refcount/peek.hpp"

void f() {
  const std::vector<int> numbers{1, 2};
  auto start = [](int n, auto branch) noexcept { branch.set_value(n); };
#ifdef FANOUT_EXPECT_OK
  using strategy = fanout::refcount::peek;
#else
  using strategy = fanout::refcount::no_issuer_ref;
#endif
  fanout::all<int>(numbers, start).count_with<strategy>().then([](auto) noexcept {});
}
