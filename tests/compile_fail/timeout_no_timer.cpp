// SPDX-License-Identifier: BSL-1.0
// expect: .timeout\(duration\) needs a timer: include <fanout/timer/default_service.hpp> or pass one
#include <array>
#include <chrono>

#include "fanout/algorithm/all.hpp"
#ifdef FANOUT_EXPECT_OK
#include "fanout/timer/default_service.hpp"
#endif

void f() {
  using namespace std::chrono_literals;
  static_cast<void>(fanout::all<int>(std::array{1}, [](int n, auto branch, auto) { branch({}, n); }).timeout(10ms));
}
