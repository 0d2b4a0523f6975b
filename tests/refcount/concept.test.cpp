// SPDX-License-Identifier: BSL-1.0
#include "fanout/refcount/concept.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/atomic.hpp"
#include "refcount/strategy.hpp"
#include "support/delivered.hpp"

// Strategies of one's own: the least there is to write, one that wants storage, and what the concept leaves out.

namespace {

using support::all_outcome;
using support::delivered;

// A mutex and an integer: fifteen lines that plug in.
class locked {
 public:
  using platform = fanout::std_platform;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit locked(std::size_t branches, std::byte* = nullptr) noexcept : left_(branches + 1) {}
  bool release(std::size_t, std::uint64_t k) noexcept { return drop(k); }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return drop(1 + inline_done + not_started);
  }

 private:
  bool drop(std::uint64_t k) noexcept {
    const std::lock_guard guard(mutex_);
    return (left_ -= k) == 0;
  }
  std::mutex mutex_;
  std::uint64_t left_;  // references
};
static_assert(fanout::refcount::strategy<locked>);
static_assert(!fanout::refcount::holdable<locked> && !fanout::refcount::addable<locked>);
static_assert(!fanout::refcount::correctable<locked> && !fanout::refcount::single_threaded<locked>);

// One byte per branch in the operation's own allocation, so that the storage is seen to be there, aligned and zero-overhead.
class marking {
 public:
  using platform = fanout::std_platform;
  static constexpr std::size_t alignment = 32;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t n) noexcept { return {n, alignment}; }
  explicit marking(std::size_t branches, std::byte* storage) noexcept : marks_(storage), left_(branches + 1) {
    aligned = reinterpret_cast<std::uintptr_t>(storage) % alignment == 0;
    for (std::size_t i = 0; i != branches; ++i) marks_[i] = std::byte{0};
  }
  bool release(std::size_t first, std::uint64_t k) noexcept {
    for (std::size_t i = first; i != first + k; ++i) twice = twice || marks_[i] != std::byte{0};
    for (std::size_t i = first; i != first + k; ++i) marks_[i] = std::byte{1};
    return (left_ -= k) == 0;
  }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return (left_ -= 1 + inline_done + not_started) == 0;
  }

  inline static bool aligned = false;
  inline static bool twice = false;

 private:
  std::byte* marks_;
  std::atomic<std::uint64_t> left_;
};
static_assert(fanout::refcount::strategy<marking>);

struct no_platform {
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit no_platform(std::size_t, std::byte*) noexcept {}
  bool release(std::size_t, std::uint64_t) noexcept { return false; }
  bool release_issuer(std::uint64_t, std::uint64_t) noexcept { return false; }
};
struct may_throw : no_platform {
  using platform = fanout::std_platform;
  using no_platform::no_platform;
  bool release(std::size_t, std::uint64_t) { return false; }
};
static_assert(!fanout::refcount::strategy<no_platform> && !fanout::refcount::strategy<may_throw>);
static_assert(!fanout::refcount::strategy<int>);

struct whole : no_platform {
  using platform = fanout::std_platform;
  using no_platform::no_platform;
};
struct made_may_throw : whole {
  made_may_throw(std::size_t n, std::byte* storage) : whole(n, storage) {}
};
struct storage_not_known : whole {
  using whole::whole;
  static fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
};
static_assert(fanout::refcount::strategy<whole>);
static_assert(!fanout::refcount::strategy<made_may_throw> && !fanout::refcount::strategy<storage_not_known>);

static_assert(fanout::refcount::max_branches == std::uint64_t{1} << 31);
static_assert(fanout::refcount::issuer_weight > fanout::refcount::max_branches);

TEST_CASE("a strategy of one's own is one", "[refcount]") {
  const auto report = fanout::testing::check_strategy<locked>();
  support::holds(report);
  CHECK_FALSE(report.left_out().empty());
  marking::twice = false;
  support::holds(fanout::testing::check_strategy<marking>({.deeper = false, .stress_rounds = 0}));
  CHECK(!marking::twice);
}

class shrinking : public locked {
 public:
  using locked::locked;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t n) noexcept { return {n % 100, 1}; }
};
class aligned_from_16_on : public locked {
 public:
  using locked::locked;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t n) noexcept {
    if (n < 16) return {};
    return {n * 64, 64};
  }
};
// What was written under a hold is not there for the last one.
template <class Platform>
class loose_hold {
 public:
  using platform = Platform;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit loose_hold(std::size_t branches, std::byte* = nullptr) noexcept : left_(branches + 1) {}
  bool release(std::size_t, std::uint64_t k) noexcept { return left_.fetch_sub(k, std::memory_order_acq_rel) == k; }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return release(0, 1 + inline_done + not_started);
  }
  bool try_hold() noexcept {
    std::uint64_t seen = left_.load(std::memory_order_relaxed);
    while (seen != 0) {
      if (left_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  bool release_hold() noexcept { return left_.fetch_sub(1, std::memory_order_acquire) == 1; }

 private:
  typename Platform::template atomic<std::uint64_t> left_;
};

// Tells the last one wrong if a branch comes before an earlier one.
class in_order_only {
 public:
  using platform = fanout::std_platform;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit in_order_only(std::size_t branches, std::byte* = nullptr) noexcept : left_(branches + 1) {}
  bool release(std::size_t first, std::uint64_t k) noexcept {
    if (first < next_) ++left_;
    next_ = first + k;
    return (left_ -= k) == 0;
  }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return (left_ -= 1 + inline_done + not_started) == 0;
  }

 private:
  std::uint64_t left_;
  std::size_t next_ = 0;
};
// Looks whether it was the last after it was; what the others did meanwhile it takes for its own doing.
class looks_afterwards {
 public:
  using platform = fanout::std_platform;
  static constexpr fanout::refcount::storage_layout storage_for(std::size_t) noexcept { return {}; }
  explicit looks_afterwards(std::size_t branches, std::byte* = nullptr) noexcept : left_(branches + 1) {}
  bool release(std::size_t, std::uint64_t k) noexcept {
    left_.fetch_sub(k);
    std::this_thread::yield();
    return left_.load() == 0;
  }
  bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return release(0, 1 + inline_done + not_started);
  }

 private:
  std::atomic<std::uint64_t> left_;
};
// Keeps statistics of holds, in itself.
template <class Platform>
class counts_holds : public fanout::refcount::basic_atomic<Platform> {
 public:
  using fanout::refcount::basic_atomic<Platform>::basic_atomic;
  bool release_hold() noexcept {
    const bool last = fanout::refcount::basic_atomic<Platform>::release_hold();
    if (!last) holds_.fetch_add(1, std::memory_order_relaxed);
    return last;
  }

 private:
  typename Platform::template atomic<std::uint64_t> holds_{0};
};

TEST_CASE("check_strategy says what is wrong with a strategy", "[refcount][testing]") {
  const auto wrong = [](const auto& report) { return report.wrong(); };
  CHECK(wrong(fanout::testing::check_strategy<shrinking>()) ==
        "storage_for has fewer bytes for N = 100 than for fewer");
  CHECK(wrong(fanout::testing::check_strategy<aligned_from_16_on>()) ==
        "storage_for has another alignment for N = 16 than for fewer");
  CHECK(wrong(fanout::testing::check_strategy<in_order_only>()) ==
        "the last release said that it was not (N = 2, remote 1 0, inline 0, 0 before the issuer)");
  CHECK(wrong(fanout::testing::check_strategy<looks_afterwards>()).find(" threads were the last, of four") == 1);
#if FANOUT_HAS_EXPLORER
  const std::string statistics = wrong(fanout::testing::check_strategy<counts_holds>());
  CHECK(statistics.find("a hold released among others, N = 1") == 0);
  CHECK(statistics.find("use after free") != statistics.npos);
  const std::string loose = wrong(fanout::testing::check_strategy<loose_hold>());
  CHECK(loose.find("a hold against the last, N = 1") == 0);
  CHECK(loose.find("data race") != loose.npos);
#endif
}

TEST_CASE("a strategy's storage lies in the operation, aligned, and is told branches by index", "[refcount]") {
  for (const std::size_t n : {1u, 3u, 40u, 41u, 42u, 43u, 44u}) {
    marking::aligned = marking::twice = false;
    delivered<all_outcome<char>> got;
    auto issuer = fanout::issue<char, fanout::handler, marking>(n, fanout::combine::all, got.completion());
    CHECK(marking::aligned);
    std::vector<decltype(issuer)::branch> kept;
    for (std::size_t i = n; i-- != 0;) {
      issuer.start(i, [&](auto branch) {
        if (i % 2 == 0) {
          kept.push_back(std::move(branch));
        } else {
          branch({}, 'x');
        }
      });
    }
    std::move(issuer).seal();
    for (auto& branch : kept) branch.set_value('y');
    REQUIRE(got.succeeded());
    CHECK(!marking::twice);
    for (std::size_t i = 0; i != n; ++i) CHECK((*got.outcome())[i] == (i % 2 == 0 ? 'y' : 'x'));
  }
}

TEST_CASE("an operation counts with a strategy of one's own, across threads", "[refcount]") {
  for (int round = 0; round != 50; ++round) {
    support::operation_across_threads<locked>();
  }
}

}  // namespace
