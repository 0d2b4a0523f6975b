// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/merge.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <istream>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/timer/manual.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::flow;

struct line {
  int time = 0;
  std::size_t host = 0;
};

// Emits one element's numbers and completes, inside start.
struct emit_all {
  template <class Branch>
  void operator()(const std::vector<int>& numbers, Branch branch) const noexcept {
    static_cast<void>(branch.emit(numbers));
    branch.set_value();
  }
};

const std::vector<std::vector<int>> three{{1, 4, 7}, {}, {2, 3, 9}};

}  // namespace

TEST_CASE("merge: one stream per element, in order", "[algorithm][merge]") {
  std::vector<int> out;
  const auto r = fanout::wait(fanout::merge<int>(three, emit_all(), [&](int x) { out.push_back(x); }));
  REQUIRE(r);
  CHECK(r->delivered == 6);
  CHECK(r->disorder == 0);
  CHECK(out == std::vector{1, 2, 3, 4, 7, 9});
}

TEST_CASE("merge: the sink is told whose an item is", "[algorithm][merge]") {
  std::vector<std::size_t> whose;
  const auto r = fanout::wait(fanout::merge<line>(
      std::views::iota(std::size_t{0}, std::size_t{3}),
      [](std::size_t host, auto branch) {
        for (int k = 0; k != 2; ++k) CHECK(branch.emit(line{10 * k - static_cast<int>(host), host}) == flow::go);
        branch.set_value();
      },
      [&](std::size_t i, line&& l) {
        CHECK(l.host == i);
        whose.push_back(i);
      },
      &line::time));
  REQUIRE(r);
  CHECK(whose == std::vector<std::size_t>{2, 1, 0, 2, 1, 0});
}

TEST_CASE("merge: the order holds where N is found out while issuing", "[algorithm][merge][open]") {
  std::istringstream numbers("3 1 2");
  std::vector<int> out;
  const auto r = fanout::wait(fanout::merge<int>(
      std::views::istream<int>(numbers),
      [](int n, auto branch) {
        CHECK(branch.emit(std::array{n, n + 10}) == flow::go);
        branch.set_value();
      },
      [&](int x) { out.push_back(x); }));
  REQUIRE(r);
  CHECK(r->disorder == 0);
  CHECK(out == std::vector{1, 2, 3, 11, 12, 13});
}

TEST_CASE("merge: with what combine::merge was told", "[algorithm][merge][tolerate]") {
  std::vector<int> out;
  const auto r = fanout::wait(fanout::merge<int>(
      three,
      [](const std::vector<int>& numbers, auto branch) {
        if (numbers.empty()) return branch.set_error(std::errc::io_error);
        static_cast<void>(branch.emit(numbers));
        branch.set_value();
      },
      fanout::combine::merge<int>([&](int x) { out.push_back(x); }).tolerate().buffer(64)));
  REQUIRE(r);
  CHECK(r->delivered == 6);
  REQUIRE(r->failed.size() == 1);
  CHECK(r->failed[0].index == 1);
}

TEST_CASE("merge: an empty range succeeds", "[algorithm][merge][E1]") {
  const auto r = fanout::wait(fanout::merge<int>(std::vector<std::vector<int>>(), emit_all(), [](int) {}));
  REQUIRE(r);
  CHECK(r->delivered == 0);
}

namespace {

// 1 and 2 emit n and n + 10 and complete; 0 says by a watermark how far it is, and then nothing until `end` is called.
struct one_stalls {
  std::function<void()>* end;

  template <class Branch, class Token>
  void operator()(int n, Branch branch, Token) const {
    if (n != 0) {
      static_cast<void>(branch.emit(std::array{n, n + 10}));
      return branch.set_value();
    }
    CHECK(branch.watermark(2) == flow::go);
    *end = [b = std::make_shared<Branch>(std::move(branch))] {
      CHECK(b->emit(5) == flow::stop);
      b->set_stopped();
    };
  }
};

}  // namespace

TEST_CASE("merge: a deadline drops what waits for a stream that stalls, or delivers it", "[algorithm][merge][E7]") {
  fanout::timer::manual_timer timer;
  std::function<void()> end;
  std::vector<int> out;
  std::optional<fanout::result<fanout::merged, fanout::failure<>>> came;
  const auto sink = [&](int x) { out.push_back(x); };
  const auto done = [&](auto outcome) noexcept { came.emplace(std::move(outcome)); };
  auto description = fanout::merge<int>(std::vector{1, 2, 0}, one_stalls{&end}, sink).deadline(1s, timer);

  SECTION("by default it is dropped") {
    std::move(description).then(done);
    CHECK(out == std::vector{1, 2});
    timer.advance(1s);
    CHECK(out == std::vector{1, 2});
    CHECK_FALSE(came);
    end();
    REQUIRE(came);
    CHECK((*came).error().cause == fanout::errc::deadline);
  }
  SECTION("on_deadline(partial) delivers it") {
    std::move(description).on_deadline(fanout::partial).then(done);
    CHECK(out == std::vector{1, 2});
    timer.advance(1s);
    CHECK(out == std::vector{1, 2, 11, 12});
    end();
    REQUIRE(came);
    REQUIRE(*came);
    CHECK((**came).delivered == 4);
    CHECK((**came).disorder == 0);
  }
  SECTION("and at decided nobody waits for the stream") {
    std::move(description).on_deadline(fanout::partial).deliver_at(fanout::decided).then(done);
    timer.advance(1s);
    REQUIRE(came);
    CHECK((**came).delivered == 4);
    end();
  }
}

TEST_CASE("merge: a stop request ends it", "[algorithm][merge][E4]") {
  fanout::inplace_stop_source source;
  std::function<void()> end;
  std::vector<int> out;
  std::optional<fanout::result<fanout::merged, fanout::failure<>>> came;
  fanout::merge<int>(std::vector{1, 2, 0}, one_stalls{&end}, [&](int x) { out.push_back(x); })
      .stop_on(source.get_token())
      .then([&](auto outcome) noexcept { came.emplace(std::move(outcome)); });
  source.request_stop();
  CHECK_FALSE(came);
  end();
  REQUIRE(came);
  CHECK((*came).error().cause == fanout::errc::stopped);
  CHECK(out == std::vector{1, 2});
}
