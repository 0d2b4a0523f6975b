// SPDX-License-Identifier: BSL-1.0
#include "fanout/detail/merge_core.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"

namespace {

using fanout::detail::ascending;
using fanout::detail::merge_core;
using fanout::detail::merge_pause;

struct row {
  int key = 0;
  std::size_t stream = 0;
  int position = 0;
  friend bool operator==(const row&, const row&) = default;
};
bool goes_before(const row& a, const row& b) {
  return std::tie(a.key, a.stream, a.position) < std::tie(b.key, b.stream, b.position);
}

template <class T>
struct chunk_of {
  std::vector<T> items;
  chunk_of* next = nullptr;
  T* begin() noexcept { return items.data(); }
  T* end() noexcept { return items.data() + items.size(); }
};
using chunk = chunk_of<row>;

// A merge, its chunks and what came of them.
template <class Compare = ascending, class Allocator = std::allocator<std::byte>>
struct merging {
  explicit merging(std::size_t n, const Allocator& allocator = Allocator()) : core(&row::key, Compare(), allocator) {
    REQUIRE(core.try_reserve(n));
    for (std::size_t i = 0; i != n; ++i) REQUIRE(core.join() == i);
    positions.resize(n);
  }

  ~merging() {
    core.give_up([](std::size_t, chunk&) noexcept {});
  }

  void push(std::size_t stream, const std::vector<int>& keys) {
    if (positions.size() <= stream) positions.resize(stream + 1);
    chunk& c = chunks.emplace_back();
    for (const int key : keys) c.items.push_back({key, stream, positions[stream]++});
    core.push(stream, c);
  }
  merge_pause pump() {
    return core.pump([this](std::size_t stream, row&& x) noexcept { took(stream, x); },
                     [this](std::size_t stream, chunk& c) noexcept { drained(stream, c); });
  }
  void took(std::size_t stream, const row& x) {
    if (x.stream != stream) std::abort();
    out.push_back(x);
  }
  // Whoever touches a chunk after this touches freed memory.
  void drained(std::size_t stream, chunk& c) {
    if (c.items.front().stream != stream) std::abort();
    handed_back += c.items.size();
    chunks.remove_if([&c](const chunk& other) { return &other == &c; });
  }
  std::vector<int> keys() const {
    std::vector<int> result;
    for (const row& x : out) result.push_back(x.key);
    return result;
  }

  std::vector<row> out;
  std::list<chunk> chunks;
  std::vector<int> positions;
  std::size_t handed_back = 0;
  merge_core<chunk, int row::*, Compare, Allocator> core;
};

using numbers = std::vector<int>;

TEST_CASE("sorted streams come out as one", "[merge_core]") {
  merging<> m(3);
  m.push(0, {1, 4, 7});
  m.push(1, {2, 5, 8});
  m.push(2, {3, 6, 9});
  for (const std::size_t i : {0u, 1u, 2u}) m.core.end(i);
  CHECK(m.pump() == merge_pause::finished);
  CHECK(m.keys() == numbers{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(m.core.disorder() == 0);
  CHECK(m.core.delivered() == 9);
  CHECK(m.handed_back == 9);
  CHECK(m.chunks.empty());
  CHECK(m.core.awaited() == m.core.none);
}

TEST_CASE("no streams, and streams without items, are finished once they have ended", "[merge_core]") {
  merging<> nobody(0);
  CHECK(nobody.pump() == merge_pause::finished);

  merging<> m(3);
  CHECK(m.pump() == merge_pause::waiting);
  m.core.end(0);
  m.core.end(2);
  CHECK(m.pump() == merge_pause::waiting);
  CHECK(m.core.awaited() == 1);
  CHECK(m.core.open() == 1);
  m.core.end(1);
  CHECK(m.pump() == merge_pause::finished);
  CHECK(m.out.empty());
}

TEST_CASE("a single stream waits for nobody", "[merge_core]") {
  merging<> m(1);
  m.push(0, {1, 1, 2});
  CHECK(m.pump() == merge_pause::waiting);
  CHECK(m.keys() == numbers{1, 1, 2});
  m.push(0, {2});
  m.push(0, {3});
  CHECK(m.pump() == merge_pause::waiting);
  m.core.end(0);
  CHECK(m.pump() == merge_pause::finished);
  CHECK(m.keys() == numbers{1, 1, 2, 2, 3});
}

TEST_CASE("nothing goes out before every open stream has said something", "[merge_core]") {
  merging<> m(3);
  m.push(0, {1});
  m.push(1, {2});
  CHECK(m.pump() == merge_pause::waiting);
  CHECK(m.out.empty());
  CHECK(m.core.awaited() == 2);
  SECTION("an item") { m.push(2, {5}); }
  SECTION("a watermark") { m.core.watermark(2, 5); }
  SECTION("its end") { m.core.end(2); }
  CHECK(m.pump() == merge_pause::waiting);
  // 1 and then 2, for which stream 0 must not come back with less: it may bring another 1.
  CHECK(m.keys() == numbers{1});
  CHECK(m.core.awaited() == 0);
  m.core.end(0);
  m.pump();
  CHECK(m.keys().front() == 1);
  CHECK(m.keys()[1] == 2);
}

TEST_CASE("an item equal to a watermark goes out if its stream comes first", "[merge_core][watermark]") {
  merging<> m(3);
  m.push(0, {5});
  m.push(2, {5});
  m.core.end(0);
  m.core.end(2);
  m.core.watermark(1, 4);
  m.pump();
  CHECK(m.out.empty());
  CHECK(m.core.awaited() == 1);
  m.core.watermark(1, 5);
  m.pump();
  CHECK(m.out == std::vector<row>{{5, 0, 0}});
  CHECK(m.core.awaited() == 1);

  SECTION("since the other one may bring as much, and then comes before the third") {
    m.push(1, {5, 5});
    m.pump();
    CHECK(m.out == std::vector<row>{{5, 0, 0}, {5, 1, 0}, {5, 1, 1}});
    m.core.watermark(1, 6);
    m.pump();
    CHECK(m.out.back() == row{5, 2, 0});
  }
  SECTION("and the third when it can bring only more") {
    m.core.watermark(1, 6);
    m.pump();
    CHECK(m.out == std::vector<row>{{5, 0, 0}, {5, 2, 0}});
  }
  SECTION("and the third when it has ended") {
    m.core.end(1);
    CHECK(m.pump() == merge_pause::finished);
    CHECK(m.out == std::vector<row>{{5, 0, 0}, {5, 2, 0}});
  }
  CHECK(m.core.disorder() == 0);
}

TEST_CASE("the last item of a stream is a promise, an older watermark is none", "[merge_core][watermark]") {
  merging<> m(2);
  m.push(0, {3, 3});
  m.push(1, {7});
  m.core.watermark(0, 2);
  m.core.watermark(0, 1);
  m.pump();
  CHECK(m.keys() == numbers{3, 3});
  m.core.watermark(0, 3);
  m.pump();
  CHECK(m.keys() == numbers{3, 3});
  m.core.watermark(0, 8);
  m.core.watermark(0, 4);
  m.pump();
  CHECK(m.keys() == numbers{3, 3, 7});
  // A watermark that was said while items were queued holds when they are through.
  m.push(0, {9});
  m.push(1, {9, 10, 11});
  m.core.watermark(0, 11);
  m.pump();
  CHECK(m.keys() == numbers{3, 3, 7, 9, 9, 10});
  CHECK(m.core.awaited() == 0);
  m.core.end(0);
  m.core.end(1);
  m.pump();
  CHECK(m.core.disorder() == 0);
}

TEST_CASE("what comes too late is delivered and counted", "[merge_core][disorder]") {
  merging<> m(2);
  m.core.end(1);
  m.push(0, {10, 20});
  m.pump();

  SECTION("from a stream that joins late") {
    REQUIRE(m.core.try_reserve(3));
    REQUIRE(m.core.join() == 2);
    CHECK(m.pump() == merge_pause::waiting);
    CHECK(m.core.awaited() == 2);
    m.push(2, {5, 15, 20, 25});
    m.pump();
    CHECK(m.keys() == numbers{10, 20, 5, 15});
    CHECK(m.core.disorder() == 2);
    m.core.end(0);
    m.pump();
    CHECK(m.keys() == numbers{10, 20, 5, 15, 20, 25});
    CHECK(m.core.disorder() == 2);
    m.core.end(2);
  }
  SECTION("below its own watermark") {
    m.core.watermark(0, 30);
    m.push(0, {12, 25});
    m.pump();
    CHECK(m.keys() == numbers{10, 20, 12, 25});
    CHECK(m.core.disorder() == 1);  // 25 broke a promise, and went out in order all the same
    m.core.end(0);
  }
  SECTION("from a producer that does not sort") {
    m.push(0, {40, 30, 35, 50});
    m.push(0, {45});
    m.core.end(0);
    m.pump();
    CHECK(m.keys() == numbers{10, 20, 40, 30, 35, 50, 45});
    CHECK(m.core.disorder() == 3);
  }
  CHECK(m.pump() == merge_pause::finished);
  CHECK(m.core.delivered() == m.out.size());
}

TEST_CASE("one that waits and then breaks its word comes before those that it held up", "[merge_core][disorder]") {
  merging<> m(3);
  m.push(0, {6, 9});
  m.push(1, {7, 9});
  m.core.watermark(2, 5);
  m.pump();
  CHECK(m.out.empty());
  m.push(2, {4, 8});
  m.pump();
  CHECK(m.keys() == numbers{4, 6, 7, 8});
  CHECK(m.core.disorder() == 0);
  for (const std::size_t i : {0u, 1u, 2u}) m.core.end(i);
  m.pump();
}

TEST_CASE("a stream may join when the others have finished", "[merge_core]") {
  merging<> m(1);
  m.push(0, {1});
  m.core.end(0);
  CHECK(m.pump() == merge_pause::finished);
  REQUIRE(m.core.try_reserve(2));
  m.core.join();
  CHECK(m.pump() == merge_pause::waiting);
  m.push(1, {2});
  m.core.end(1);
  CHECK(m.pump() == merge_pause::finished);
  CHECK(m.keys() == numbers{1, 2});
}

TEST_CASE("a sink may decline, and nothing is lost", "[merge_core]") {
  // After every item, within a run, and with the last item of a run's chunk.
  for (const std::size_t every : {1u, 5u, 20u, 23u}) {
    merging<> m(2);
    for (int c = 0; c != 3; ++c) {
      numbers keys;
      for (int i = 0; i != 20; ++i) keys.push_back(c * 10 + i / 2);
      m.push(0, keys);
    }
    m.push(1, {25, 100});
    m.core.end(0);
    m.core.end(1);
    std::size_t pumps = 0;
    for (merge_pause said = merge_pause::declined; said == merge_pause::declined; ++pumps) {
      said = m.core.pump(
          [&](std::size_t stream, row&& x) noexcept {
            m.took(stream, x);
            return m.out.size() % every != 0;
          },
          [&m](std::size_t stream, chunk& c) noexcept { m.drained(stream, c); });
    }
    CHECK(pumps == 62 / every + 1);
    CHECK(m.out.size() == 62);
    CHECK(std::is_sorted(m.out.begin(), m.out.end(), goes_before));
  }
}

TEST_CASE("drained says what a producer waits for, and may bring more", "[merge_core][drained]") {
  merging<> m(2);
  m.push(0, {1, 2, 3});
  m.push(0, {4});
  m.push(1, {2, 6});
  CHECK(m.core.queued(0) == 4);
  CHECK(m.core.queued(1) == 2);
  std::vector<std::tuple<std::size_t, std::size_t, std::size_t>> told;  // stream, items, what is left
  int refills = 0;
  const auto pump = [&] {
    return m.core.pump([&m](std::size_t stream, row&& x) noexcept { m.took(stream, x); },
                       [&](std::size_t stream, chunk& c) noexcept {
                         told.emplace_back(stream, c.items.size(), m.core.queued(stream));
                         m.drained(stream, c);
                         if (stream == 0 && refills++ == 1) m.push(0, {5, 7});
                         if (stream == 1) m.core.end(1);
                       });
  };
  CHECK(pump() == merge_pause::waiting);
  CHECK(m.keys() == numbers{1, 2, 2, 3, 4, 5, 6, 7});
  using entry = std::tuple<std::size_t, std::size_t, std::size_t>;
  CHECK(told == std::vector<entry>{{0, 3, 1}, {0, 1, 0}, {1, 2, 0}, {0, 2, 0}});
  CHECK(m.core.queued(0) == 0);

  m.push(0, {8, 9});
  const auto one = [&m](std::size_t stream, row&& x) noexcept {
    m.took(stream, x);
    return false;
  };
  CHECK(m.core.pump(one, [](std::size_t, chunk&) noexcept {}) == merge_pause::declined);
  CHECK(m.core.queued(0) == 1);
  m.core.end(0);
  pump();
}

TEST_CASE("giving up hands every chunk back", "[merge_core][drained]") {
  merging<> m(4);
  m.push(0, {1, 2});
  m.push(0, {3});
  m.push(1, {1});
  m.core.end(1);
  m.core.watermark(2, 1);
  m.pump();
  m.push(2, {2});
  std::size_t chunks = 0;
  m.core.give_up([&](std::size_t stream, chunk& c) noexcept {
    ++chunks;
    m.drained(stream, c);
  });
  CHECK(chunks == 4);
  CHECK(m.chunks.empty());
  CHECK(m.core.open() == 0);
  CHECK(m.core.queued(0) == 0);
  CHECK(m.pump() == merge_pause::finished);
  CHECK(m.out.empty());
}

TEST_CASE("items are moved to the sink and their keys need not outlive them", "[merge_core]") {
  using support::counted;
  counted::reset();
  {
    struct by_value {
      int operator()(const counted& x) const noexcept { return x.value(); }
    };
    merge_core<chunk_of<counted>, by_value> core;
    REQUIRE(core.try_reserve(2));
    std::vector<chunk_of<counted>> chunks(2);
    for (int i = 0; i != 40; ++i) chunks[static_cast<std::size_t>(i % 3 == 0)].items.emplace_back(i);
    const int copies = counted::copies();
    for (chunk_of<counted>& c : chunks) {
      const std::size_t stream = core.join();
      core.push(stream, c);
      core.end(stream);
    }
    std::vector<counted> out;
    out.reserve(40);
    core.pump([&out](std::size_t, counted&& x) noexcept { out.push_back(std::move(x)); },
              [](std::size_t, chunk_of<counted>& c) noexcept { c.items.clear(); });
    REQUIRE(out.size() == 40);
    for (int i = 0; i != 40; ++i) CHECK(out[static_cast<std::size_t>(i)].value() == i);
    CHECK(counted::copies() == copies);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("a merge that finds no memory stays as it was", "[merge_core][allocator]") {
  support::tally counts;
  {
    using allocator = support::counting_allocator<std::byte>;
    merging<ascending, allocator> m(2, allocator(counts));
    m.push(0, {1, 3});
    m.push(1, {2});
    const int before = counts.allocations;
    for (int granted = 0; granted != 3; ++granted) {
      counts.refuse_from = counts.allocations + granted;
      const bool got = m.core.try_reserve(5);
      if (got) {
        CHECK(counts.allocations > before);
        break;
      }
      CHECK(m.core.capacity() == 2);
      CHECK(m.core.queued(0) == 2);
    }
    counts.refuse_from = -1;
    REQUIRE(m.core.try_reserve(5));
    CHECK_FALSE(m.core.try_reserve(static_cast<std::size_t>(-1)));
    const int reserved = counts.allocations;
    for (std::size_t i = 2; i != 5; ++i) {
      m.core.join();
      m.push(i, {static_cast<int>(i)});
    }
    for (std::size_t i = 0; i != 5; ++i) m.core.end(i);
    CHECK(m.pump() == merge_pause::finished);
    CHECK(m.keys() == numbers{1, 2, 2, 3, 3, 4});
    CHECK(counts.allocations == reserved);
  }
  CHECK(counts.live_bytes == 0);
  CHECK(counts.allocations == counts.deallocations);
}

// The rule in the plainest words: who is next is found by looking at everybody.
class model {
 public:
  void join() { streams_.emplace_back(); }
  void push(std::size_t i, const std::vector<row>& items) {
    streams_[i].queue.insert(streams_[i].queue.end(), items.begin(), items.end());
  }
  void watermark(std::size_t i, int key) { raise(streams_[i], key); }
  void end(std::size_t i) { streams_[i].ended = true; }

  merge_pause pump() {
    for (;;) {
      stream* next = nullptr;
      int smallest = 0;
      for (stream& s : streams_) {
        if (s.queue.empty() && s.ended) continue;
        if (s.queue.empty() && !s.bound) return merge_pause::waiting;
        const int key = s.queue.empty() ? *s.bound : s.queue.front().key;
        if (next == nullptr || key < smallest) next = &s, smallest = key;
      }
      if (next == nullptr) return merge_pause::finished;
      if (next->queue.empty()) return merge_pause::waiting;
      if (!out.empty() && smallest < greatest_) ++disorder;
      if (out.empty() || greatest_ < smallest) greatest_ = smallest;
      out.push_back(next->queue.front());
      next->queue.pop_front();
      // An item is a promise only when nothing is queued behind it.
      if (next->queue.empty()) raise(*next, smallest);
    }
  }

  std::vector<row> out;
  std::size_t disorder = 0;

 private:
  struct stream {
    std::deque<row> queue;
    std::optional<int> bound;
    bool ended = false;
  };
  static void raise(stream& s, int key) {
    if (!s.bound || *s.bound < key) s.bound = key;
  }
  std::vector<stream> streams_;
  int greatest_ = 0;
};

// One merge at random: streams join, bring chunks, promise, end, and the merge is pumped now and then.
void merge_at_random(unsigned seed, bool honest) {
  INFO("seed " << seed << (honest ? ", honest" : ", dishonest"));
  std::mt19937 random(seed);
  const std::size_t at_first = random() % 8;
  const std::size_t in_all = at_first + (honest ? 0 : random() % 4);
  const int spread = 1 + static_cast<int>(random() % 6);  // 1: nearly everything is a tie

  merging<> m(at_first);
  REQUIRE(m.core.try_reserve(in_all));
  model expected;
  struct producer {
    int key = 0;  // nothing lower comes, if it is honest
    std::size_t chunks_left = 0;
    bool ended = false;
    int position = 0;
  };
  std::vector<producer> producers;
  std::vector<row> all;
  const auto join = [&] {
    producers.push_back({static_cast<int>(random() % 5), random() % 6, false, 0});
    expected.join();
  };
  for (std::size_t i = 0; i != at_first; ++i) join();

  std::size_t ended = 0;
  while (ended != in_all) {
    const std::size_t what = random() % 10;
    if (producers.size() != in_all && (what == 0 || ended == producers.size())) {
      m.core.join();
      join();
      continue;
    }
    if (what == 1) {
      REQUIRE(m.pump() == expected.pump());
      REQUIRE(m.out == expected.out);
      REQUIRE(m.core.disorder() == expected.disorder);
      continue;
    }
    const std::size_t i = random() % producers.size();
    producer& p = producers[i];
    if (p.ended) continue;
    if (what < 4) {
      if (random() % 2 == 0) p.key += static_cast<int>(random() % 3);
      m.core.watermark(i, p.key);
      expected.watermark(i, p.key);
    } else if (p.chunks_left != 0) {
      --p.chunks_left;
      std::vector<row> items(1 + random() % 12);
      numbers keys;
      for (row& x : items) {
        p.key += static_cast<int>(random() % static_cast<unsigned>(spread));
        const int lower = honest || random() % 8 != 0 ? 0 : static_cast<int>(random() % 10);
        x = {p.key - lower, i, p.position++};
        keys.push_back(x.key);
      }
      m.push(i, keys);
      expected.push(i, items);
      all.insert(all.end(), items.begin(), items.end());
    } else {
      p.ended = true;
      ++ended;
      m.core.end(i);
      expected.end(i);
    }
  }
  REQUIRE(m.pump() == merge_pause::finished);
  expected.pump();
  REQUIRE(m.out == expected.out);
  REQUIRE(m.core.disorder() == expected.disorder);
  REQUIRE(m.handed_back == all.size());

  // By stream and position, the input is in order, so that a stable sort would leave it by these.
  std::sort(all.begin(), all.end(), goes_before);
  if (honest) {
    REQUIRE(m.core.disorder() == 0);
    REQUIRE(m.out == all);
  } else {
    std::vector<row> out = m.out;
    std::sort(out.begin(), out.end(), goes_before);
    REQUIRE(out == all);
  }
}

TEST_CASE("10 000 merges of sorted streams are stable sorts", "[merge_core][random]") {
  for (unsigned seed = 0; seed != 10'000; ++seed) merge_at_random(seed, true);
}

TEST_CASE("10 000 merges of anything lose nothing", "[merge_core][random][disorder]") {
  for (unsigned seed = 0; seed != 10'000; ++seed) merge_at_random(seed, false);
}

TEST_CASE("bursts, a thousand streams and an order of one's own", "[merge_core]") {
  struct descending {
    bool operator()(int a, int b) const { return b < a; }
  };
  constexpr std::size_t streams = 1000;
  merging<descending> m(streams);
  std::mt19937 random(7);
  std::vector<row> all;
  for (std::size_t i = 0; i != streams; ++i) {
    int key = 1000;
    int position = 0;
    for (std::size_t c = random() % 4; c != 0; --c) {
      key -= static_cast<int>(random() % 300);
      numbers keys;
      for (std::size_t n = 1 + random() % 30; n != 0; --n) {
        key -= static_cast<int>(random() % 8 == 0);
        keys.push_back(key);
        all.push_back({key, i, position++});
      }
      m.push(i, keys);
    }
    m.core.end(i);
  }
  CHECK(m.pump() == merge_pause::finished);
  std::sort(all.begin(), all.end(), [](const row& a, const row& b) {
    return std::tuple(-a.key, a.stream, a.position) < std::tuple(-b.key, b.stream, b.position);
  });
  CHECK(m.out == all);
  CHECK(m.core.disorder() == 0);
}

}  // namespace

TEST_CASE("a merge that is moved goes on where it was, and what it was moved from is empty", "[merge_core]") {
  merging m(2);
  m.push(0, {1, 3});
  m.push(1, {2});
  m.pump();
  merge_core<chunk, int row::*> other(std::move(m.core));
  CHECK(m.core.size() == 0);
  CHECK(m.core.open() == 0);
  CHECK(m.core.delivered() == 0);
  other.end_all();
  CHECK(other.open() == 0);
  std::vector<int> rest;
  CHECK(other.pump([&](std::size_t, row&& x) noexcept { rest.push_back(x.key); },
                   [](std::size_t, chunk&) noexcept {}) == merge_pause::finished);
  CHECK(m.keys() == std::vector{1, 2});
  CHECK(rest == std::vector{3});
  CHECK(other.delivered() == 3);
}

TEST_CASE("what went out before a move still counts for the order after it", "[merge_core][disorder]") {
  merging m(1);
  m.push(0, {5});
  m.pump();
  merge_core<chunk, int row::*> other(std::move(m.core));
  chunk late;
  late.items.push_back({4, 0, 1});
  other.push(0, late);
  other.end_all();
  CHECK(other.pump([](std::size_t, row&&) noexcept {}, [](std::size_t, chunk&) noexcept {}) == merge_pause::finished);
  CHECK(other.disorder() == 1);
}
