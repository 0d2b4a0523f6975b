// SPDX-License-Identifier: BSL-1.0
#include "fanout/detail/timer_heap.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/detail/platform.hpp"

namespace {

/// A time that counts how often it is compared: the cost of the heap, without a clock.
struct counted_time {
  int at = 0;
  static inline std::uint64_t comparisons = 0;

  friend bool operator<(const counted_time& a, const counted_time& b) {
    ++comparisons;
    return a.at < b.at;
  }
};

using heap = fanout::detail::timer_heap<fanout::std_platform, counted_time>;

struct entry : heap::entry {
  entry() : heap::entry([](heap::entry& e) noexcept { ++static_cast<entry&>(e).called; }) {}
  int called = 0;
};

// Takes out all that is left, in order.
std::vector<const entry*> drain(heap& h) {
  std::vector<const entry*> order;
  while (heap::entry* first = h.first()) {
    h.erase(*first);
    order.push_back(static_cast<entry*>(first));
  }
  return order;
}

std::uint64_t log2(std::uint64_t n) {
  std::uint64_t bits = 0;
  while (n >>= 1) ++bits;
  return bits;
}

}  // namespace

TEST_CASE("an empty heap has no first entry", "[timer_heap]") {
  heap h;
  CHECK(h.empty());
  CHECK(h.first() == nullptr);
}

TEST_CASE("an entry is armed from its push to its erasure, and may be pushed again", "[timer_heap]") {
  heap h;
  entry e;
  CHECK(!heap::is_armed(e));
  for (int round = 1; round <= 3; ++round) {
    h.push(e, {round});
    CHECK(heap::is_armed(e));
    CHECK(h.first() == &e);
    CHECK(heap::time_of(e).at == round);
    CHECK(h.pushed() == static_cast<std::uint64_t>(round));
    h.erase(e);
    CHECK(!heap::is_armed(e));
    CHECK(h.empty());
  }
  CHECK(e.called == 0);
  heap::call(e);
  CHECK(e.called == 1);
}

TEST_CASE("entries come in the order of their times, equal ones in the order of their pushes", "[timer_heap]") {
  heap h;
  entry e[6];
  const int times[] = {30, 10, 20, 10, 30, 10};
  for (std::size_t i = 0; i != 6; ++i) h.push(e[i], {times[i]});
  CHECK(drain(h) == std::vector<const entry*>{&e[1], &e[3], &e[5], &e[2], &e[0], &e[4]});
}

TEST_CASE("any one entry of a small heap can be erased, whatever its shape", "[timer_heap]") {
  // All orders of pushing five times, one erasure to give the heap a shape, and then each of the others.
  int times[] = {0, 1, 2, 3, 4};
  do {
    for (int shaped = 0; shaped != 2; ++shaped) {
      for (std::size_t victim = 0; victim != 5; ++victim) {
        heap h;
        entry e[5], least;
        if (shaped != 0) h.push(least, {-1});
        for (std::size_t i = 0; i != 5; ++i) h.push(e[i], {times[i]});
        if (shaped != 0) h.erase(least);
        h.erase(e[victim]);
        const std::vector<const entry*> order = drain(h);
        REQUIRE(order.size() == 4);
        for (std::size_t i = 0; i + 1 < order.size(); ++i)
          REQUIRE(heap::time_of(*order[i]).at < heap::time_of(*order[i + 1]).at);
        for (const entry* taken : order) REQUIRE(taken != &e[victim]);
      }
    }
  } while (std::next_permutation(std::begin(times), std::end(times)));
}

TEST_CASE("100,000 random operations agree with a multimap", "[timer_heap][reference]") {
  // Few different times, so that there are ties: std::multimap keeps those in the order of insertion too.
  std::mt19937 random(1);
  heap h;
  std::multimap<int, entry*> model;
  std::vector<std::unique_ptr<entry>> entries;
  for (int i = 0; i != 300; ++i) entries.push_back(std::make_unique<entry>());
  for (int step = 0; step != 100'000; ++step) {
    entry& e = *entries[random() % entries.size()];
    if (random() % 4 == 0) {
      REQUIRE(h.empty() == model.empty());
      if (model.empty()) continue;
      REQUIRE(h.first() == model.begin()->second);
      h.erase(*h.first());
      model.erase(model.begin());
    } else if (heap::is_armed(e)) {
      h.erase(e);
      auto [at, end] = model.equal_range(heap::time_of(e).at);
      while (at != end && at->second != &e) ++at;
      REQUIRE(at != end);
      model.erase(at);
    } else {
      const int time = static_cast<int>(random() % 100);
      h.push(e, {time});
      model.emplace(time, &e);
    }
  }
  for (const auto& [time, e] : model) {
    REQUIRE(h.first() == e);
    h.erase(*e);
  }
  CHECK(h.empty());
}

TEST_CASE("pushing is one comparison of entries and erasing is logarithmic, whatever is cancelled",
          "[timer_heap][cost]") {
  constexpr std::size_t n = 1 << 16;
  std::vector<entry> entries(n);
  std::mt19937 random(2);
  heap h;
  const auto cost = [](auto f) {
    counted_time::comparisons = 0;
    f();
    return counted_time::comparisons;
  };
  const auto push_all = [&](auto time) {
    return cost([&] {
      for (std::size_t i = 0; i != n; ++i) h.push(entries[i], {time(static_cast<int>(i))});
    });
  };
  // An entry is compared twice where it does not come first: is it before, is it equal?
  const std::uint64_t one_each = 2 * n, logarithmic = 4 * n * log2(n);

  SECTION("equally long deadlines, the oldest cancelled first") {
    CHECK(push_all([](int i) { return i; }) <= one_each);
    CHECK(cost([&] {
            for (entry& e : entries) h.erase(e);
          }) <= logarithmic);
  }
  SECTION("equally long deadlines, the newest cancelled first: nothing is compared") {
    CHECK(push_all([](int i) { return i; }) <= one_each);
    CHECK(cost([&] {
            for (std::size_t i = n; i != 0; --i) h.erase(entries[i - 1]);
          }) == 0);
  }
  SECTION("random deadlines, cancelled in random order") {
    CHECK(push_all([&](int) { return static_cast<int>(random() % n); }) <= one_each);
    std::vector<entry*> order;
    for (entry& e : entries) order.push_back(&e);
    std::shuffle(order.begin(), order.end(), random);
    CHECK(cost([&] {
            for (entry* e : order) h.erase(*e);
          }) <= logarithmic);
  }
  SECTION("random deadlines, all met") {
    CHECK(push_all([&](int) { return static_cast<int>(random() % n); }) <= one_each);
    CHECK(cost([&] { static_cast<void>(drain(h)); }) <= logarithmic);
  }
  SECTION("a window of deadlines, each cancelled while later ones are armed") {
    constexpr std::size_t window = 1024;
    CHECK(cost([&] {
            for (std::size_t i = 0; i != n + window; ++i) {
              if (i < n) h.push(entries[i], {static_cast<int>(i)});
              if (i >= window) h.erase(entries[i - window]);
            }
          }) <= one_each + 4 * n * log2(window));
  }
  CHECK(h.empty());
}
