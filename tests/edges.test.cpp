// SPDX-License-Identifier: BSL-1.0
// Corners where two things happen in one place: each case was a mistake once.
#include "support/rules.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "catch.hpp"
#include "fanout/fanout.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::delivered;

const std::error_code io_error = std::make_error_code(std::errc::io_error);
constexpr const char* came_twice = "a C callback came twice for the same branch";

using completed = void (*)(int, void*) noexcept;

TEST_CASE("a C initiator that calls back and also returns success is counted once", "[start_c][I4]") {
  support::take_broken_rules();
  delivered<all_outcome<int>> got;
  auto issuer = fanout::issue<int, fanout::errno_callback>(2, fanout::combine::all, got.completion());
  std::optional<decltype(issuer)::branch> other;
  issuer.start_c(0, [](int* out, completed callback, void* context) {
    *out = 1;
    callback(0, context);
    return 0;
  });
  CHECK(support::only_broken_rule(came_twice));
  issuer.start(1, [&](auto branch) { other = std::move(branch); });
  std::move(issuer).seal();
  CHECK(got.times == 0);
  (*other)(0, 2);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

TEST_CASE("a C initiator that calls back with an error and also returns one fails once", "[start_c][I4]") {
  support::take_broken_rules();
  delivered<all_outcome<std::string>> got;
  fanout::issue<std::string, fanout::errno_callback>(1, fanout::combine::all, got.completion())
      .start_c(0, [](std::string* out, completed callback, void* context) {
        *out = "a text that is long enough to need memory of its own";
        callback(-EIO, context);
        return -EIO;
      });
  CHECK(support::only_broken_rule(came_twice));
  CHECK(got.failed(0, io_error));
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a C initiator that calls back and then throws: the value stands, the exception is the operation's",
          "[start_c][E3b]") {
  delivered<all_outcome<std::string>> got;
  fanout::issue<std::string, fanout::errno_callback>(1, fanout::combine::all, got.completion())
      .start_c(0, [](std::string* out, completed callback, void* context) -> int {
        *out = "a text that is long enough to need memory of its own";
        callback(0, context);
        throw 1;
      });
  CHECK(got.failed(0, errc::initiator_threw));
  CHECK(got.failure().exception != nullptr);
}

TEST_CASE("an initiator that drops an older branch besides its own and throws is told from it", "[issuer][E3b]") {
  for (const bool in_order : {true, false}) {
    delivered<support::settle_outcome<int>> got;
    {
      auto issuer = fanout::issue<int>(2, fanout::combine::settle, got.completion());
      std::optional<decltype(issuer)::branch> older;
      issuer.start(in_order ? 0 : 1, [&](auto branch) { older = std::move(branch); });
      issuer.start(in_order ? 1 : 0, [&](auto branch) {
        const auto dropped_first = std::move(older);
        const auto dropped_next = std::move(branch);
        throw 1;
      });
    }
    REQUIRE(got.once());
    const auto& results = *got.outcome();
    CHECK(results[in_order ? 0 : 1].error() == errc::abandoned);
    CHECK(results[in_order ? 1 : 0].error() == errc::initiator_threw);
    CHECK(results.disturbance() == nullptr);
  }
}

struct heavy_error {
  heavy_error() noexcept = default;
  explicit heavy_error(std::error_code c) noexcept : code(c) {}
  heavy_error(const heavy_error&) { throw std::bad_alloc(); }
  heavy_error(heavy_error&&) noexcept = default;
  heavy_error& operator=(heavy_error&&) noexcept = default;
  std::error_code code;
};

TEST_CASE("an error that cannot be copied for want of memory fails its branch all the same", "[branch][E6]") {
  const heavy_error error(io_error);
  std::error_code cause;
  auto note = [&](auto outcome) noexcept { cause = outcome.error().cause.code; };
  fanout::issue<int>(1, fanout::combine::all_with<heavy_error>, note).start(0, [&](auto branch) {
    branch.set_error(error);
  });
  CHECK(cause == errc::out_of_memory);
}
#endif

TEST_CASE("success without a value, where there is to be one, is an error", "[handler]") {
  delivered<all_outcome<int>> got;
  fanout::issue<int>(1, fanout::combine::all, got.completion()).start(0, [](auto branch) {
    branch(std::error_code());
  });
  CHECK(got.failed(0, errc::no_value));
}

// Completes its branch as stopped when the operation is asked to stop, on the thread that asks.
template <class Branch>
class gives_up_when_told {
 public:
  explicit gives_up_when_told(Branch branch) : branch_(std::move(branch)) {
    callback_.emplace(branch_.stop_token(), give_up{this});
  }

 private:
  struct give_up {
    gives_up_when_told* self;
    void operator()() const noexcept {
      gives_up_when_told* const mine = self;
      mine->callback_.reset();  // it stops listening first: there may be nothing to listen to afterwards
      Branch branch = std::move(mine->branch_);
      delete mine;
      branch.set_stopped();
    }
  };
  Branch branch_;
  std::optional<fanout::inplace_stop_callback<give_up>> callback_;
};

TEST_CASE("a deadline inside a completion: what its stop request makes due on this thread is run by the wait",
          "[wait_until][I5]") {
  const int one[] = {1};
  std::error_code cause;
  auto outer = [&](int, auto branch, auto stop) {
    auto inner = [](int, auto b) { new gives_up_when_told<decltype(b)>(std::move(b)); };
    fanout::all<int>(std::ref(one), inner).stop_on(stop).then([b = std::move(branch)](auto) mutable noexcept {
      b.set_stopped();
    });
  };
  auto wait_inside = [&](auto) noexcept {
    auto outcome = fanout::wait_until(fanout::all<int>(std::ref(one), outer), std::chrono::steady_clock::now());
    cause = outcome.error().cause;
  };
  static_cast<void>(fanout::issue<void>(0, fanout::combine::all, wait_inside));  // sealed at once
  CHECK(cause == errc::deadline);
}

// A strategy that wants memory of its own, aligned, in the operation's block.
template <std::size_t Align>
class wants_memory : public fanout::refcount::basic_atomic<fanout::std_platform> {
 public:
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t n) noexcept {
    return {(n + 1) * Align, Align};
  }
  wants_memory(std::size_t n, std::byte* storage) noexcept : basic_atomic(n) {
    aligned = reinterpret_cast<std::uintptr_t>(storage) % Align == 0;
    for (std::size_t i = 0; i != (n + 1) * Align; ++i) storage[i] = std::byte{1};
  }
  static inline bool aligned = false;
};

template <std::size_t Align>
void takes_its_memory() {
  for (std::size_t n : {0u, 1u, 3u, 100u}) {
    wants_memory<Align>::aligned = false;
    delivered<all_outcome<int>> known;
    {
      auto issuer =
          fanout::issue<int, fanout::handler, wants_memory<Align>>(n, fanout::combine::all, known.completion());
      for (std::size_t i = 0; i != n; ++i) issuer.start(i, [](auto branch) { branch(0, 1); });
    }
    CHECK(wants_memory<Align>::aligned);
    CHECK(known.succeeded());
    delivered<support::open_outcome<int>> open;
    {
      auto issuer = fanout::issue<int, fanout::handler, wants_memory<Align>>(fanout::combine::all, open.completion());
      for (std::size_t i = 0; i != n; ++i) issuer.start([](auto branch) { branch(0, 1); });
    }
    CHECK(open.succeeded());  // and what was allocated is what is given back: ASan looks
  }
}

TEST_CASE("a strategy's memory has the alignment and the size that it asks for", "[refcount]") {
  takes_its_memory<8>();
  takes_its_memory<64>();
  takes_its_memory<4096>();
}

}  // namespace
