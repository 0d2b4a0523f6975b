// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/peek.hpp"

#include "catch.hpp"
#include "refcount/strategy.hpp"

namespace {

using fanout::refcount::peek;

static_assert(!fanout::refcount::holdable<peek> && !fanout::refcount::addable<peek>);
static_assert(!fanout::refcount::correctable<peek> && sizeof(peek) == 8);

TEST_CASE("peek is a refcount strategy", "[refcount][peek][I1][I3]") {
  support::holds(fanout::testing::check_strategy<fanout::refcount::basic_peek>());
  for (int round = 0; round != 50; ++round) support::operation_across_threads<peek>();
}

}  // namespace
