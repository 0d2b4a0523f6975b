// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_CARRYING_HPP
#define FANOUT_ALGORITHM_CARRYING_HPP

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/completion/adaptor.hpp"
#include "fanout/detail/option_set.hpp"
#include "fanout/detail/pump.hpp"
#include "fanout/executor.hpp"
#include "fanout/issuer.hpp"

namespace fanout {

namespace detail {

/// Owns a copy, or borrows what a std::reference_wrapper names. Moves without throwing: what cannot lives on the heap.
template <class X>
class kept {
  static constexpr bool inside = std::is_nothrow_move_constructible_v<X>;

 public:
  template <class Y>
  explicit kept(std::in_place_t, Y&& y) : x_(make(std::forward<Y>(y))) {}
  X& get() noexcept {
    if constexpr (inside) {
      return x_;
    } else {
      return *x_;
    }
  }

 private:
  template <class Y>
  static auto make(Y&& y) {
    if constexpr (inside) {
      return X(std::forward<Y>(y));
    } else {
      return std::make_unique<X>(std::forward<Y>(y));
    }
  }
  std::conditional_t<inside, X, std::unique_ptr<X>> x_;
};

template <class X>
class kept<std::reference_wrapper<X>> {
 public:
  explicit kept(std::in_place_t, std::reference_wrapper<X> x) noexcept : x_(x) {}
  X& get() noexcept { return x_.get(); }

 private:
  std::reference_wrapper<X> x_;
};

template <class X>
using kept_t = std::remove_reference_t<decltype(std::declval<kept<X>&>().get())>;

/// What the initiator is to be called with for one element.
template <class Initiator, class Element>
struct for_element {
  Initiator& initiator;
  Element&& element;

  template <class Branch, class Token>
    requires std::is_invocable_v<Initiator&, Element, Branch, Token>
  void operator()(Branch branch,
                  Token token) noexcept(std::is_nothrow_invocable_v<Initiator&, Element, Branch, Token>) {
    static_cast<void>(std::invoke(initiator, std::forward<Element>(element), std::move(branch), std::move(token)));
  }
  template <class Branch>
    requires std::is_invocable_v<Initiator&, Element, Branch>
  void operator()(Branch branch) noexcept(std::is_nothrow_invocable_v<Initiator&, Element, Branch>) {
    static_cast<void>(std::invoke(initiator, std::forward<Element>(element), std::move(branch)));
  }
};

/// A range and an initiator, until they are put down. Not a std::optional: GCC does not see that a move finds them there.
template <class Range, class Initiator>
class luggage {
 public:
  luggage(kept<Range>&& range, kept<Initiator>&& initiator) noexcept : here_{std::move(range), std::move(initiator)} {}
  /// pre: not put down
  luggage(luggage&& other) noexcept : here_(std::move(other.here_)) {}
  ~luggage() {
    if (!gone_) std::destroy_at(&here_);
  }

  auto& range() noexcept { return here_.range.get(); }
  auto& initiator() noexcept { return here_.initiator.get(); }

  void put_down() noexcept {
    std::destroy_at(&here_);
    gone_ = true;
  }

 private:
  struct both {
    kept<Range> range;
    kept<Initiator> initiator;
  };
  union {
    both here_;
  };
  bool gone_ = false;
};

/// The range and the initiator ride in the operation, so that elements live until it is delivered; they are not told of it.
/// `Stay`: until the operation's memory goes, because stragglers or labels refer to elements after delivery.
template <class Range, class Initiator, class Label, bool Stay, class Completion>
class carrying : public completion::adaptor<Completion> {
  using base = completion::adaptor<Completion>;

 public:
  carrying(luggage<Range, Initiator>&& with, Label label, Completion completion) noexcept
      : base(std::move(completion)), with_(std::move(with)), label_(std::move(label)) {}

  auto& range() noexcept { return with_.range(); }
  auto& initiator() noexcept { return with_.initiator(); }

  /// The label of element i. Costs a walk to it where the range has no random access.
  std::string label(std::size_t i)
    requires(!std::is_same_v<Label, no_option>)
  {
    using range_type = std::remove_reference_t<decltype(with_.range())>;
    static_assert(std::ranges::forward_range<range_type>,
                  "fanout: .label(f) needs a range whose elements can be visited again: a forward range");
    return std::string(
        std::invoke(label_.f, *std::ranges::next(std::ranges::begin(with_.range()),
                                                 static_cast<std::ranges::range_difference_t<range_type>>(i))));
  }

  auto take() noexcept {
    if constexpr (Stay) {
      return base::take();
    } else {
      using taken = decltype(base::take());
      return carrying<Range, Initiator, no_option, false, taken>(std::move(with_), {}, base::take());
    }
  }

  template <class Outcome>
    requires std::is_invocable_v<Completion, Outcome>
  void operator()(Outcome&& outcome) && noexcept(std::is_nothrow_invocable_v<Completion, Outcome>) {
    // Handing the outcome to a waiting thread is the last access: what these refer to may be gone with it (I2).
    if constexpr (base::hands_over) with_.put_down();
    static_cast<base&&>(*this)(std::forward<Outcome>(outcome));
  }

 private:
  luggage<Range, Initiator> with_;
  [[no_unique_address]] Label label_;
};

}  // namespace detail

}  // namespace fanout

#endif
