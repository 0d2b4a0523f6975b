// SPDX-License-Identifier: BSL-1.0
// expect: this is not a combine policy: see fanout/combine/concept.hpp
#include <system_error>

#include "fanout/combine/concept.hpp"
#include "fanout/issue.hpp"

struct majority {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
  static constexpr bool votes = true;
#ifdef FANOUT_EXPECT_OK
  fanout::ruling rule(const fanout::tally& t) const noexcept {
    return 2 * t.successes > t.branches ? fanout::ruling::met(fanout::reason::quorum) : fanout::ruling::open();
  }
#else
  bool rule(const fanout::tally& t) const noexcept { return 2 * t.successes > t.branches; }
#endif
  auto result(fanout::reports<int> in) noexcept { return in; }
};

void f() {
  auto issuer = fanout::issue<int>(1, majority(), [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
