// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_STOP_TOKEN_HPP
#define FANOUT_STOP_TOKEN_HPP

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "fanout/detail/platform.hpp"
#include "fanout/detail/stop_state.hpp"

/// Requests to stop, as in C++26: a *source* requests, *tokens* ask whether stop was requested, *callbacks* are told.
/// The state lives in the source itself, so nothing here allocates, and a token is one pointer.
///
///     fanout::inplace_stop_source source;
///     fanout::inplace_stop_callback on_stop{source.get_token(), [&] { socket.cancel(); }};
///     source.request_stop();                                       // runs the callback, on this thread
///
/// These are our own types under every language standard, so that the layout of what holds them does not depend on it.
/// Any token that satisfies `stoppable_token` may be used where the library takes one; `linked_stop_source` passes a
/// request on from one kind to another, and `adapt_stop_token` admits `std::stop_token`, which names no callback type
/// before C++26.
namespace fanout {

/// The callback type that is told when stop is requested through a `Token`; constructed from the token and an `F`.
template <class Token, class F>
using stop_callback_for_t = typename Token::template callback_type<F>;

namespace detail {
template <template <class> class>
struct names_a_template;
}

/// A handle through which one learns of requests to stop. An implementer promises, as [stoptoken.concepts] has it:
/// copies are equal and belong to the same stop state; once `stop_requested()` is true it stays so; once
/// `stop_possible()` is false it stays so and stop will never be requested; and a `callback_type<F>` runs its function
/// at most once, in its constructor if stop had been requested, and joins in its destructor.
template <class Token>
concept stoppable_token = requires(const Token token) {
  typename detail::names_a_template<Token::template callback_type>;
  { token.stop_requested() } noexcept -> std::same_as<bool>;
  { token.stop_possible() } noexcept -> std::same_as<bool>;
  { Token(token) } noexcept;
} && std::copyable<Token> && std::equality_comparable<Token>;

/// A token whose type says that stop will never be requested: code that asks may be left out.
template <class Token>
concept unstoppable_token =
    stoppable_token<Token> && requires { requires std::bool_constant<(!Token::stop_possible())>::value; };

/// `F`, made from an `Initializer`, can be told of requests through a `Token`.
template <class F, class Token, class Initializer = F>
concept stop_callback_for = std::invocable<F> && std::constructible_from<F, Initializer> &&
                            std::constructible_from<stop_callback_for_t<Token, F>, const Token&, Initializer>;

template <class Platform>
class basic_inplace_stop_source;
template <class Platform>
class basic_inplace_stop_token;
template <class Platform, class F>
class basic_inplace_stop_callback;

using inplace_stop_source = basic_inplace_stop_source<std_platform>;
using inplace_stop_token = basic_inplace_stop_token<std_platform>;
template <class F>
using inplace_stop_callback = basic_inplace_stop_callback<std_platform, F>;

/// The token of something that cannot be stopped. Everything about it is known at compile time.
class never_stop_token {
  struct callback {
    explicit callback(never_stop_token, auto&&) noexcept {}
    callback(const callback&) = delete;
    callback& operator=(const callback&) = delete;
  };

 public:
  template <class>
  using callback_type = callback;

  [[nodiscard]] static constexpr bool stop_requested() noexcept { return false; }
  [[nodiscard]] static constexpr bool stop_possible() noexcept { return false; }
  [[nodiscard]] bool operator==(const never_stop_token&) const = default;
};

/// Where stop is requested, once and for good. Holds the state itself: no allocation, 24 bytes, constant
/// initialisation.
///
/// Thread safety: any thread may call any member but the destructor at any time.
///
/// Lifetime: the source outlives its tokens' use, its callbacks, and **every call to `request_stop()`**. So a callback
/// must not destroy the source that runs it, nor finish the operation that holds it if that lets the source go: whoever
/// requests stop keeps the source alive until `request_stop()` has returned. Both mistakes assert.
template <class Platform>
class basic_inplace_stop_source {
 public:
  constexpr basic_inplace_stop_source() noexcept = default;
  basic_inplace_stop_source(const basic_inplace_stop_source&) = delete;
  basic_inplace_stop_source& operator=(const basic_inplace_stop_source&) = delete;

  [[nodiscard]] constexpr basic_inplace_stop_token<Platform> get_token() const noexcept {
    return basic_inplace_stop_token<Platform>{&state_};
  }

  [[nodiscard]] static constexpr bool stop_possible() noexcept { return true; }

  /// Whether stop has been requested. If so, what the requester wrote before is visible. Costs one acquire load.
  [[nodiscard]] bool stop_requested() const noexcept { return state_.stop_requested(); }

  /// Requests stop. Returns true for exactly one call, the one that did it: that call runs all registered callbacks one
  /// after the other on this thread, in the order of their registration, holding no lock, and returns when all of them
  /// have run. Any other call returns false at once; callbacks may still be running then. A callback that throws
  /// terminates. Cost without callbacks: a load and two read-modify-writes; each callback adds two.
  bool request_stop() noexcept { return state_.request_stop(); }

 private:
  mutable detail::stop_state<Platform> state_;  // tokens of a const source register callbacks too
};

/// Asks a source. One pointer, trivially copyable; a default-constructed token belongs to no source.
/// Use it no longer than its source lives.
template <class Platform>
class basic_inplace_stop_token {
 public:
  template <class F>
  using callback_type = basic_inplace_stop_callback<Platform, F>;

  constexpr basic_inplace_stop_token() noexcept = default;

  /// Whether stop has been requested; see the source's.
  [[nodiscard]] bool stop_requested() const noexcept { return state_ != nullptr && state_->stop_requested(); }

  /// Whether stop can ever be requested: whether there is a source.
  [[nodiscard]] constexpr bool stop_possible() const noexcept { return state_ != nullptr; }

  constexpr void swap(basic_inplace_stop_token& other) noexcept { std::swap(state_, other.state_); }

  [[nodiscard]] bool operator==(const basic_inplace_stop_token&) const = default;

 private:
  friend basic_inplace_stop_source<Platform>;
  template <class, class>
  friend class basic_inplace_stop_callback;

  constexpr explicit basic_inplace_stop_token(detail::stop_state<Platform>* state) noexcept : state_{state} {}

  detail::stop_state<Platform>* state_ = nullptr;
};

/// Calls `F` once when stop is requested through a token, for as long as this object lives.
///
/// `F` runs on the thread that requests stop, inside `request_stop()`; or on this thread, inside the constructor, if
/// stop had been requested before. No lock is held: it may construct and destroy callbacks of the same source, destroy
/// *this* one, request stop again (to no effect), or complete an operation. If it throws, the program terminates.
///
/// The destructor joins: when it returns, `F` is not running on any other thread and will not run, and what `F` wrote
/// is visible. Destroyed inside its own run (on the thread that runs it) it does not wait. Two callbacks that run at
/// once on two threads and each destroy the other wait for ever.
///
/// Thread safety: construct and destroy from any thread, whatever others do with the source. Pinned: it has an address.
/// Cost: registering is two read-modify-writes on the source, deregistering another two; no allocation.
template <class Platform, class F>
class [[nodiscard("a stop callback is deregistered when it is destroyed: give it a name")]] basic_inplace_stop_callback
    : private detail::stop_callback_node<Platform> {
  static_assert(std::invocable<F>, "a stop callback is called with no arguments: pass a callable such as [&] { ... }");
  static_assert(std::destructible<F>, "a stop callback owns its callable, so it has to be able to destroy it");

  using node = detail::stop_callback_node<Platform>;

 public:
  using callback_type = F;

  /// Makes the callable from `initializer` first, and only then registers it. Throws what making it throws.
  template <class Initializer>
    requires std::constructible_from<F, Initializer>
  explicit basic_inplace_stop_callback(basic_inplace_stop_token<Platform> token, Initializer&& initializer) noexcept(
      std::is_nothrow_constructible_v<F, Initializer>)
      : node{&run}, state_{token.state_}, callback_(std::forward<Initializer>(initializer)) {
    if (state_ == nullptr || state_->add(*this)) return;
    state_ = nullptr;  // nothing to deregister
    run(*this);
  }

  ~basic_inplace_stop_callback() {
    if (state_ != nullptr) state_->remove(*this);
  }

 private:
  static void run(node& self) noexcept { std::forward<F>(static_cast<basic_inplace_stop_callback&>(self).callback_)(); }

  detail::stop_state<Platform>* state_;  // null if not registered
  F callback_;
};

template <class Platform, class F>
basic_inplace_stop_callback(basic_inplace_stop_token<Platform>, F) -> basic_inplace_stop_callback<Platform, F>;

/// A source that is also stopped when a foreign token is: passes the request on, *down* the tree of operations and from
/// one kind of token to another. `Source` is anything with `request_stop()` and `get_token()`:
///
///     fanout::linked_stop_source ours{token};                                          // any stoppable_token to ours
///     fanout::linked_stop_source<fanout::inplace_stop_token, std::stop_source> theirs{token};  // ours to std::stop_token
///
/// A request through the token requests stop on the source within the same call, on the same thread; if it had been
/// made before, within the constructor. A request on this source does not reach the token's.
///
/// Lifetime: as for a stop callback, the destructor joins a request that is on its way on another thread. As for a
/// source, it must not be destroyed from inside a request that it is passing on.
template <stoppable_token Token, class Source = inplace_stop_source>
class [[nodiscard("the link is cut when it is destroyed: give it a name")]] linked_stop_source {
  struct pass_on {
    Source& source;
    void operator()() const noexcept { static_cast<void>(source.request_stop()); }
  };

 public:
  explicit linked_stop_source(const Token& token) : link_(token, pass_on{source_}) {}
  linked_stop_source(const linked_stop_source&) = delete;
  linked_stop_source& operator=(const linked_stop_source&) = delete;

  [[nodiscard]] auto get_token() const noexcept { return source_.get_token(); }
  [[nodiscard]] bool stop_requested() const noexcept { return source_.stop_requested(); }
  bool request_stop() noexcept { return source_.request_stop(); }

 private:
  Source source_;
  stop_callback_for_t<Token, pass_on> link_;  // last: gone, and joined, before the source goes
};

template <class Token>
linked_stop_source(Token) -> linked_stop_source<Token>;

/// A token type that does not name its callback type, completed by it to a `stoppable_token`. See `adapt_stop_token`.
template <class Token, template <class> class Callback>
class adapted_stop_token {
 public:
  template <class F>
  using callback_type = Callback<F>;

  explicit adapted_stop_token(Token token) noexcept : token_(std::move(token)) {}

  [[nodiscard]] bool stop_requested() const noexcept { return token_.stop_requested(); }
  [[nodiscard]] bool stop_possible() const noexcept { return token_.stop_possible(); }

  /// The token itself, which is also how a `Callback` is constructed from this one.
  [[nodiscard]] operator const Token&() const noexcept { return token_; }

  [[nodiscard]] bool operator==(const adapted_stop_token&) const = default;

 private:
  Token token_;
};

/// `adapt_stop_token<std::stop_callback>(token)` makes a `std::stop_token` usable wherever a `stoppable_token` is
/// asked for, without this header including <stop_token>. Costs nothing beyond the token.
template <template <class> class Callback, class Token>
[[nodiscard]] adapted_stop_token<Token, Callback> adapt_stop_token(Token token) noexcept {
  return adapted_stop_token<Token, Callback>{std::move(token)};
}

static_assert(stoppable_token<inplace_stop_token> && !unstoppable_token<inplace_stop_token>);
static_assert(unstoppable_token<never_stop_token>);
static_assert(sizeof(inplace_stop_source) == 2 * sizeof(std::uint32_t) + 2 * sizeof(void*));

}  // namespace fanout

#endif
