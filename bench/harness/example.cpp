// SPDX-License-Identifier: BSL-1.0
// A strategy of one's own, raced against all others: this file is the whole program. Run it with --quick, and see --help.
#include "08_own_strategy/tickets.hpp"
#include "harness/check.hpp"
#include "harness/harness.hpp"

FANOUT_BENCH_STRATEGY(tickets);
FANOUT_BENCH_CHECK(tickets);  // without it, it takes part as unchecked
