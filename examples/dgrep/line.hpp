// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_LINE_HPP
#define DGREP_LINE_HPP

#include <cstdint>
#include <memory>
#include <string_view>

#include "time.hpp"

namespace dgrep {

/// A line on its way from a file to the screen. Those that were found together lie together, in memory that the last of them has.
struct line {
  instant at = before_all;   // what it is ordered by: never less than those before it in its file
  std::uint64_t number = 0;  // in its file, from 1
  std::uint64_t match = 0;   // the number of the matching line that it belongs to: its own, or whose context it is
  const char* text = nullptr;
  std::uint32_t size = 0;
  bool cut = false;           // it was longer than what is kept of a line
  instant time = before_all;  // what it says itself, or the event that it belongs to; before_all: neither
  std::unique_ptr<char[]> memory{};

  bool matches() const noexcept { return number == match; }
  std::string_view view() const noexcept { return {text, size}; }
};

}  // namespace dgrep

#endif
