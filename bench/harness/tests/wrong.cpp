// SPDX-License-Identifier: BSL-1.0
// A contender that loses a branch's result, one that loses its completion, one that sleeps until it comes, a strategy that somebody
// vouches for, and one whose own check fails if it is asked.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <latch>

#include "fanout/refcount/atomic.hpp"
#include "harness/harness.hpp"

namespace {

class forgetful {
 public:
  forgetful(std::size_t n, fanout::bench::answer& to) noexcept : n_(n), to_(&to) {}

  struct branch {
    std::int64_t* sum;
    void operator()(int, int value) const noexcept { *sum += value; }
  };
  template <class Start>
  void issue(Start start) {
    for (std::size_t i = 0; i != n_; ++i) start(i, branch{i == 0 ? &lost_ : &sum_});
  }
  void wait() noexcept { to_->deliver(sum_); }
  fanout::bench::answer& to() const noexcept { return *to_; }

 private:
  const std::size_t n_;
  fanout::bench::answer* const to_;
  std::int64_t sum_ = 0, lost_ = 0;
};

class silent : public forgetful {
 public:
  using forgetful::forgetful;
  void wait() noexcept { to().wait(); }  // for what nobody delivers
};

// The same, and waits in a way of its own, of which the harness knows nothing.
class asleep : public forgetful {
 public:
  using forgetful::forgetful;
  void wait() noexcept { std::latch(1).wait(); }
};

template <class Platform>
class vouched_for : public fanout::refcount::basic_atomic<Platform> {
 public:
  using fanout::refcount::basic_atomic<Platform>::basic_atomic;
};

fanout::bench::verdict_on_strategy check() {
  return {std::getenv("CHECK_FAILS") != nullptr ? "it was told to be" : "", ""};
}

const bool added = fanout::bench::declare_checked<vouched_for>("vouched_for", &check) &&
                   fanout::bench::add_strategy<vouched_for>("vouched_for");

}  // namespace

FANOUT_BENCH_CONTENDER(forgetful);
FANOUT_BENCH_CONTENDER(silent);
FANOUT_BENCH_CONTENDER(asleep);
