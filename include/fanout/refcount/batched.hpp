// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_BATCHED_HPP
#define FANOUT_REFCOUNT_BATCHED_HPP

#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// Any strategy, for operations whose branches complete many at a time: releases inside a `fanout::batch_scope` wait for its
/// end, and k branches cost one read-modify-write there instead of k. Outside of one it costs what the strategy costs and a
/// look at this thread's innermost scope.
template <class Strategy = atomic>
class batched : public Strategy {
 public:
  static constexpr bool is_batched = true;
  using Strategy::Strategy;
};

static_assert(joins_batches<batched<>> && holdable<batched<>> && anonymous<batched<>>);

}  // namespace fanout::refcount

#endif
