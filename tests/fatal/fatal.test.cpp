// SPDX-License-Identifier: BSL-1.0
// Mistakes that leave nothing to continue with end the program, with a sentence and in every build: with assertions and
// without. Each is made in a child process.
#include "fanout/fanout.hpp"

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "catch.hpp"
#include "support/child_process.hpp"

#if FANOUT_HAS_CHILD_PROCESSES

namespace {

using support::ended;
using support::run_in_child;

struct ignore {
  void operator()(auto&&) const noexcept {}
};
using embedded = fanout::embedded<int, 4, fanout::combine::all_policy<int>, ignore>;
using waiter = fanout::completion::waiter<fanout::result<fanout::values<int>, fanout::failure<>>>;

constexpr const char* not_delivered = "an embedded operation was destroyed before it was delivered";
constexpr const char* not_waited = "a waiter was destroyed before wait() returned";

}  // namespace

TEST_CASE("an embedded operation destroyed while a branch is out ends the program", "[embedded][fatal]") {
  const ended e = run_in_child([] {
    std::optional<embedded> op;
    op.emplace(fanout::combine::all_policy<int>{}, ignore{});
    embedded::issuer::branch out;
    {
      auto issuer = op->issue(1);
      issuer.start(0, [&out](auto branch) { out = std::move(branch); });
    }
    op.reset();
  });
  CHECK(e.by_abort());
  CHECK(e.saying(not_delivered));
}

TEST_CASE("an embedded operation destroyed before the seal ends the program", "[embedded][fatal]") {
  const ended e = run_in_child([] {
    std::optional<embedded> op;
    op.emplace(fanout::combine::all_policy<int>{}, ignore{});
    auto issuer = op->issue(1);
    op.reset();
  });
  CHECK(e.by_abort());
  CHECK(e.saying(not_delivered));
}

TEST_CASE("an embedded operation may be destroyed before it is issued and after it is delivered", "[embedded][fatal]") {
  const ended e = run_in_child([] {
    const embedded never_issued({}, {});
    embedded delivered({}, {});
    auto issuer = delivered.issue(1);
    issuer.start(0, [](auto branch) { branch.set_value(1); });
    std::move(issuer).seal();
  });
  CHECK(e.normally());
  CHECK(e.said.empty());
}

TEST_CASE("an embedded operation is issued once, within its capacity", "[embedded][fatal]") {
  const ended twice = run_in_child([] {
    embedded op({}, {});
    { auto first = op.issue(0); }
    auto second = op.issue(0);
  });
  CHECK(twice.by_abort());
  CHECK(twice.saying("an embedded operation was issued twice: it is single use"));

  const ended wide = run_in_child([] {
    embedded op({}, {});
    auto issuer = op.issue(5);
  });
  CHECK(wide.by_abort());
  CHECK(wide.saying("an embedded operation was issued with more branches than its capacity"));
}

TEST_CASE("a waiter destroyed before its wait has returned ends the program", "[wait][fatal]") {
  const ended outstanding = run_in_child([] {
    std::optional<waiter> delivered;
    delivered.emplace();
    auto issuer = fanout::issue<int>(1, fanout::combine::all, delivered->completion());
    delivered.reset();
  });
  CHECK(outstanding.by_abort());
  CHECK(outstanding.saying(not_waited));

  // Delivered, but not waited for: on another thread the delivery might still be unlocking.
  const ended never_waited = run_in_child([] {
    waiter delivered;
    auto issuer = fanout::issue<int>(0, fanout::combine::all, delivered.completion());
    std::move(issuer).seal();
  });
  CHECK(never_waited.by_abort());
  CHECK(never_waited.saying(not_waited));
}

TEST_CASE("a waiter may be destroyed unused and after its wait", "[wait][fatal]") {
  const ended e = run_in_child([] {
    const waiter unused;
    waiter delivered;
    auto issuer = fanout::issue<int>(0, fanout::combine::all, delivered.completion());
    std::move(issuer).seal();
    if (!delivered.wait()) _exit(1);
  });
  CHECK(e.normally());
  CHECK(e.said.empty());
}

#if !FANOUT_HAS_EXCEPTIONS
TEST_CASE("without exceptions, issue ends the program where it would throw, and names the way out", "[issue][fatal]") {
  const ended e =
      run_in_child([] { auto issuer = fanout::issue<int>(std::size_t{1} << 40, fanout::combine::all, ignore{}); });
  CHECK(e.by_abort());
  CHECK(e.saying("fanout::try_issue returns the error"));
}
#endif

#else

TEST_CASE("fatal mistakes", "[fatal]") { WARN("SKIPPED: no fork here"); }

#endif
