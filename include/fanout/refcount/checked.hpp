// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_CHECKED_HPP
#define FANOUT_REFCOUNT_CHECKED_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <new>
#include <type_traits>
#include <vector>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/refcount/atomic.hpp"
#include "fanout/refcount/concept.hpp"

namespace fanout::refcount {

/// For finding mistakes: a bit per branch beside the count. A C callback that comes a second time for a branch ends the program there
/// and then, in any build, with the branch's index, before the count is wrong (a handle completes once by its type); and of operations
/// that never complete, `dump` says which branches are missing. A branch that completed inline is released like any other, so nothing
/// is optimised away.
///
///     fanout::all<row>(hosts, read).count_with<fanout::refcount::checked>().then(done);
///     …
///     fanout::refcount::checked::dump(stderr);  // fanout: 1 operation outstanding
///                                               //   2 of 64 branches missing: 17 40 (count at 0x7f…)
///
/// Policies that fold (reduce, each, merge) count by their baton and release all at the end: until then all of theirs are missing.
/// The check of a second completion holds as long as the operation lives: through an address that is freed by then, AddressSanitizer
/// sees what this cannot. Memory: a bit per branch. Cost: a second read-modify-write per branch, and a lock for each operation.
template <class Platform>
class basic_checked {
 public:
  using platform = Platform;
  /// Each branch is released by its own index, those that completed inline too.
  static constexpr bool wants_each = true;

  static constexpr storage_layout storage_for(std::size_t n) noexcept {
    return {words(n) * sizeof(word), alignof(word)};
  }

  explicit basic_checked(std::size_t branches, std::byte* storage = nullptr) noexcept
      : count_(branches), branches_(branches), released_(reinterpret_cast<word*>(storage)) {
    for (std::size_t i = 0; i != words(branches); ++i) ::new (static_cast<void*>(released_ + i)) word(0);
    if constexpr (is_listed) {
      const std::lock_guard guard(everybody::mutex());
      next_ = everybody::first();
      if (next_ != nullptr) next_->previous_ = this;
      everybody::first() = this;
    }
  }
  basic_checked(const basic_checked&) = delete;
  basic_checked& operator=(const basic_checked&) = delete;
  ~basic_checked() {
    if constexpr (is_listed) {
      const std::lock_guard guard(everybody::mutex());
      (previous_ != nullptr ? previous_->next_ : everybody::first()) = next_;
      if (next_ != nullptr) next_->previous_ = previous_;
    }
    for (std::size_t i = 0; i != words(branches_); ++i) released_[i].~word();
  }

  [[nodiscard]] bool release(std::size_t first, std::uint64_t k) noexcept {
    for (std::size_t i = first; i != first + k; ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i % 64;
      // relaxed: that it is set twice is found by the second one, whatever the order; the count orders the rest.
      if (i >= branches_ || (released_[i / 64].fetch_or(bit, std::memory_order_relaxed) & bit) != 0) [[unlikely]]
        completed_again(i);
    }
    return completes(count_.release(first, k));
  }
  [[nodiscard]] bool release_issuer(std::uint64_t inline_done, std::uint64_t not_started) noexcept {
    return completes(count_.release_issuer(inline_done, not_started));
  }
  [[nodiscard]] bool try_hold() noexcept { return count_.try_hold(); }
  [[nodiscard]] bool release_hold() noexcept { return completes(count_.release_hold()); }
  FANOUT_COLD [[noreturn]] static void completed_again(std::size_t i) noexcept {
    char sentence[96];
    std::snprintf(sentence, sizeof sentence, "branch %zu was completed twice, or is not one of this operation's", i);
    detail::fatal(sentence);
  }
  [[nodiscard]] references_left references() const noexcept { return count_.references(); }

  /// Calls f(index) for each branch that has not been released. Any thread, while the operation lives.
  template <class F>
  void for_each_missing(F&& f) const {
    for (std::size_t i = 0; i != branches_; ++i) {
      // relaxed: a look from outside
      if ((released_[i / 64].load(std::memory_order_relaxed) >> i % 64 & 1) == 0) f(i);
    }
  }

  /// Writes a line for each operation that counts like this and has not completed. Any thread; operations begin and end meanwhile.
  static void dump(std::FILE* to) {
    const std::lock_guard guard(everybody::mutex());
    const auto each_outstanding = [](auto f) {
      for (const basic_checked* one = everybody::first(); one != nullptr; one = one->next_) {
        if (!one->completed_.load(std::memory_order_relaxed)) f(*one);  // relaxed: a look from outside
      }
    };
    std::vector<const basic_checked*> found;
    each_outstanding([&](const basic_checked& one) { found.push_back(&one); });
    std::fprintf(to, "fanout: %zu operation%s outstanding\n", found.size(), found.size() == 1 ? "" : "s");
    for (const basic_checked* one : found) one->dump_missing(to);
  }

 private:
  using word = typename Platform::template atomic<std::uint64_t>;
  // Not those of an explorer, whose failed executions destroy nothing.
  static constexpr bool is_listed = std::is_same_v<Platform, std_platform>;
  static constexpr std::size_t words(std::size_t n) noexcept { return (n + 63) / 64; }

  // All that are alive.
  struct everybody {
    static std::mutex& mutex() noexcept {
      static std::mutex one;
      return one;
    }
    static basic_checked*& first() noexcept {
      static constinit basic_checked* one = nullptr;
      return one;
    }
  };

  // The last one's: nobody else touches this any more, but a dump.
  bool completes(bool last) noexcept {
    if (last) completed_.store(true, std::memory_order_relaxed);
    return last;
  }

  void dump_missing(std::FILE* to) const {
    std::size_t missing = 0;
    for_each_missing([&](std::size_t) { ++missing; });
    std::fprintf(to, "  %zu of %zu branches missing%s", missing, branches_, missing != 0 ? ":" : "");
    std::size_t shown = 0;
    for_each_missing([&](std::size_t i) {
      if (shown++ < most_shown) std::fprintf(to, " %zu", i);
    });
    std::fprintf(to, "%s (count at %p)\n", missing > most_shown ? " and more" : "", static_cast<const void*>(this));
  }
  static constexpr std::size_t most_shown = 16;

  basic_atomic<Platform> count_;
  const std::size_t branches_;
  word* const released_;
  typename Platform::template atomic<bool> completed_{false};  // an outcome may keep this for longer
  basic_checked* next_ = nullptr;                              // of everybody; guarded by its mutex
  basic_checked* previous_ = nullptr;                          // the same
};

using checked = basic_checked<std_platform>;

static_assert(holdable<checked> && observable<checked> && wants_each_branch<checked> && wants_duplicates<checked>);
static_assert(!addable<checked> && !correctable<checked> && !anonymous<checked>);

}  // namespace fanout::refcount

#endif
