// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_RESULTS_HPP
#define FANOUT_RESULTS_HPP

#include <cstddef>
#include <utility>

#include "fanout/detail/platform.hpp"
#include "fanout/detail/slot_range.hpp"
#include "fanout/failure.hpp"
#include "fanout/result.hpp"

namespace fanout {

/// What one branch came to, seen in place: a value, an error, or neither because it was stopped. Reads like a result;
/// `std::move(r).take()` makes one.
template <class T, class E = std::error_code, class Platform = std_platform, class Node = detail::no_node>
class settled {
  using slot_type = detail::slot<T, E, true, Platform, Node>;

 public:
  settled(slot_type& slot, std::size_t index) noexcept : slot_(&slot), index_(index) {}

  /// The branch's index.
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

  [[nodiscard]] bool has_value() const noexcept { return slot_->state() == detail::branch_state::value; }
  explicit operator bool() const noexcept { return has_value(); }
  /// It gave up because it was asked to.
  [[nodiscard]] bool stopped() const noexcept { return slot_->state() == detail::branch_state::stopped; }

  /// pre: has_value()
  detail::stored_t<T>& operator*() const noexcept {
    FANOUT_ASSERT(has_value(), "this branch has no value: ask has_value() first, or error()");
    return slot_->value();
  }
  detail::stored_t<T>* operator->() const noexcept { return std::addressof(**this); }

  /// pre: !has_value(). A stopped branch's error is errc::stopped.
  [[nodiscard]] E error() const noexcept {
    FANOUT_ASSERT(!has_value(), "this branch has a value and no error");
    return stopped() ? error_traits<E>::from(make_error_code(errc::stopped)) : slot_->error();
  }

  /// The value moved out, or the error, as an independent object.
  [[nodiscard]] result<T, E> take() const {
    if (!has_value()) return unexpected<E>(error());
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return std::move(slot_->value());
    }
  }

 private:
  slot_type* slot_;
  std::size_t index_;
};

/// What every branch came to, in index order. As `values`, with one `settled` per branch.
template <class T, class E = std::error_code, class Platform = std_platform>
class [[nodiscard("what became of each branch is lost")]] results
    : detail::slot_owner<detail::slot_range<detail::slot<T, E, true, Platform>>> {
  using slot_type = detail::slot<T, E, true, Platform>;
  using base = detail::slot_owner<detail::slot_range<slot_type>>;

 public:
  using value_type = settled<T, E, Platform>;
  using reference = value_type;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;

  using iterator = detail::index_iterator<const results, reference>;
  using const_iterator = iterator;

  results() noexcept = default;
  results(const detail::slot_range<slot_type>& slots, failure<E> disturbance, bool disturbed) noexcept
      : base(slots), disturbance_(std::move(disturbance)), disturbed_(disturbed) {}
  results(results&&) noexcept = default;
  results& operator=(results&&) noexcept = default;

  [[nodiscard]] std::size_t size() const noexcept { return this->slots_.size; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// pre: i < size()
  value_type operator[](std::size_t i) const noexcept { return {this->slots_[i], i}; }
  iterator begin() const noexcept { return {this, 0}; }
  iterator end() const noexcept { return {this, size()}; }

  /// Null when every branch was started and left alone. Otherwise what went wrong with the operation itself: a deadline, the
  /// issuing code threw, memory ran out. The branches' own results above are what they are all the same.
  [[nodiscard]] const failure<E>* disturbance() const noexcept { return disturbed_ ? &disturbance_ : nullptr; }

 private:
  failure<E> disturbance_;
  bool disturbed_ = false;
};

}  // namespace fanout

#endif
