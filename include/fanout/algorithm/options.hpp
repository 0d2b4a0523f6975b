// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_OPTIONS_HPP
#define FANOUT_ALGORITHM_OPTIONS_HPP

#include <cstddef>
#include <type_traits>

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
