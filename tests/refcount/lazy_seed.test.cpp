// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/lazy_seed.hpp"

#include <cstddef>
#include <type_traits>

#include "catch.hpp"
#include "refcount/strategy.hpp"

namespace {

using fanout::refcount::lazy_seed;

static_assert(fanout::refcount::holdable<lazy_seed> && fanout::refcount::correctable<lazy_seed>);
static_assert(!fanout::refcount::addable<lazy_seed> && !fanout::refcount::single_threaded<lazy_seed>);
static_assert(!std::is_copy_constructible_v<lazy_seed> && sizeof(lazy_seed) == 8);

TEST_CASE("lazy_seed is a refcount strategy", "[refcount][lazy_seed][I1][I3][I6]") {
  support::holds(fanout::testing::check_strategy<fanout::refcount::basic_lazy_seed>());
  for (int round = 0; round != 50; ++round) support::operation_across_threads<lazy_seed>();
}

TEST_CASE("lazy_seed: exactly one release is the last where N is told at the seal", "[refcount][lazy_seed][I1]") {
  for (std::size_t started = 0; started != 8; ++started) {
    for (std::size_t inline_done = 0; inline_done <= started; ++inline_done) {
      const std::size_t remote = started - inline_done;
      for (std::size_t before_seal = 0; before_seal <= remote; ++before_seal) {
        lazy_seed count(0);
        int last = 0;
        std::size_t i = 0;
        for (; i != before_seal; ++i) last += count.release(i, 1);
        CHECK(last == 0);
        last += count.correct(started, inline_done);
        CHECK(last == (before_seal == remote));
        for (; i != remote; ++i) last += count.release(i, 1);
        CHECK(last == 1);
      }
    }
  }
}

TEST_CASE("lazy_seed: no number of early releases uses up the bias", "[refcount][lazy_seed][E20]") {
  lazy_seed count(0);
  CHECK(!count.release(0, fanout::refcount::max_branches));
  CHECK(count.try_hold());
  CHECK(!count.release_hold());
  CHECK(count.correct(fanout::refcount::max_branches, 0));
  CHECK(!count.try_hold());
}

TEST_CASE("lazy_seed: a hold outlives the correction", "[refcount][lazy_seed][I6]") {
  lazy_seed count(0);
  CHECK(count.try_hold());
  CHECK(!count.release(0, 1));
  CHECK(!count.correct(2, 1));
  CHECK(count.release_hold());
}

}  // namespace
