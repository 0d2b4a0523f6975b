// SPDX-License-Identifier: BSL-1.0
// An operation whose issuing code has no reference: from the last start on it may be gone, and nothing of it is touched.

#include "model/model.hpp"

#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/no_issuer_ref.hpp"

namespace {

using namespace model;

struct note_outcome {
  int* runs;
  int* sum;
  template <class Outcome>
  void operator()(Outcome outcome) noexcept {
    ++*runs;
    if (outcome) {
      for (auto& value : *outcome) *sum += value;
    }
  }
};

using op = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, note_outcome,
                             fanout::refcount::basic_no_issuer_ref<platform>, bytes>;

// Thread 0 starts the branches and lets go of the issuer, the others complete one each; the last `inlined` complete inline.
template <std::size_t N>
void issue_and_go(test& t, std::size_t inlined, std::size_t started = N) {
  struct state {
    explorer::event go[N];
    std::optional<op::branch> handles[N];
    int runs = 0, sum = 0;
  };
  auto& x = t.make<state>();
  const std::size_t remote = started - inlined;
  t.thread([&x, remote, started] {
    auto issuer = op::make(N, fanout::combine::all_policy<number>{}, note_outcome{&x.runs, &x.sum}, bytes{});
    for (std::size_t i = 0; i != started; ++i) {
      issuer->start(i, [&x, i, remote](op::branch branch) noexcept {
        if (i >= remote) return branch.set_value(static_cast<int>(i) + 1);
        x.handles[i] = std::move(branch);
        x.go[i].set();
      });
    }
    std::move(*issuer).seal();
  });
  for (std::size_t i = 0; i != remote; ++i) {
    t.thread([&x, i] {
      x.go[i].wait();
      x.handles[i]->set_value(static_cast<int>(i) + 1);
    });
  }
  t.finally([&x, started] {
    require(x.runs == 1, "not exactly one completion");
    const int all = static_cast<int>(N * (N + 1) / 2);
    require(x.sum == (started == N ? all : 0), "the completion does not see every value");
  });
}

}  // namespace

int main() {
  check("one branch elsewhere", [](test& t) { issue_and_go<1>(t, 0); });
  check("one branch inline", [](test& t) { issue_and_go<1>(t, 1); });
  check("two branches elsewhere", [](test& t) { issue_and_go<2>(t, 0); });
  check("two branches, the last inline", [](test& t) { issue_and_go<2>(t, 1); });
  check("three branches elsewhere", [](test& t) { issue_and_go<3>(t, 0); });
  check("three branches, two inline", [](test& t) { issue_and_go<3>(t, 2); });
  check("three branches, one not started", [](test& t) { issue_and_go<3>(t, 0, 2); });
  if (full_depth()) check("four branches elsewhere", [](test& t) { issue_and_go<4>(t, 0); });
  return exit_code;
}
