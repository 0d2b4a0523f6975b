// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ISSUE_HPP
#define FANOUT_ISSUE_HPP

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/combine/concept.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/lazy_seed.hpp"

namespace fanout {

namespace detail {

/// True; does not compile for a policy that throws when it is moved, which is what most often keeps a type from being one.
template <class Policy>
consteval bool moves_policy() {
  static_assert(
      std::is_nothrow_move_constructible_v<Policy>,
      "fanout: a combine policy is moved into the operation and out of it, so moving it must not throw: let its "
      "functions capture by move what moves without throwing, or by reference; what was const is copied when it is "
      "captured");
  return true;
}

template <class T, class Combine>
auto bind_combine(Combine combine) {
  if constexpr (combine::detail::bound<Combine>) {
    static_assert(moves_policy<Combine>());
    static_assert(combine::policy<Combine>, "fanout: this is not a combine policy: see fanout/combine/concept.hpp");
    static_assert(std::is_same_v<T, typename Combine::value_type>,
                  "fanout: issue<T> and the combine policy name different value types");
    return combine;
  } else {
    if constexpr (requires { std::move(combine).template bind<T>(); }) {
      static_assert(moves_policy<decltype(std::move(combine).template bind<T>())>());
    }
    static_assert(
        combine::description<Combine, T>,
        "fanout: this is not a combine policy: pass fanout::combine::all, settle, with(f) or one of your own");
    return std::move(combine).template bind<T>();
  }
}

template <class T, class Combine>
using bound_combine_t = decltype(bind_combine<T>(std::declval<Combine>()));

template <class Issuer>
inline constexpr bool is_issuer = false;
template <class Op>
inline constexpr bool is_issuer<basic_issuer<Op>> = true;

struct issuing {
  /// pre: not spent
  template <class Op>
  static Op& operation(basic_issuer<Op>& issuer) noexcept {
    return *issuer.op_;
  }
  template <class Issuer, class IssuingCode>
  static void run(Issuer& issuer, IssuingCode& issuing_code) noexcept {
    static_assert(Issuer::operation::issuer_has_reference,
                  "fanout: issuing code that may throw, and a description, need a reference of the issuing code's: use "
                  "refcount::atomic");
    FANOUT_TRY { issuing_code(issuer); }
    FANOUT_CATCH_ALL {
      FANOUT_ASSERT(issuer,
                    "issuing code threw after it had sealed the issuer or moved it away: its exception is lost");
      issuer.abort(std::current_exception());
    }
    if (issuer) std::move(issuer).seal();
  }
  /// Seals; with an exception, as one that left the issuing code. `cut_short`: there was more to start.
  template <class Issuer>
  static void end(Issuer&& issuer, std::exception_ptr exception, bool cut_short) noexcept {
    if (exception) return issuer.abort(std::move(exception));
    if (cut_short) issuer.cut_short();
    std::move(issuer).seal();
  }
};

}  // namespace detail

/// Makes an operation of `n` branches, each of which completes with a T (or nothing, for void), and returns its issuer:
///
///     auto issuer = fanout::issue<row>(hosts.size(), fanout::combine::all, [](auto outcome) noexcept { … });
///     for (std::size_t i = 0; i != hosts.size(); ++i)
///       issuer.start(i, [&](auto branch) { async_grep(hosts[i], filter, std::move(branch)); });
///     // ~issuer seals
///
/// The completion runs once, after the seal, when every branch has reported: on whichever thread reports last, which is
/// this one if they all did before. It is called with the combine policy's outcome and must be noexcept. With n = 0 it runs
/// from the seal. Completions that become due while one is running on the same thread run after it, not inside it.
///
/// One allocation. Throws std::bad_alloc, or std::system_error(errc::too_many) above 2^31 branches; nothing has happened
/// then, and the completion is destroyed without being called.
template <class T, class Callback = handler, class Refcount = refcount::atomic, class Combine, class Completion,
          class Allocator = std::allocator<std::byte>>
[[nodiscard("an issuer destroyed at once seals its operation with no branch started")]] FANOUT_ALWAYS_INLINE auto issue(
    std::size_t n, Combine combine, Completion completion, const Allocator& allocator = Allocator()) {
  using op = fanout_op<Callback, detail::bound_combine_t<T, Combine>, Completion, Refcount, Allocator>;
  auto bound = detail::bind_combine<T>(std::move(combine));
  return op::make_or_throw(n, std::move(bound), std::move(completion), allocator);
}

/// The same where N is found out while issuing: `issuer.start(initiator)` starts the next branch. Slots come in arrays that
/// double: at most 1 + log2 N allocations, and no increment per branch (refcount::lazy_seed).
template <class T, class Callback = handler, class Refcount = refcount::lazy_seed, class Combine, class Completion,
          class Allocator = std::allocator<std::byte>>
  requires(!std::is_convertible_v<Combine, std::size_t>)
[[nodiscard("an issuer destroyed at once seals its operation with no branch started")]] FANOUT_ALWAYS_INLINE auto issue(
    Combine combine, Completion completion, const Allocator& allocator = Allocator()) {
  using op = fanout_op<Callback, detail::bound_combine_t<T, Combine>, Completion, Refcount, Allocator, open_width>;
  auto bound = detail::bind_combine<T>(std::move(combine));
  return op::make_or_throw(0, std::move(bound), std::move(completion), allocator);
}

/// As `issue`, but returns errc::out_of_memory or errc::too_many instead of throwing, and takes the completion only if it
/// succeeds.
template <class T, class Callback = handler, class Refcount = refcount::atomic, class Combine, class Completion,
          class Allocator = std::allocator<std::byte>>
auto try_issue(std::size_t n, Combine combine, Completion&& completion, const Allocator& allocator = Allocator()) {
  static_assert(!std::is_lvalue_reference_v<Completion>,
                "fanout: try_issue takes the completion by std::move, if it succeeds");
  using op = fanout_op<Callback, detail::bound_combine_t<T, Combine>, Completion, Refcount, Allocator>;
  auto bound = detail::bind_combine<T>(std::move(combine));
  return op::make(n, std::move(bound), std::move(completion), allocator);
}

/// Runs `issuing_code(issuer)` and seals. An exception out of it does not reach the caller: the branches not started settle as
/// errc::not_issued, the started ones are asked to stop, and the outcome carries the exception with errc::issuer_threw, so that
/// there is one place where errors arrive. The issuing code does not seal the issuer or move it away: that is asserted where it
/// matters, since an exception after that would reach nobody.
template <class Issuer, class IssuingCode>
  requires detail::is_issuer<Issuer>
void issue(Issuer issuer, IssuingCode&& issuing_code) noexcept {
  detail::issuing::run(issuer, issuing_code);
}

}  // namespace fanout

#endif
