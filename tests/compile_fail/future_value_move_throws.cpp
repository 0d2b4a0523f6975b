// SPDX-License-Identifier: BSL-1.0
// expect: the outcome's value is moved to the future when nobody could catch, so moving it must not throw
#include "fanout/completion/future.hpp"
#include "fanout/failure.hpp"
#include "fanout/result.hpp"

struct value {
#ifdef FANOUT_EXPECT_OK
  value(value&&) noexcept {}
#else
  value(value&&) {}
#endif
};

void f() {
  fanout::completion::promise<fanout::result<value, fanout::failure<>>> promise;
  static_cast<void>(promise.get_future());
}
