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
  // One that looks before it counts has too many executions to go deeper.
  for_each_scenario<S>(full_depth() && holdable<S>, [](const char* what, auto scenario) { check(what, scenario); });
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
