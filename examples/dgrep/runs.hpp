// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_RUNS_HPP
#define DGREP_RUNS_HPP

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dgrep {

/// Neighbours that are all of one class of bytes.
struct byte_run {
  std::bitset<256> of;    // the class; '\n' is not in it
  std::size_t least = 1;  // how many

  bool operator==(const byte_run&) const = default;
};

/// Runs that each match of `expression` has, one right behind the other; of all that are known, the rarest. None if
/// nothing is known: it is made for what people search for, [0-9a-f]{32} and the like, and gives up early. Characters
/// are bytes. pre: RE2 takes the expression, whose characters are Latin-1; with `caseless`, as (?i:expression)
std::vector<byte_run> required_runs(const std::string& expression, bool caseless);

/// How rare they are in log files, in bits: at one of 2^rarity places, give or take much.
double rarity(const std::vector<byte_run>& all);

/// Finds the first place where a few runs are, one right behind the other, 64 bytes at a time where the processor has
/// AVX2: the nibbles of the bytes are looked up in tables ("shufti", as in Hyperscan), which makes a mask for each
/// class, and a run of n is where n masks, each shifted by one more, are all set. Immutable; any thread.
class runs {
 public:
  static constexpr std::size_t longest = 64;  // bytes: what is compared at one place is bounded by it

  /// pre: not empty, of 1 .. longest bytes together, without '\n'
  runs(const std::vector<byte_run>& all, bool portable);

  /// The first byte of the first place; nullptr if there is none. Reads nothing outside.
  const char* find(const char* begin, const char* end) const noexcept;

 private:
  struct part {
    byte_run run;
    std::size_t offset = 0;                      // from the begin of the first run
    std::size_t width = 0;                       // of the run, as far as it is searched for; the rest is only compared
    std::array<std::uint8_t, 5> steps{};         // by which 1 grows to width, each at most as much as there is already
    std::array<std::uint8_t, 16> low{}, high{};  // a byte is in the class if its nibbles have a bit in common
  };

  static void fill_tables(part& p);
  bool is_at(const char* at) const noexcept;
  const char* find_portable(const char* begin, const char* end) const noexcept;
  const char* find_avx2(const char* begin, const char* end) const noexcept;

  std::vector<part> parts_;  // the rarest first
  std::size_t size_ = 0;     // of all together
  bool vectors_ = false;
};

}  // namespace dgrep

#endif
