// SPDX-License-Identifier: BSL-1.0
#include "fanout/callback/concept.hpp"

#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "support/delivered.hpp"

// Policies of one's own, for callbacks as three foreign libraries spell them.

namespace {

using support::all_outcome;
using support::delivered;
using support::settle_outcome;

// A driver's: nothing but the context, and errors only from the call that starts.
struct driver_callback {
  template <class Door>
  static void function(void* context) noexcept {
    Door::set_value(context);
  }
  enum class status { queued, bad_argument, done };
  static bool completes_later(status s) noexcept { return s == status::queued; }
  static bool succeeded(status s) noexcept { return s == status::done; }
  static std::error_code error(status) noexcept { return std::make_error_code(std::errc::invalid_argument); }
};
static_assert(fanout::c_callback_policy<driver_callback>);
static_assert(fanout::c_initiator_policy<driver_callback, driver_callback::status>);
static_assert(!fanout::c_initiator_policy<driver_callback, const char*>);

// An event loop's: the context in a field of the request, the status second, and one status that means "was cancelled".
struct loop_request {
  void* data = nullptr;
};
struct loop_callback {
  template <class Door>
  static void function(loop_request* request, int status) noexcept {
    if (status == 0) {
      Door::set_value(request->data);
    } else if (status == -125) {
      Door::set_stopped(request->data);
    } else {
      Door::set_error(request->data, std::error_code(-status, std::generic_category()));
    }
  }
};
static_assert(fanout::c_callback_policy<loop_callback> && !fanout::c_initiator_policy<loop_callback>);

// One whose callback brings the value itself, context last.
struct brings_value {
  template <class Door>
  static void function(const char* text, std::size_t length, void* context) noexcept {
    if (text == nullptr) return Door::set_error(context, std::make_error_code(std::errc::no_such_file_or_directory));
    Door::value(context).assign(text, length);
    Door::set_value(context);
  }
};

TEST_CASE("a driver's callback with only a context, and a status of its own", "[callback]") {
  using status = driver_callback::status;
  delivered<settle_outcome<int>> got;
  void (*callback)(void*) = nullptr;
  void* context = nullptr;
  {
    auto issuer = fanout::issue<int, driver_callback>(3, fanout::combine::settle, got.completion());
    issuer.start_c(0, [&](int* out, auto c, void* ctx) {
      *out = 1;
      callback = c;
      context = ctx;
      return status::queued;
    });
    issuer.start_c(1, [](int*, auto, void*) { return status::bad_argument; });
    issuer.start_c(2, [](int* out, auto, void*) {
      *out = 3;
      return status::done;
    });
  }
  CHECK(got.times == 0);
  callback(context);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 1);
  CHECK(all[1].error() == std::errc::invalid_argument);
  CHECK(*all[2] == 3);
}

TEST_CASE("an event loop's callback with the context inside its request", "[callback]") {
  delivered<settle_outcome<int>> got;
  loop_request requests[3];
  void (*callback)(loop_request*, int) = nullptr;
  {
    auto issuer = fanout::issue<int, loop_callback>(3, fanout::combine::settle, got.completion());
    for (std::size_t i = 0; i != 3; ++i) {
      issuer.start(i, [&](auto branch) {
        const auto door = branch.release();
        *door.out = 7;
        requests[i].data = door.context;
        callback = door.callback;
      });
    }
  }
  callback(&requests[0], 0);
  callback(&requests[1], -125);
  callback(&requests[2], -5);
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  CHECK(*all[0] == 7);
  CHECK(all[1].stopped());
  CHECK(all[2].error() == std::errc::io_error);
}

TEST_CASE("a callback that brings the value assigns it to the slot", "[callback]") {
  delivered<settle_outcome<std::string>> got;
  {
    auto issuer = fanout::issue<std::string, brings_value>(2, fanout::combine::settle, got.completion());
    issuer.start(0, [](auto branch) {
      const auto door = branch.release();
      door.callback("a text that is too long to be stored inside", 43, door.context);
    });
    issuer.start(1, [](auto branch) {
      const auto door = branch.release();
      door.callback(nullptr, 0, door.context);
    });
  }
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == "a text that is too long to be stored inside");
  CHECK((*got.outcome())[1].error() == std::errc::no_such_file_or_directory);
}

// The shape in which a handle is called may be one's own as well: here a result comes first and the status after it.
struct value_then_status {
  template <class Branch, class Value>
  static void invoke(Branch& branch, Value&& value, bool good) noexcept {
    if (good) {
      branch.set_value(std::forward<Value>(value));
    } else {
      branch.set_stopped();
    }
  }
};
static_assert(fanout::handler_policy<value_then_status, int, bool> && !fanout::handler_policy<value_then_status, int>);

TEST_CASE("a handle is called in the shape that its policy gives it", "[callback]") {
  delivered<settle_outcome<int>> got;
  {
    auto issuer = fanout::issue<int, value_then_status>(2, fanout::combine::settle, got.completion());
    issuer.start(0, [](auto branch) { branch(4, true); });
    issuer.start(1, [](auto branch) { branch(5, false); });
  }
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[0] == 4);
  CHECK((*got.outcome())[1].stopped());
}

}  // namespace
