// SPDX-License-Identifier: BSL-1.0
// Nothing recurses with the number of attempts (I5): a million of them, on a thread whose stack is 64 KiB.
#include "fanout/algorithm/attempting.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <system_error>
#include <utility>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/backoff.hpp"
#include "fanout/timer/manual.hpp"
#include "support/any_branch.hpp"
#include "support/small_stack.hpp"

#if FANOUT_HAS_SMALL_STACK

namespace {

using namespace std::chrono_literals;
using support::any_branch;
using support::on_small_stack;

constexpr std::uint32_t a_million = 1'000'000;

fanout::exponential_backoff retries(std::chrono::nanoseconds delay, std::uint32_t attempts) {
  return fanout::exponential_backoff(
      {.base = delay, .cap = delay, .multiplier = 1, .spread = fanout::jitter::none, .max_attempts = attempts});
}

TEST_CASE("a million attempts that fail inside the initiator", "[attempting][retry][stack]") {
  std::uint32_t calls = 0;
  on_small_stack([&] {
    fanout::timer::manual_timer timer;
    fanout::all<int>(std::array{0},
                     [&](int, auto branch) {
                       if (++calls == a_million) return branch.set_value(1);
                       branch.set_error(std::errc::io_error);
                     })
        .retry(retries(0ns, a_million), timer)
        .then([&](auto outcome) noexcept {
          if (!outcome) calls = 0;
        });
  });
  CHECK(calls == a_million);
}

TEST_CASE("a million attempts that fail on the thread of the failure before, each inside the next one's initiator's",
          "[attempting][retry][stack]") {
  std::uint32_t calls = 0;
  on_small_stack([&] {
    fanout::timer::manual_timer timer;
    any_branch out;
    fanout::all<int>(std::array{0},
                     [&](int, auto branch) {
                       if (++calls == a_million) return branch.set_value(1);
                       if (calls == 1) {
                         out = any_branch(std::move(branch));
                       } else {
                         branch.set_error(std::errc::io_error);
                       }
                     })
        .retry(retries(0ns, a_million), timer)
        .timeout(1s, timer)
        .drain()
        .then([&](auto outcome) noexcept {
          if (!outcome) calls = 0;
        });
    out.set_error(std::make_error_code(std::errc::io_error));
  });
  CHECK(calls == a_million);
}

TEST_CASE("a million attempts, each after a delay of its own", "[attempting][retry][stack]") {
  std::uint32_t calls = 0;
  on_small_stack([&] {
    fanout::timer::manual_timer timer;
    fanout::all<int>(std::array{0},
                     [&](int, auto branch) {
                       if (++calls == a_million) return branch.set_value(1);
                       branch.set_error(std::errc::io_error);
                     })
        .retry(retries(1ns, a_million), timer)
        .then([&](auto outcome) noexcept {
          if (!outcome) calls = 0;
        });
    timer.advance(1s);
  });
  CHECK(calls == a_million);
}

TEST_CASE("a hundred thousand branches that are refilled from inside failed attempts",
          "[attempting][retry][stack][E13]") {
  std::uint32_t calls = 0, branches = 0;
  on_small_stack([&] {
    fanout::timer::manual_timer timer;
    fanout::settle<int>(std::views::iota(0, 100'000),
                        [&](int, auto branch) {
                          ++calls;
                          branch.set_error(std::errc::io_error);
                        })
        .window(1)
        .retry(retries(0ns, 3), timer)
        .then([&](auto outcome) noexcept { branches = static_cast<std::uint32_t>(outcome ? outcome->size() : 0); });
  });
  CHECK(calls == 300'000);
  CHECK(branches == 100'000);
}

}  // namespace

#endif
