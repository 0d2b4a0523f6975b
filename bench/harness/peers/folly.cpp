// SPDX-License-Identifier: BSL-1.0
// folly's collectAll: a promise each.
#include "harness/builtin.hpp"

#if FANOUT_BENCH_HAS_FOLLY

#include <folly/Try.h>
#include <folly/futures/Future.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "harness/harness.hpp"

namespace fanout::bench {
namespace {

class folly_collect_all {
 public:
  folly_collect_all(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  struct branch {
    folly::Promise<int> promise;
    void operator()(int error, int value) && { promise.setValue(error == 0 ? value : -1); }
  };
  template <class Start>
  void issue(Start start) {
    std::vector<folly::Future<int>> all;
    all.reserve(n_);
    for (std::size_t i = 0; i != n_; ++i) {
      folly::Promise<int> one;
      // Without an executor: what follows runs where the last branch completes, as with everybody else.
      all.push_back(one.getSemiFuture().toUnsafeFuture());
      start(i, branch{std::move(one)});
    }
    folly::collectAll(std::move(all))
        .toUnsafeFuture()
        .thenValue([to = to_](const std::vector<folly::Try<int>>& values) {
          std::int64_t sum = 0;
          for (const folly::Try<int>& value : values) sum += value.value();
          to->deliver(sum);
        });
  }

 private:
  const std::size_t n_;
  answer* const to_;
};

}  // namespace

void add_folly() { add_contender<folly_collect_all>("folly_collect_all"); }

}  // namespace fanout::bench

#else

void fanout::bench::add_folly() {}

#endif
