// SPDX-License-Identifier: BSL-1.0
#include "fanout/callback/errno_callback.hpp"

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errno_callback;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::settle_outcome;

static_assert(fanout::c_callback_policy<errno_callback> && fanout::c_initiator_policy<errno_callback>);
static_assert(errno_callback::completes_later(-EINPROGRESS));
static_assert(!errno_callback::completes_later(EINPROGRESS) && !errno_callback::completes_later(0));
static_assert(errno_callback::succeeded(0) && !errno_callback::succeeded(-EIO) && !errno_callback::succeeded(1));

// A C library: requests are kept until somebody calls `answer`.
using completed = void (*)(int err, void* context);
struct request {
  int* out;
  completed callback;
  void* context;
};
struct library {
  std::vector<request> requests;

  int read(int* out, completed callback, void* context) {
    requests.push_back({out, callback, context});
    return -EINPROGRESS;
  }
  void answer(std::size_t i, int err, int value) {
    if (err == 0) *requests[i].out = value;
    requests[i].callback(err, requests[i].context);
  }
};

TEST_CASE("a C library answers through the context, with the result in the slot", "[errno_callback]") {
  library lib;
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, errno_callback>(3, fanout::combine::all, got.completion());
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start_c(i, [&](int* out, auto callback, void* context) { return lib.read(out, callback, context); });
    }
  }
  lib.answer(2, 0, 30);
  lib.answer(0, 0, 10);
  CHECK(got.times == 0);
  lib.answer(1, 0, 20);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {10, 20, 30}));
  for (std::size_t i = 0; i != 3; ++i) CHECK(&(*got.outcome())[i] == lib.requests[i].out);
}

TEST_CASE("a C library's error is its branch's, whatever its sign", "[errno_callback]") {
  library lib;
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, errno_callback>(3, fanout::combine::settle, got.completion());
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start_c(i, [&](int* out, auto callback, void* context) { return lib.read(out, callback, context); });
    }
  }
  lib.answer(0, -EIO, 0);
  lib.answer(1, ETIMEDOUT, 0);
  lib.answer(2, 0, 5);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(all[0].error() == std::errc::io_error);
  CHECK(all[1].error() == std::errc::timed_out);
  CHECK(*all[2] == 5);
}

TEST_CASE("an error destroys what the out-parameter held, once", "[errno_callback]") {
  struct fills {
    counted value;
    fills() noexcept : value(0) {}
  };
  counted::reset();
  {
    delivered<settle_outcome<fills>> got;
    void (*callback)(int, void*) = nullptr;
    void* context = nullptr;
    auto issuer = fanout::issue<fills, errno_callback>(4, fanout::combine::settle, got.completion());
    issuer.start_c(0, [](fills* out, auto, void*) {
      out->value = 1;
      return -EIO;
    });
    issuer.start_c(1, [](fills* out, auto, void*) {
      out->value = 2;
      return 0;
    });
    issuer.start_c(2, [&](fills*, auto c, void* ctx) {
      callback = c;
      context = ctx;
      return -EINPROGRESS;
    });
    issuer.start(3, [](auto branch) {
      const auto door = branch.release();
      door.out->value = 4;
      door.callback(0, door.context);
    });
    std::move(issuer).seal();
    callback(EIO, context);
    REQUIRE(got.succeeded());
    CHECK(counted::alive() == 2);
    CHECK((*got.outcome())[1]->value.value() == 2);
    CHECK((*got.outcome())[3]->value.value() == 4);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("C++ code completes such a branch as a handler", "[errno_callback]") {
  delivered<all_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, errno_callback>(2, fanout::combine::all, got.completion());
    issuer.start(0, [](auto branch) { branch(0, 1); });
    issuer.start(1, [](auto branch) { branch(std::error_code(), 2); });
  }
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("C callbacks on other threads complete once", "[errno_callback][I1]") {
  for (int round = 0; round != 50; ++round) {
    delivered<all_outcome<int>> got;
    std::vector<std::thread> threads;
    {
      auto issuer = fanout::issue<int, errno_callback>(3, fanout::combine::all, got.completion());
      for (int i = 0; i != 3; ++i) {
        issuer.start_c([&](int* out, completed callback, void* context) {
          threads.emplace_back([=] {
            *out = i;
            callback(0, context);
          });
          return -EINPROGRESS;
        });
      }
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(got.succeeded());
    CHECK(support::holds(*got.outcome(), {0, 1, 2}));
  }
}

}  // namespace
