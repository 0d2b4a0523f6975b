// SPDX-License-Identifier: BSL-1.0
// Ask every host at once, each on a thread of its own, and wait for all the answers.
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"

int main() {
  const std::vector<std::string> hosts{"alpha", "bravo", "charlie"};

  auto ask = [](const std::string& host, auto branch) {
    std::thread([&host, branch = std::move(branch)]() mutable { branch({}, "hello from " + host); }).detach();
  };

  auto answers = fanout::wait(fanout::all<std::string>(hosts, ask));
  if (!answers) return 1;
  for (const std::string& answer : *answers) std::puts(answer.c_str());
}
