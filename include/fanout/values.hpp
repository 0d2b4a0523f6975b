// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_VALUES_HPP
#define FANOUT_VALUES_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "fanout/detail/platform.hpp"
#include "fanout/detail/slot_range.hpp"

namespace fanout {

/// The branches' values in index order, where the branches wrote them: nothing was copied or moved on the way here.
///
/// A move-only random-access range. It owns the operation's one allocation and frees it when destroyed; elements may be
/// moved out before. Of an embedded operation it is a view, valid until that is destroyed. Distinct objects are independent;
/// one object is as thread-safe as a std::vector. Default-constructed and moved-from: empty.
template <class T, class Platform = std_platform, class Width = known_width>
class [[nodiscard("the values of all branches are lost")]] values
    : detail::slot_owner<detail::slots_of<detail::slot<T, detail::unit, false, Platform>, Width>> {
  using slot_type = detail::slot<T, detail::unit, false, Platform>;
  using base = detail::slot_owner<detail::slots_of<slot_type, Width>>;
  static constexpr bool in_one_array = std::is_same_v<Width, known_width>;

 public:
  using value_type = detail::stored_t<T>;
  using reference = value_type&;
  using const_reference = const value_type&;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  // With N known the slots are one array, and an iterator is a pointer into it.
  using iterator = std::conditional_t<in_one_array, detail::slot_iterator<slot_type, value_type>,
                                      detail::index_iterator<values, reference>>;
  using const_iterator = std::conditional_t<in_one_array, detail::slot_iterator<const slot_type, const value_type>,
                                            detail::index_iterator<const values, const_reference>>;

  using base::base;

  [[nodiscard]] std::size_t size() const noexcept { return this->slots_.size; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// pre: i < size()
  reference operator[](std::size_t i) noexcept { return slot(i).value(); }
  const_reference operator[](std::size_t i) const noexcept { return slot(i).value(); }

  iterator begin() noexcept { return at<iterator>(this, 0); }
  iterator end() noexcept { return at<iterator>(this, size()); }
  const_iterator begin() const noexcept { return at<const_iterator>(this, 0); }
  const_iterator end() const noexcept { return at<const_iterator>(this, size()); }

  friend void swap(values& a, values& b) noexcept { a.base::swap(b); }

 private:
  slot_type& slot(std::size_t i) const noexcept { return this->slots_[i]; }
  template <class Iterator, class Values>
  static Iterator at(Values* all, std::size_t i) noexcept {
    if constexpr (in_one_array) {
      return Iterator(all->slots_.first + i);
    } else {
      return Iterator(all, i);
    }
  }
};

}  // namespace fanout

#endif
