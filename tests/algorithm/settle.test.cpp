// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/settle.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::delivered;
using support::settle_outcome;

TEST_CASE("settle: every element is started and told apart", "[algorithm][settle]") {
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{1, 2, 3, 4}, [](int n, auto branch) {
    if (n == 1) branch({}, 10);
    if (n == 2) branch(EIO);
    if (n == 3) branch.set_stopped();
  }).then(got.completion());
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 10);
  CHECK(all[1].error() == std::errc::io_error);
  CHECK(all[2].stopped());
  CHECK(all[3].error() == errc::abandoned);
  CHECK(all.disturbance() == nullptr);
}

TEST_CASE("settle: nothing to do is done", "[algorithm][settle][E1]") {
  delivered<settle_outcome<void>> got;
  fanout::settle<void>(std::vector<int>(), [](int, auto) { FAIL("ran"); }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->empty());
}

TEST_CASE("settle: C initiators' return values and callbacks", "[algorithm][settle][c]") {
  delivered<settle_outcome<int>> got;
  fanout::settle<int, fanout::errno_callback>(std::array{1, 2, 3}, [](int n, int* out, void (*callback)(int, void*),
                                                                      void* context) {
    *out = n;
    if (n == 1) return 0;
    if (n == 2) return -EIO;
    callback(ETIMEDOUT, context);
    return -EINPROGRESS;
  }).then(got.completion());
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 1);
  CHECK(all[1].error() == std::errc::io_error);
  CHECK(all[2].error() == std::errc::timed_out);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("settle: exceptions by branch", "[algorithm][settle][E3b]") {
  delivered<settle_outcome<int, std::exception_ptr>> got;
  fanout::settle<int, fanout::handler, std::exception_ptr>(std::array{1, 2}, [](int n, auto branch) {
    if (n == 1) throw 'x';
    branch({}, n);
  }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK_THROWS_AS(std::rethrow_exception((*got.outcome())[0].error()), char);
  CHECK(*(*got.outcome())[1] == 2);
}
#endif

}  // namespace
