// SPDX-License-Identifier: BSL-1.0
#include "runs.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define DGREP_HAS_AVX2 1
#include <immintrin.h>
#else
#define DGREP_HAS_AVX2 0
#endif

namespace dgrep {
namespace {

constexpr std::uint8_t byte_of(char c) noexcept { return static_cast<std::uint8_t>(c); }

}  // namespace

runs::runs(const std::vector<byte_run>& all, bool portable) {
  constexpr std::size_t widest = 32;  // half a block, see find_avx2
#if DGREP_HAS_AVX2
  vectors_ = !portable && __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
             __builtin_cpu_supports("bmi2") != 0 && __builtin_cpu_supports("lzcnt") != 0;
#else
  static_cast<void>(portable);
#endif
  for (const byte_run& run : all) {
    part& p = parts_.emplace_back();
    p.run = run;
    p.offset = size_;
    p.width = std::min(run.least, widest);
    std::size_t has = 1;
    for (std::uint8_t& step : p.steps) {
      step = static_cast<std::uint8_t>(std::min(has, p.width - has));
      has += step;
    }
    fill_tables(p);
    size_ += run.least;
  }
  std::sort(parts_.begin(), parts_.end(), [](const part& a, const part& b) {
    return std::pair(-rarity({a.run}), a.offset) < std::pair(-rarity({b.run}), b.offset);
  });
}

// A bit for each different set of low nibbles that some high nibble has. Few classes need more than eight; where that
// is, the last bit is shared, and the tables take bytes for members that are none.
void runs::fill_tables(part& p) {
  std::vector<std::uint16_t> sets;
  for (std::size_t high = 0; high != p.high.size(); ++high) {
    std::uint16_t set = 0;
    for (std::size_t low = 0; low != p.low.size(); ++low)
      if (p.run.of[high * 16 + low]) set = static_cast<std::uint16_t>(set | 1U << low);
    if (set == 0) continue;
    const auto known = static_cast<std::size_t>(std::find(sets.begin(), sets.end(), set) - sets.begin());
    if (known == sets.size()) sets.push_back(set);
    const auto bit = static_cast<std::uint8_t>(1U << std::min<std::size_t>(known, 7));
    p.high[high] = bit;
    for (std::size_t low = 0; low != p.low.size(); ++low)
      if ((set >> low & 1U) != 0) p.low[low] |= bit;
  }
}

const char* runs::find(const char* begin, const char* end) const noexcept {
#if DGREP_HAS_AVX2
  if (vectors_) return find_avx2(begin, end);
#endif
  return find_portable(begin, end);
}

/// pre: size_ bytes from `at` on may be read
bool runs::is_at(const char* at) const noexcept {
  for (const part& p : parts_) {
    const char* const from = at + p.offset;
    for (std::size_t i = 0; i != p.run.least; ++i)
      if (!p.run.of[byte_of(from[i])]) return false;
  }
  return true;
}

// A run of n bytes has one at each nth place: the rarest is looked for from its end, and where a byte is none of it,
// the search goes on behind that.
const char* runs::find_portable(const char* begin, const char* end) const noexcept {
  const part& first = parts_.front();
  std::size_t known = 0;  // so many bytes of the run are known to be there
  for (const char* at = begin; static_cast<std::size_t>(end - at) >= size_;) {
    const char* const run = at + first.offset;
    std::size_t i = first.width;
    while (i != known && first.run.of[byte_of(run[i - 1])]) --i;
    if (i == known) {
      if (is_at(at)) return at;
      i = 1;
    }
    at += i;
    known = first.width - i;
  }
  return nullptr;
}

#if DGREP_HAS_AVX2
namespace {

#define DGREP_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt")))

DGREP_AVX2 inline __m256i both_halves(const std::array<std::uint8_t, 16>& table) noexcept {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(table.data()))));
}

// Which of 32 bytes are not in the class.
DGREP_AVX2 inline std::uint32_t strangers(const char* at, __m256i low, __m256i high) noexcept {
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i bytes = _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(at)));
  const __m256i by_low = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble));
  const __m256i by_high = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
  const __m256i in_common = _mm256_and_si256(by_low, by_high);
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(in_common, _mm256_setzero_si256())));
}

DGREP_AVX2 inline std::uint64_t strangers64(const char* at, __m256i low, __m256i high) noexcept {
  return strangers(at, low, high) | (std::uint64_t{strangers(at + 32, low, high)} << 32U);
}

// Where no run begins, of `steps` long; what is behind the block does not count.
DGREP_AVX2 inline std::uint64_t no_run(std::uint64_t strangers, const std::array<std::uint8_t, 5>& steps) noexcept {
  for (const std::uint8_t step : steps) strangers |= strangers >> step;
  return strangers;
}

}  // namespace

DGREP_AVX2 const char* runs::find_avx2(const char* begin, const char* end) const noexcept {
  constexpr std::size_t block = 64;
  const part& first = parts_.front();
  const std::size_t width = first.width, offset = first.offset;
  const std::array<std::uint8_t, 5> steps = first.steps;
  const __m256i low = both_halves(first.low), high = both_halves(first.high);
  const std::uint64_t fits = ~std::uint64_t{0} >> (width - 1);  // a run that begins there ends in the block
  const char* at = begin;
  std::size_t before = 0;  // bytes right before `at` that are in the class, and with which a run may begin
  while (static_cast<std::size_t>(end - at) >= size_ - 1 + block) {
    const std::uint64_t out = strangers64(at + offset, low, high);
    std::uint64_t hits = ~no_run(out, steps) & fits;
    if (hits != 0 || before + static_cast<std::size_t>(std::countr_zero(out)) >= width) {
      if (before != 0) {  // once more, from where that one begins
        at -= std::exchange(before, 0);
        continue;
      }
      for (auto p = parts_.begin() + 1; hits != 0 && p != parts_.end(); ++p)
        hits &= ~no_run(strangers64(at + p->offset, both_halves(p->low), both_halves(p->high)), p->steps);
      for (; hits != 0; hits &= hits - 1) {
        const char* const hit = at + std::countr_zero(hits);
        if (is_at(hit)) return hit;
      }
    }
    at += block;
    before = std::min(static_cast<std::size_t>(std::countl_zero(out)), width - 1);
  }
  return find_portable(at - before, end);
}
#endif

}  // namespace dgrep
