// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_HARNESS_HPP
#define FANOUT_BENCH_HARNESS_HARNESS_HPP

#include <concepts>

#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"
#include "harness/operation.hpp"
#include "harness/peers/fanout.hpp"
#include "harness/registry.hpp"
#include "harness/strategy.hpp"

// Races your own way of counting, or a whole fan-out of your own, against what is there:
//
//     #include "harness/harness.hpp"
//     #include "my/strategy.hpp"
//     FANOUT_BENCH_STRATEGY(my::strategy);   // a class template over the platform, or a class
//     FANOUT_BENCH_CHECKED(my::strategy);    // "it passes fanout::testing::check_strategy"; otherwise it is branded
//     FANOUT_BENCH_CONTENDER(my::fan_out);   // what that is: harness/operation.hpp
//
// Linked with `fanout::bench`, which has the main(), that file is the whole program; `--help` says what it can do. All of these may
// stand at namespace scope of any file, in any order. `fanout::bench::add_strategy<my::strategy>("name")` is the same as a call.
//
// A strategy takes part in both families. When the program starts each is tried on one thread, in many orders of releases: one that
// fails is refused. One that nobody has vouched for runs, as `name(unchecked)` and with `checked: 0`.

namespace fanout::bench {

/// Enters a strategy, for the count alone and for whole fan-outs. `name` is what follows the pattern in reports.
template <refcount::strategy S>
bool add_strategy(const char* name) {
  static_assert(
      std::same_as<typename S::platform, std_platform>,
      "fanout::bench: only strategies of std_platform can be timed: add the template, or basic_x<std_platform>");
  add_entry(strategy_entry<S>(name));
  entry whole = operation_entry<fanout_operation<S>>(name);
  whole.identity = identity_of<S>();
  whole.checked = false;
  return add_entry(std::move(whole));
}
template <template <class> class S>
bool add_strategy(const char* name) {
  return add_strategy<S<std_platform>>(name);
}

/// Enters a strategy for the count alone: what it takes to be a part of an operation it may lack.
template <refcount::strategy S>
bool add_count(const char* name) {
  return add_entry(strategy_entry<S>(name));
}

/// Enters a whole contender. Its results are verified in every round, which is all the checking that it needs.
template <class C>
bool add_contender(const char* name) {
  return add_entry(operation_entry<C>(name));
}

/// Vouches for a strategy. With a function, that is asked when the program starts: a strategy that fails is refused, and one that
/// could not be checked in full stays branded. harness/check.hpp has fanout::testing::check_strategy do it.
template <class S>
bool declare_checked(const char* name, verdict_on_strategy (*check)() = nullptr) {
  vouchers().push_back({identity_of<S>(), name, check});
  return true;
}
template <template <class> class S>
bool declare_checked(const char* name, verdict_on_strategy (*check)() = nullptr) {
  return declare_checked<S<std_platform>>(name, check);
}

/// The program: reads the arguments, enters what is built in, and runs. What main() returns: 0; 1 after a wrong result; 2 where
/// it could not do what it was asked to, and has said why.
int run(int argc, char** argv);

}  // namespace fanout::bench

#define FANOUT_BENCH_JOIN(a, b) FANOUT_BENCH_JOIN_NOW(a, b)
#define FANOUT_BENCH_JOIN_NOW(a, b) a##b
#define FANOUT_BENCH_ADD(function, ...)                                                    \
  [[maybe_unused]] static const bool FANOUT_BENCH_JOIN(fanout_bench_added_, __COUNTER__) = \
      ::fanout::bench::function<__VA_ARGS__>(#__VA_ARGS__)

#define FANOUT_BENCH_STRATEGY(...) FANOUT_BENCH_ADD(add_strategy, __VA_ARGS__)
#define FANOUT_BENCH_CONTENDER(...) FANOUT_BENCH_ADD(add_contender, __VA_ARGS__)
#define FANOUT_BENCH_CHECKED(...) FANOUT_BENCH_ADD(declare_checked, __VA_ARGS__)

#endif
