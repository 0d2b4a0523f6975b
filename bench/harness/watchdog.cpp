// SPDX-License-Identifier: BSL-1.0
#include "harness/patience.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace fanout::bench {
namespace {

constexpr std::chrono::seconds enough{10};  // for a round without work, on the slowest machine

std::string running;
std::chrono::nanoseconds longest = enough;

}  // namespace

void patience::begin(std::string what, std::chrono::nanoseconds work) {
  running = std::move(what);
  longest = enough + 4 * work;
}

void patience::look_at_the_clock() noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (since_ == std::chrono::steady_clock::time_point{}) since_ = now;
  if (now - since_ < longest) return;
  std::fprintf(
      stderr,
      "%s: no completion came for %lld s: a branch, or the last one's news, was lost; mend it, or leave it out\n",
      running.c_str(), static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(longest).count()));
  std::_Exit(1);  // the others still wait
}

}  // namespace fanout::bench
