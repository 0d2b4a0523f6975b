// SPDX-License-Identifier: BSL-1.0
#include <relay.hpp>

#include <cstdio>

int main() {
  std::printf("fanout %d.%d.%d\n", relay::fanout_version / 10000, relay::fanout_version / 100 % 100,
              relay::fanout_version % 100);
}
