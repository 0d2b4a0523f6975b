// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_ADAPTOR_HPP
#define FANOUT_COMPLETION_ADAPTOR_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "fanout/executor.hpp"

namespace fanout::completion {

namespace detail {

/// What is called leaves; what others may still refer to stays in the operation, until its memory goes.
template <class Completion>
auto take(Completion& completion) noexcept {
  if constexpr (requires { completion.take(); }) {
    return completion.take();
  } else {
    return Completion(std::move(completion));
  }
}

}  // namespace detail

/// What a completion policy that wraps another one is derived from: passes on everything that the operation may ask of the inner
/// one, and calls it with the outcome. A wrapper replaces what it has to add to, and then calls the adaptor's.
template <class Completion>
class adaptor {
 public:
  static constexpr bool is_direct = requires { requires Completion::is_direct; };
  /// It gives the outcome to another thread, which may end everything that the completion refers to.
  static constexpr bool hands_over = is_direct || requires { requires Completion::hands_over; };
  static constexpr bool keeps_storage = requires { requires Completion::keeps_storage; };
  static constexpr bool pulls = requires { requires Completion::pulls; };
  static constexpr bool watches = requires { requires Completion::watches; };

  template <class Op>
  void connect(Op& op) noexcept
    requires requires(Completion& c) { c.connect(op); }
  {
    inner_.connect(op);
  }
  void disconnect() noexcept
    requires requires(Completion& c) { c.disconnect(); }
  {
    inner_.disconnect();
  }
  void post(work& w) noexcept
    requires requires(Completion& c) {
      { c.post(w) } noexcept;
    }
  {
    inner_.post(w);
  }
  template <class Op>
    requires(pulls)
  void pull_after(Op& op, bool failed) noexcept {
    inner_.pull_after(op, failed);
  }
  template <class Op>
    requires(pulls)
  void pull_no_more(Op& op) noexcept {
    inner_.pull_no_more(op);
  }
  void started(std::size_t i) noexcept
    requires(watches)
  {
    inner_.started(i);
  }
  void reported(std::size_t i, bool failed) noexcept
    requires(watches)
  {
    inner_.reported(i, failed);
  }
  /// Branch i is about to report a failure, whether or not the operation keeps which of them failed. Where there is one.
  void failing(std::size_t i) noexcept
    requires requires(Completion& c) { c.failing(i); }
  {
    inner_.failing(i);
  }
  auto label(std::size_t i)
    requires requires(Completion& c) { c.label(i); }
  {
    return inner_.label(i);
  }
  auto take() noexcept { return detail::take(inner_); }

  template <class Outcome>
    requires std::is_invocable_v<Completion, Outcome>
  void operator()(Outcome&& outcome) && noexcept(std::is_nothrow_invocable_v<Completion, Outcome>) {
    std::move(inner_)(std::forward<Outcome>(outcome));
  }

 protected:
  explicit adaptor(Completion inner) noexcept(std::is_nothrow_move_constructible_v<Completion>)
      : inner_(std::move(inner)) {}
  adaptor(adaptor&&) = default;
  ~adaptor() = default;

  template <class Op>
  void connect_inner(Op& op) noexcept {
    if constexpr (requires { inner_.connect(op); }) inner_.connect(op);
  }
  void disconnect_inner() noexcept {
    if constexpr (requires { inner_.disconnect(); }) inner_.disconnect();
  }

  [[no_unique_address]] Completion inner_;
};

}  // namespace fanout::completion

#endif
