// SPDX-License-Identifier: BSL-1.0
#include "fanout/completion/stoppable.hpp"

#include <atomic>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/local.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"
#include "support/gives_up.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::delivered;
using support::gives_up;

const std::error_code io_error = std::make_error_code(std::errc::io_error);

template <class Token, class Completion>
fanout::completion::stoppable<Token, Completion> stoppable(Token token, Completion completion) {
  return {std::move(token), std::move(completion)};
}

using some_stoppable =
    decltype(stoppable(fanout::inplace_stop_token(), std::declval<delivered<all_outcome<int>>&>().completion()));
static_assert(fanout::completion::policy<some_stoppable, all_outcome<int>>);
static_assert(!some_stoppable::is_direct);

// The tests run with our token and with the standard's, where the library has one.
struct ours {
  fanout::inplace_stop_source source;
  auto token() { return source.get_token(); }
};
#if defined(__cpp_lib_jthread)
struct standard {
  std::stop_source source;
  auto token() { return fanout::adapt_stop_token<std::stop_callback>(source.get_token()); }
};
#define FANOUT_TEST_TOKENS ours, standard
#else
#define FANOUT_TEST_TOKENS ours
#endif

TEMPLATE_TEST_CASE("stop before the first start: nothing is started", "[stoppable][E4][E12]", FANOUT_TEST_TOKENS) {
  TestType outer;
  outer.source.request_stop();
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(2, fanout::combine::all, stoppable(outer.token(), got.completion()));
    CHECK(issuer.stop_requested());
    issuer.start(0, [](auto) { FAIL("ran"); });
    const auto refused = issuer.try_start(1, [](auto) { FAIL("ran"); });
    REQUIRE(!refused);
    CHECK(refused.error() == errc::stopped);
    CHECK(got.times == 0);
  }
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEMPLATE_TEST_CASE("stop inside a start: the branches after it are not started", "[stoppable][E4]",
                   FANOUT_TEST_TOKENS) {
  TestType outer;
  delivered<support::settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(3, fanout::combine::settle, stoppable(outer.token(), got.completion()));
    issuer.start(0, [](auto branch) { branch({}, 0); });
    issuer.start(1, [&](auto branch, auto token) {
      outer.source.request_stop();
      CHECK(token.stop_requested());
      branch({}, 1);
    });
    issuer.start(2, [](auto) { FAIL("ran"); });
  }
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 0);
  CHECK(*all[1] == 1);
  CHECK(all[2].stopped());
}

TEMPLATE_TEST_CASE("stop while branches are out: they are asked, and their reports are the truth", "[stoppable][E12]",
                   FANOUT_TEST_TOKENS) {
  TestType outer;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, stoppable(outer.token(), got.completion()));
  typename decltype(issuer)::branch kept[2];
  for (auto& branch : kept) issuer.start([&](auto started) { branch = std::move(started); });
  const auto inner = issuer.stop_token();
  std::move(issuer).seal();
  CHECK(!inner.stop_requested());
  CHECK(outer.source.request_stop());
  CHECK(inner.stop_requested());
  CHECK(!outer.source.request_stop());
  CHECK(got.times == 0);
  kept[0].set_value(1);
  kept[1].set_value(2);  // done before it heard of the stop
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEMPLATE_TEST_CASE("stop after the completion does nothing", "[stoppable][E12]", FANOUT_TEST_TOKENS) {
  TestType outer;
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, stoppable(outer.token(), got.completion()));
    issuer.start(0, [](auto branch) { branch({}, 1); });
  }
  CHECK(got.succeeded());
  CHECK(outer.source.request_stop());
  CHECK(got.times == 1);
}

TEMPLATE_TEST_CASE("stop inside the completion does nothing", "[stoppable][E12]", FANOUT_TEST_TOKENS) {
  TestType outer;
  int times = 0;
  {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, stoppable(outer.token(), [&](auto outcome) noexcept {
                                       CHECK(outer.source.request_stop());
                                       CHECK(outcome);
                                       ++times;
                                     }));
    issuer.start(0, [](auto branch) { branch({}, 1); });
  }
  CHECK(times == 1);
}

TEMPLATE_TEST_CASE("a branch's error comes before an outer stop, and noise does not displace it", "[stoppable][I7]",
                   FANOUT_TEST_TOKENS) {
  TestType outer;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, stoppable(outer.token(), got.completion()));
  typename decltype(issuer)::branch kept[2];
  for (auto& branch : kept) issuer.start([&](auto started) { branch = std::move(started); });
  std::move(issuer).seal();
  outer.source.request_stop();
  kept[0].set_stopped();
  kept[1].set_error(io_error);
  CHECK(got.failed(1, io_error));
}

TEMPLATE_TEST_CASE("branches that give up at once: the operation completes inside request_stop", "[stoppable][I6]",
                   FANOUT_TEST_TOKENS) {
  TestType outer;
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int>(3, fanout::combine::all, stoppable(outer.token(), got.completion()));
  using pending = gives_up<typename decltype(issuer)::branch>;
  pending kept[3];
  for (pending& each : kept) {
    issuer.start([&](auto branch, auto token) {
      each.branch = std::move(branch);
      each.callback.emplace(token, typename pending::on_stop{&each});
    });
  }
  std::move(issuer).seal();
  CHECK(got.times == 0);
  outer.source.request_stop();
  CHECK(got.failed(fanout::no_index, errc::stopped));
  CHECK(got.thread == std::this_thread::get_id());
}

TEST_CASE("many operations may hang on one outer token", "[stoppable]") {
  fanout::inplace_stop_source outer;
  delivered<all_outcome<int>> got[3];
  using issuer_type =
      decltype(fanout::issue<int>(1, fanout::combine::all, stoppable(outer.get_token(), got[0].completion())));
  issuer_type::branch kept[3];
  for (std::size_t i = 0; i != 3; ++i) {
    auto issuer = fanout::issue<int>(1, fanout::combine::all, stoppable(outer.get_token(), got[i].completion()));
    issuer.start(0, [&](auto branch) { kept[i] = std::move(branch); });
  }
  kept[1].set_value(1);
  outer.request_stop();
  CHECK(kept[0].stop_token().stop_requested());
  CHECK(kept[2].stop_token().stop_requested());
  kept[0].set_stopped();
  kept[2].set_stopped();
  CHECK(got[0].failed(fanout::no_index, errc::stopped));
  CHECK(got[1].succeeded());
  CHECK(got[2].failed(fanout::no_index, errc::stopped));
}

TEST_CASE("a stoppable completion may wrap another one: either token stops it", "[stoppable]") {
  for (const bool use_near : {false, true}) {
    fanout::inplace_stop_source near;
    fanout::inplace_stop_source far;
    delivered<all_outcome<int>> got;
    auto issuer = fanout::issue<int>(1, fanout::combine::all,
                                     stoppable(far.get_token(), stoppable(near.get_token(), got.completion())));
    decltype(issuer)::branch kept;
    issuer.start(0, [&](auto branch) { kept = std::move(branch); });
    std::move(issuer).seal();
    CHECK(!kept.stop_token().stop_requested());
    (use_near ? near : far).request_stop();
    CHECK(kept.stop_token().stop_requested());
    kept.set_stopped();
    CHECK(got.failed(fanout::no_index, errc::stopped));
    (use_near ? far : near).request_stop();
    CHECK(got.times == 1);
  }
}

TEST_CASE("stopped before anything was started is stopped, not merely not issued", "[stoppable][E3]") {
  fanout::inplace_stop_source outer;
  outer.request_stop();
  delivered<all_outcome<int>> got;
  static_cast<void>(fanout::issue<int>(2, fanout::combine::all, stoppable(outer.get_token(), got.completion())));
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("the completion and the token are destroyed exactly once", "[stoppable]") {
  support::counted::reset();
  fanout::inplace_stop_source outer;
  {
    auto completion = stoppable(outer.get_token(), [c = support::counted(1)](auto) noexcept { static_cast<void>(c); });
    auto issuer = fanout::issue<int>(1, fanout::combine::all, std::move(completion));
    issuer.start(0, [](auto branch) { branch({}, 1); });
  }
  CHECK(support::counted::alive() == 0);
}

TEST_CASE("stop on another thread against the last completion: completes once", "[stoppable][I6]") {
  for (int round = 0; round != 300; ++round) {
    fanout::inplace_stop_source outer;
    delivered<all_outcome<int>> got;
    auto issuer = fanout::issue<int>(1, fanout::combine::all, stoppable(outer.get_token(), got.completion()));
    decltype(issuer)::branch kept;
    issuer.start(0, [&](auto branch) { kept = std::move(branch); });
    std::move(issuer).seal();
    std::atomic<int> ready = 0;
    std::thread stopper([&] {
      ready.fetch_add(1);
      while (ready.load() != 2) std::this_thread::yield();
      outer.request_stop();
    });
    ready.fetch_add(1);
    while (ready.load() != 2) std::this_thread::yield();
    kept.set_value(1);
    stopper.join();
    CHECK(got.succeeded());
  }
}

TEST_CASE("the single-threaded strategy can be stopped as well", "[stoppable][local]") {
  fanout::inplace_stop_source outer;
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, fanout::handler, fanout::refcount::local>(
        2, fanout::combine::all, stoppable(outer.get_token(), got.completion()));
    issuer.start(0, [](auto branch) { branch({}, 1); });
    outer.request_stop();
    issuer.start(1, [](auto) { FAIL("ran"); });
  }
  CHECK(got.failed(fanout::no_index, errc::stopped));
}

}  // namespace
