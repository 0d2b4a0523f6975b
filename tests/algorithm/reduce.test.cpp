// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/reduce.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/errc.hpp"
#include "support/styles.hpp"

namespace {

using fanout::errc;

TEMPLATE_TEST_CASE("a sum, in every style: no elements, one, many; inline and from other threads",
                   "[algorithm][reduce][E1][E2]", support::by_callback, support::by_wait, support::by_future) {
  for (const int n : {0, 1, 50}) {
    std::vector<int> elements(static_cast<std::size_t>(n));
    std::iota(elements.begin(), elements.end(), 1);
    const auto inline_sum =
        TestType::run(fanout::reduce<int>(elements, [](int i, auto branch) { branch.set_value(i); }, 0, std::plus<>()));
    REQUIRE(inline_sum);
    CHECK(*inline_sum == n * (n + 1) / 2);
    support::threads threads;
    const auto f = [&](int i, auto branch) {
      threads.run([i, mine = std::move(branch)]() mutable { mine.set_value(i); });
    };
    const auto sum = TestType::run(fanout::reduce<int>(elements, f, 0, std::plus<>()));
    REQUIRE(sum);
    CHECK(*sum == n * (n + 1) / 2);
    const auto text =
        TestType::run(fanout::reduce_in_order<int>(elements, f, std::string(), [](std::string so_far, int i) {
          return std::move(so_far) + std::to_string(i) + ",";
        }));
    std::string expected;
    for (int i : elements) expected += std::to_string(i) + ",";
    REQUIRE(text);
    CHECK(*text == expected);
  }
}

TEMPLATE_TEST_CASE("the first error, in every style", "[algorithm][reduce][E18]", support::by_callback,
                   support::by_wait, support::by_future) {
  const auto outcome = TestType::run(fanout::reduce<int>(
      std::array{0, 1, 2},
      [](int i, auto branch) {
        if (i == 1) return branch.set_error(std::make_error_code(std::errc::io_error));
        branch.set_value(i);
      },
      0, std::plus<>()));
  REQUIRE(!outcome);
  CHECK(outcome.error().index == 1);
  CHECK(outcome.error().cause == std::errc::io_error);
}

TEST_CASE("what is folded into may only move", "[algorithm][reduce]") {
  auto outcome = fanout::wait(fanout::reduce<std::unique_ptr<int>>(
      std::array{1, 2}, [](int i, auto branch) { branch.set_value(std::make_unique<int>(i)); },
      std::vector<std::unique_ptr<int>>(),
      [](std::vector<std::unique_ptr<int>>& all, std::unique_ptr<int> one) { all.push_back(std::move(one)); }));
  REQUIRE(outcome);
  CHECK(outcome->size() == 2);
  CHECK(*outcome->at(1) == 2);
}

TEST_CASE("through a C interface, in a window", "[algorithm][reduce][errno_callback][E13]") {
  std::vector<int> elements(100, 1);
  const auto c_read = [](int element, int* out, auto callback, void* context) {
    *out = element;
    static_cast<void>(callback);
    static_cast<void>(context);
    return 0;  // done, it will not call
  };
  const auto outcome =
      fanout::wait(fanout::reduce<int, fanout::errno_callback>(elements, c_read, 0, std::plus<>()).window(3));
  REQUIRE(outcome);
  CHECK(*outcome == 100);
}

TEST_CASE("a C interface that fails is its branch's error", "[algorithm][reduce][errno_callback][E3]") {
  const auto outcome = fanout::wait(fanout::reduce<int, fanout::errno_callback>(
      std::array{0, 1}, [](int, int*, auto, void*) { return -EIO; }, 0, std::plus<>()));
  REQUIRE(!outcome);
  CHECK(outcome.error().cause == std::errc::io_error);
  CHECK(outcome.error().index == 0);
}

}  // namespace
