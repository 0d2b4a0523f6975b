// SPDX-License-Identifier: BSL-1.0
// A monitor that is asked while branches complete, while the operation is delivered, and when it is gone.

#include "model/model.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/completion/monitored.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/monitor.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;

using strategy = fanout::refcount::basic_atomic<platform>;
using monitor = fanout::basic_monitor<explorer::clock, platform, bytes>;
using outcome = fanout::result<fanout::values<number, platform>, fanout::failure<>>;

struct tell {
  cell<int>* times;
  void operator()(outcome) noexcept { *times = *times + 1; }
};
using completion = fanout::completion::monitored<monitor, tell>;
using op = fanout::fanout_op<fanout::handler, fanout::combine::all_policy<number>, completion, strategy, bytes>;

void ask(const monitor& m, std::size_t n) {
  const bool delivered = m.is_delivered();
  const fanout::progress now = m.progress();
  require(now.finished <= now.started && now.started <= n, "more branches have finished than were started");
  require(now.failed <= now.finished, "more branches have failed than have finished");
  std::size_t seen = 0;
  m.for_each_outstanding([&](const fanout::outstanding_branch& one) {
    require(one.index() < n, "a branch that there is not");
    ++seen;
  });
  require(seen <= n, "a branch was listed twice");
  require(!delivered || now.finished == n, "delivered, and not finished");
  if (now.finished == n) require(seen == 0, "a branch that had reported was listed");
}

// Every branch completes on its own thread, one of them with an error; the asking thread's handle is the only one besides the
// operation's, so that either may be the last.
template <std::size_t N>
void asked_while_it_completes(test& t) {
  struct state {
    std::optional<op::branch> handles[N];
    std::optional<monitor> m{std::in_place};
    cell<int> times{0};
  };
  auto& x = t.make<state>();
  {
    auto issuer = *op::make(N, {}, completion(*x.m, tell{&x.times}), {});
    for (std::size_t i = 0; i != N; ++i) issuer.start(i, [&x, i](auto branch) { x.handles[i] = std::move(branch); });
  }
  for (std::size_t i = 0; i != N; ++i) {
    t.thread([&x, i] {
      if (i == 1) {
        x.handles[i]->set_error(std::make_error_code(std::errc::io_error));
      } else {
        (*x.handles[i])({}, 1);
      }
    });
  }
  t.thread([&x] {
    ask(*x.m, N);
    x.m.reset();
  });
  t.finally([&x] { require(x.times == 1, "not delivered once"); });
}

// The asking thread runs beside the issuing one. Once it is told of the delivery, it may look at what the completion did.
void asked_while_it_is_issued(test& t) {
  struct state {
    std::optional<monitor> m{std::in_place};
    cell<int> times{0};
  };
  auto& x = t.make<state>();
  t.thread([&x] {
    auto issuer = *op::make(1, {}, completion(*x.m, tell{&x.times}), {});
    issuer.start(0, [](auto branch) { branch({}, 1); });
  });
  t.thread([&x] {
    ask(*x.m, 1);
    if (x.m->is_delivered()) {
      require(x.times == 1, "told of a delivery that was not");
    }
  });
}

// As much of an operation with a window of one as a monitor wants to know.
struct window_of_one {
  static constexpr bool is_open = true, grows = false;
  std::size_t width() const noexcept { return 1; }
  void fail(fanout::errc) noexcept { require(false, "there was no record"); }
};

// Where slots are used again, so are records: the asking thread finds one branch or the other, with its own label.
void a_record_is_used_again(test& t) {
  struct labels {
    std::string label(std::size_t i) const { return i == 0 ? "first" : "other"; }
    void operator()(int) const noexcept {}
  };
  struct state {
    monitor m;
    window_of_one op;
    fanout::completion::monitored<monitor, labels> told{m, labels{}};
  };
  auto& x = t.make<state>();
  x.told.connect(x.op);
  x.told.started(0);
  t.thread([&x] {
    x.told.reported(0, false);
    x.told.started(2);  // has the same place in the table
  });
  t.thread([&x] {
    int seen = 0;
    x.m.for_each_outstanding([&](const fanout::outstanding_branch& one) {
      require(one.index() == 0 || one.index() == 2, "a branch that there is not");
      require(one.label() == (one.index() == 0 ? "first" : "other"), "another branch's label");
      ++seen;
    });
    require(seen <= 1, "a branch was listed twice");
  });
}

}  // namespace

int main() {
  check("asked while it completes, N = 1", asked_while_it_completes<1>);
  check("asked while it is issued and delivered", asked_while_it_is_issued);
  check("a record is used again", a_record_is_used_again);
  if (full_depth()) check("asked while it completes, N = 2", asked_while_it_completes<2>);
  return exit_code;
}
