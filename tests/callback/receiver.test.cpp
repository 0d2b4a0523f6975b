// SPDX-License-Identifier: BSL-1.0
#include "fanout/callback/receiver.hpp"

#include <system_error>
#include <type_traits>
#include <utility>

#include "catch.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

namespace {

using support::delivered;
using support::settle_outcome;

TEST_CASE("a receiver is completed by name only", "[receiver]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::receiver>(3, fanout::combine::settle, got.completion());
    using branch_type = decltype(issuer)::branch;
    static_assert(!std::is_invocable_v<branch_type&> && !std::is_invocable_v<branch_type&, int>);
    static_assert(!std::is_invocable_v<branch_type&, std::error_code, int>);
    issuer.start(0, [](auto branch) { branch.set_value(1); });
    issuer.start(1, [](auto branch) { branch.set_error(std::errc::io_error); });
    issuer.start(2, [](auto branch) { branch.set_stopped(); });
  }
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 1);
  CHECK(all[1].error() == std::errc::io_error);
  CHECK(all[2].stopped());
}

}  // namespace
