// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_FIBER_HPP
#define FANOUT_TESTING_EXPLORER_FIBER_HPP

#include "fanout/testing/explorer/config.hpp"
#if FANOUT_HAS_EXPLORER

#include <cstdint>

#include "fanout/testing/explorer/context.hpp"
#include "fanout/testing/explorer/record.hpp"

namespace fanout::testing::explorer::detail {

enum class action : std::uint8_t { read, write, fence, timed_sleep };

/// What a fiber is about to do. `gate`: it is enabled only while that flag has the value `opens_at`.
struct operation {
  action what = action::write;
  std::uint32_t object = 0;  // 0: the clock
  bool sequential = false;   // memory_order_seq_cst
  const bool* gate = nullptr;
  bool opens_at = true;
  bool spurious_wakeup = false;  // may be enabled although the gate is shut
};

/// Whether the two lead to the same state in either order. Choices that an operation makes for itself (which value it
/// reads, whether it fails spuriously) do not count: they are there in either order.
constexpr bool independent(const operation& a, const operation& b) noexcept {
  // A sequentially consistent fence is ordered among all sequentially consistent operations.
  if (a.what == action::fence || b.what == action::fence) return !(a.sequential && b.sequential);
  // A timeout moves the clock.
  if ((a.what == action::timed_sleep && b.object == 0) || (b.what == action::timed_sleep && a.object == 0))
    return false;
  if (a.object != b.object) return true;
  // Two reads commute, but what one sequentially consistent read has seen, a later one may not miss.
  return a.what == action::read && b.what == action::read && !(a.sequential && b.sequential);
}

/// A callable without its type. It lives in the quarantine's memory, which does not run destructors.
struct task {
  void* object = nullptr;
  void (*call)(void*) = nullptr;
  void (*destroy)(void*) noexcept = nullptr;
};

struct fiber {
  context stack{};
  task body{};
  operation next{};
  bool live = false;
  bool woken = false;             // the sleep that it is in, or about to enter, is over
  std::uint32_t sleeping_on = 0;  // condition variable or atomic; 0: none
  view now{};
  view unacquired{};  // of relaxed loads: an acquire fence makes it its own
  view released{};    // at the last release fence: what relaxed stores pass on
  const void* extent = nullptr;
  void* trampoline = nullptr;
  void* batch = nullptr;
  void* closed_batch = nullptr;
};

}  // namespace fanout::testing::explorer::detail

#endif
#endif
