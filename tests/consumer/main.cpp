// SPDX-License-Identifier: BSL-1.0
// What a consumer builds first: three branches, one completion, and of which version the headers are.
#include <fanout/fanout.hpp>

#include <cstdio>

int main() {
  int sum = 0;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::all, [&sum](auto outcome) noexcept {
      if (outcome) {
        for (int value : *outcome) sum += value;
      }
    });
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start(i, [i](auto branch) { branch.set_value(static_cast<int>(i) + 1); });
    }
  }
  static_assert(fanout::version == FANOUT_VERSION);
  std::printf("fanout %d.%d.%d\n", FANOUT_VERSION_MAJOR, FANOUT_VERSION_MINOR, FANOUT_VERSION_PATCH);
  return sum == 6 ? 0 : 1;
}
