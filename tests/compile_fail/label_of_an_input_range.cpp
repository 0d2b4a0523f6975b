// SPDX-License-Identifier: BSL-1.0
// expect: label.f. needs a range whose elements can be visited again: a forward range
#include <istream>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "fanout/algorithm/quorum.hpp"

void f([[maybe_unused]] std::istream& lines, [[maybe_unused]] std::vector<std::string> hosts) {
  const auto start = [](const std::string&, auto branch, auto) { branch({}, 1); };
  const auto name = [](const std::string& host) { return host; };
#ifdef FANOUT_EXPECT_OK
  fanout::quorum<int>(1, std::move(hosts), start).label(name).then([](auto) noexcept {});
#else
  fanout::quorum<int>(1, std::views::istream<std::string>(lines), start).label(name).then([](auto) noexcept {});
#endif
}
