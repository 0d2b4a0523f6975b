// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_FIGURES_HANDWRITTEN_HPP
#define FANOUT_BENCH_FIGURES_HANDWRITTEN_HPP

#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "figures/operations.hpp"

// The fan-out as one writes it in C: a context and an array of results from malloc, a count of N + 1 references that
// `__sync` built-ins decrement, and a sum of the results, made by whoever takes it to zero. It forgoes what the library
// does besides: it keeps the last error instead of the first, never asks anybody to stop, and does not check malloc.

namespace bench::handwritten {

struct context {
  c_callback caller_callback;
  void* caller_context;
  int* caller_result;
  int* results;
  int num_results;
  volatile int err;
  volatile int refcount;
};

inline void complete(context* c) {
  const int err = c->err;
  if (err == 0) {
    int sum = 0;
    for (int i = 0; i < c->num_results; ++i) sum += c->results[i];
    *c->caller_result = sum;
  }
  const c_callback caller_callback = c->caller_callback;
  void* const caller_context = c->caller_context;
  std::free(c->results);
  std::free(c);
  caller_callback(err, caller_context);
}

inline void one_done(int err, void* callback_context) {
  auto* const c = static_cast<context*>(callback_context);
  if (err != 0) c->err = err;
  if (__sync_sub_and_fetch(&c->refcount, 1) == 0) complete(c);
}

template <int (*Operation)(int*, c_callback, void*)>
BENCH_OUT_OF_LINE void fan_out(std::size_t n, int* result, c_callback callback, void* callback_context) {
  auto* const c = static_cast<context*>(std::malloc(sizeof(context)));
  c->caller_callback = callback;
  c->caller_context = callback_context;
  c->caller_result = result;
  c->results = static_cast<int*>(std::malloc(n * sizeof(int)));
  c->num_results = static_cast<int>(n);
  c->err = 0;
  c->refcount = static_cast<int>(n) + 1;
  for (std::size_t i = 0; i != n; ++i) {
    const int err = Operation(&c->results[i], &one_done, c);
    if (err != -EINPROGRESS) one_done(err, c);
  }
  if (__sync_sub_and_fetch(&c->refcount, 1) == 0) complete(c);
}

}  // namespace bench::handwritten

#endif
