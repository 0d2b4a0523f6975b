// SPDX-License-Identifier: BSL-1.0
// expect: this is not a combine policy: see fanout/combine/concept.hpp
#include <cstddef>
#include <system_error>

#include "fanout/combine/concept.hpp"
#include "fanout/issue.hpp"

struct sum {
  using value_type = int;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;
  void on_value(std::size_t, int&& n) { total += n; }
#ifdef FANOUT_EXPECT_OK
  int result() const { return total; }
#endif
  int total = 0;
};

void f() {
  auto issuer = fanout::issue<int>(1, sum(), [](auto) noexcept {});
  issuer.start(0, [](auto branch) { branch({}, 1); });
}
