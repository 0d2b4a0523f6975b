// SPDX-License-Identifier: BSL-1.0
#include "fanout/hedge_statistics.hpp"

#include <thread>

#include "catch.hpp"

namespace {

TEST_CASE("each event is counted, from any thread", "[hedge]") {
  fanout::hedge_statistics counts;
  const auto count = [&] {
    for (int i = 0; i != 10'000; ++i) {
      counts.note_request();
      if (i % 2 == 0) counts.note_sent();
      if (i % 5 == 0) counts.note_failed_over();
      if (i % 4 == 0) counts.note_won();
      if (i % 10 == 0) counts.note_exhausted();
    }
  };
  std::thread other(count);
  count();
  other.join();
  const auto counted = counts.counted();
  CHECK(counted.requests == 20'000);
  CHECK(counted.sent == 10'000);
  CHECK(counted.failed_over == 4'000);
  CHECK(counted.won == 5'000);
  CHECK(counted.exhausted == 2'000);
}

}  // namespace
