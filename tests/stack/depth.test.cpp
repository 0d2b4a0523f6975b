// SPDX-License-Identifier: BSL-1.0
// Nothing of ours recurses with N (I5): a million of everything, on a thread whose stack is 64 KiB.
#include "fanout/fanout.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/merge.hpp"

#include "support/any_branch.hpp"
#include "support/small_stack.hpp"

#if FANOUT_HAS_SMALL_STACK

namespace {

using support::any_branch;
using support::on_small_stack;

constexpr std::size_t a_million = 1'000'000;

struct chain {
  std::size_t succeeded = 0, failed = 0;
};

/// Passes a success on to the branch of the operation below, which it holds. A failure it does not pass on: the branch
/// is dropped with this object.
struct pass_on {
  chain* seen;
  any_branch below;

  template <class Outcome>
  void operator()(const Outcome& outcome) && noexcept {
    if (!outcome) {
      ++seen->failed;
      return;
    }
    ++seen->succeeded;
    below.set_value();
  }
};

/// A chain of a million operations of one branch each. Returns the only branch that nobody waits behind.
any_branch build_chain(chain& seen) {
  auto last = fanout::issue<void>(1, fanout::combine::all,
                                  [&seen](auto outcome) noexcept { ++(outcome ? seen.succeeded : seen.failed); });
  auto* deepest = new any_branch();
  const auto keep = [&deepest](auto branch) {
    delete deepest;
    deepest = new any_branch(std::move(branch));
  };
  last.start(0, keep);
  std::move(last).seal();
  for (std::size_t i = 1; i != a_million; ++i) {
    auto issuer = fanout::issue<void>(1, fanout::combine::all, pass_on{&seen, std::move(*deepest)});
    issuer.start(0, keep);
  }
  any_branch result(std::move(*deepest));
  delete deepest;
  return result;
}

}  // namespace

TEST_CASE("a million branches that complete inside start take no stack", "[stack][I5]") {
  std::size_t sum = 0;
  on_small_stack([&sum] {
    auto issuer = fanout::issue<int>(a_million, fanout::combine::all, [&sum](auto outcome) noexcept {
      for (int value : *outcome) sum += static_cast<std::size_t>(value);
    });
    for (std::size_t i = 0; i != a_million; ++i) issuer.start(i, [](auto branch) { branch.set_value(1); });
  });
  CHECK(sum == a_million);
}

TEST_CASE("a million branches of an operation whose N is unknown take no stack", "[stack][I5]") {
  std::size_t sum = 0;
  on_small_stack([&sum] {
    auto issuer = fanout::issue<int>(fanout::combine::all, [&sum](auto outcome) noexcept {
      for (int value : *outcome) sum += static_cast<std::size_t>(value);
    });
    for (std::size_t i = 0; i != a_million; ++i) issuer.start([](auto branch) { branch.set_value(1); });
  });
  CHECK(sum == a_million);
}

TEST_CASE("a million branches that are dropped after the seal take no stack", "[stack][I5]") {
  std::size_t abandoned = 0;
  on_small_stack([&abandoned] {
    auto issuer = fanout::issue<int>(a_million, fanout::combine::settle, [&abandoned](auto outcome) noexcept {
      for (auto one : *outcome) abandoned += !one && one.error() == fanout::errc::abandoned;
    });
    std::vector<decltype(issuer)::branch> branches;
    for (std::size_t i = 0; i != a_million; ++i) {
      issuer.start(i, [&branches](auto branch) { branches.push_back(std::move(branch)); });
    }
    std::move(issuer).seal();
    branches.clear();
  });
  CHECK(abandoned == a_million);
}

TEST_CASE("a chain of a million operations completes from its end in the stack of one", "[stack][I5]") {
  chain seen;
  on_small_stack([&seen] { build_chain(seen).set_value(); });
  CHECK(seen.succeeded == a_million);
  CHECK(seen.failed == 0);
}

TEST_CASE("a chain of a million operations is destroyed from its end in the stack of one", "[stack][I5]") {
  chain seen;
  on_small_stack([&seen] { any_branch dropped(build_chain(seen)); });
  CHECK(seen.succeeded == 0);
  CHECK(seen.failed == a_million);
}

TEST_CASE("a chain of a million operations that stop asks to give up ends in the stack of one", "[stack][I5]") {
  // Each operation's branch gives up when its own operation is asked to stop; the request goes down by dropping.
  chain seen;
  bool stopped = false;
  on_small_stack([&] {
    fanout::inplace_stop_source source;
    auto op = fanout::issue<void>(1, fanout::combine::all,
                                  fanout::completion::stoppable(source.get_token(), pass_on{&seen, build_chain(seen)}));
    using branch = decltype(op)::branch;
    struct give_up {
      branch* of;
      void operator()() const noexcept { of->set_stopped(); }
    };
    branch waiting;
    op.start(0, [&waiting](branch b) { waiting = std::move(b); });
    std::move(op).seal();
    fanout::inplace_stop_callback<give_up> on_stop(source.get_token(), give_up{&waiting});
    stopped = source.request_stop();
  });
  CHECK(stopped);
  CHECK(seen.failed == a_million + 1);
}

TEST_CASE("a million emissions, and the pauses between them, take no stack", "[stack][stream][I5]") {
  // One is far ahead and pauses at every item; each item of the other resumes it, inside its own emission.
  std::size_t delivered = 0, pauses = 0;
  on_small_stack([&] {
    const auto count = [&delivered](int) noexcept { ++delivered; };
    auto issuer = fanout::issue<void>(2, fanout::combine::merge<int>(count).buffer(1), [](auto) noexcept {});
    using branch = decltype(issuer)::branch;
    struct producer {
      branch to;
      std::size_t* pauses;
      int next = 0;
      void run() noexcept {
        while (next != static_cast<int>(a_million / 2)) {
          if (to.emit(next++) != fanout::flow::pause) continue;
          ++*pauses;
          return to.on_resume([this]() noexcept { run(); });
        }
        to.set_value();
      }
    } ahead{{}, &pauses};
    issuer.start(0, [&ahead](branch b) { ahead.to = std::move(b); });
    ahead.run();
    issuer.start(1, [](branch b) {
      for (int i = 0; i != static_cast<int>(a_million / 2); ++i) static_cast<void>(b.emit(i));
      b.set_value();
    });
  });
  CHECK(delivered == a_million);
  CHECK(pauses > a_million / 4);
}

TEST_CASE("a producer that is resumed at once, a million times, takes no stack", "[stack][stream][I5]") {
  std::size_t resumed = 0;
  on_small_stack([&resumed] {
    auto issuer = fanout::issue<void>(1, fanout::combine::merge<int>([](int) noexcept {}), [](auto) noexcept {});
    issuer.start(0, [&resumed](auto branch) {
      struct turn {
        decltype(branch)* of;
        std::size_t* count;
        void operator()() const noexcept {
          if (++*count != a_million) of->on_resume(*this);
        }
      };
      branch.on_resume(turn{&branch, &resumed});
      branch.set_value();
    });
  });
  CHECK(resumed == a_million);
}

#else

TEST_CASE("stack depth", "[stack][I5]") { WARN("SKIPPED: no pthread_attr_setstacksize here"); }

#endif
