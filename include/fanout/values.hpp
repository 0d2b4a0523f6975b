// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_VALUES_HPP
#define FANOUT_VALUES_HPP

#include <cstddef>
#include <utility>

#include "fanout/detail/platform.hpp"
#include "fanout/detail/slot_range.hpp"

namespace fanout {

/// The branches' values in index order, where the branches wrote them: nothing was copied or moved on the way here.
///
/// A move-only random-access range. It owns the operation's one allocation and frees it when destroyed; elements may be
/// moved out before. Of an embedded operation it is a view, valid until that is destroyed. Distinct objects are independent;
/// one object is as thread-safe as a std::vector. Default-constructed and moved-from: empty.
template <class T, class Platform = std_platform>
class [[nodiscard("the values of all branches are lost")]] values
    : detail::slot_owner<detail::slot<T, detail::unit, false, Platform>> {
  using slot_type = detail::slot<T, detail::unit, false, Platform>;
  using base = detail::slot_owner<slot_type>;

 public:
  using value_type = detail::stored_t<T>;
  using reference = value_type&;
  using const_reference = const value_type&;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using iterator = detail::index_iterator<values, reference>;
  using const_iterator = detail::index_iterator<const values, const_reference>;

  using base::base;

  [[nodiscard]] std::size_t size() const noexcept { return this->slots_.size; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// pre: i < size()
  reference operator[](std::size_t i) noexcept { return this->slots_[i].value(); }
  const_reference operator[](std::size_t i) const noexcept { return this->slots_[i].value(); }

  iterator begin() noexcept { return {this, 0}; }
  iterator end() noexcept { return {this, size()}; }
  const_iterator begin() const noexcept { return {this, 0}; }
  const_iterator end() const noexcept { return {this, size()}; }

  friend void swap(values& a, values& b) noexcept { a.base::swap(b); }
};

}  // namespace fanout

#endif
