// SPDX-License-Identifier: BSL-1.0
// The counts that are not one flat word: shards so small that four branches fill them, and `peek`. The scenarios are those of
// fanout::testing::check_strategy.

#include "model/model.hpp"

#include <cstddef>

#include "fanout/refcount/checked.hpp"
#include "fanout/refcount/peek.hpp"
#include "fanout/refcount/sharded.hpp"
#include "fanout/testing/strategy/scenarios.hpp"

namespace {

using namespace model;
using namespace fanout::testing::detail;
using namespace fanout::refcount;

template <class Home, std::size_t Shards>
using tiny = basic_sharded<platform, Home, sharded_limits{Shards, 1, 64}>;

template <class S>
void check_count(const char* name) {
  std::printf("%s\n", name);
  check("  all remote, N = 2", [](test& t) { countdown<S, 2>(t); });
  check("  all remote, N = 3", [](test& t) { countdown<S, 3>(t); });
  check("  all remote, N = 4", [](test& t) { countdown<S, 4>(t); });
  check("  some inline, N = 4", [](test& t) { countdown<S, 4>(t, 2); });
  check("  all inline, N = 4", [](test& t) { countdown<S, 4>(t, 4); });
  check("  two never started, N = 4", [](test& t) { countdown<S, 4>(t, 1, 2); });
  check("  two at a time", in_runs<S>);
  check("  used again", used_again<S, 2>);
  if constexpr (anonymous<S>) check("  any of them", any_of_them<S>);
  if constexpr (holdable<S>) {
    check("  a hold against the last, N = 1", hold_against_the_last<S, 1>);
    check("  a hold against the last, N = 2", hold_against_the_last<S, 2>);
  }
  if (!full_depth() || !holdable<S>) return;
  check("  all remote, N = 5", [](test& t) { countdown<S, 5>(t); });
  check("  some inline, N = 6", [](test& t) { countdown<S, 6>(t, 3); });
}

}  // namespace

int main() {
  check_count<tiny<by_block, 2>>("sharded by block, two shards");
  check_count<tiny<by_block, 4>>("sharded by block, four shards");
  check_count<tiny<by_thread, 2>>("sharded by thread, two shards");
  check_count<basic_sharded<platform>>("sharded, too few branches for it");
  check_count<basic_checked<platform>>("checked");
  check_count<basic_peek<platform>>("peek");
  return exit_code;
}
