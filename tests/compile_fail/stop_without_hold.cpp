// SPDX-License-Identifier: BSL-1.0
// expect: a stop token or a deadline needs a refcount strategy with try_hold and release_hold
#include <array>
#include <utility>

#include "fanout/algorithm/all.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/stop_token.hpp"

// Only what is needed where nobody stops it.
class plain : fanout::refcount::local {
 public:
  using fanout::refcount::local::local;
  using fanout::refcount::local::platform;
  using fanout::refcount::local::release;
  using fanout::refcount::local::release_issuer;
  using fanout::refcount::local::storage_for;
};

void f(fanout::inplace_stop_token token) {
  auto described = fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); });
#ifdef FANOUT_EXPECT_OK
  std::move(described).count_with<fanout::refcount::local>().stop_on(token).then([](auto) noexcept {});
#else
  std::move(described).count_with<plain>().stop_on(token).then([](auto) noexcept {});
#endif
}
