// SPDX-License-Identifier: BSL-1.0
#include "fanout/monitor.hpp"

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/quorum.hpp"
#include "fanout/algorithm/reduce.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/algorithm/wait.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/completion/monitored.hpp"
#include "fanout/completion/wait.hpp"
#include "fanout/issue.hpp"
#include "fanout/timer/manual.hpp"
#include "support/any_branch.hpp"
#include "support/delivered.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::errc;

/// Stands still until a test moves it.
struct stepped_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<stepped_clock>;
  static inline duration passed{1000h};
  static time_point now() noexcept { return time_point(passed); }
};
using monitor = fanout::basic_monitor<stepped_clock>;

std::vector<std::size_t> indices(const auto& m) {
  std::vector<std::size_t> all;
  for (const auto& one : m.outstanding_branches()) all.push_back(one.index());
  return all;
}
using list = std::vector<std::size_t>;

bool shows(const auto& m, std::size_t started, std::size_t finished, std::size_t failed) {
  const fanout::progress now = m.progress();
  CHECK(now.started == started);
  CHECK(now.finished == finished);
  CHECK(now.failed == failed);
  return m.started() == started && m.finished() == finished && m.failed() == failed &&
         m.outstanding() == started - finished;
}

const auto ignore = [](auto&&) noexcept {};

/// Keeps branches for the test to complete.
template <class Branch>
struct keeps {
  std::vector<Branch>& in;
  void operator()(auto&&, Branch branch) const { in.push_back(std::move(branch)); }
};

}  // namespace

TEST_CASE("a monitor counts what is started, finished and failed", "[monitor][E19]") {
  const fanout::monitor m;
  CHECK(shows(m, 0, 0, 0));
  CHECK_FALSE(m.branches());
  auto issuer = fanout::issue<int>(4, fanout::combine::all, fanout::completion::monitored(m, ignore));
  CHECK(m.branches() == std::size_t{4});
  std::vector<decltype(issuer)::branch> branches;
  for (std::size_t i = 0; i != 4; ++i) {
    CHECK(m.started() == i);
    issuer.start(i, [&](auto branch) {
      CHECK(m.started() == i + 1);
      branches.push_back(std::move(branch));
    });
  }
  std::move(issuer).seal();
  CHECK(shows(m, 4, 0, 0));
  branches[2].set_value(1);
  CHECK(shows(m, 4, 1, 0));
  CHECK(indices(m) == list{0, 1, 3});
  branches[0].set_error(std::errc::io_error);
  CHECK(shows(m, 4, 2, 1));
  branches[1].set_stopped();
  CHECK(shows(m, 4, 3, 1));
  CHECK_FALSE(m.is_delivered());
  { auto abandoned = std::move(branches[3]); }
  CHECK(shows(m, 4, 4, 2));
  CHECK(indices(m).empty());
  CHECK(m.is_delivered());
}

TEST_CASE("a monitor sees branches that complete inside start, and failures of every kind", "[monitor][E19]") {
  const fanout::monitor m;
  SECTION("all") {
    auto issuer = fanout::issue<int>(3, fanout::combine::all, fanout::completion::monitored(m, ignore));
    issuer.start(0, [](auto branch) { branch.set_value(1); });
    issuer.start(1, [](auto branch) { branch.set_error(std::errc::io_error); });
    // Stop has been requested: settled without being run.
    issuer.start(2, [](auto) { FAIL("run after a failure"); });
    CHECK(shows(m, 3, 3, 1));
  }
  SECTION("settle, in any order, one never issued") {
    auto issuer = fanout::issue<std::string>(3, fanout::combine::settle, fanout::completion::monitored(m, ignore));
    issuer.start(2, [](auto branch) { branch.set_error(std::errc::io_error); });
    issuer.start(0, [](auto branch) { branch.set_value("x"); });
    std::move(issuer).seal();
    CHECK(shows(m, 2, 2, 1));
    CHECK(m.is_delivered());
  }
#if FANOUT_HAS_EXCEPTIONS
  SECTION("a throwing initiator") {
    auto issuer = fanout::issue<int>(1, fanout::combine::settle, fanout::completion::monitored(m, ignore));
    issuer.start(0, [](auto) { throw 1; });
    CHECK(shows(m, 1, 1, 1));
  }
#endif
}

TEST_CASE("ages come from the monitor's clock, each branch's from its own start", "[monitor][E19]") {
  const monitor m;
  auto issuer = fanout::issue<int>(2, fanout::combine::all, fanout::completion::monitored(m, ignore));
  std::vector<decltype(issuer)::branch> branches;
  const auto keep = [&](auto branch) { branches.push_back(std::move(branch)); };
  stepped_clock::passed += 1s;
  issuer.start(0, keep);
  stepped_clock::passed += 250ms;
  issuer.start(1, keep);
  stepped_clock::passed += 2s;
  std::move(issuer).seal();
  const auto all = m.outstanding_branches();
  REQUIRE(all.size() == 2);
  CHECK(all[0].age() == 2250ms);
  CHECK(all[1].age() == 2s);
  CHECK(all[1].label().empty());
  for (auto& branch : branches) branch.set_value(1);
}

TEST_CASE("a monitor is asked while the operation runs on other threads, and after it is gone", "[monitor][E19]") {
  constexpr std::size_t n = 2000;
  std::atomic<bool> enough{false};
  const fanout::monitor m;
  std::thread asking([m, &enough] {
    std::size_t last = 0;
    while (!enough.load()) {
      const fanout::progress now = m.progress();
      if (now.finished > now.started || now.failed > now.finished || now.finished < last) std::abort();
      last = now.finished;
      for (const auto& one : m.outstanding_branches()) {
        if (one.index() >= n || one.age() < 0s) std::abort();
      }
    }
  });
  std::array<std::vector<std::function<void()>>, 2> work;
  {
    auto issuer = fanout::issue<int>(n, fanout::combine::settle, fanout::completion::monitored(m, ignore));
    for (std::size_t i = 0; i != n; ++i) {
      issuer.start(i, [&](auto branch) {
        work[i % 2].push_back([i, b = std::make_shared<decltype(branch)>(std::move(branch))] {
          if (i % 10 == 0) {
            b->set_error(std::errc::io_error);
          } else {
            b->set_value(1);
          }
        });
      });
    }
  }
  std::thread first([&] {
    for (auto& one : work[0]) one();
  });
  for (auto& one : work[1]) one();
  first.join();
  enough.store(true);
  asking.join();
  CHECK(shows(m, n, n, n / 10));
  CHECK(m.is_delivered());
  CHECK(indices(m).empty());
}

TEST_CASE("monitors are handles: copies look at the same operation, and may all go before it", "[monitor]") {
  std::vector<std::function<void()>> later;
  {
    fanout::monitor first;
    fanout::monitor second = first;
    auto issuer = fanout::issue<int>(2, fanout::combine::all, fanout::completion::monitored(first, ignore));
    for (std::size_t i = 0; i != 2; ++i) {
      issuer.start(i, [&](auto branch) {
        later.push_back([b = std::make_shared<decltype(branch)>(std::move(branch))] { b->set_value(1); });
      });
    }
    CHECK(second.started() == 2);
    fanout::monitor third = std::move(second);
    CHECK(second.started() == 0);
    CHECK(third.outstanding() == 2);
    second = third;
    CHECK(second.outstanding() == 2);
  }
  for (auto& one : later) one();
}

TEST_CASE("with N unknown a monitor grows with the operation", "[monitor][E19]") {
  constexpr std::size_t n = 200;
  const monitor m;
  auto issuer = fanout::issue<int>(fanout::combine::all, fanout::completion::monitored(m, ignore));
  std::vector<decltype(issuer)::branch> branches;
  for (std::size_t i = 0; i != n; ++i) {
    issuer.start([&](auto branch) { branches.push_back(std::move(branch)); });
    stepped_clock::passed += 1ms;
  }
  std::move(issuer).seal();
  CHECK_FALSE(m.branches());
  CHECK(m.outstanding() == n);
  const auto all = m.outstanding_branches();
  REQUIRE(all.size() == n);
  for (std::size_t i = 0; i != n; ++i) {
    CHECK(all[i].index() == i);
    CHECK(all[i].age() == (n - i) * 1ms);
  }
  for (const std::size_t i : {31u, 32u, 63u, 64u, 127u, 128u}) branches[i].set_value(1);
  CHECK(m.outstanding() == n - 6);
  CHECK(indices(m).size() == n - 6);
  for (auto& branch : branches) {
    if (branch) branch.set_value(1);
  }
  CHECK(m.is_delivered());
}

TEST_CASE("where slots are used again, a monitor knows what is in flight", "[monitor][window][E13][E19]") {
  std::vector<int> elements(100);
  for (std::size_t i = 0; i != 100; ++i) elements[i] = static_cast<int>(i);
  std::vector<std::pair<int, std::function<void()>>> out;
  int total = 0;
  const monitor m;
  fanout::reduce<int>(
      std::ref(elements),
      [&](int& x, auto branch) {
        out.emplace_back(x, [x, b = std::make_shared<decltype(branch)>(std::move(branch))] { b->set_value(x); });
      },
      0, [](int a, int b) { return a + b; })
      .window(3)
      .label([](int x) { return "number " + std::to_string(x); })
      .monitor(m)
      .then([&](auto outcome) noexcept { total = *outcome; });
  CHECK(m.started() == 3);
  // The first is slow: it stays, the others come and go around it.
  for (int turn = 0; turn != 60; ++turn) {
    stepped_clock::passed += 1s;
    auto next = std::move(out[1]);
    out.erase(out.begin() + 1);
    next.second();
    auto all = m.outstanding_branches();
    REQUIRE(all.size() == 3);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.index() < b.index(); });
    CHECK(all[0].index() == 0);
    CHECK(all[0].age() == (turn + 1) * 1s);
    CHECK(all[0].label() == "number 0");
    CHECK(all[2].index() == static_cast<std::size_t>(turn) + 3);
    CHECK(all[2].age() == 0s);
    CHECK(all[2].label() == "number " + std::to_string(turn + 3));
  }
  CHECK(m.started() == 63);
  while (!out.empty()) {
    auto next = std::move(out.back());
    out.pop_back();
    next.second();
  }
  CHECK(total == 99 * 100 / 2);
  CHECK(shows(m, 100, 100, 0));
  CHECK(m.is_delivered());
}

TEST_CASE("labels come from the description", "[monitor][label]") {
  const std::vector<std::string> hosts{"db-1", "db-2", "db-3"};
  std::vector<std::function<void()>> later;
  const monitor m;
  fanout::all<int>(hosts,
                   [&](const std::string&, auto branch) {
                     later.push_back([b = std::make_shared<decltype(branch)>(std::move(branch))] { b->set_value(1); });
                   })
      .monitor(m)
      .label([](const std::string& host) { return host; })
      .then(ignore);
  later[1]();
  stepped_clock::passed += 12345ms;
  std::vector<std::string> lines;
  m.dump_outstanding([&](std::string_view line) { lines.emplace_back(line); });
  CHECK(lines == std::vector<std::string>{"branch 0 \"db-1\" outstanding for 12.345 s",
                                          "branch 2 \"db-3\" outstanding for 12.345 s"});
  later[0]();
  later[2]();
  CHECK(m.is_delivered());
}

TEST_CASE("labels come from the function that a monitor is made with", "[monitor][label]") {
  const std::array<const char*, 2> names{"left", "right"};
  const monitor m([&](std::size_t i) { return names[i]; });
  auto issuer = fanout::issue<int>(2, fanout::combine::all, fanout::completion::monitored(m, ignore));
  std::vector<decltype(issuer)::branch> branches;
  for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto branch) { branches.push_back(std::move(branch)); });
  const auto all = m.outstanding_branches();
  CHECK(all[0].label() == "left");
  CHECK(all[1].label() == "right");
  for (auto& branch : branches) branch.set_value(1);
}

TEST_CASE("a label is cut between characters and never ends a line", "[monitor][label]") {
  fanout::outstanding_branch one(0, 0s);
  one.set_label("a\nb\tc\x7f");
  CHECK(one.label() == "a?b?c?");
  one.set_label(std::string(64, 'x'));
  CHECK(one.label() == std::string(64, 'x'));
  one.set_label(std::string(65, 'x'));
  CHECK(one.label() == std::string(64, 'x'));
  one.set_label(std::string(63, 'x') + "\xC3\xA4");  // two bytes, of which one would fit
  CHECK(one.label() == std::string(63, 'x'));
  one.set_label("");
  CHECK(one.label().empty());
}

TEST_CASE("a dump says how far the operation is and which branches are out", "[monitor][dump]") {
  const monitor m;
  auto issuer = fanout::issue<int>(3, fanout::combine::all, fanout::completion::monitored(m, ignore));
  std::vector<decltype(issuer)::branch> branches;
  for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [&](auto branch) { branches.push_back(std::move(branch)); });
  std::move(issuer).seal();
  branches[0].set_error(std::errc::io_error);
  stepped_clock::passed += 61s;
  const std::string expected =
      "fanout: 2 of 3 branches outstanding, 1 finished, 1 failed\n"
      "  branch 1 outstanding for 61.000 s\n"
      "  branch 2 outstanding for 61.000 s\n";
  SECTION("into memory") {
    std::array<char, 512> text;
    CHECK(m.dump_outstanding(text.data(), text.size()) == expected.size());
    CHECK(text.data() == expected);
  }
  SECTION("into too little memory") {
    std::array<char, 8> text;
    CHECK(m.dump_outstanding(text.data(), text.size()) == expected.size());
    CHECK(text.data() == expected.substr(0, 7));
    CHECK(m.dump_outstanding(nullptr, 0) == expected.size());
  }
  SECTION("into a file") {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    m.dump_outstanding(file);
    std::rewind(file);
    std::array<char, 512> text{};
    const std::size_t read = std::fread(text.data(), 1, text.size(), file);
    std::fclose(file);
    CHECK(std::string(text.data(), read) == expected);
  }
  branches[1].set_value(1);
  branches[2].set_value(1);
  std::array<char, 128> text;
  m.dump_outstanding(text.data(), text.size());
  CHECK(text.data() == std::string("fanout: 0 of 3 branches outstanding, 3 finished, 1 failed, delivered\n"));
}

TEST_CASE("a monitor is told of delivery before a thread is woken with the outcome", "[monitor][wait]") {
  std::array<int, 3> elements{1, 2, 3};
  const fanout::monitor m;
  std::vector<std::thread> threads;
  auto outcome = fanout::wait(fanout::all<int>(std::ref(elements), [&](int& x, auto branch) {
                                threads.emplace_back([&x, b = std::move(branch)]() mutable { b.set_value(x); });
                              }).monitor(m));
  CHECK(m.is_delivered());
  CHECK(shows(m, 3, 3, 0));
  CHECK(outcome->size() == 3);
  for (auto& one : threads) one.join();
}

TEST_CASE("delivered at decided, a monitor still sees the stragglers", "[monitor][decided]") {
  std::array<int, 3> elements{1, 2, 3};
  std::vector<std::function<void()>> later;
  const fanout::monitor m;
  fanout::quorum<int>(2, std::ref(elements),
                      [&](int& x, auto branch) {
                        later.push_back([&x, b = std::make_shared<decltype(branch)>(std::move(branch))] {
                          if (x == 2) {
                            b->set_error(std::errc::io_error);
                          } else {
                            b->set_value(x);
                          }
                        });
                      })
      .deliver_at(fanout::decided)
      .monitor(m)
      .then(ignore);
  later[0]();
  CHECK_FALSE(m.is_delivered());
  later[2]();
  CHECK(m.is_delivered());
  CHECK(indices(m) == list{1});
  later[1]();
  CHECK(shows(m, 3, 3, 1));
  CHECK(indices(m).empty());
}

TEST_CASE("a monitor looks on beside a window, a stop token and a deadline's absence", "[monitor][window]") {
  std::list<int> elements{1, 2, 3, 4, 5};
  fanout::inplace_stop_source stop;
  std::vector<std::function<void()>> later;
  const fanout::monitor m;
  bool stopped = false;
  fanout::settle<int>(
      std::ref(elements),
      [&](int& x, auto branch, auto) {
        later.push_back([&x, b = std::make_shared<decltype(branch)>(std::move(branch))] { b->set_value(x); });
      })
      .window(2)
      .stop_on(stop.get_token())
      .monitor(m)
      .then([&](auto outcome) noexcept { stopped = outcome.has_value(); });
  CHECK(shows(m, 2, 0, 0));
  later[0]();
  CHECK(shows(m, 3, 1, 0));
  stop.request_stop();
  later[1]();
  later[2]();
  CHECK(stopped);
  CHECK(shows(m, 3, 3, 0));
  CHECK(m.is_delivered());
}

TEST_CASE("a monitor sees a branch from its first attempt to its last", "[monitor][attempting][E19]") {
  fanout::timer::manual_timer clock;
  const auto check = [&](auto add) {
    const fanout::monitor m;
    std::vector<support::any_branch> attempts;
    support::delivered<support::settle_outcome<int>> got;
    add(fanout::settle<int>(std::array{7, 8}, [&](int, auto branch, auto) { attempts.emplace_back(std::move(branch)); })
            .monitor(m)
            .label([](int n) { return std::to_string(n); })
            .retry(fanout::exponential_backoff({.base = 1ms, .spread = fanout::jitter::none, .max_attempts = 2}), clock)
            .timeout(10ms, clock))
        .then(got.completion());
    CHECK(shows(m, 2, 0, 0));
    attempts[0].set_error(std::make_error_code(std::errc::io_error));
    CHECK(shows(m, 2, 0, 0));  // it waits for its next attempt
    CHECK(indices(m) == list{0, 1});
    CHECK(m.outstanding_branches().front().label() == "7");
    attempts[1].set_value(1);
    clock.advance(1ms);
    REQUIRE(attempts.size() == 3);
    CHECK(shows(m, 2, 1, 0));
    attempts[2].set_error(std::make_error_code(std::errc::io_error));
    CHECK(shows(m, 2, 2, 1));
    CHECK(m.is_delivered());
    CHECK(got.succeeded());
  };
  check([](auto description) { return description; });
  check([](auto description) { return std::move(description).window(2); });
  check([&](auto description) { return std::move(description).deadline(1h, clock); });
}

TEST_CASE("a monitor of no branches at all", "[monitor][E1]") {
  const fanout::monitor m;
  { auto issuer = fanout::issue<int>(0, fanout::combine::all, fanout::completion::monitored(m, ignore)); }
  CHECK(m.is_delivered());
  CHECK(m.branches() == std::size_t{0});
  CHECK(shows(m, 0, 0, 0));
  CHECK(indices(m).empty());
}
