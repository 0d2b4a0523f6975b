// SPDX-License-Identifier: BSL-1.0
#include "fanout/timer.hpp"

#include <chrono>
#include <type_traits>

#include "catch.hpp"

namespace {

/// The least that is a timer service, written without the library.
struct never {
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  using time_point = clock::time_point;
  struct entry {
    explicit entry(void (*)(entry&) noexcept) noexcept {}
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
  };
  time_point now() noexcept { return {}; }
  void arm(entry&, time_point) noexcept {}
  bool cancel(entry&) noexcept { return true; }
};

struct arming_may_throw : never {
  void arm(entry&, time_point) {}
};
struct cancel_says_nothing : never {
  void cancel(entry&) noexcept {}
};
struct entry_can_be_moved : never {
  struct entry {
    explicit entry(void (*)(entry&) noexcept) noexcept {}
  };
  void arm(entry&, time_point) noexcept {}
  bool cancel(entry&) noexcept { return true; }
};
struct entry_cannot_be_made : never {
  struct entry {
    entry() = default;
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
  };
  void arm(entry&, time_point) noexcept {}
  bool cancel(entry&) noexcept { return true; }
};

using fanout::timer::timer_service;

static_assert(timer_service<never>);
static_assert(!timer_service<int>);
static_assert(!timer_service<arming_may_throw>);
static_assert(!timer_service<cancel_says_nothing>);
static_assert(!timer_service<entry_can_be_moved>);
static_assert(!timer_service<entry_cannot_be_made>);

struct dependent;
static_assert(!fanout::detail::has_default_timer<dependent>, "nothing here includes default_service.hpp");

}  // namespace

// A program's own default service, in place of the library's.
namespace fanout::detail {
template <>
struct default_timer<int> {
  using type = never;
  static type& get() {
    static never only;
    return only;
  }
};
}  // namespace fanout::detail

TEST_CASE("a program can say itself what its default timer service is", "[timer][concept]") {
  CHECK(std::is_same_v<decltype(fanout::detail::get_default_timer<int>()), never&>);
  CHECK(&fanout::detail::get_default_timer<int>() == &fanout::detail::get_default_timer<int>());
}
