// SPDX-License-Identifier: BSL-1.0
// expect: needs a timer: include <fanout/timer/default_service.hpp> or pass one
#include "fanout/timer.hpp"
#ifdef FANOUT_EXPECT_OK
#include "fanout/timer/default_service.hpp"
#endif

void f() { static_cast<void>(fanout::detail::get_default_timer<int>()); }
