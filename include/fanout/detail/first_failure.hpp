// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_FIRST_FAILURE_HPP
#define FANOUT_DETAIL_FIRST_FAILURE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/detail/block.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/failure.hpp"

namespace fanout::detail {

/// The operation's cause. The first real error is kept, later ones are counted, and branches that merely stopped are noise
/// that never displaces it (I7). Successes never come here, so nothing here is on a hot path.
/// `Early`: the cause may be asked for before every branch has been released; see `is_written`.
template <class E, class Platform, bool Early = false>
class first_failure {
 public:
  first_failure() noexcept {}
  first_failure(const first_failure&) = delete;
  first_failure& operator=(const first_failure&) = delete;
  ~first_failure() {
    if (any()) std::destroy_at(&first_);
  }

  /// From any thread that holds a reference, before it releases it. True if this was the first.
  FANOUT_COLD bool note(std::size_t index, E error, std::exception_ptr exception = {},
                        reason why = reason::error_limit) noexcept {
    // relaxed: it only elects the one that writes `first_`. What it writes is published by its own release on the count and
    // read after the last one's acquire.
    if (errors_.fetch_add(1, std::memory_order_relaxed) != 0) return false;
    ::new (static_cast<void*>(&first_))
        cell<failure<E>>(failure<E>{index, std::move(error), 0, std::move(exception), why});
    note_written();
    return true;
  }

  /// The same for what is no error of a branch's: it is the cause if there is none, and otherwise not even counted.
  FANOUT_COLD void note_unless_any(E error, reason why) noexcept {
    std::uint32_t none = 0;
    // relaxed, as above; where an error was first, nothing of it is read.
    if (!errors_.compare_exchange_strong(none, 1, std::memory_order_relaxed)) return;
    ::new (static_cast<void*>(&first_)) cell<failure<E>>(failure<E>{no_index, std::move(error), 0, {}, why});
    note_written();
  }

  /// By the one whose `note` returned true, before it releases its reference.
  FANOUT_COLD void replace(std::size_t index, E error, std::exception_ptr exception) noexcept {
    first_ = failure<E>{index, std::move(error), 0, std::move(exception)};
  }

  FANOUT_COLD void note_stopped() noexcept {
    stopped_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count, read after the last release
  }

  /// Whether there is a cause, and the caller may take it. Between being elected and writing it, a branch may take its time.
  bool is_written() const noexcept
    requires Early
  {
    return written_.load(std::memory_order_acquire);  // acquire: the cause
  }

  // The rest by whoever saw the count at zero, or a written cause; relaxed, since that acquired everything.
  bool any() const noexcept { return errors_.load(std::memory_order_relaxed) != 0; }
  bool any_stopped() const noexcept { return stopped_.load(std::memory_order_relaxed) != 0; }

  /// The cause; empty if there is none.
  FANOUT_COLD failure<E> take() noexcept {
    if (!any()) return {};
    failure<E> cause = static_cast<failure<E>&&>(first_);
    cause.suppressed = errors_.load(std::memory_order_relaxed) - 1;
    return cause;
  }

 private:
  template <class T>
  using cell = typename Platform::template cell<T>;
  template <class T>
  using atomic = typename Platform::template atomic<T>;

  void note_written() noexcept {
    if constexpr (Early) written_.store(true, std::memory_order_release);  // release: the cause
  }

  atomic<std::uint32_t> errors_{0};   // #errors noted
  atomic<std::uint32_t> stopped_{0};  // #branches that reported that they were stopped
  [[no_unique_address]] std::conditional_t<Early, atomic<bool>, absent> written_{false};
  union {
    cell<failure<E>> first_;  // exists once errors_ > 0; written by whoever took errors_ from 0 to 1
  };
};

}  // namespace fanout::detail

#endif
