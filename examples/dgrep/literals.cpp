// SPDX-License-Identifier: BSL-1.0
#include "literals.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define DGREP_HAS_AVX2 1
#include <immintrin.h>
#else
#define DGREP_HAS_AVX2 0
#endif

namespace dgrep {
namespace {

// How common each byte is in log files: 12 log2(1 + its number in 1 MiB), counted over some eighty logs of servers and
// desktops, each with the same weight.
constexpr std::array<std::uint8_t, 128> ascii_commonness{
    0,   1,   0,   0,   0,   0,   0,   1,   0,   104, 158, 0,   0,   102, 0,   0,    //
    0,   1,   0,   0,   0,   0,   0,   2,   0,   0,   0,   104, 1,   1,   0,   0,    //
    201, 55,  139, 61,  95,  64,  77,  122, 157, 157, 52,  102, 171, 173, 171, 150,  //  !"#$%&'()*+,-./
    186, 181, 179, 165, 162, 161, 165, 153, 159, 162, 174, 93,  83,  134, 134, 65,   // 0123456789:;<=>?
    61,  137, 132, 147, 139, 143, 148, 126, 112, 154, 67,  115, 151, 142, 146, 150,  // @ABCDEFGHIJKLMNO
    129, 66,  146, 142, 142, 124, 100, 112, 94,  87,  65,  162, 101, 161, 72,  159,  // PQRSTUVWXYZ[\]^_
    23,  182, 148, 172, 171, 193, 172, 170, 157, 178, 95,  165, 177, 166, 181, 186,  // `abcdefghijklmno
    165, 117, 183, 181, 185, 160, 137, 135, 145, 139, 104, 95,  55,  95,  34,  0};   // pqrstuvwxyz{|}~
constexpr unsigned other_commonness = 90;  // rare in those, but not in logs that are not in English

constexpr std::uint8_t byte_of(char c) noexcept { return static_cast<std::uint8_t>(c); }
constexpr bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr char lower(char c) noexcept { return is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr char upper(char c) noexcept { return is_lower(c) ? static_cast<char>(c - ('a' - 'A')) : c; }

unsigned common(char c, bool caseless) noexcept {
  if (byte_of(c) >= ascii_commonness.size()) return other_commonness;
  if (!caseless) return ascii_commonness[byte_of(c)];
  return std::max(ascii_commonness[byte_of(lower(c))], ascii_commonness[byte_of(upper(c))]);
}

/// Where the rarest `width` neighbours begin, and how common they are.
std::pair<std::size_t, unsigned> rarest(std::string_view text, std::size_t width, bool caseless) noexcept {
  std::size_t where = 0;
  unsigned least = 0;
  for (std::size_t i = 0; i + width <= text.size(); ++i) {
    unsigned sum = 0;
    for (std::size_t k = 0; k != width; ++k) sum += common(text[i + k], caseless);
    if (i == 0 || sum < least) {
      where = i;
      least = sum;
    }
  }
  return {where, least};
}

bool equal_caseless(const char* at, const std::string& lower_case) noexcept {
  for (std::size_t i = 0; i != lower_case.size(); ++i)
    if (lower(at[i]) != lower_case[i]) return false;
  return true;
}

}  // namespace

unsigned commonness(std::string_view text) noexcept {
  const std::size_t width = std::min<std::size_t>(text.size(), 3);
  // A byte that is missing rules nothing out: it is as common as can be.
  return rarest(text, width, true).second + 255 * static_cast<unsigned>(3 - width);
}

std::string_view rarest_part(std::string_view text, std::size_t size) noexcept {
  if (text.size() <= size) return text;
  const std::size_t middle = rarest(text, 3, true).first + 1;
  const std::size_t begin = middle > size / 2 ? middle - size / 2 : 0;
  return text.substr(std::min(begin, text.size() - size), size);
}

literals::literals(std::vector<literal> all, bool whole_word, bool portable)
    : all_(std::move(all)), whole_word_(whole_word), vectors_(false) {
#if DGREP_HAS_AVX2
  vectors_ = !portable && __builtin_cpu_supports("avx2") != 0;
#else
  static_cast<void>(portable);
#endif
  if (all_.size() == 1) {
    const literal& only = all_.front();
    const bool has_case = only.caseless && is_lower(only.text.front());
    kernel_ = only.text.size() == 1 && !has_case ? kernel::byte : kernel::pair;
    prepare_pair();
  } else {
    kernel_ = kernel::many;
    prepare_many();
  }
}

void literals::prepare_pair() {
  const std::string& text = all_.front().text;
  const bool caseless = all_.front().caseless;
  std::size_t best = 0, next = text.size() == 1 ? 0 : 1;
  const auto rarity = [&](std::size_t i) { return common(text[i], caseless); };
  if (rarity(next) < rarity(best)) std::swap(best, next);
  for (std::size_t i = 2; i < text.size(); ++i) {
    if (rarity(i) < rarity(best)) {
      next = std::exchange(best, i);
    } else if (rarity(i) < rarity(next) && text[i] != text[best]) {
      next = i;  // the same byte once more says less
    }
  }
  first_ = std::min(best, next);
  second_ = std::max(best, next);
  first_byte_ = text[first_];
  second_byte_ = text[second_];
  first_fold_ = caseless && is_lower(first_byte_) ? 0x20 : 0;
  second_fold_ = caseless && is_lower(second_byte_) ? 0x20 : 0;
}

void literals::prepare_many() {
  width_ = by_byte_.size();
  for (const literal& l : all_) width_ = std::min(width_, l.text.size());

  for (std::size_t k = width_; k != by_low_.size(); ++k) {  // the places that not all have rule nothing out
    by_low_[k].fill(0xff);
    by_high_[k].fill(0xff);
  }

  // Those whose fingerprints are neighbours in the alphabet share a bucket, so that its tables stay nearly empty.
  std::vector<place> places;
  for (std::uint32_t i = 0; i != all_.size(); ++i)
    places.push_back({i, static_cast<std::uint32_t>(rarest(all_[i].text, width_, all_[i].caseless).first)});
  const auto fingerprint = [&](const place& p) {
    return std::string_view(all_[p.which].text).substr(p.offset, width_);
  };
  std::sort(places.begin(), places.end(),
            [&](const place& a, const place& b) { return fingerprint(a) < fingerprint(b); });
  for (std::size_t i = 0; i != places.size(); ++i) {
    const std::size_t b = places.size() <= buckets_.size() ? i : i * buckets_.size() / places.size();
    buckets_[b].push_back(places[i]);
    const auto bit = static_cast<std::uint8_t>(1U << b);
    for (std::size_t k = 0; k != width_; ++k) {
      const char c = fingerprint(places[i])[k];
      const bool caseless = all_[places[i].which].caseless;
      for (const char either : {c, caseless ? upper(c) : c}) {
        by_byte_[k][byte_of(either)] |= bit;
        by_low_[k][byte_of(either) & 15U] |= bit;
        by_high_[k][byte_of(either) >> 4U] |= bit;
      }
    }
  }
}

const char* literals::find(const char* begin, const char* end) const noexcept {
  if (begin == end) return nullptr;
  switch (kernel_) {
    case kernel::byte:
      for (const char* at = begin;; ++at) {
        at = static_cast<const char*>(std::memchr(at, all_.front().text.front(), static_cast<std::size_t>(end - at)));
        if (at == nullptr || is_at(all_.front(), at, begin, end)) return at;
        if (at + 1 == end) return nullptr;
      }
    case kernel::pair:
#if DGREP_HAS_AVX2
      if (vectors_) return pair_avx2(begin, end);
#endif
      return pair(begin, begin, end);
    case kernel::many:
#if DGREP_HAS_AVX2
      if (vectors_) return many_avx2(begin, end);
#endif
      return many(begin, begin, end);
  }
  return nullptr;
}

/// pre: begin <= at
inline bool literals::is_at(const literal& l, const char* at, const char* begin, const char* end) const noexcept {
  const std::size_t size = l.text.size();
  if (static_cast<std::size_t>(end - at) < size) return false;
  if (l.caseless ? !equal_caseless(at, l.text) : std::memcmp(at, l.text.data(), size) != 0) return false;
  return !whole_word_ || ((at == begin || !is_word_byte(at[-1])) && (at + size == end || !is_word_byte(at[size])));
}

const char* literals::pair(const char* at, const char* begin, const char* end) const noexcept {
  const literal& only = all_.front();
  const std::size_t size = only.text.size();
  for (; static_cast<std::size_t>(end - at) >= size; ++at) {
    if ((at[first_] | first_fold_) == first_byte_ && (at[second_] | second_fold_) == second_byte_ &&
        is_at(only, at, begin, end))
      return at;
  }
  return nullptr;
}

const char* literals::verify(std::uint8_t buckets, const char* at, const char* begin, const char* end) const noexcept {
  for (unsigned left = buckets; left != 0; left &= left - 1) {
    for (const place& p : buckets_[static_cast<std::size_t>(std::countr_zero(left))]) {
      if (static_cast<std::size_t>(at - begin) < p.offset) continue;
      if (is_at(all_[p.which], at - p.offset, begin, end)) return at;
    }
  }
  return nullptr;
}

const char* literals::many(const char* at, const char* begin, const char* end) const noexcept {
  for (; static_cast<std::size_t>(end - at) >= width_; ++at) {
    unsigned buckets = by_byte_[0][byte_of(at[0])];
    for (std::size_t k = 1; k != width_; ++k) buckets &= by_byte_[k][byte_of(at[k])];
    if (buckets == 0) continue;
    if (const char* const hit = verify(static_cast<std::uint8_t>(buckets), at, begin, end)) return hit;
  }
  return nullptr;
}

#if DGREP_HAS_AVX2
namespace {

#define DGREP_AVX2 __attribute__((target("avx2")))

DGREP_AVX2 inline __m256i load(const char* at) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(at)));
}

DGREP_AVX2 inline __m256i both_halves(const std::array<std::uint8_t, 16>& table) noexcept {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(table.data()))));
}

DGREP_AVX2 inline std::uint32_t bits(__m256i bytes) noexcept {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(bytes));
}

}  // namespace

DGREP_AVX2 const char* literals::pair_avx2(const char* at, const char* end) const noexcept {
  const char* const begin = at;
  const literal& only = all_.front();
  const __m256i byte1 = _mm256_set1_epi8(first_byte_), fold1 = _mm256_set1_epi8(first_fold_);
  const __m256i byte2 = _mm256_set1_epi8(second_byte_), fold2 = _mm256_set1_epi8(second_fold_);
  const auto both = [&](const char* from) DGREP_AVX2 {
    const __m256i is1 = _mm256_cmpeq_epi8(_mm256_or_si256(load(from + first_), fold1), byte1);
    const __m256i is2 = _mm256_cmpeq_epi8(_mm256_or_si256(load(from + second_), fold2), byte2);
    return _mm256_and_si256(is1, is2);
  };
  constexpr std::size_t block = 32;
  for (; static_cast<std::size_t>(end - at) >= second_ + 2 * block; at += 2 * block) {
    const __m256i low = both(at), high = both(at + block);
    const __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any)) continue;
    for (std::uint64_t hits = bits(low) | (std::uint64_t{bits(high)} << block); hits != 0; hits &= hits - 1) {
      const char* const hit = at + std::countr_zero(hits);
      if (is_at(only, hit, begin, end)) return hit;
    }
  }
  for (; static_cast<std::size_t>(end - at) >= second_ + block; at += block) {
    for (std::uint32_t hits = bits(both(at)); hits != 0; hits &= hits - 1) {
      const char* const hit = at + std::countr_zero(hits);
      if (is_at(only, hit, begin, end)) return hit;
    }
  }
  return pair(at, begin, end);
}

DGREP_AVX2 const char* literals::many_avx2(const char* begin, const char* end) const noexcept {
  constexpr std::size_t block = 32, width = 3;
  const __m256i nibble = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
  const __m256i low0 = both_halves(by_low_[0]), high0 = both_halves(by_high_[0]);
  const __m256i low1 = both_halves(by_low_[1]), high1 = both_halves(by_high_[1]);
  const __m256i low2 = both_halves(by_low_[2]), high2 = both_halves(by_high_[2]);
  const auto look_up = [&](const char* from, __m256i low, __m256i high) DGREP_AVX2 {
    const __m256i bytes = load(from);
    const __m256i by_low = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble));
    const __m256i by_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
    return _mm256_and_si256(by_low, by_high);
  };
  const char* at = begin;
  for (; static_cast<std::size_t>(end - at) >= width - 1 + block; at += block) {
    const __m256i found = _mm256_and_si256(_mm256_and_si256(look_up(at, low0, high0), look_up(at + 1, low1, high1)),
                                           look_up(at + 2, low2, high2));
    if (_mm256_testz_si256(found, found)) continue;
    alignas(block) std::array<std::uint8_t, block> buckets;
    _mm256_store_si256(static_cast<__m256i*>(static_cast<void*>(buckets.data())), found);
    for (std::uint32_t hits = ~bits(_mm256_cmpeq_epi8(found, zero)); hits != 0; hits &= hits - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(hits));
      if (const char* const hit = verify(buckets[lane], at + lane, begin, end)) return hit;
    }
  }
  return many(at, begin, end);
}
#endif

}  // namespace dgrep
