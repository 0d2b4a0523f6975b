// SPDX-License-Identifier: BSL-1.0
// The flat counts on their own: exactly one caller sees zero, and it sees what the others wrote. The scenarios are those of
// fanout::testing::check_strategy, which the other strategies go through in tests/refcount; the counted executions of a flat count
// have a closed form, so that an explorer that misses some cannot pass quietly.

#include "model/model.hpp"

#include <cstddef>

#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/lazy_seed.hpp"
#include "fanout/testing/strategy/scenarios.hpp"

namespace {

using namespace model;
using namespace fanout::testing::detail;

using atomic = fanout::refcount::basic_atomic<platform>;
using lazy_seed = fanout::refcount::basic_lazy_seed<platform>;

template <class S>
void check_strategy(const char* name) {
  std::printf("%s\n", name);
  check("  all remote, N = 1", [](test& t) { countdown<S, 1>(t); }, 2);
  check("  all remote, N = 2", [](test& t) { countdown<S, 2>(t); }, 6);
  check("  all remote, N = 3", [](test& t) { countdown<S, 3>(t); }, 24);
  check("  all remote, N = 4", [](test& t) { countdown<S, 4>(t); }, 120);
  check("  some inline, N = 4", [](test& t) { countdown<S, 4>(t, 2); }, 6);
  check("  all inline, N = 3", [](test& t) { countdown<S, 3>(t, 3); }, 1);
  check("  one never started, N = 4", [](test& t) { countdown<S, 4>(t, 1, 1); }, 6);
  check("  N found out while issuing, 1", [](test& t) { discovered<S, 1>(t); });
  check("  N found out while issuing, 2", [](test& t) { discovered<S, 2>(t); });
  check("  N found out while issuing, 3", [](test& t) { discovered<S, 3>(t); });
  check("  N found out while issuing, 3, one inline", [](test& t) { discovered<S, 3>(t, 1); });
  check("  N found out while issuing, 2, one inline, and a hold", [](test& t) { discovered<S, 2, true>(t, 1); });
  if constexpr (fanout::refcount::observable<S>)
    check("  a look against the seal, two inline", look_against_the_seal<S, 2>);
  check("  a hold against the last, N = 1", [](test& t) { hold_against_the_last<S, 1>(t); });
  check("  a hold against the last, N = 2", [](test& t) { hold_against_the_last<S, 2>(t); });
  check("  a hold released among others, N = 2", [](test& t) { hold_against_the_last<S, 2, true>(t); });
  if (full_depth()) {
    check("  all remote, N = 5", [](test& t) { countdown<S, 5>(t); }, 720);
    check("  all remote, N = 6", [](test& t) { countdown<S, 6>(t); }, 5040);
    check("  a hold against the last, N = 3", [](test& t) { hold_against_the_last<S, 3>(t); });
  }
}

}  // namespace

int main() {
  check_strategy<atomic>("atomic");
  check_strategy<lazy_seed>("lazy_seed");
  return exit_code;
}
