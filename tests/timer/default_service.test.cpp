// SPDX-License-Identifier: BSL-1.0
#include "fanout/timer/default_service.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <type_traits>

#include "catch.hpp"
#include "timer/event.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::timer::default_service;
using fanout::timer::service;

struct reaches : service::entry {
  reaches() : service::entry([](service::entry& e) noexcept { static_cast<reaches&>(e).reached.set(); }) {}
  event reached;
};

void use() {
  reaches soon, later;
  default_service().arm(later, service::now() + 1h);
  default_service().arm(soon, service::now());
  soon.reached.wait();
  if (!default_service().cancel(later)) std::abort();
}

// Made before main and before the service, so destroyed after all that the service might have had destroyed with it.
struct uses_it_last {
  ~uses_it_last() {
    use();
    std::puts("used after the end of main");
  }
};
const uses_it_last at_exit;

// Made before main, with the service in use.
struct uses_it_first {
  uses_it_first() { use(); }
};
const uses_it_first before_main;

}  // namespace

TEST_CASE("the default service is one, whoever asks for it", "[timer][default_service]") {
  service* theirs = nullptr;
  std::thread other([&] { theirs = &default_service(); });
  other.join();
  CHECK(theirs == &default_service());
  use();
}

TEST_CASE("including it gives durations a timer", "[timer][default_service]") {
  CHECK(fanout::detail::has_default_timer<int>);
  CHECK(std::is_same_v<fanout::detail::default_timer<int>::type, service>);
  CHECK(&fanout::detail::get_default_timer<int>() == &default_service());
}
