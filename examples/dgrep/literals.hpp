// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_LITERALS_HPP
#define DGREP_LITERALS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dgrep {

/// A text to be found as it is, or in either case of its ASCII letters.
struct literal {
  std::string text;       // lower case if caseless
  bool caseless = false;  // the bytes from 0x80 on have no case

  bool operator==(const literal&) const = default;
};

/// How common the rarest three neighbours in `text` are in log files, in either case: the more, the more often a
/// search for it stops in vain.
unsigned commonness(std::string_view text) noexcept;

/// The part of at most `size` bytes that is the rarest.
std::string_view rarest_part(std::string_view text, std::size_t size) noexcept;

inline bool is_word_byte(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/// Finds the first of a few literals, 32 bytes at a time where the processor has AVX2: one literal by two of its
/// bytes that are rare, more by three neighbours of each, whose nibbles are looked up in tables ("Teddy", as in
/// Hyperscan). Immutable; any thread.
class literals {
 public:
  static constexpr std::size_t most = 64;     // literals
  static constexpr std::size_t longest = 64;  // bytes: what is compared at one place is bounded by it

  /// `whole_word`: only where no letter, digit or _ is before or after.
  /// pre: 1 .. most, of 1 .. longest bytes each, without '\n'
  literals(std::vector<literal> all, bool whole_word, bool portable);

  /// A byte of the first occurrence, or of another one in the same line; nullptr if there is none. Reads nothing
  /// outside. pre: begin is the first byte of a line
  const char* find(const char* begin, const char* end) const noexcept;

 private:
  struct place {
    std::uint32_t which;   // of the literals
    std::uint32_t offset;  // of its fingerprint
  };
  enum class kernel : std::uint8_t { byte, pair, many };

  bool is_at(const literal& l, const char* at, const char* begin, const char* end) const noexcept;
  const char* pair(const char* at, const char* begin, const char* end) const noexcept;
  const char* pair_avx2(const char* at, const char* end) const noexcept;
  const char* verify(std::uint8_t buckets, const char* at, const char* begin, const char* end) const noexcept;
  const char* many(const char* at, const char* begin, const char* end) const noexcept;
  const char* many_avx2(const char* begin, const char* end) const noexcept;
  void prepare_pair();
  void prepare_many();

  std::vector<literal> all_;
  bool whole_word_;
  bool vectors_;
  kernel kernel_ = kernel::byte;

  // pair: two bytes of the only literal, each or-ed with 0x20 before it is compared if it is a letter and has two cases
  std::size_t first_ = 0, second_ = 0;  // first_ <= second_
  char first_byte_ = 0, second_byte_ = 0, first_fold_ = 0, second_fold_ = 0;

  // many: which buckets have a literal with such a byte at the first, second and third place of its fingerprint
  std::size_t width_ = 0;
  std::array<std::array<std::uint8_t, 256>, 3> by_byte_{};
  std::array<std::array<std::uint8_t, 16>, 3> by_low_{}, by_high_{};  // the same by nibbles
  std::array<std::vector<place>, 8> buckets_;
};

}  // namespace dgrep

#endif
