// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_CELL_HPP
#define FANOUT_TESTING_EXPLORER_CELL_HPP

#include <type_traits>
#include <utility>

#include "fanout/testing/explorer/tracked.hpp"
#if FANOUT_HAS_EXPLORER

namespace fanout::testing::explorer {

namespace detail {
/// A base, and the first one, so that the checks of a destructor run before the value's own.
template <class T>
struct plain {
  T value_;
};
}  // namespace detail

/// Plain data of type T. Each read must be ordered after the last write by happens-before, each write and the
/// destruction after all earlier accesses; else the execution fails as a data race, in whatever order the two were run.
/// Reads like a T: converts to it, is assigned from it, and has the operators of pointers, integers and bool. Copying a
/// cell reads it. No scheduling point: races are found without trying the orders.
template <class T>
class cell : detail::plain<T>, public detail::tracked<detail::object_kind::cell> {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "cell<T> holds a plain, assignable T");
  using plain = detail::plain<T>;
  using base = detail::tracked<detail::object_kind::cell>;

 public:
  using value_type = T;

  cell() : cell(T{}) {}
  cell(T value)
      : plain{std::move(value)}, base(detail::format_of<T>(), detail::to_bits(plain::value_)) {}  // implicit: is a T
  cell(const cell& other) : cell(other.get()) {}
  cell(cell&& other) : cell(other.take()) {}
  ~cell() = default;

  cell& operator=(T value) {
    write(value);
    plain::value_ = std::move(value);
    return *this;
  }
  cell& operator=(const cell& other) { return *this = other.get(); }
  cell& operator=(cell&& other) { return *this = other.take(); }

  operator T() const& { return get(); }
  operator T() && { return take(); }
  T operator->() const
    requires std::is_pointer_v<T>
  {
    return get();
  }

  cell& operator+=(const auto& k) {
    return modify([&](const T& v) { return static_cast<T>(v + k); });
  }
  cell& operator-=(const auto& k) {
    return modify([&](const T& v) { return static_cast<T>(v - k); });
  }
  cell& operator|=(const auto& k) {
    return modify([&](const T& v) { return static_cast<T>(v | k); });
  }
  cell& operator&=(const auto& k) {
    return modify([&](const T& v) { return static_cast<T>(v & k); });
  }
  cell& operator++() { return *this += 1; }
  cell& operator--() { return *this -= 1; }
  T operator++(int) {
    T before = get();
    *this += 1;
    return before;
  }
  T operator--(int) {
    T before = get();
    *this -= 1;
    return before;
  }

 private:
  // The check comes first: a cell that is gone is reported, not touched.
  T get() const {
    read();
    return plain::value_;
  }
  T take() {
    write(plain::value_);
    return std::move(plain::value_);
  }
  cell& modify(auto f) {
    read();
    return *this = f(plain::value_);
  }
  void read() const { world().cell_read(me(), detail::to_bits(plain::value_)); }
  void write(const T& value) { world().cell_write(me(), detail::to_bits(value)); }
};

}  // namespace fanout::testing::explorer

#endif
#endif
