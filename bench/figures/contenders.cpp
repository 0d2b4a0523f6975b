// SPDX-License-Identifier: BSL-1.0
#include "figures/contenders.hpp"

#include <iterator>
#include <type_traits>
#include <utility>

#include "fanout/callback/errno_callback.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/embedded.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/local.hpp"
#include "figures/handwritten.hpp"
#include "figures/operations.hpp"

namespace bench {

int sum = 0;

namespace {

// ---- handwritten -----------------------------------------------------------------------------------------------------

BENCH_OUT_OF_LINE void caller_callback(int error, void*) {
  if (error != 0) sum = -1;
}

template <int (*Operation)(int*, c_callback, void*)>
void issue_handwritten(std::size_t n) {
  handwritten::fan_out<Operation>(n, &sum, &caller_callback, nullptr);
}

// ---- fanout ----------------------------------------------------------------------------------------------------------

struct add_up {
  int* result;

  template <class Outcome>
  void operator()(Outcome outcome) const noexcept {
    if (!outcome) {
      *result = -1;
      return;
    }
    int all = 0;
    for (const int value : *outcome) all += value;
    *result = all;
  }
};

template <class Refcount>
using handles = decltype(fanout::issue<int, fanout::handler, Refcount>(0, fanout::combine::all, add_up{}));

template <class Issuer, void (*Operation)(typename Issuer::branch)>
void start_all(Issuer& issuer, std::size_t n) {
  for (std::size_t i = 0; i != n; ++i) {
    issuer.start(i, [](auto branch) { Operation(std::move(branch)); });
  }
}

template <class Issuer, int (*Operation)(int*, c_callback, void*)>
void start_all_c(Issuer& issuer, std::size_t n) {
  for (std::size_t i = 0; i != n; ++i) {
    issuer.start_c(i, [](int* out, c_callback callback, void* context) { return Operation(out, callback, context); });
  }
}

template <class Refcount, void (*Operation)(typename handles<Refcount>::branch)>
BENCH_OUT_OF_LINE void issue_handles(std::size_t n) {
  auto issuer = fanout::issue<int, fanout::handler, Refcount>(n, fanout::combine::all, add_up{&sum});
  start_all<decltype(issuer), Operation>(issuer, n);
}

template <class Refcount, int (*Operation)(int*, c_callback, void*)>
BENCH_OUT_OF_LINE void issue_contexts(std::size_t n) {
  auto issuer = fanout::issue<int, fanout::errno_callback, Refcount>(n, fanout::combine::all, add_up{&sum});
  start_all_c<decltype(issuer), Operation>(issuer, n);
}

// ---- embedded: the same in the memory of its owner, here a static one, as large as the largest N ------------------------

template <class Callback>
using embedded_operation =
    fanout::embedded<int, most_branches, std::remove_const_t<decltype(fanout::combine::all)>, add_up, Callback>;

template <class Callback>
struct embedded_home {
  union storage {
    storage() noexcept {}
    ~storage() {}
    embedded_operation<Callback> operation;
  };
  static inline storage home;
};

// As its owner would, it makes the operation anew for every fan-out; the one before is delivered by then.
template <class Callback>
auto embed(std::size_t n) {
  static bool exists = false;
  auto& operation = embedded_home<Callback>::home.operation;
  if (std::exchange(exists, true)) std::destroy_at(&operation);
  ::new (static_cast<void*>(&operation)) embedded_operation<Callback>(fanout::combine::all, add_up{&sum});
  return operation.issue(n);
}

template <void (*Operation)(typename embedded_operation<fanout::handler>::issuer::branch)>
BENCH_OUT_OF_LINE void issue_embedded(std::size_t n) {
  auto issuer = embed<fanout::handler>(n);
  start_all<decltype(issuer), Operation>(issuer, n);
}

template <int (*Operation)(int*, c_callback, void*)>
BENCH_OUT_OF_LINE void issue_embedded_c(std::size_t n) {
  auto issuer = embed<fanout::errno_callback>(n);
  start_all_c<decltype(issuer), Operation>(issuer, n);
}

// ---- all of them -----------------------------------------------------------------------------------------------------

using atomic = fanout::refcount::atomic;
using local = fanout::refcount::local;
using branch = handles<atomic>::branch;
using local_branch = handles<local>::branch;
using embedded_branch = embedded_operation<fanout::handler>::issuer::branch;

constexpr contender all_contenders[] = {
    {mode::inline_c, "handwritten", 2, &issue_handwritten<&returns>, nullptr},
    {mode::inline_c, "fanout", 1, &issue_contexts<atomic, &returns>, nullptr},
    {mode::inline_c, "fanout_local", 1, &issue_contexts<local, &returns>, nullptr},
    {mode::inline_c, "embedded", 0, &issue_embedded_c<&returns>, nullptr},

    {mode::inline_, "handwritten", 2, &issue_handwritten<&calls_back>, nullptr},
    {mode::inline_, "fanout", 1, &issue_handles<atomic, &completes<branch>>, nullptr},
    {mode::inline_, "fanout_c", 1, &issue_contexts<atomic, &calls_back>, nullptr},
    {mode::inline_, "fanout_local", 1, &issue_handles<local, &completes<local_branch>>, nullptr},
    {mode::inline_, "embedded", 0, &issue_embedded<&completes<embedded_branch>>, nullptr},

    {mode::deferred, "handwritten", 2, &issue_handwritten<&keeps>, &complete_kept},
    {mode::deferred, "fanout", 1, &issue_handles<atomic, &keeps_branch<branch>>, &complete_kept_branches<branch>},
    {mode::deferred, "fanout_c", 1, &issue_contexts<atomic, &keeps>, &complete_kept},
    {mode::deferred, "fanout_local", 1, &issue_handles<local, &keeps_branch<local_branch>>,
     &complete_kept_branches<local_branch>},
    {mode::deferred, "embedded", 0, &issue_embedded<&keeps_branch<embedded_branch>>,
     &complete_kept_branches<embedded_branch>},

    {mode::cross, "handwritten", 2, &issue_handwritten<&keeps>, &complete_kept},
    {mode::cross, "fanout", 1, &issue_handles<atomic, &keeps_branch<branch>>, &complete_kept_branches<branch>},
    {mode::cross, "fanout_c", 1, &issue_contexts<atomic, &keeps>, &complete_kept},
    {mode::cross, "embedded", 0, &issue_embedded<&keeps_branch<embedded_branch>>,
     &complete_kept_branches<embedded_branch>},
};

}  // namespace

contender_list contenders() noexcept { return {std::begin(all_contenders), std::end(all_contenders)}; }

int next_expected_sum(std::size_t n) noexcept {
  null_report.value = null_report.value % 1000 + 1;
  return static_cast<int>(n) * null_report.value;
}

bool run_once(const contender& c, std::size_t n) noexcept {
  const int expected = next_expected_sum(n);
  c.issue(n);
  if (c.complete) c.complete();
  return sum == expected;
}

}  // namespace bench
