// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_OPTIONS_HPP
#define FANOUT_ALGORITHM_OPTIONS_HPP

#include <cstddef>
#include <type_traits>

#include "fanout/backoff.hpp"

namespace fanout {
enum class charges_t : unsigned char;
template <class Platform>
class basic_budget;
}  // namespace fanout

namespace fanout::detail {

/// What a description may be told besides what to start: one kind each.

struct count_kind {};
template <class Refcount>
struct count_option {
  using kind = count_kind;
  using refcount = Refcount;
};

struct memory_kind {};
template <class Allocator>
struct memory_option {
  using kind = memory_kind;
  Allocator allocator;
};

struct stop_kind {};
template <class Token>
struct stop_option {
  using kind = stop_kind;
  Token token;
};

struct deadline_kind {};
template <class Timer>
struct deadline_option {
  using kind = deadline_kind;
  Timer* timer;
  typename Timer::time_point at;
};

struct via_kind {};
template <class Executor>
struct via_option {
  using kind = via_kind;
  Executor executor;
};

struct issue_on_kind {};
template <class Executor>
struct issue_on_option {
  using kind = issue_on_kind;
  Executor executor;
};

struct window_kind {};
struct window_option {
  using kind = window_kind;
  std::size_t width;
};

struct canary_kind {};
struct canary_option {
  using kind = canary_kind;
  std::size_t size;
};

struct stagger_kind {};
template <class Timer, class Delay>
struct stagger_option {
  using kind = stagger_kind;
  Timer* timer;
  Delay delay;
};

struct attempts_kind {};
struct attempts_option {
  using kind = attempts_kind;
  std::size_t most;
};

struct budget_kind {};
template <class Budget>
struct budget_option {
  using kind = budget_kind;
  Budget* budget;
  charges_t charges;
};

struct statistics_kind {};
template <class Statistics>
struct statistics_option {
  using kind = statistics_kind;
  Statistics* statistics;
};

struct tracker_kind {};
template <class Tracker>
struct tracker_option {
  using kind = tracker_kind;
  Tracker* tracker;
};

struct timeout_kind {};
template <class Timer>
struct timeout_option {
  using kind = timeout_kind;
  Timer* timer;
  typename Timer::duration after;
};

struct no_budget {};
struct retry_kind {};
template <class Timer, class Budget>
struct retry_option {
  using kind = retry_kind;
  Timer* timer;
  exponential_backoff backoff;
  Budget* budget;
};

struct retry_if_kind {};
template <class F>
struct retry_if_option {
  using kind = retry_if_kind;
  F f;
};

struct cancel_kind {};
template <class F>
struct cancel_option {
  using kind = cancel_kind;
  F f;
};

struct attempt_counts_kind {};
template <class Counts>
struct attempt_counts_option {
  using kind = attempt_counts_kind;
  Counts* to;
};

struct monitor_kind {};
template <class Monitor>
struct monitor_option {
  using kind = monitor_kind;
  Monitor monitor;
};

struct label_kind {};
template <class F>
struct label_option {
  using kind = label_kind;
  F f;
};

struct delivery_kind {};
struct drain_option {
  using kind = delivery_kind;
};
struct decided_option {
  using kind = delivery_kind;
};

}  // namespace fanout::detail

#endif
