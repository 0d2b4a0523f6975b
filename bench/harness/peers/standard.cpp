// SPDX-License-Identifier: BSL-1.0
// What one writes without a library, as contenders. Each keeps its results in one array, sums them when the last one is there, and
// keeps the last error, which the null report never has.
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "harness/builtin.hpp"
#include "harness/harness.hpp"

namespace fanout::bench {
namespace {

std::int64_t sum_of(const int* values, std::size_t n) noexcept {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i != n; ++i) sum += values[i];
  return sum;
}

// ---- handwritten: the yardstick, in C --------------------------------------------------------------------------------------

/// Two mallocs, which are not checked, a count of N + 1 references that `__sync` built-ins decrement, callbacks in C. `Open`: as if
/// N were found out while issuing, with an increment before each start; the results are allocated at once all the same.
template <bool Open = false>
class handwritten {
  struct context {
    answer* to;
    int* results;
    int num_results;
    volatile int err;
    volatile int refcount;
  };

 public:
  handwritten(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    auto* const c = static_cast<context*>(std::malloc(sizeof(context)));
    c->to = to_;
    c->results = static_cast<int*>(std::malloc(n_ * sizeof(int)));
    c->num_results = static_cast<int>(n_);
    c->err = 0;
    c->refcount = Open ? 1 : static_cast<int>(n_) + 1;
    for (std::size_t i = 0; i != n_; ++i) {
      if constexpr (Open) __sync_add_and_fetch(&c->refcount, 1);
      start(i, c_branch{&one_done, c, &c->results[i]});
    }
    if (__sync_sub_and_fetch(&c->refcount, 1) == 0) complete(c);
  }

 private:
  FANOUT_BENCH_OUT_OF_LINE static void one_done(int error, void* callback_context) {
    auto* const c = static_cast<context*>(callback_context);
    if (error != 0) c->err = error;
    if (__sync_sub_and_fetch(&c->refcount, 1) == 0) complete(c);
  }
  // Not in the callback, which would save registers for it, for every branch.
  FANOUT_BENCH_OUT_OF_LINE static void complete(context* c) {
    answer* const to = c->to;
    const std::int64_t sum = c->err == 0 ? sum_of(c->results, static_cast<std::size_t>(c->num_results)) : -1;
    std::free(c->results);
    std::free(c);
    to->deliver(sum);
  }

  const std::size_t n_;
  answer* const to_;
};

/// The same count alone.
class handwritten_count {
 public:
  using platform = std_platform;
  static constexpr refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit handwritten_count(std::size_t branches, std::byte* = nullptr) noexcept
      : refcount_(static_cast<int>(branches) + 1) {}
  bool release(std::size_t, std::uint64_t k) noexcept {
    return __sync_sub_and_fetch(&refcount_, static_cast<int>(k)) == 0;
  }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return release(0, 1 + inline_done + not_started);
  }

 private:
  volatile int refcount_;
};

// ---- bare_slots: counts nothing --------------------------------------------------------------------------------------------

/// What remains of an operation without its count: one allocation, slots of eight bytes that are written once when a branch starts
/// and once when it completes, and their sum when all threads are back. Nobody could use it: a floor.
class bare_slots {
  struct slot {
    int value;
    unsigned index;
  };

 public:
  static constexpr bool joins_first = true;
  bare_slots(std::size_t n, answer& to) : n_(n), to_(&to), slots_(new slot[n]) {}

  struct branch {
    slot* to;
    void operator()(int error, int value) const noexcept { to->value = error == 0 ? value : -1; }
  };
  template <class Start>
  void issue(Start start) {
    for (std::size_t i = 0; i != n_; ++i) {
      slots_[i].index = static_cast<unsigned>(i);
      start(i, branch{&slots_[i]});
    }
  }
  void wait() noexcept {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i != n_; ++i) sum += slots_[i].value;
    to_->deliver(sum);
  }

 private:
  const std::size_t n_;
  answer* const to_;
  const std::unique_ptr<slot[]> slots_;
};

// ---- shared_ptr: every branch owns the results, and whoever drops them last sums ------------------------------------------

class shared_ptr {
  struct state {
    answer* to;
    std::vector<int> results;
    std::atomic<int> error{0};

    state(std::size_t n, answer* t) : to(t), results(n) {}
    ~state() { to->deliver(error == 0 ? sum_of(results.data(), results.size()) : -1); }
  };

 public:
  shared_ptr(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  struct branch {
    std::shared_ptr<state> owner;
    int* result;
    void operator()(int error, int value) && noexcept {
      *result = value;
      if (error != 0) owner->error = error;
      owner.reset();
    }
  };
  template <class Start>
  void issue(Start start) {
    const auto owner = std::make_shared<state>(n_, to_);
    int* const results = owner->results.data();
    for (std::size_t i = 0; i != n_; ++i) start(i, branch{owner, results + i});
  }

 private:
  const std::size_t n_;
  answer* const to_;
};

// ---- latch and mutex_condvar: the issuing thread waits for a count -------------------------------------------------------------

class latch_count {
 public:
  explicit latch_count(std::size_t n) : latch_(static_cast<std::ptrdiff_t>(n)) {}
  void down() noexcept { latch_.count_down(); }
  void wait() noexcept { latch_.wait(); }

 private:
  std::latch latch_;
};

class condvar_count {
 public:
  explicit condvar_count(std::size_t n) : left_(n) {}
  void down() noexcept {
    const std::lock_guard guard(mutex_);
    if (--left_ == 0) zero_.notify_one();  // under the lock: the waiter may destroy both as soon as it has it
  }
  void wait() noexcept {
    std::unique_lock guard(mutex_);
    zero_.wait(guard, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  std::size_t left_;
};

template <class Count>
class waiting {
 public:
  waiting(std::size_t n, answer& to) : to_(&to), results_(n), count_(n) {}

  struct branch {
    waiting* owner;
    int* result;
    void operator()(int error, int value) const noexcept {
      *result = value;
      if (error != 0) owner->error_ = error;
      owner->count_.down();
    }
  };
  template <class Start>
  void issue(Start start) {
    int* const results = results_.data();
    for (std::size_t i = 0; i != results_.size(); ++i) start(i, branch{this, results + i});
  }
  void wait() noexcept {
    count_.wait();
    to_->deliver(error_ == 0 ? sum_of(results_.data(), results_.size()) : -1);
  }

 private:
  answer* const to_;
  std::vector<int> results_;
  std::atomic<int> error_{0};
  Count count_;
};

// ---- promise_future: one each ---------------------------------------------------------------------------------------------

class promise_future {
 public:
  promise_future(std::size_t n, answer& to) : n_(n), to_(&to) { futures_.reserve(n); }

  struct branch {
    std::promise<int> promise;
    void operator()(int error, int value) && { promise.set_value(error == 0 ? value : -1); }
  };
  template <class Start>
  void issue(Start start) {
    for (std::size_t i = 0; i != n_; ++i) {
      std::promise<int> one;
      futures_.push_back(one.get_future());
      start(i, branch{std::move(one)});
    }
  }
  void wait() {
    std::int64_t sum = 0;
    for (std::future<int>& one : futures_) sum += one.get();
    to_->deliver(sum);
  }

 private:
  const std::size_t n_;
  answer* const to_;
  std::vector<std::future<int>> futures_;
};

}  // namespace

void add_standard() {
  add_contender<handwritten<>>(yardstick);
  add_contender<handwritten<true>>("handwritten_open");
  add_count<handwritten_count>(yardstick);
  declare_checked<handwritten_count>(yardstick);
  add_contender<bare_slots>("bare_slots");
  add_contender<shared_ptr>("shared_ptr");
  add_contender<waiting<latch_count>>("latch");
  add_contender<waiting<condvar_count>>("mutex_condvar");
  add_contender<promise_future>("promise_future");
}

}  // namespace fanout::bench
