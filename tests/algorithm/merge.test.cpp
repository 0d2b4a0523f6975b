// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/merge.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <istream>
#include <optional>
#include <ranges>
#include <sstream>
#include <system_error>
#include <thread>
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

TEST_CASE("merge: a stream that stalls is held against the deadline", "[algorithm][merge][E7]") {
  for (const bool is_partial : {false, true}) {
    fanout::timer::manual timer;
    std::vector<int> out;
    std::optional<fanout::result<fanout::merged, fanout::failure<>>> came;
    struct giving_up {
      fanout::inplace_stop_token token;
    };
    auto describe = fanout::merge<int>(
                        std::vector{1, 2, 0},
                        [](int n, auto branch, auto token) {
                          if (n != 0) {
                            CHECK(branch.emit(std::array{n, n + 10}) == flow::go);
                            return branch.set_value();
                          }
                          // Has said how far it is, and then nothing more, until it is asked to stop.
                          using held = decltype(branch);
                          struct give_up {
                            held* of;
                            void operator()() const noexcept { of->set_stopped(); }
                          };
                          static_cast<void>(branch.watermark(2));
                          std::thread([b = std::move(branch), token]() mutable {
                            while (!token.stop_requested()) std::this_thread::yield();
                            b.set_stopped();
                          }).detach();
                        },
                        [&](int x) { out.push_back(x); })
                        .deadline(1s, timer);
    static_cast<void>(describe);
    (void)is_partial;
  }
}
