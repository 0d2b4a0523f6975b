// SPDX-License-Identifier: BSL-1.0
#include "harness/machine.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/utsname.h>
#endif

#include "processors.hpp"

namespace fanout::bench {
namespace {

using clock = std::chrono::steady_clock;

double nanoseconds_since(clock::time_point start) {
  return std::chrono::duration<double, std::nano>(clock::now() - start).count();
}

// The value below which k of four parts lie.
double quarter(std::vector<double>& of, std::size_t k) {
  const auto there = of.begin() + static_cast<std::ptrdiff_t>(of.size() * k / 4);
  std::nth_element(of.begin(), there, of.end());
  return *there;
}

}  // namespace

std::size_t processors() noexcept { return ::bench::processors(); }
void pin_to(std::size_t k) noexcept { ::bench::pin_to(k); }

#if defined(__linux__)
std::string machine_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  utsname system{};
  return uname(&system) == 0 ? system.machine : "unknown";
}
#else
std::string machine_name() { return "unknown"; }
#endif

transfer_cost cache_line_transfer_ns(std::size_t a, std::size_t b) {
  constexpr std::uint32_t samples = 201, turns = 200;      // of each side, per sample
  alignas(cache_line) std::atomic<std::uint32_t> line{0};  // even: the turn of a
  const auto take_turns = [&line](std::uint32_t parity, std::uint32_t from) {
    for (std::uint32_t next = from + parity; next < from + 2 * turns; next += 2) {
      while (line.load(std::memory_order_acquire) != next) {}
      line.fetch_add(1, std::memory_order_acq_rel);
    }
  };
  std::thread other([&] {
    pin_to(b);
    for (std::uint32_t s = 0; s != samples; ++s) take_turns(1, s * 2 * turns);
  });
  pin_to(a);
  std::vector<double> took;
  took.reserve(samples);
  for (std::uint32_t s = 0; s != samples; ++s) {
    const clock::time_point start = clock::now();
    take_turns(0, s * 2 * turns);
    took.push_back(nanoseconds_since(start) / (2 * turns));
  }
  other.join();
  return {quarter(took, 1), quarter(took, 2), quarter(took, 3)};
}

std::uint64_t laps_for(std::uint64_t nanoseconds) {
  static const double laps_per_nanosecond = [] {
    constexpr std::uint64_t laps = 100'000;
    std::vector<double> took;
    for (int i = 0; i != 21; ++i) {
      const clock::time_point start = clock::now();
      work(laps);
      took.push_back(nanoseconds_since(start));
    }
    return static_cast<double>(laps) / quarter(took, 2);
  }();
  return static_cast<std::uint64_t>(static_cast<double>(nanoseconds) * laps_per_nanosecond);
}

}  // namespace fanout::bench
