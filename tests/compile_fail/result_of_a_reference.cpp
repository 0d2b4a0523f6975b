// SPDX-License-Identifier: BSL-1.0
// expect: fanout::result cannot hold a reference: use a pointer or std::reference_wrapper
#include "fanout/result.hpp"

#if defined(FANOUT_EXPECT_OK)
using held = int*;
#else
using held = int&;
#endif

bool ok(const fanout::result<held>& r) { return r.has_value(); }
