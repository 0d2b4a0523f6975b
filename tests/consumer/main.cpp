// SPDX-License-Identifier: BSL-1.0
// What a consumer builds first: it shows that the headers are found, and of which version they are.
#include <fanout/version.hpp>

#include <cstdio>

int main() {
  static_assert(fanout::version == FANOUT_VERSION);
  std::printf("fanout %d.%d.%d\n", FANOUT_VERSION_MAJOR, FANOUT_VERSION_MINOR, FANOUT_VERSION_PATCH);
}
