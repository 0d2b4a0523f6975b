// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_MEMORY_FAIL_EACH_HPP
#define FANOUT_TESTS_MEMORY_FAIL_EACH_HPP

#include <cstddef>
#include <exception>
#include <new>
#include <system_error>
#include <type_traits>

#include "catch.hpp"
#include "failing_new.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/failure.hpp"
#include "support/counted.hpp"

namespace memory {

using support::counted;

/// What a run of a scenario came to. Nothing here allocates.
struct attempt {
  int failed_allocations = 0;
  int completions = 0;
  int started = 0;
  bool threw_bad_alloc = false;  // to the caller
  bool succeeded = false;        // the outcome is what it is without failures
  bool kept_bad_alloc = false;   // the failure carries the exception
  std::error_code cause;
  std::size_t index = fanout::no_index;

  template <class Outcome>
  void completed(const Outcome& outcome) noexcept {
    ++completions;
    succeeded = outcome.has_value();
    if (!outcome) failed(outcome.error());
  }
  template <class E>
  void failed(const fanout::failure<E>& failure) noexcept {
    if constexpr (std::is_same_v<E, std::error_code>) cause = failure.cause;
    index = failure.index;
#if FANOUT_HAS_EXCEPTIONS
    if (!failure.exception) return;
    try {
      std::rethrow_exception(failure.exception);
    } catch (const std::bad_alloc&) {
      kept_bad_alloc = true;
    } catch (...) {}
#endif
  }
};

/// A completion that owns something, so that its loss would show.
struct tell {
  explicit tell(attempt& to) noexcept : to_(&to), owned_(1) {}
  tell(tell&&) noexcept = default;
  template <class Outcome>
  void operator()(Outcome&& outcome) && noexcept {
    to_->completed(outcome);
  }

 private:
  attempt* to_;
  counted owned_;
};

inline void run_once(attempt& a, auto& scenario) noexcept {
  FANOUT_TRY { scenario(a); }
#if FANOUT_HAS_EXCEPTIONS
  catch (const std::bad_alloc&) {
    a.threw_bad_alloc = true;
  }
#else
  else {}
#endif
}

/// Runs `scenario(attempt&)` with each of its allocations failing, and gives `check(const attempt&)` what each run that
/// met a failure came to. Returns how many allocations the scenario makes.
inline int fail_each(auto scenario, auto check, int first = 1) {
  {
    attempt warm_up;
    run_once(warm_up, scenario);
    REQUIRE(warm_up.completions == 1);
    REQUIRE_FALSE(warm_up.threw_bad_alloc);
  }
  int allocations = 0;
  for (const failing how : {failing::one, failing::all_from_then_on}) {
    for (int k = first;; ++k) {
      attempt a;
      const std::size_t bytes = now.live_bytes, blocks = now.live_blocks;
      fail_at(k, how);
      run_once(a, scenario);
      a.failed_allocations = stop_failing();
      const std::size_t bytes_after = now.live_bytes, blocks_after = now.live_blocks;
      INFO("allocation " << k << (how == failing::one ? "" : " and all after it"));
      REQUIRE(bytes_after == bytes);
      REQUIRE(blocks_after == blocks);
      REQUIRE(counted::alive() == 0);
      REQUIRE(a.completions + (a.threw_bad_alloc ? 1 : 0) == 1);
      if (a.failed_allocations == 0) {
        REQUIRE(a.completions == 1);
        allocations = k - 1;
        break;
      }
      check(a);
    }
  }
  return allocations;
}

}  // namespace memory

#endif  // FANOUT_TESTS_MEMORY_FAIL_EACH_HPP
