// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_ATTEMPTING_HPP
#define FANOUT_ALGORITHM_ATTEMPTING_HPP

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/algorithm/attempt.hpp"
#include "fanout/detail/block.hpp"
#include "fanout/errc.hpp"

namespace fanout::detail {

/// Where attempts lie: in one array where it is known how many branches there will be at once, else one by one. Those that have
/// been given back are used again. Memory goes when this does.
template <class Allocator, class Platform>
class attempt_store {
 public:
  explicit attempt_store(const Allocator& allocator) noexcept : allocator_(allocator) {}
  /// pre: `other` is used no more
  attempt_store(attempt_store&& other) noexcept
      : allocator_(other.allocator_), chunks_(std::exchange(other.chunks_, nullptr)) {}
  ~attempt_store() { clear(); }

  /// Room for `n` more attempts, each made of `args`. If there is no memory, nothing has happened. The issuing right's.
  template <class Attempt, class... Args>
  void reserve(std::size_t n, Args&... args) noexcept {
    if (n == 0 || n > (static_cast<std::size_t>(-1) - offset<Attempt>()) / sizeof(Attempt)) return;
    using memory = block_memory<alignment<Attempt>(), Allocator>;
    std::byte* const block = memory::allocate(allocator_, offset<Attempt>() + n * sizeof(Attempt));
    if (block == nullptr) return;
    chunks_ = ::new (static_cast<void*>(block)) chunk{chunks_, n, &free<Attempt>};
    auto* const first = reinterpret_cast<Attempt*>(block + offset<Attempt>());
    for (Attempt* at = first + n; at != first;) {
      ::new (static_cast<void*>(--at)) Attempt(args...);
      at->next = taken_;
      taken_ = at;
    }
  }

  /// One that nobody uses; null if there is no memory for one. The issuing right's.
  template <class Attempt, class... Args>
  Attempt* take(Args&... args) noexcept {
    if (taken_ == nullptr) taken_ = given_.exchange(nullptr, std::memory_order_acquire);  // acquire: see give
    if (taken_ == nullptr) reserve<Attempt>(1, args...);
    attempt_link* const first = taken_;
    if (first != nullptr) taken_ = first->next;
    return static_cast<Attempt*>(first);
  }

  /// From any thread.
  void give(attempt_link& back) noexcept {
    attempt_link* top = given_.load(std::memory_order_relaxed);  // relaxed: only seeds the exchange
    do {
      back.next = top;
      // release: the attempt as it was left. There is no ABA: they are taken all at once only.
    } while (!given_.compare_exchange_weak(top, &back, std::memory_order_release, std::memory_order_relaxed));
  }

  void clear() noexcept {
    while (chunk* const c = chunks_) {
      chunks_ = c->next;
      c->free(c, allocator_);
    }
  }

 private:
  struct chunk {
    chunk* next;
    std::size_t size;
    void (*free)(chunk*, const Allocator&) noexcept;
  };
  template <class Attempt>
  static constexpr std::size_t alignment() noexcept {
    return larger(alignof(chunk), alignof(Attempt));
  }
  template <class Attempt>
  static constexpr std::size_t offset() noexcept {
    return round_up(sizeof(chunk), alignof(Attempt));
  }
  template <class Attempt>
  static void free(chunk* c, const Allocator& allocator) noexcept {
    const std::size_t n = c->size;
    std::destroy_n(std::launder(reinterpret_cast<Attempt*>(reinterpret_cast<std::byte*>(c) + offset<Attempt>())), n);
    block_memory<alignment<Attempt>(), Allocator>::deallocate(allocator, c, offset<Attempt>() + n * sizeof(Attempt));
  }

  [[no_unique_address]] Allocator allocator_;
  chunk* chunks_ = nullptr;  // the issuing right's, as is the next
  attempt_link* taken_ = nullptr;
  typename Platform::template atomic<attempt_link*> given_{nullptr};  // given back since
};

/// The operation's part in its branches' attempts: what is asked of them, and where they lie. Rides in the operation; `Carrying` has
/// the range and the initiator. See `attempt`.
template <class Carrying, class Element, bool ElementIsStable, bool CallsC, class Options, class Allocator,
          class Platform>
class attempting : public Carrying {
 public:
  using options_type = Options;
  using element_type = Element;
  static constexpr bool element_is_stable = ElementIsStable;
  static constexpr bool calls_c = CallsC;
  /// Timers do.
  static constexpr bool keeps_storage = Options::times_out || Options::retries || Carrying::keeps_storage;

  template <class Op>
  using attempt_of = attempt<Op, attempting>;

  attempting(Carrying with, Options asked, const Allocator& allocator) noexcept
      : Carrying(std::move(with)), options_(std::move(asked)), store_(allocator) {}

  template <class Op>
  void connect(Op& op) noexcept {
    if constexpr (requires { static_cast<Carrying&>(*this).connect(op); }) static_cast<Carrying&>(*this).connect(op);
    op_ = &op;
  }

  /// So many branches may be under way at once. Through the issuing right, before the first start.
  template <class Op>
  void expect(std::size_t n) noexcept {
    store_.template reserve<attempt_of<Op>>(n, *this, *static_cast<Op*>(op_));
  }

  /// Starts a branch's first attempt: the initiator that `start` calls.
  template <class Op>
  void first_attempt(basic_branch<Op> branch, Element&& element) {
    auto* const a = store_.template take<attempt_of<Op>>(*this, *static_cast<Op*>(op_));
    if (a == nullptr) [[unlikely]]
      return branch.set_error(make_error_code(errc::out_of_memory));
    // Looked for here, and not before: who gave it back may still be in the stop request in which its branch reported.
    if (branch.stop_token().stop_requested()) {
      store_.give(*a);
      return branch.set_stopped();
    }
    a->start(std::move(branch), static_cast<Element&&>(element));
  }

  void give(attempt_link& a) noexcept { store_.give(a); }
  Options& options() noexcept { return options_; }

  template <class Outcome>
    requires std::is_invocable_v<Carrying, Outcome>
  void operator()(Outcome&& outcome) && noexcept(std::is_nothrow_invocable_v<Carrying, Outcome>) {
    store_.clear();  // whoever is told may end what the memory is from
    static_cast<Carrying&&>(*this)(std::forward<Outcome>(outcome));
  }

 private:
  void* op_ = nullptr;
  Options options_;
  attempt_store<Allocator, Platform> store_;
};

}  // namespace fanout::detail

#endif
