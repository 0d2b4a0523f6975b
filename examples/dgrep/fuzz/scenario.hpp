// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_FUZZ_SCENARIO_HPP
#define DGREP_FUZZ_SCENARIO_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "session.hpp"  // of tests/fuzz, whose driver plays these, too: fuzz::bytes, play, says_all
#include "time.hpp"

namespace scenario {

inline constexpr dgrep::instant a_millisecond = dgrep::a_second / 1000;
inline constexpr dgrep::instant a_day = 86'400 * dgrep::a_second;
inline constexpr dgrep::instant noon = 1'482'148'800 * dgrep::a_second;  // 2016-12-19T12:00Z
inline constexpr dgrep::instant end_of_years = 9'214'646'400 * dgrep::a_second;

/// The input that is played: what a discrepancy names.
class playing {
 public:
  playing(const std::uint8_t* data, std::size_t size) noexcept;
  playing(const playing&) = delete;
  playing& operator=(const playing&) = delete;
  ~playing();
};

/// Names the input, and aborts.
[[noreturn]] void wrong(const std::string& what);
/// Only for `show`.
void say(const std::string& what);

std::string shown(std::string_view text);
std::string shown(std::optional<dgrep::instant> t);
/// "2016-12-19T12:00:00.000Z"
std::string stamp(dgrep::instant t);

inline std::string rest_of(fuzz::bytes& in) {
  std::string text;
  while (!in.empty()) text += static_cast<char>(in.next());
  return text;
}

/// A file without a folder. The next that is made takes its place.
std::string memory_file(std::string_view content, dgrep::instant written_at);
std::string packed(std::string_view content);

}  // namespace scenario

#endif
