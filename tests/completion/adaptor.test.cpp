// SPDX-License-Identifier: BSL-1.0
#include "fanout/completion/adaptor.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/completion/future.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/completion/via.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/executor.hpp"
#include "fanout/issue.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/testing/manual_executor.hpp"
#include "support/delivered.hpp"

namespace {

using support::all_outcome;

/// Writes down what it is asked.
struct everything {
  static constexpr bool keeps_storage = true, pulls = true, watches = true, hands_over = true;
  std::vector<std::string>* said;

  template <class Op>
  void connect(Op&) noexcept {
    said->emplace_back("connect");
  }
  void disconnect() noexcept { said->emplace_back("disconnect"); }
  void post(fanout::work&) noexcept { said->emplace_back("post"); }
  template <class Op>
  void pull_after(Op&, bool failed) noexcept {
    said->emplace_back(failed ? "failed" : "succeeded");
  }
  template <class Op>
  void pull_no_more(Op&) noexcept {
    said->emplace_back("no more");
  }
  void started(std::size_t i) noexcept { said->push_back("started " + std::to_string(i)); }
  void reported(std::size_t i, bool) noexcept { said->push_back("reported " + std::to_string(i)); }
  std::string label(std::size_t i) { return "label " + std::to_string(i); }
  void operator()(int) && noexcept { said->emplace_back("called"); }
};

struct nothing {
  int* called;
  void operator()(int n) && noexcept { *called = n; }
};

template <class Completion>
struct wrapper : fanout::completion::adaptor<Completion> {
  explicit wrapper(Completion c) : fanout::completion::adaptor<Completion>(std::move(c)) {}
};

struct operation {};

template <class C>
concept connects = requires(C& c, operation& op) { c.connect(op); };
template <class C>
concept posts = requires(C& c, fanout::work& w) { c.post(w); };
template <class C>
concept disconnects = requires(C& c) { c.disconnect(); };
template <class C>
concept has_label = requires(C& c) { c.label(std::size_t{}); };
template <class C>
concept pulls = requires(C& c, operation& op) { c.pull_after(op, true); };

TEST_CASE("passes on all that the operation may ask, through any number of layers", "[adaptor]") {
  std::vector<std::string> said;
  wrapper<wrapper<everything>> w(wrapper<everything>(everything{&said}));
  static_assert(decltype(w)::keeps_storage && decltype(w)::pulls && decltype(w)::watches && decltype(w)::hands_over);
  static_assert(!decltype(w)::is_direct);
  operation op;
  fanout::work work{};
  w.connect(op);
  w.started(3);
  w.reported(4, true);
  w.pull_after(op, true);
  w.pull_after(op, false);
  w.pull_no_more(op);
  w.post(work);
  w.disconnect();
  CHECK(w.label(5) == "label 5");
  auto taken = w.take();
  std::move(taken)(1);
  CHECK(said == std::vector<std::string>{"connect", "started 3", "reported 4", "failed", "succeeded", "no more", "post",
                                         "disconnect", "called"});
}

TEST_CASE("has nothing that the inner one has not", "[adaptor]") {
  using plain = wrapper<wrapper<nothing>>;
  static_assert(!connects<plain> && !posts<plain> && !disconnects<plain> && !has_label<plain> && !pulls<plain>);
  static_assert(!plain::keeps_storage && !plain::pulls && !plain::watches && !plain::hands_over && !plain::is_direct);
  int called = 0;
  plain w{wrapper<nothing>{nothing{&called}}};
  std::move(w)(7);
  CHECK(called == 7);
}

TEST_CASE("a completion that hands over to another thread says so through every layer", "[adaptor]") {
  using direct = fanout::completion::promise<all_outcome<int>>;
  static_assert(wrapper<direct>::is_direct && wrapper<direct>::hands_over);
  using hop = fanout::completion::via<fanout::testing::manual_executor::executor_type, direct>;
  static_assert(!wrapper<hop>::is_direct && wrapper<hop>::hands_over && posts<wrapper<hop>>);
  SUCCEED();
}

TEST_CASE("shipped wrappers stack: a hop behind a stop token behind another wrapper", "[adaptor][via][stoppable]") {
  fanout::testing::manual_executor loop;
  fanout::inplace_stop_source outer;
  support::delivered<all_outcome<int>> got;
  {
    auto completion = fanout::completion::stoppable(outer.get_token(),
                                                    fanout::completion::via(loop.get_executor(), got.completion()));
    auto issuer = fanout::issue<int>(1, fanout::combine::all, wrapper<decltype(completion)>(std::move(completion)));
    issuer.start(0, [](auto branch) { branch.set_value(1); });
  }
  CHECK(got.times == 0);
  CHECK(loop.run_all() == 1);
  CHECK(got.succeeded());
}

}  // namespace
