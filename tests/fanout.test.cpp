// SPDX-License-Identifier: BSL-1.0
#include "fanout/fanout.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

// The umbrella: all that the README shows is there with one include.

namespace {

TEST_CASE("one include serves descriptions, waiting, issuers, C interfaces and embedded operations", "[fanout]") {
  const std::vector<std::string> hosts{"a", "bb", "ccc"};
  const auto sizes = fanout::wait(
      fanout::all<std::size_t>(hosts, [](const std::string& host, auto branch) { branch({}, host.size()); }));
  REQUIRE(sizes);
  CHECK((*sizes)[2] == 3);

  int sum = 0;
  auto total = [&](auto outcome) noexcept {
    for (const int x : *outcome) sum += x;
  };
  {
    auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::all, total);
    issuer.start(0, [](auto branch) { branch({}, 1); });
    issuer.start_c(1, [](int* out, auto, void*) { return *out = 2, 0; });
  }
  CHECK(sum == 3);

  auto op = fanout::make_embedded<int, 1>(fanout::combine::all, total);
  op.issue().start(0, [](auto branch) { branch({}, 4); });
  CHECK(sum == 7);
}

}  // namespace
