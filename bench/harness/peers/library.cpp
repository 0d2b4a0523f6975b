// SPDX-License-Identifier: BSL-1.0
// The library with each strategy that it ships, whose own tests vouch for them, and its other forms.
#include <cerrno>
#include <cstddef>
#include <utility>

#include "fanout/callback/errno_callback.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/embedded.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/batched.hpp"
#include "fanout/refcount/checked.hpp"
#include "fanout/refcount/lazy_seed.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/refcount/no_issuer_ref.hpp"
#include "fanout/refcount/peek.hpp"
#include "fanout/refcount/sharded.hpp"
#include "harness/builtin.hpp"
#include "harness/harness.hpp"
#include "harness/peers/fanout.hpp"

namespace fanout::bench {
namespace {

template <class S>
void add(const char* name) {
  add_strategy<S>(name);
  declare_checked<S>(name);
}

/// N is not told beforehand: it is found out while issuing.
template <class S>
class open_operation {
 public:
  open_operation(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    auto issuer = fanout::issue<int, fanout::handler, S>(fanout::combine::all, add_up{to_});
    for (std::size_t i = 0, n = n_; i != n; ++i) {
      issuer.start([i, &start](auto branch) { start(i, std::move(branch)); });
    }
  }

 private:
  const std::size_t n_;
  answer* const to_;
};

/// By contexts for C instead of handles, as the yardstick: a branch costs a call that nobody sees through.
class c_operation {
 public:
  c_operation(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    auto issuer = fanout::issue<int, fanout::errno_callback>(n_, fanout::combine::all, add_up{to_});
    for (std::size_t i = 0, n = n_; i != n; ++i) {
      issuer.start_c(i, [i, &start](int* out, void (*callback)(int, void*), void* context) {
        start(i, c_branch{callback, context, out});
        return -EINPROGRESS;
      });
    }
  }

 private:
  const std::size_t n_;
  answer* const to_;
};

/// Inside its owner, for those of its rivals that know N from the compiler and allocate nothing.
class embedded_operation {
 public:
  static constexpr bool takes(std::size_t n) noexcept { return n <= capacity; }
  embedded_operation(std::size_t n, answer& to) noexcept : n_(n), op_(fanout::combine::all, add_up{&to}) {}

  template <class Start>
  void issue(Start start) {
    auto issuer = op_.issue(n_);
    for (std::size_t i = 0, n = n_; i != n; ++i) {
      issuer.start(i, [i, &start](auto branch) { start(i, std::move(branch)); });
    }
  }

 private:
  static constexpr std::size_t capacity = 64;
  const std::size_t n_;
  fanout::embedded<int, capacity, decltype(fanout::combine::all), add_up> op_;
};

}  // namespace

void add_library() {
  add<refcount::atomic>("atomic");
  add<refcount::batched<>>("batched");
  add<refcount::lazy_seed>("lazy_seed");
  add<refcount::sharded>("sharded");
  add<refcount::sharded_by_thread>("sharded_by_thread");
  add<refcount::no_issuer_ref>("no_issuer_ref");
  add<refcount::peek>("peek");
  add<refcount::checked>("checked");
  add<refcount::local>("local");
  add_contender<open_operation<refcount::lazy_seed>>("lazy_seed_open");
  add_contender<open_operation<refcount::atomic>>("atomic_open");
  add_contender<c_operation>("atomic_c");
  add_contender<embedded_operation>("embedded");
}

}  // namespace fanout::bench
