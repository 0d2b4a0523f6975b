// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_MERGE_BARE_HPP
#define FANOUT_BENCH_MERGE_BARE_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench::merge {

/// The yardstick: a loser tree over streams that are all there, written for exactly this and nothing else. No stream joins, waits or
/// breaks its word. `key(item)` is a std::uint64_t, `sink(stream, item)` gets the items in the order of (key, stream, position).
/// pre: no stream is empty
template <class Item, class Key, class Sink>
void bare_merge(std::span<const std::span<Item>> in, Key key, Sink sink) {
  // Key and stream in one number; an exhausted stream is greater than any other.
  __extension__ typedef unsigned __int128 number;
  constexpr number exhausted = ~number{0} << 32;
  const auto pack = [](std::uint64_t k, std::size_t s) { return static_cast<number>(k) << 64 | s; };

  const std::size_t width = std::bit_ceil(in.size());
  std::vector<Item*> next(width), end(width);
  std::vector<number> winners(2 * width), losers(width);
  for (std::size_t s = 0; s != width; ++s) {
    const bool is_there = s < in.size();
    if (is_there) next[s] = in[s].data(), end[s] = next[s] + in[s].size();
    winners[width + s] = is_there ? pack(key(*next[s]), s) : exhausted | s;
  }
  for (std::size_t node = width - 1; node != 0; --node) {
    const auto [low, high] = std::minmax(winners[2 * node], winners[2 * node + 1]);
    winners[node] = low;
    losers[node] = high;
  }
  number winner = winners[1];
  number* const tree = losers.data();
  while (winner < exhausted) {
    const auto s = static_cast<std::uint32_t>(winner);
    Item* const head = next[s]++;
    sink(s, *head);
    if (head + 1 != end[s]) [[likely]] {
      winner = pack(key(head[1]), s);
    } else {
      winner = exhausted | s;
    }
    for (std::size_t node = (width + s) / 2; node != 0; node /= 2) {
      const number lost = tree[node];
      const number both = lost ^ winner;
#if defined(__clang__)  // see detail/loser_tree.hpp: what makes each compiler leave out the branch
      const bool exchange = lost < winner;
      auto high = static_cast<std::uint64_t>((exchange ? lost : winner) >> 64);
      auto low = static_cast<std::uint64_t>(exchange ? lost : winner);
      asm("" : "+r"(high), "+r"(low));
      winner = static_cast<number>(high) << 64 | low;
#else
      winner = lost < winner ? lost : winner;
#endif
      tree[node] = both ^ winner;
    }
  }
}

}  // namespace bench::merge

#endif
