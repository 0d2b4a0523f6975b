// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_ASSERT_HPP
#define FANOUT_DETAIL_ASSERT_HPP

// FANOUT_ASSERT(condition, "sentence") states a rule of the caller's. It is `assert` unless the program defines the macro
// before the first fanout header; whichever it is, no type's layout and no documented release behaviour depends on it.
#ifndef FANOUT_ASSERT
#include <cassert>
#define FANOUT_ASSERT(condition, sentence) assert((condition) && sentence)
#endif

#include <cstdio>
#include <exception>

#include "fanout/detail/config.hpp"

namespace fanout::detail {

/// A rule whose breach leaves nothing to continue with, in any build: says it on stderr and terminates.
[[noreturn]] FANOUT_COLD inline void fatal(const char* sentence) noexcept {
  std::fputs("fanout: ", stderr);
  std::fputs(sentence, stderr);
  std::fputc('\n', stderr);
  std::terminate();
}

}  // namespace fanout::detail

#endif
