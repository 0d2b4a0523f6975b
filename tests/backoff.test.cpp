// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
// The rules that are broken on purpose must be seen, so this one comes before the header under test.
#include "fanout/backoff.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <set>
#include <type_traits>

#include "catch.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::exponential_backoff;
using fanout::jitter;
using std::chrono::nanoseconds;
using support::only_broken_rule;

constexpr nanoseconds never = nanoseconds::max();
constexpr std::uint32_t unlimited = exponential_backoff::unlimited;

static_assert(std::is_trivially_copyable_v<exponential_backoff> &&
              std::is_trivially_copyable_v<exponential_backoff::delays>);

template <std::size_t N>
constexpr std::array<nanoseconds, N> first(exponential_backoff::delays delays) {
  std::array<nanoseconds, N> result{};
  for (nanoseconds& delay : result) delay = delays.next();
  return result;
}

TEST_CASE("without jitter, delays grow by the multiplier up to the cap", "[backoff]") {
  constexpr exponential_backoff doubling(
      {.base = 10ms, .cap = 100ms, .multiplier = 2, .spread = jitter::none, .max_attempts = unlimited});
  static_assert(first<6>(doubling.start(0)) == std::array<nanoseconds, 6>{10ms, 20ms, 40ms, 80ms, 100ms, 100ms});

  // Fractions of a nanosecond are kept while it grows.
  constexpr exponential_backoff slow(
      {.base = 1ns, .cap = 1s, .multiplier = 1.5, .spread = jitter::none, .max_attempts = unlimited});
  CHECK(first<6>(slow.start(0)) == std::array<nanoseconds, 6>{1ns, 1ns, 2ns, 3ns, 5ns, 7ns});

  constexpr exponential_backoff constant(
      {.base = 7ms, .cap = 1s, .multiplier = 1, .spread = jitter::none, .max_attempts = unlimited});
  CHECK(first<3>(constant.start(0)) == std::array<nanoseconds, 3>{7ms, 7ms, 7ms});
}

TEST_CASE("max_attempts counts the first attempt", "[backoff]") {
  const exponential_backoff three({.max_attempts = 3});
  auto delays = three.start(1);
  CHECK(delays.attempts() == 1);
  CHECK(delays.next() != never);
  CHECK(delays.next() != never);
  CHECK(delays.attempts() == 3);
  CHECK(delays.next() == never);
  CHECK(delays.next() == never);
  CHECK(delays.attempts() == 3);

  const exponential_backoff one({.max_attempts = 1});
  CHECK(one.start(1).next() == never);
  CHECK(exponential_backoff().options().max_attempts == 3);
}

TEST_CASE("equal seeds give equal delays, on any machine", "[backoff]") {
  for (const jitter spread : {jitter::full, jitter::decorrelated}) {
    const exponential_backoff b({.base = 1ms, .cap = 1h, .multiplier = 3, .spread = spread, .max_attempts = unlimited});
    CHECK(first<20>(b.start(42)) == first<20>(b.start(42)));
    CHECK(first<20>(b.start(42)) != first<20>(b.start(43)));
    auto delays = b.start(7);
    static_cast<void>(delays.next());
    auto copy = delays;
    CHECK(first<20>(delays) == first<20>(copy));
  }
  // The same in the compiler as here: IEEE 754 and SplitMix64 leave nothing to the machine.
  constexpr exponential_backoff full({.base = 1ms, .cap = 1s, .max_attempts = unlimited});
  constexpr auto known = first<8>(full.start(0));
  CHECK(first<8>(full.start(0)) == known);
  CHECK(known[0] == 883311ns);  // SplitMix64's first number of seed 0 is 0xe220a8397b1dcdaf, 0.883311 of 2^64
  // Neighbouring seeds, which are what counters and addresses give, are as good as any.
  std::set<nanoseconds> distinct;
  for (std::uint64_t seed = 0; seed != 1000; ++seed) distinct.insert(full.start(seed).next());
  CHECK(distinct.size() > 990);
}

TEST_CASE("full jitter is even from zero to the delay", "[backoff]") {
  const exponential_backoff b({.base = 10ms, .cap = 40ms, .max_attempts = unlimited});
  constexpr int seeds = 20'000;
  std::array<double, 5> sum{};
  std::array<std::array<int, 4>, 5> quarter{};
  for (std::uint64_t seed = 0; seed != seeds; ++seed) {
    auto delays = b.start(seed * 0x51ed2701);
    for (std::size_t i = 0; i != sum.size(); ++i) {
      const nanoseconds most = std::min<nanoseconds>(10ms * (1 << i), 40ms);
      const nanoseconds delay = delays.next();
      if (delay < 0ns || delay > most) FAIL(delay.count());
      const double share = static_cast<double>(delay.count()) / static_cast<double>(most.count());
      sum[i] += share;
      ++quarter[i][std::min<std::size_t>(static_cast<std::size_t>(share * 4), 3)];
    }
  }
  for (std::size_t i = 0; i != sum.size(); ++i) {
    CHECK(std::abs(sum[i] / seeds - 0.5) < 0.01);
    for (const int n : quarter[i]) CHECK(std::abs(n - seeds / 4) < seeds / 50);
  }
}

TEST_CASE("full jitter reaches both ends", "[backoff]") {
  const exponential_backoff b({.base = 2ns, .cap = 2ns, .multiplier = 1, .max_attempts = unlimited});
  auto delays = b.start(5);
  std::array<int, 3> seen{};
  for (int i = 0; i != 30'000; ++i) ++seen.at(static_cast<std::size_t>(delays.next().count()));
  for (const int n : seen) CHECK(std::abs(n - 10'000) < 600);
}

TEST_CASE("decorrelated jitter lies between the base and a multiple of the delay before", "[backoff]") {
  const exponential_backoff b(
      {.base = 10ms, .cap = 2s, .multiplier = 3, .spread = jitter::decorrelated, .max_attempts = unlimited});
  constexpr int seeds = 20'000;
  double first_sum = 0, share_of_cap = 0;
  for (std::uint64_t seed = 0; seed != seeds; ++seed) {
    auto delays = b.start(seed);
    nanoseconds before = 10ms;
    for (int i = 0; i != 30; ++i) {
      const nanoseconds delay = delays.next();
      if (delay < 10ms || delay > std::min<nanoseconds>(3 * before, 2s)) FAIL(delay.count() << " " << before.count());
      before = delay;
      if (i == 0) first_sum += static_cast<double>(delay.count());
    }
    share_of_cap += static_cast<double>(before.count()) / 2e9;
  }
  CHECK(std::abs(first_sum / seeds - 20e6) < 0.2e6);  // even in [10 ms, 30 ms]
  CHECK(share_of_cap / seeds > 0.2);                  // it has grown to the order of the cap
}

TEST_CASE("nothing overflows on the way to the cap", "[backoff]") {
  for (const jitter spread : {jitter::none, jitter::full, jitter::decorrelated}) {
    for (const nanoseconds cap : {nanoseconds(1h), nanoseconds(24h * 365 * 200), never - 1ns, never}) {
      for (const double multiplier : {1.0, 2.0, 1e9}) {
        const exponential_backoff b(
            {.base = 1ns, .cap = cap, .multiplier = multiplier, .spread = spread, .max_attempts = unlimited});
        auto delays = b.start(3);
        nanoseconds delay{};
        for (int i = 0; i != 2000; ++i) {
          delay = delays.next();
          if (delay < 0ns || delay > cap || delay == never) FAIL(delay.count());
        }
        if (spread == jitter::none && multiplier > 1) CHECK(delay == std::min(cap, never - 1ns));
      }
    }
  }
  const exponential_backoff longest({.base = never, .cap = never, .spread = jitter::none});
  CHECK(longest.start(0).next() == never - 1ns);  // never means that there is no next attempt
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("a base of zero retries at once", "[backoff]") {
  for (const jitter spread : {jitter::none, jitter::full}) {
    const exponential_backoff b({.base = 0ns, .cap = 0ns, .spread = spread, .max_attempts = unlimited});
    for (const nanoseconds delay : first<10>(b.start(1))) CHECK(delay == 0ns);
  }
}

TEST_CASE("a backoff that makes no sense is named and replaced by the nearest", "[backoff]") {
  support::take_broken_rules();
  const exponential_backoff negative({.base = -1ms, .cap = 1s, .spread = jitter::none});
  CHECK(only_broken_rule("a backoff's base, its first delay, is not negative"));
  CHECK(negative.options().base == 0ns);

  const exponential_backoff low_cap({.base = 2s, .cap = 1s, .spread = jitter::none});
  CHECK(only_broken_rule("a backoff's cap, its longest delay, is not less than its base"));
  CHECK(low_cap.start(0).next() == 2s);

  constexpr const char* bad_multiplier =
      "a backoff's multiplier is at least 1, or the delays would shrink, and at most 10^9";
  for (const double multiplier : {0.5, -2.0, std::numeric_limits<double>::quiet_NaN()}) {
    const exponential_backoff shrinking({.multiplier = multiplier});
    CHECK(only_broken_rule(bad_multiplier));
    CHECK(shrinking.options().multiplier == 1);
  }
  const exponential_backoff wild({.multiplier = std::numeric_limits<double>::infinity()});
  CHECK(only_broken_rule(bad_multiplier));
  CHECK(wild.options().multiplier == 1e9);

  const exponential_backoff no_attempt({.max_attempts = 0});
  CHECK(only_broken_rule("a backoff's max_attempts counts the first attempt: it is at least 1"));
  CHECK(no_attempt.start(0).next() == never);
}

}  // namespace
