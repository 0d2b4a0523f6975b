// SPDX-License-Identifier: BSL-1.0
// expect: a folding policy's on_value returns a fanout::verdict, or nothing
#include <cstddef>
#include <system_error>

#include "fanout/combine/concept.hpp"
#include "fanout/issue.hpp"

struct until_ten {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;
#ifdef FANOUT_EXPECT_OK
  fanout::verdict on_value(std::size_t, int&& n) {
    return (total += n) < 10 ? fanout::verdict::go_on : fanout::verdict::decided;
  }
#else
  bool on_value(std::size_t, int&& n) { return (total += n) < 10; }
#endif
  int result() const { return total; }
  int total = 0;
};

void f() {
  auto issuer = fanout::issue<int>(1, until_ten(), [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
