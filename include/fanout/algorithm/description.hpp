// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_DESCRIPTION_HPP
#define FANOUT_ALGORITHM_DESCRIPTION_HPP

#include <cstddef>
#include <functional>
#include <memory>
#include <ranges>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/concept.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/issue.hpp"

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
template <class Range, class Initiator, class Completion>
struct carrying {
  static constexpr bool is_direct = requires { requires Completion::is_direct; };

  luggage<Range, Initiator> with;
  Completion completion;

  template <class Op>
    requires requires(Completion& c, Op& op) { c.connect(op); }
  void connect(Op& op) noexcept {
    completion.connect(op);
  }
  void disconnect() noexcept
    requires requires(Completion& c) { c.disconnect(); }
  {
    completion.disconnect();
  }
  template <class Outcome>
    requires std::is_invocable_v<Completion, Outcome>
  void operator()(Outcome&& outcome) && noexcept(std::is_nothrow_invocable_v<Completion, Outcome>) {
    // Handing the outcome to a waiting thread is the last access: what these refer to may be gone with it (I2).
    if constexpr (is_direct) with.put_down();
    std::move(completion)(std::forward<Outcome>(outcome));
  }
};

}  // namespace detail

/// A fan-out that is described and not yet started: a range, an initiator that starts one branch per element, and a combine
/// policy. Nothing runs before `then` or `fanout::wait`. It owns copies of the range and the initiator (move them in, or borrow
/// with std::ref), and they live until the last branch has reported, so an initiator may keep a reference to its element: to one
/// that lies in the range, as in a container. What iteration makes on the way (a view that computes, an input range) lives only
/// until its initiator returns.
///
/// The initiator is called as `f(element, branch)` or `f(element, branch, stop_token)`, on the thread that starts the
/// description, once per element, in order; or, with a callback policy for C, as `f(element, out, callback, context)`.
/// An exception out of it is that branch's error; one out of the range's iteration ends the issuing (errc::issuer_threw).
/// Sized and forward ranges are counted first and take one allocation; input ranges at most 1 + log2 N.
template <class T, class Combine, class Callback, class Range, class Initiator, class Refcount = refcount::atomic,
          class Allocator = std::allocator<std::byte>, class Token = never_stop_token>
class [[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] description {
  using range_type = detail::kept_t<Range>;
  using initiator_type = detail::kept_t<Initiator>;
  using element_type = std::ranges::range_reference_t<range_type>;
  using combine_type = detail::bound_combine_t<T, Combine>;

  static constexpr bool is_counted = std::ranges::sized_range<range_type> || std::ranges::forward_range<range_type>;
  template <class Completion>
  using carried = detail::carrying<
      Range, Initiator,
      std::conditional_t<unstoppable_token<Token>, Completion, completion::stoppable<Token, Completion>>>;
  template <class Completion>
  using operation = fanout_op<
      Callback, combine_type, carried<Completion>,
      std::conditional_t<is_counted || !std::is_same_v<Refcount, refcount::atomic>, Refcount, refcount::lazy_seed>,
      Allocator, std::conditional_t<is_counted, known_width, open_width>>;

  struct ignore {
    void operator()(auto&&) && noexcept {}
  };

 public:
  using value_type = T;
  /// What the completion is called with, and what `fanout::wait` returns.
  using outcome_type = typename operation<ignore>::outcome_type;

  template <class R, class I>
  description(Combine combine, R&& range, I&& initiator, const Allocator& allocator = Allocator(),
              Token token = Token())
      : combine_(std::move(combine)),
        range_(std::in_place, std::forward<R>(range)),
        initiator_(std::in_place, std::forward<I>(initiator)),
        allocator_(allocator),
        token_(std::move(token)) {}

  /// Starts every branch on this thread and seals. `completion(outcome)` runs once, when all branches have reported: on the
  /// thread that reports last, inside this call if that is this thread. It must be noexcept. Whatever goes wrong arrives there,
  /// also a want of memory (errc::out_of_memory, errc::too_many), and nothing is thrown to the caller.
  template <class Completion>
  void then(Completion completion) && noexcept {
    using op = operation<Completion>;
    std::size_t n = 0;
    if constexpr (is_counted) {
      FANOUT_TRY { n = static_cast<std::size_t>(std::ranges::distance(range_.get())); }
      FANOUT_CATCH_ALL { return std::move(completion)(failed(errc::issuer_threw, std::current_exception())); }
    }
    carried<Completion> rider = carry(std::move(completion));
    auto made = op::make(n, detail::bind_combine<T>(std::move(combine_)), std::move(rider), allocator_);
    if (!made) [[unlikely]]
      return std::move(rider)(failed(made.error(), {}));
    // The range lies in the operation now, and stays while the issuer holds its reference.
    auto& rode = made->completion().with;
    fanout::issue(*std::move(made), [&](auto& issuer) { start_each(issuer, rode.range(), rode.initiator(), n); });
  }

  /// Asks the branches to stop when stop is requested through `token`: one of ours, or any stoppable token.
  /// Once: link sources (`linked_stop_source`) to listen to several.
  template <stoppable_token Other>
  auto stop_on(Other token) && {
    static_assert(unstoppable_token<Token>,
                  "fanout: stop_on was given a token already, which this one would replace: use a linked_stop_source");
    return with<Refcount, Allocator, Other>(allocator_, std::move(token));
  }
  /// Takes memory from `allocator`.
  template <class Other>
  auto allocate_with(const Other& allocator) && {
    return with<Refcount, Other, Token>(allocator, std::move(token_));
  }
  /// Counts with another refcount strategy, e.g. `fanout::refcount::local` where everything runs on one thread.
  template <class Other>
  auto count_with() && {
    return with<Other, Allocator, Token>(allocator_, std::move(token_));
  }

 private:
  template <class, class, class, class, class, class, class, class>
  friend class description;

  template <class R, class A, class S>
  auto with(const A& allocator, S token) {
    return description<T, Combine, Callback, Range, Initiator, R, A, S>(std::move(*this), allocator, std::move(token));
  }
  template <class R, class A, class S>
  description(description<T, Combine, Callback, Range, Initiator, R, A, S>&& other, const Allocator& allocator,
              Token token)
      : combine_(std::move(other.combine_)),
        range_(std::move(other.range_)),
        initiator_(std::move(other.initiator_)),
        allocator_(allocator),
        token_(std::move(token)) {}

  template <class Completion>
  carried<Completion> carry(Completion completion) noexcept {
    detail::luggage<Range, Initiator> luggage{std::move(range_), std::move(initiator_)};
    if constexpr (unstoppable_token<Token>) {
      return {std::move(luggage), std::move(completion)};
    } else {
      return {std::move(luggage), completion::stoppable<Token, Completion>(std::move(token_), std::move(completion))};
    }
  }

  static outcome_type failed(std::error_code cause, std::exception_ptr exception) noexcept {
    using error_type = typename combine_type::error_type;
    return unexpected(failure<error_type>{no_index, error_traits<error_type>::from(cause), 0, std::move(exception)});
  }

  template <class Issuer>
  static void start_each(Issuer& issuer, range_type& range, initiator_type& initiator, std::size_t n) {
    auto at = std::ranges::begin(range);
    const auto end = std::ranges::end(range);
    for (std::size_t i = 0; at != end && (!is_counted || i != n); ++at, ++i) start_one(issuer, i, initiator, *at);
  }

  template <class Issuer>
  static void start_one(Issuer& issuer, [[maybe_unused]] std::size_t i, initiator_type& initiator,
                        element_type&& element) {
    auto f = [&] {
      if constexpr (calls_c<Callback>) {
        return [&](auto... door) { return std::invoke(initiator, std::forward<element_type>(element), door...); };
      } else {
        using one = detail::for_element<initiator_type, element_type>;
        using branch = typename Issuer::branch;
        static_assert(
            std::is_invocable_v<one&, branch> || std::is_invocable_v<one&, branch, typename Issuer::stop_token_type>,
            "fanout: an initiator is called as f(element, branch) or f(element, branch, stop_token)");
        return one{initiator, std::forward<element_type>(element)};
      }
    }();
    if constexpr (calls_c<Callback> && is_counted) {
      issuer.start_c(i, f);
    } else if constexpr (calls_c<Callback>) {
      issuer.start_c(f);
    } else if constexpr (is_counted) {
      issuer.start(i, f);
    } else {
      issuer.start(f);
    }
  }

  // The initiator takes what a C interface takes: (element, out, callback, context).
  template <class Policy>
  static constexpr bool calls_c = [] {
    if constexpr (c_callback_policy<Policy>) {
      using function = decltype(&Policy::template function<detail::any_c_door>);
      if constexpr (std::is_void_v<T>) {
        return std::is_invocable_v<initiator_type&, element_type, function, void*>;
      } else {
        return std::is_invocable_v<initiator_type&, element_type, detail::stored_t<T>*, function, void*>;
      }
    } else {
      return false;
    }
  }();

  Combine combine_;
  detail::kept<Range> range_;
  detail::kept<Initiator> initiator_;
  Allocator allocator_;
  Token token_;
};

namespace detail {

template <class T, class Callback, class Combine, class Range, class Initiator>
auto describe(Combine combine, Range&& range, Initiator&& initiator) {
  static_assert(
      !std::is_array_v<std::remove_reference_t<Range>>,
      "fanout: a built-in array would be copied as a pointer: pass std::ref(array), a std::span or a std::array");
  return description<T, Combine, Callback, std::decay_t<Range>, std::decay_t<Initiator>>(
      std::move(combine), std::forward<Range>(range), std::forward<Initiator>(initiator));
}

}  // namespace detail

}  // namespace fanout

#endif
