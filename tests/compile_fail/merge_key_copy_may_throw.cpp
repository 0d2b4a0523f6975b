// SPDX-License-Identifier: BSL-1.0
// expect: a key must copy without throwing: merge by a number or a time, not by a string
#include <string>

#include "fanout/detail/merge_core.hpp"

struct row {
  std::string host;
  long time;
};
struct rows {
  row* first;
  row* last;
  rows* next;
  row* begin() noexcept { return first; }
  row* end() noexcept { return last; }
};

#ifdef FANOUT_EXPECT_OK
fanout::detail::merge_core<rows, long row::*> merge(&row::time);
#else
fanout::detail::merge_core<rows, std::string row::*> merge(&row::host);
#endif
