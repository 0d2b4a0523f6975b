// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_PEERS_FANOUT_HPP
#define FANOUT_BENCH_HARNESS_PEERS_FANOUT_HPP

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fanout/batch.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/concept.hpp"
#include "harness/operation.hpp"

namespace fanout::bench {

/// A completion: the sum of all values.
struct add_up {
  answer* to;

  template <class Outcome>
  void operator()(Outcome outcome) const noexcept {
    if (!outcome) return to->deliver(-1);
    std::int64_t sum = 0;
    for (const int value : *outcome) sum += value;
    to->deliver(sum);
  }
};

/// The library with the strategy S, as a contender.
template <class S>
class fanout_operation_base {
 public:
  fanout_operation_base(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    auto issuer = fanout::issue<int, fanout::handler, S>(n_, fanout::combine::all, add_up{to_});
    for (std::size_t i = 0, n = n_; i != n; ++i) {
      if constexpr (refcount::without_issuer_reference<S>) {
        issuer.start(i, [i, &start](auto branch) noexcept { start(i, std::move(branch)); });
      } else {
        issuer.start(i, [i, &start](auto branch) { start(i, std::move(branch)); });
      }
    }
  }

 private:
  const std::size_t n_;
  answer* const to_;
};

template <class S>
class fanout_operation : public fanout_operation_base<S> {
 public:
  using fanout_operation_base<S>::fanout_operation_base;
};
template <refcount::joins_batches S>
class fanout_operation<S> : public fanout_operation_base<S> {
 public:
  using fanout_operation_base<S>::fanout_operation_base;
  using turn = fanout::batch_scope;
};
template <refcount::single_threaded S>
class fanout_operation<S> : public fanout_operation_base<S> {
 public:
  using fanout_operation_base<S>::fanout_operation_base;
  static constexpr std::size_t max_threads = 1;
};

}  // namespace fanout::bench

#endif
