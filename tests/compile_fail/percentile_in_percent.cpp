// SPDX-License-Identifier: BSL-1.0
// expect: a_percentile_is_more_than_0_and_at_most_1_as_in_0_95
#include "fanout/latency.hpp"

#ifdef FANOUT_EXPECT_OK
inline constexpr fanout::percentile p97{0.97};
#else
inline constexpr fanout::percentile p97{97};
#endif
