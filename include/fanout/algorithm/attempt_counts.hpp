// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_ATTEMPT_COUNTS_HPP
#define FANOUT_ALGORITHM_ATTEMPT_COUNTS_HPP

#include <atomic>
#include <cstdint>

#include "fanout/detail/platform.hpp"

namespace fanout {

namespace detail {
template <class Op, class With>
class attempt;
}

/// What became of the attempts of the descriptions that were given it: `.count_attempts(counts)`. Any number of operations may
/// share one; it must outlive them, and those of their attempts that time out.
///
/// Thread safety: any thread, at any time. Cost: a relaxed read-modify-write for each attempt.
template <class Platform>
class basic_attempt_counts {
 public:
  struct counts {
    std::uint64_t first = 0;      ///< #branches whose initiator was called
    std::uint64_t retried = 0;    ///< #further attempts
    std::uint64_t timed_out = 0;  ///< #attempts that were asked to stop by `.timeout`
    std::uint64_t exhausted = 0;  ///< #branches that failed because there was no attempt left
    std::uint64_t refused = 0;    ///< #branches that failed because the budget refused another attempt

    friend bool operator==(const counts&, const counts&) = default;
  };

  basic_attempt_counts() noexcept = default;
  basic_attempt_counts(const basic_attempt_counts&) = delete;
  basic_attempt_counts& operator=(const basic_attempt_counts&) = delete;

  /// Each number is exact, but they may be read at different moments.
  [[nodiscard("the counts")]] counts counted() const noexcept {
    const auto read = [](const number& n) noexcept { return n.load(std::memory_order_relaxed); };
    return {read(first_), read(retried_), read(timed_out_), read(exhausted_), read(refused_)};
  }

 private:
  template <class, class>
  friend class detail::attempt;

  // All are statistics: relaxed.
  using number = typename Platform::template atomic<std::uint64_t>;

  number first_{0}, retried_{0}, timed_out_{0}, exhausted_{0}, refused_{0};
};

using attempt_counts = basic_attempt_counts<std_platform>;

}  // namespace fanout

#endif
