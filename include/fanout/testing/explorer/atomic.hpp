// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_ATOMIC_HPP
#define FANOUT_TESTING_EXPLORER_ATOMIC_HPP

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "fanout/testing/explorer/tracked.hpp"
#if FANOUT_HAS_EXPLORER

namespace fanout::testing::explorer {

/// std::atomic<T> for integers, bool, enumerations, pointers and other trivially copyable types of up to 8 bytes. Each
/// operation is a scheduling point. A load may read any value that the C++ memory model lets it read, within the limits
/// that explorer.hpp lists; construction and destruction are accesses that the others must be ordered after and before.
template <class T>
class atomic : public detail::tracked<detail::object_kind::atomic> {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8,
                "explorer::atomic<T>: T is trivially copyable and at most 8 bytes");
  using base = detail::tracked<detail::object_kind::atomic>;
  using order = std::memory_order;
  static constexpr order seq_cst = std::memory_order_seq_cst;
  static constexpr bool integral = std::is_integral_v<T> && !std::is_same_v<T, bool>;
  static constexpr bool arithmetic = integral || std::is_pointer_v<T>;
  struct nothing;

 public:
  using value_type = T;
  using difference_type = std::conditional_t<std::is_pointer_v<T>, std::ptrdiff_t, T>;
  static constexpr bool is_always_lock_free = true;

  atomic() noexcept : atomic(T{}) {}
  atomic(T value) noexcept : base(detail::format_of<T>(), detail::to_bits(value)) {}  // implicit, as in std::atomic

  bool is_lock_free() const noexcept { return true; }

  T load(order o = seq_cst) const noexcept { return detail::from_bits<T>(world().load(me(), o)); }
  void store(T value, order o = seq_cst) noexcept { world().store(me(), detail::to_bits(value), o); }
  T exchange(T value, order o = seq_cst) noexcept {
    return update("exchange", o, [value](T) { return value; });
  }
  operator T() const noexcept { return load(); }
  T operator=(T value) noexcept {
    store(value);
    return value;
  }

  bool compare_exchange_weak(T& expected, T desired, order success, order failure) noexcept {
    return compare_exchange(expected, desired, success, failure, true);
  }
  bool compare_exchange_weak(T& expected, T desired, order o = seq_cst) noexcept {
    return compare_exchange(expected, desired, o, without_release(o), true);
  }
  bool compare_exchange_strong(T& expected, T desired, order success, order failure) noexcept {
    return compare_exchange(expected, desired, success, failure, false);
  }
  bool compare_exchange_strong(T& expected, T desired, order o = seq_cst) noexcept {
    return compare_exchange(expected, desired, o, without_release(o), false);
  }

  T fetch_add(difference_type k, order o = seq_cst) noexcept
    requires arithmetic
  {
    return update("fetch_add", o, [k](T v) { return plus(v, k); });
  }
  T fetch_sub(difference_type k, order o = seq_cst) noexcept
    requires arithmetic
  {
    return update("fetch_sub", o, [k](T v) { return minus(v, k); });
  }
  T fetch_and(T k, order o = seq_cst) noexcept
    requires integral
  {
    return update("fetch_and", o, [k](T v) { return static_cast<T>(v & k); });
  }
  T fetch_or(T k, order o = seq_cst) noexcept
    requires integral
  {
    return update("fetch_or", o, [k](T v) { return static_cast<T>(v | k); });
  }
  T fetch_xor(T k, order o = seq_cst) noexcept
    requires integral
  {
    return update("fetch_xor", o, [k](T v) { return static_cast<T>(v ^ k); });
  }
  T operator+=(difference_type k) noexcept
    requires arithmetic
  {
    return plus(fetch_add(k), k);
  }
  T operator-=(difference_type k) noexcept
    requires arithmetic
  {
    return minus(fetch_sub(k), k);
  }
  T operator&=(T k) noexcept
    requires integral
  {
    return static_cast<T>(fetch_and(k) & k);
  }
  T operator|=(T k) noexcept
    requires integral
  {
    return static_cast<T>(fetch_or(k) | k);
  }
  T operator^=(T k) noexcept
    requires integral
  {
    return static_cast<T>(fetch_xor(k) ^ k);
  }
  T operator++() noexcept
    requires arithmetic
  {
    return *this += 1;
  }
  T operator--() noexcept
    requires arithmetic
  {
    return *this -= 1;
  }
  T operator++(int) noexcept
    requires arithmetic
  {
    return fetch_add(1);
  }
  T operator--(int) noexcept
    requires arithmetic
  {
    return fetch_sub(1);
  }

  /// Blocks until it has read a value other than `old`. A store that nobody notifies of is a deadlock here.
  void wait(T old, order o = seq_cst) const noexcept { world().wait(me(), detail::to_bits(old), o); }
  void notify_one() noexcept { world().wake(me(), false); }
  void notify_all() noexcept { world().wake(me(), true); }

 private:
  static constexpr order without_release(order o) noexcept {
    if (o == std::memory_order_acq_rel) return std::memory_order_acquire;
    return o == std::memory_order_release ? std::memory_order_relaxed : o;
  }
  static T plus(T v, difference_type k) noexcept {
    if constexpr (std::is_pointer_v<T>) return v + k;
    else return static_cast<T>(static_cast<std::uint64_t>(v) + static_cast<std::uint64_t>(k));  // wraps, also if signed
  }
  static T minus(T v, difference_type k) noexcept {
    if constexpr (std::is_pointer_v<T>) return v - k;
    else return static_cast<T>(static_cast<std::uint64_t>(v) - static_cast<std::uint64_t>(k));
  }
  template <class F>
  T update(const char* verb, order o, F f) noexcept {
    const auto bits = [f](std::uint64_t before) { return detail::to_bits(f(detail::from_bits<T>(before))); };
    return detail::from_bits<T>(world().update(me(), verb, o, bits));
  }
  bool compare_exchange(T& expected, T desired, order success, order failure, bool weak) noexcept {
    std::uint64_t bits = detail::to_bits(expected);
    const bool done = world().compare_exchange(me(), bits, detail::to_bits(desired), success, failure, weak);
    if (!done) expected = detail::from_bits<T>(bits);
    return done;
  }
};

/// std::atomic_thread_fence.
inline void fence(std::memory_order order) noexcept { detail::execution::required().fence(order); }

}  // namespace fanout::testing::explorer

#endif
#endif
