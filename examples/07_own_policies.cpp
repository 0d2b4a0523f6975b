// SPDX-License-Identifier: BSL-1.0
// Two combine policies of one's own: one that decides early by a rule, and one that folds what arrives.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"

namespace {

// Decided when two thirds have said the same kind of thing: enough successes, or enough failures.
template <class T>
struct two_thirds_policy {
  using value_type = T;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
  static constexpr bool votes = true;
  static constexpr bool decides_early = true;

  fanout::ruling rule(const fanout::tally& t) const noexcept {
    if (t.branches == fanout::tally::unknown) return fanout::ruling::open();
    const auto enough = (2 * t.branches + 2) / 3;
    if (t.successes >= enough) return fanout::ruling::met(fanout::reason::quorum);
    if (t.failures + t.stopped >= enough || t.complete()) return fanout::ruling::unmet(fanout::reason::error_limit);
    return fanout::ruling::open();
  }
  std::size_t result(fanout::reports<T> in) noexcept { return in.size(); }
};
struct two_thirds {
  template <class T>
  two_thirds_policy<T> bind() const noexcept {
    return {};
  }
};

// Keeps the longest value and who said it. One call at a time, whichever thread it is made on: no lock, no atomic.
struct longest_policy {
  using value_type = std::string;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;

  std::size_t index = fanout::no_index;
  std::string value;

  void on_value(std::size_t i, std::string&& s) {
    if (index != fanout::no_index && s.size() <= value.size()) return;
    index = i;
    value = std::move(s);
  }
  std::pair<std::size_t, std::string> result() { return {index, std::move(value)}; }
};

}  // namespace

int main() {
  for (const std::size_t failing : {1u, 4u}) {
    auto issuer = fanout::issue<int>(6, two_thirds{}, [](auto outcome) noexcept {
      if (outcome) return std::printf("%zu agreed\n", *outcome), void();
      std::printf("no: %s; %zu had failed by then\n", outcome.error().cause.message().c_str(),
                  outcome.error().reported.failures().size());
    });
    for (std::size_t i = 0; i != 6; ++i) {
      issuer.start(i, [&](auto branch) {
        if (i < failing) return branch.set_error(std::errc::host_unreachable);
        branch({}, 1);
      });
    }
  }

  const std::vector<std::string> words{"fan", "shuttlecock", "out"};
  auto issuer = fanout::issue<std::string>(words.size(), longest_policy{}, [](auto outcome) noexcept {
    std::printf("%zu: %s\n", outcome->first, outcome->second.c_str());
  });
  for (std::size_t i = 0; i != words.size(); ++i) issuer.start(i, [&](auto branch) { branch({}, words[i]); });
}
