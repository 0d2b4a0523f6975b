// SPDX-License-Identifier: BSL-1.0
// expect: a key must not be a string_view into its item
#include <string>
#include <string_view>

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
struct by_host {
  std::string_view operator()(const row& r) const noexcept { return r.host; }
};

#ifdef FANOUT_EXPECT_OK
fanout::detail::merge_core<rows, long row::*> merge(&row::time);
#else
fanout::detail::merge_core<rows, by_host> merge;
#endif
