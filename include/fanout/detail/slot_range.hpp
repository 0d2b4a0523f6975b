// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_SLOT_RANGE_HPP
#define FANOUT_DETAIL_SLOT_RANGE_HPP

#include <bit>
#include <compare>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#include "fanout/detail/slot.hpp"

namespace fanout {

/// How many branches an operation has: said when it is made, or found out while issuing; then there are slots for all of them,
/// or for as many as are in flight at once.
struct known_width {};
struct open_width {};
struct recycled_width {};

}  // namespace fanout

namespace fanout::detail {

/// The slots of a delivered operation, and the duty to free it. `free` is null where somebody else owns the memory (an
/// embedded operation): then this is a view.
template <class Slot>
struct slot_range {
  Slot* first = nullptr;        // the first array
  std::size_t size = 0;         // of all
  std::size_t first_size = 0;   // slots in the first array; those with higher indices are in `more`
  Slot* const* more = nullptr;  // more[k]: the array of first_size * 2^k slots
  void (*free)(Slot* first) noexcept = nullptr;

  Slot& operator[](std::size_t i) const noexcept {
    if (i < first_size) [[likely]]
      return first[i];
    return beyond(i);
  }

 private:
  FANOUT_NOINLINE Slot& beyond(std::size_t i) const noexcept {
    const std::size_t k = static_cast<std::size_t>(std::bit_width(i / first_size)) - 1;
    return more[k][i - (first_size << k)];
  }
};

/// The same with N known: one array. Three words, since this travels through the combine policy into the completion.
template <class Slot>
struct slot_array {
  Slot* first = nullptr;
  std::size_t size = 0;
  void (*free)(Slot* first) noexcept = nullptr;

  Slot& operator[](std::size_t i) const noexcept { return first[i]; }
};

/// Goes through the values of slots that lie in one array.
template <class Slot, class T>
class slot_iterator {
 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::random_access_iterator_tag;
  using value_type = std::remove_cv_t<T>;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using pointer = T*;

  slot_iterator() noexcept = default;
  explicit slot_iterator(Slot* at) noexcept : at_(at) {}

  reference operator*() const noexcept { return at_->value(); }
  pointer operator->() const noexcept { return std::addressof(at_->value()); }
  reference operator[](difference_type n) const noexcept { return at_[n].value(); }

  slot_iterator& operator++() noexcept { return ++at_, *this; }
  slot_iterator operator++(int) noexcept { return slot_iterator(at_++); }
  slot_iterator& operator--() noexcept { return --at_, *this; }
  slot_iterator operator--(int) noexcept { return slot_iterator(at_--); }
  slot_iterator& operator+=(difference_type n) noexcept { return at_ += n, *this; }
  slot_iterator& operator-=(difference_type n) noexcept { return at_ -= n, *this; }
  friend slot_iterator operator+(slot_iterator i, difference_type n) noexcept { return i += n; }
  friend slot_iterator operator+(difference_type n, slot_iterator i) noexcept { return i += n; }
  friend slot_iterator operator-(slot_iterator i, difference_type n) noexcept { return i -= n; }
  friend difference_type operator-(slot_iterator a, slot_iterator b) noexcept { return a.at_ - b.at_; }
  friend bool operator==(slot_iterator, slot_iterator) noexcept = default;
  friend auto operator<=>(slot_iterator, slot_iterator) noexcept = default;

 private:
  Slot* at_ = nullptr;
};

template <class Slot, class Width>
using slots_of = std::conditional_t<std::is_same_v<Width, known_width>, slot_array<Slot>, slot_range<Slot>>;

/// Counts through anything that has operator[]. Reference may be a small object instead of a C++ reference.
template <class Range, class Reference>
class index_iterator {
  static constexpr bool refers = std::is_reference_v<Reference>;
  struct arrow {
    std::remove_cvref_t<Reference> value;
    std::remove_cvref_t<Reference>* operator->() noexcept { return std::addressof(value); }
  };

 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::conditional_t<refers, std::random_access_iterator_tag, std::input_iterator_tag>;
  using value_type = std::remove_cvref_t<Reference>;
  using difference_type = std::ptrdiff_t;
  using reference = Reference;
  using pointer = std::conditional_t<refers, std::remove_reference_t<Reference>*, arrow>;

  index_iterator() noexcept = default;
  index_iterator(Range* range, std::size_t at) noexcept : range_(range), at_(at) {}

  reference operator*() const noexcept { return (*range_)[at_]; }
  pointer operator->() const noexcept {
    if constexpr (refers) {
      return std::addressof((*range_)[at_]);
    } else {
      return {(*range_)[at_]};
    }
  }
  reference operator[](difference_type n) const noexcept { return *(*this + n); }

  index_iterator& operator++() noexcept { return ++at_, *this; }
  index_iterator operator++(int) noexcept { return index_iterator(range_, at_++); }
  index_iterator& operator--() noexcept { return --at_, *this; }
  index_iterator operator--(int) noexcept { return index_iterator(range_, at_--); }
  index_iterator& operator+=(difference_type n) noexcept { return at_ += static_cast<std::size_t>(n), *this; }
  index_iterator& operator-=(difference_type n) noexcept { return at_ -= static_cast<std::size_t>(n), *this; }
  friend index_iterator operator+(index_iterator i, difference_type n) noexcept { return i += n; }
  friend index_iterator operator+(difference_type n, index_iterator i) noexcept { return i += n; }
  friend index_iterator operator-(index_iterator i, difference_type n) noexcept { return i -= n; }
  friend difference_type operator-(index_iterator a, index_iterator b) noexcept {
    return static_cast<difference_type>(a.at_) - static_cast<difference_type>(b.at_);
  }
  friend bool operator==(index_iterator a, index_iterator b) noexcept { return a.at_ == b.at_; }
  friend auto operator<=>(index_iterator a, index_iterator b) noexcept { return a.at_ <=> b.at_; }

 private:
  Range* range_ = nullptr;
  std::size_t at_ = 0;
};

/// Owns a slot_range or slot_array, move-only.
template <class Slots>
class slot_owner {
 public:
  slot_owner() noexcept = default;
  explicit slot_owner(const Slots& slots) noexcept : slots_(slots) {}
  slot_owner(slot_owner&& other) noexcept : slots_(std::exchange(other.slots_, {})) {}
  slot_owner& operator=(slot_owner&& other) noexcept {
    slot_owner(std::move(other)).swap(*this);
    return *this;
  }
  ~slot_owner() {
    if (slots_.free) slots_.free(slots_.first);
  }

  void swap(slot_owner& other) noexcept { std::swap(slots_, other.slots_); }

 protected:
  Slots slots_;
};

}  // namespace fanout::detail

#endif
