// SPDX-License-Identifier: BSL-1.0
// A C interface, some of whose calls answer at once, some later and some not at all, and what became of each.
#include <cerrno>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"

namespace {

using ping_callback = void(int err, void* context);

// Somebody's C interface: the length of a name stands for a measured time.
int ping(const char* host, int* milliseconds, ping_callback* callback, void* context) {
  const std::string name(host);
  if (name == "down") return -EHOSTUNREACH;
  *milliseconds = static_cast<int>(name.size());
  if (name == "here") return 0;
  std::thread([callback, context] { callback(0, context); }).detach();
  return -EINPROGRESS;
}

void ping_all(const std::vector<std::string>& hosts) {
  // clang-format off
auto answers = fanout::wait(fanout::settle<int, fanout::errno_callback>(
    hosts, [](const std::string& host, int* milliseconds, auto callback, void* context) {
      return ping(host.c_str(), milliseconds, callback, context);
    }));
if (!answers) return std::puts(answers.error().cause.message().c_str()), void();  // there was no memory to begin with
for (auto answer : *answers) {
  const char* host = hosts[answer.index()].c_str();
  if (answer) std::printf("%s: %d ms\n", host, *answer);
  else if (answer.stopped()) std::printf("%s: gave up, it was asked to\n", host);
  else std::printf("%s: %s\n", host, answer.error().message().c_str());
}
  // clang-format on
}

}  // namespace

int main() { ping_all({"here", "elsewhere", "down"}); }
