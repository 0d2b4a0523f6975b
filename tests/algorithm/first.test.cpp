// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/first.hpp"

#include <array>
#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/stop_token.hpp"
#include "support/attempts.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::attempts;
using support::delivered;

using outcome = fanout::result<fanout::winner<int>, fanout::reported_failure<int>>;

TEST_CASE("the first to report decides, with a value", "[first]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::first<int>(std::array{1, 2, 3}, tries.initiator()).then(got.completion());
  tries.succeed(1, 7);
  CHECK(tries.cancel_asked() == 2);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->index == 1);
  CHECK(got.outcome()->value == 7);
}

TEST_CASE("the first to report decides, with an error", "[first]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::first<int>(std::array{1, 2, 3}, tries.initiator()).then(got.completion());
  tries.fail(2, std::errc::timed_out);
  tries.succeed(0, 1);  // too late
  CHECK(tries.cancel_asked() == 1);
  CHECK(got.failed(2, std::make_error_code(std::errc::timed_out)));
}

TEST_CASE("who gives up has not reported; without elements there is nobody to win", "[first][E1]") {
  fanout::timer::manual_timer clock;
  attempts tries(clock);
  delivered<outcome> got;
  fanout::first<int>(std::array{1, 2}, tries.initiator()).then(got.completion());
  tries.give_up(0);
  CHECK_FALSE(tries.asked_to_stop(1));
  tries.succeed(1, 3);
  REQUIRE(got.succeeded());
  CHECK(got.outcome()->index == 1);

  delivered<outcome> none;
  fanout::first<int>(std::vector<int>(), [](int, auto, auto) { FAIL("ran"); }).then(none.completion());
  CHECK(none.failed(fanout::no_index, errc::no_candidates));
}

// ---------------------------------------------------------------------------------------------------------------------
// A long-lived token that many races listen to, one after the other: .NET's WhenAny once left a listener behind per race.

// A stop source of its own, that counts who listens.
struct listeners {
  long now = 0;
  long ever = 0;
};
struct counting_token {
  listeners* count = nullptr;

  template <class F>
  class callback_type {
   public:
    template <class G>
    callback_type(counting_token token, G&& g) noexcept : f_(std::forward<G>(g)), count_(token.count) {
      ++count_->now;
      ++count_->ever;
    }
    callback_type(const callback_type&) = delete;
    callback_type& operator=(const callback_type&) = delete;
    ~callback_type() { --count_->now; }

   private:
    F f_;
    listeners* count_;
  };

  bool stop_requested() const noexcept { return false; }
  bool stop_possible() const noexcept { return true; }
  [[maybe_unused]] friend bool operator==(counting_token, counting_token) noexcept = default;
};
static_assert(fanout::stoppable_token<counting_token>);

TEST_CASE("losing does not accumulate listeners", "[first][leak]") {
  listeners count;
  fanout::timer::manual_timer clock;
  for (int race = 0; race != 100'000; ++race) {
    bool won = false;
    fanout::first<int>(std::array{1, 2},
                       [](int n, auto branch, auto token) {
                         if (n == 1 || token.stop_requested()) return branch({}, n);
                         branch.set_stopped();
                       })
        .stop_on(counting_token{&count})
        .then([&](auto o) noexcept { won = o.has_value(); });
    if (!won || count.now != 0) FAIL("after " << race << " races there are " << count.now << " listeners");
  }
  CHECK(count.ever == 100'000);

  // The same while the losers are still out, and with the winner at decided.
  for (int race = 0; race != 1'000; ++race) {
    attempts tries(clock);
    fanout::first<int>(std::array{1, 2}, tries.initiator())
        .stop_on(counting_token{&count})
        .deliver_at(fanout::decided)
        .then([](auto) noexcept {});
    REQUIRE(count.now == 1);
    tries.succeed(0, 1);
    REQUIRE(count.now == 0);
    tries.give_up(1);
  }
}

}  // namespace
