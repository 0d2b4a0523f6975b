// SPDX-License-Identifier: BSL-1.0
#include "fanout/combine/all.hpp"

#include <exception>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <functional>
#include <optional>

#include "catch.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::delivered;

static_assert(fanout::combine::policy<fanout::combine::all_policy<std::string>>);
static_assert(fanout::combine::policy<fanout::combine::all_policy<int, std::exception_ptr>>);
static_assert(fanout::combine::description<decltype(fanout::combine::all), int>);
static_assert(std::is_empty_v<fanout::combine::all_policy<int>>);

const std::error_code io_error = std::make_error_code(std::errc::io_error);

// Three branches, started and not yet reported.
template <class T>
struct three {
  delivered<all_outcome<T>> got;
  decltype(fanout::issue<T>(3, fanout::combine::all, got.completion())) issuer =
      fanout::issue<T>(3, fanout::combine::all, got.completion());
  typename decltype(issuer)::branch branch[3];
  fanout::inplace_stop_token token = issuer.stop_token();

  three() {
    for (auto& kept : branch) issuer.start([&](auto started) { kept = std::move(started); });
    std::move(issuer).seal();
  }
};

TEST_CASE("all: every value, in index order", "[all][E18]") {
  three<std::string> op;
  op.branch[2].set_value("c");
  op.branch[0].set_value("a");
  CHECK(!op.token.stop_requested());
  op.branch[1].set_value("b");
  REQUIRE(op.got.succeeded());
  CHECK(support::holds(*op.got.outcome(), {std::string("a"), std::string("b"), std::string("c")}));
}

TEST_CASE("all: the first failure has the others asked to stop, and waits for them", "[all][E5]") {
  three<int> op;
  op.branch[1].set_error(io_error);
  CHECK(op.token.stop_requested());
  CHECK(op.got.times == 0);
  op.branch[0].set_stopped();
  CHECK(op.got.times == 0);
  op.branch[2].set_value(1);
  CHECK(op.got.failed(1, io_error));
}

TEST_CASE("all: a branch that gives up has the others asked to stop", "[all]") {
  three<int> op;
  op.branch[1].set_stopped();
  CHECK(op.token.stop_requested());
  op.branch[0].set_value(1);
  op.branch[2].set_value(1);
  CHECK(op.got.failed(fanout::no_index, errc::stopped));
}

TEST_CASE("all: a failure after a success is a failure, a success after a failure no success", "[all][I7]") {
  three<int> late;
  late.branch[0].set_value(1);
  late.branch[1].set_value(1);
  late.branch[2].set_error(io_error);
  CHECK(late.got.failed(2, io_error));

  three<int> early;
  early.branch[0].set_error(io_error);
  early.branch[1].set_value(1);
  early.branch[2].set_value(1);
  CHECK(early.got.failed(0, io_error));
}

TEST_CASE("all: the stop token is told before the failing branch lets go", "[all]") {
  // A stop callback completes the other branches: they all report inside the failing branch's set_error.
  // The callback goes first, inside its own run: once they have reported, there may be no operation to listen to.
  three<int> op;
  struct stops_listening {
    std::function<void()> f;
    void operator()() const { f(); }
  };
  std::optional<fanout::inplace_stop_callback<stops_listening>> on_stop;
  on_stop.emplace(op.token, stops_listening{[&] {
                    auto& heard = op;
                    auto& listening = on_stop;
                    listening.reset();
                    heard.branch[0].set_stopped();
                    heard.branch[2].set_stopped();
                    CHECK(heard.got.times == 0);
                  }});
  op.branch[1].set_error(io_error);
  CHECK(op.got.failed(1, io_error));
}

TEST_CASE("all without values: done, or the first cause", "[all]") {
  delivered<support::void_outcome<>> good;
  fanout::issue<void>(1, fanout::combine::all, good.completion()).start(0, [](auto branch) { branch.set_value(); });
  CHECK(good.succeeded());

  delivered<support::void_outcome<>> bad;
  fanout::issue<void>(1, fanout::combine::all, bad.completion()).start(0, [](auto branch) { branch(io_error); });
  REQUIRE(bad.once());
  CHECK(bad.failed(0, io_error));
}

}  // namespace
