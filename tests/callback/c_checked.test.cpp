// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
// That no rule is broken where c_checked stands guard must be seen, so this one comes before the header under test.
#include "fanout/callback/c_checked.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

namespace {

using support::all_outcome;
using support::delivered;
using support::settle_outcome;
using c_callback = void (*)(int, void*);
using checked = fanout::c_checked<>;

static_assert(fanout::c_initiator_policy<checked>);

std::atomic<int> late_calls = 0;
std::atomic<std::size_t> late_branch = 0;

// Counts late callbacks as long as it lives.
class late_watch {
 public:
  late_watch() noexcept
      : previous_(fanout::on_late_callback([](const fanout::late_callback& late) noexcept {
          late_calls.fetch_add(1);
          late_branch = late.branch;
        })) {
    late_calls = 0;
  }
  late_watch(const late_watch&) = delete;
  late_watch& operator=(const late_watch&) = delete;
  ~late_watch() { fanout::on_late_callback(previous_); }

 private:
  fanout::late_callback_handler previous_;
};

TEST_CASE("a checked branch completes as an unchecked one", "[c_checked]") {
  const late_watch watch;
  delivered<all_outcome<int>> got;
  c_callback callback = nullptr;
  void* context = nullptr;
  {
    auto issuer = fanout::issue<int, checked>(4, fanout::combine::all, got.completion());
    issuer.start_c(0, [&](int* out, c_callback c, void* ctx) {
      *out = 1;
      callback = c;
      context = ctx;
      return -EINPROGRESS;
    });
    issuer.start_c(1, [](int* out, c_callback c, void* ctx) {
      *out = 2;
      c(0, ctx);
      return -EINPROGRESS;
    });
    issuer.start_c(2, [](int* out, c_callback, void*) {
      *out = 3;
      return 0;
    });
    issuer.start(3, [](auto branch) { branch(0, 4); });
  }
  CHECK(got.times == 0);
  callback(0, context);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2, 3, 4}));
  CHECK(late_calls == 0);
}

TEST_CASE("a second callback is named and ignored, also when the operation is gone", "[c_checked][I4]") {
  const late_watch watch;
  c_callback callback = nullptr;
  void* contexts[2] = {};
  {
    delivered<all_outcome<int>> got;
    {
      auto issuer = fanout::issue<int, checked>(2, fanout::combine::all, got.completion());
      for (std::size_t i = 0; i != 2; ++i) {
        issuer.start_c(i, [&](int* out, c_callback c, void* ctx) {
          *out = 1;
          callback = c;
          contexts[i] = ctx;
          return -EINPROGRESS;
        });
      }
    }
    callback(0, contexts[1]);
    callback(0, contexts[1]);
    CHECK(late_calls == 1);
    CHECK(late_branch == 1);
    CHECK(got.times == 0);
    callback(0, contexts[0]);
    CHECK(got.succeeded());
  }
  callback(0, contexts[0]);
  callback(EIO, contexts[1]);
  CHECK(late_calls == 3);
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("a callback that comes although the return value had reported is named, and the other way round",
          "[c_checked][I4]") {
  const late_watch watch;
  delivered<settle_outcome<int>> got;
  c_callback callback = nullptr;
  void* context = nullptr;
  {
    auto issuer = fanout::issue<int, checked>(2, fanout::combine::settle, got.completion());
    issuer.start_c(0, [&](int*, c_callback c, void* ctx) {
      callback = c;
      context = ctx;
      return -EIO;
    });
    callback(0, context);
    CHECK(late_calls == 1);
    CHECK(late_branch == 0);
    issuer.start_c(1, [&](int* out, c_callback c, void* ctx) {
      *out = 5;
      c(0, ctx);  // it came first, so it counts
      return -EIO;
    });
    CHECK(late_calls == 2);
    CHECK(late_branch == 1);
  }
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == std::errc::io_error);
  CHECK(*(*got.outcome())[1] == 5);
}

TEST_CASE("of concurrent duplicates exactly one completes the branch", "[c_checked][I4]") {
  const late_watch watch;
  constexpr int rounds = 100;
  for (int round = 0; round != rounds; ++round) {
    delivered<all_outcome<int>> got;
    std::atomic<int> ready = 0;
    c_callback callback = nullptr;
    void* context = nullptr;
    {
      auto issuer = fanout::issue<int, checked>(1, fanout::combine::all, got.completion());
      issuer.start_c(0, [&](int* out, c_callback c, void* ctx) {
        *out = 1;
        callback = c;
        context = ctx;
        return -EINPROGRESS;
      });
    }
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t) {
      threads.emplace_back([&] {
        ready.fetch_add(1);
        while (ready.load() != 3) std::this_thread::yield();
        callback(0, context);
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(got.succeeded());
  }
  CHECK(late_calls == 2 * rounds);
  CHECK(support::take_broken_rules().empty());
}

TEST_CASE("thousands of contexts are in flight at once, all different, and used again later", "[c_checked]") {
  const late_watch watch;
  for (int round = 0; round != 3; ++round) {
    constexpr std::size_t n = 5000;
    delivered<all_outcome<int>> got;
    std::vector<void*> contexts;
    c_callback callback = nullptr;
    {
      auto issuer = fanout::issue<int, checked>(n, fanout::combine::all, got.completion());
      for (std::size_t i = 0; i != n; ++i) {
        issuer.start_c(i, [&](int* out, c_callback c, void* ctx) {
          *out = static_cast<int>(i);
          callback = c;
          contexts.push_back(ctx);
          return -EINPROGRESS;
        });
      }
    }
    CHECK(std::set<void*>(contexts.begin(), contexts.end()).size() == n);
    for (void* context : contexts) callback(0, context);
    REQUIRE(got.succeeded());
    CHECK((*got.outcome())[n - 1] == static_cast<int>(n) - 1);
    for (void* context : contexts) callback(0, context);
    CHECK(late_calls == static_cast<int>(n) * (round + 1));
  }
}

TEST_CASE("a released checked branch completes through its handle", "[c_checked]") {
  const late_watch watch;
  delivered<all_outcome<int>> got;
  fanout::issue<int, checked>(1, fanout::combine::all, got.completion()).start(0, [](auto branch) {
    const auto door = branch.release();
    REQUIRE(door);
    *door.out = 6;
    door.callback(0, door.context);
    door.callback(0, door.context);
  });
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {6}));
  CHECK(late_calls == 1);
}

TEST_CASE("installing a handler gives the previous one", "[c_checked]") {
  const auto mine = [](const fanout::late_callback&) noexcept {};
  const fanout::late_callback_handler before = fanout::on_late_callback(mine);
  CHECK(before != nullptr);
  CHECK(fanout::on_late_callback(before) == static_cast<fanout::late_callback_handler>(mine));
}

}  // namespace
