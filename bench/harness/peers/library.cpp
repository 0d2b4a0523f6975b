// SPDX-License-Identifier: BSL-1.0
// The library with each strategy that it ships. Its own tests vouch for them.
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

namespace fanout::bench {
namespace {

template <class S>
void add(const char* name) {
  add_strategy<S>(name);
  declare_checked<S>(name);
}

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
}

}  // namespace fanout::bench
