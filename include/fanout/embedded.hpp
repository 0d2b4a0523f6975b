// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_EMBEDDED_HPP
#define FANOUT_EMBEDDED_HPP

#include <cstddef>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/atomic.hpp"

namespace fanout {

/// An operation of at most `Capacity` branches inside its owner: a coroutine frame, a member, the stack of a thread that
/// blocks until it is delivered. Allocates nothing. Single use, pinned.
///
///     fanout::embedded<int, 4, combine_type, completion_type> op{fanout::combine::all, completion};
///     auto issuer = op.issue(3);
///
/// The owner may destroy it before `issue` or once it is *delivered*: from inside the completion on, or after a blocked wait
/// has returned. Destroyed in between, it ends the program in every build: there is nobody left who could wait. Values that the
/// completion was given are views into it.
template <class T, std::size_t Capacity, class Combine, class Completion, class Callback = handler,
          class Refcount = refcount::atomic>
class embedded {
  using combine_type = detail::bound_combine_t<T, Combine>;

 public:
  using operation = fanout_op<Callback, combine_type, Completion, Refcount, no_allocator>;
  using issuer = typename operation::issuer;
  using outcome_type = typename operation::outcome_type;

  embedded(Combine combine, Completion completion)
      : start_{detail::bind_combine<T>(std::move(combine)), std::move(completion)} {}
  embedded(const embedded&) = delete;
  embedded& operator=(const embedded&) = delete;
  ~embedded() {
    if (issued_) {
      operation::destroy_in(storage_);
    } else {
      std::destroy_at(&start_);
    }
  }

  /// Begins an operation of `n` branches. Once only, and n <= Capacity: anything else ends the program in every build.
  [[nodiscard("an issuer destroyed at once seals its operation with no branch started")]] issuer issue(
      std::size_t n = Capacity) noexcept {
    if (issued_) detail::fatal("an embedded operation was issued twice: it is single use");
    if (n > Capacity) detail::fatal("an embedded operation was issued with more branches than its capacity");
    FANOUT_ASSERT(operation::bytes_for(n) <= sizeof storage_,
                  "the strategy's storage_for(n) has more bytes for fewer branches: see refcount::storage_layout");
    issued_ = true;
    policies taken(std::move(start_));
    std::destroy_at(&start_);
    return operation::make_in(storage_, n, std::move(taken.combine), std::move(taken.completion));
  }

 private:
  struct policies {
    [[no_unique_address]] combine_type combine;
    [[no_unique_address]] Completion completion;
  };

  union {
    policies start_;  // until issued
    alignas(operation::alignment()) std::byte storage_[operation::bytes_for(Capacity)];
  };
  bool issued_ = false;  // the owner's
};

/// Deduces: `auto op = fanout::make_embedded<int, 4>(fanout::combine::all, [](auto outcome) noexcept { … });`
template <class T, std::size_t Capacity, class Callback = handler, class Refcount = refcount::atomic, class Combine,
          class Completion>
auto make_embedded(Combine combine, Completion completion) {
  return embedded<T, Capacity, Combine, Completion, Callback, Refcount>(std::move(combine), std::move(completion));
}

}  // namespace fanout

#endif
