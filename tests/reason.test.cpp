// SPDX-License-Identifier: BSL-1.0
#include "fanout/reason.hpp"

#include <string>

#include "catch.hpp"

TEST_CASE("each reason is spelt as it is written", "[reason]") {
  using fanout::reason;
  CHECK(to_string(reason::completed) == std::string("completed"));
  CHECK(to_string(reason::quorum) == std::string("quorum"));
  CHECK(to_string(reason::error_limit) == std::string("error_limit"));
  CHECK(to_string(reason::deadline) == std::string("deadline"));
  CHECK(to_string(reason::stopped) == std::string("stopped"));
  CHECK(to_string(static_cast<reason>(99)) == std::string("unknown"));
}

TEST_CASE("a reason can be spelt at compile time", "[reason]") {
  static_assert(fanout::to_string(fanout::reason::quorum)[0] == 'q');
  SUCCEED();
}
