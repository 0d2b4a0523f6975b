// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REASON_HPP
#define FANOUT_REASON_HPP

namespace fanout {

/// Why an operation's outcome is what it is.
enum class reason : unsigned char {
  completed,    // every branch has reported, and that is what came out
  quorum,       // as many branches as were wanted have succeeded
  error_limit,  // more branches failed than may; for most policies, one
  deadline,     // the deadline passed before anything else decided
  stopped,      // it was asked to stop
};

/// How an enumerator is spelt.
[[nodiscard]] constexpr const char* to_string(reason r) noexcept {
  switch (r) {
    case reason::completed:
      return "completed";
    case reason::quorum:
      return "quorum";
    case reason::error_limit:
      return "error_limit";
    case reason::deadline:
      return "deadline";
    case reason::stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace fanout

#endif
