// SPDX-License-Identifier: BSL-1.0
#include "fanout/detail/loser_tree.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/allocators.hpp"

namespace {

using fanout::detail::ascending;
using fanout::detail::loser_tree;

enum class priority : signed char {};
using time_point = std::chrono::sys_time<std::chrono::nanoseconds>;

// A key that no register holds, in an order of its own: by the second word, descending.
struct wide_key {
  std::uint64_t words[3] = {};
};
struct by_second_word {
  bool operator()(const wide_key& a, const wide_key& b) const { return b.words[1] < a.words[1]; }
};

// A key that is nothing where nobody plays: comparing that would end the program.
struct by_pointee {
  bool operator()(const std::int64_t* a, const std::int64_t* b) const { return *a < *b; }
};

// A key that copies by counting.
struct by_shared {
  bool operator()(const std::shared_ptr<int>& a, const std::shared_ptr<int>& b) const { return *a < *b; }
};

struct descending {
  template <class A>
  bool operator()(const A& a, const A& b) const {
    return b < a;
  }
};

// What test keys are made of: small numbers, so that many are equal, and the extremes.
template <class Key>
struct keys {
  static Key make(std::mt19937& random) {
    using number = typename fanout::detail::number_behind<Key>::type;
    switch (random() % 12) {
      case 0:
        return fanout::detail::number_behind<Key>::key(std::numeric_limits<number>::max());
      case 1:
        return fanout::detail::number_behind<Key>::key(std::numeric_limits<number>::min());
      default:
        return fanout::detail::number_behind<Key>::key(
            static_cast<number>(static_cast<int>(random() % 9) - (std::is_signed_v<number> ? 4 : 0)));
    }
  }
};
template <>
struct keys<double> {
  static double make(std::mt19937& random) {
    return random() % 12 == 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(random() % 9) - 4.5;
  }
};
template <>
struct keys<wide_key> {
  static wide_key make(std::mt19937& random) { return {{random() % 3, random() % 9, random() % 3}}; }
};
template <>
struct keys<const std::int64_t*> {
  static const std::int64_t* make(std::mt19937& random) {
    static constexpr std::array<std::int64_t, 9> numbers = {-4, 3, 1, 1, 0, -1, 2, 8, 3};
    return &numbers[random() % numbers.size()];
  }
};
template <>
struct keys<std::shared_ptr<int>> {
  static std::shared_ptr<int> make(std::mt19937& random) {
    return std::make_shared<int>(static_cast<int>(random() % 9));
  }
};

// The tree beside a list that is searched.
template <class Key, class Compare>
class checked_tree {
 public:
  explicit checked_tree(std::size_t room) { REQUIRE(tree_.try_reserve(room)); }

  std::size_t size() const { return model_.size(); }
  std::size_t width() const { return tree_.width(); }
  std::size_t capacity() const { return tree_.capacity(); }

  void reserve(std::size_t n) { REQUIRE(tree_.try_reserve(n)); }
  void insert(std::uint32_t rank, const Key& key) {
    const std::uint32_t leaf = tree_.insert(rank, key, moved());
    model_.emplace(rank, member{key, leaf});
    check();
  }
  void update(std::uint32_t rank, const Key& key) {
    member& m = model_.at(rank);
    m.key = key;
    tree_.update(m.leaf, rank, key);
    check();
  }
  void replace_top(const Key& key) {
    model_.at(tree_.top().rank()).key = key;
    tree_.replace_top(key);
    check();
  }
  void erase(std::uint32_t rank) {
    const std::uint32_t leaf = model_.at(rank).leaf;
    model_.erase(rank);
    tree_.erase(leaf, moved());
    check();
  }
  std::uint32_t any(std::mt19937& random) const {
    return std::next(model_.begin(), static_cast<std::ptrdiff_t>(random() % model_.size()))->first;
  }

 private:
  struct member {
    Key key;
    std::uint32_t leaf;
  };
  using members = std::map<std::uint32_t, member>;

  auto moved() {
    return [this](std::uint32_t rank, std::uint32_t leaf) { model_.at(rank).leaf = leaf; };
  }
  // The first of the smallest: ranks ascend.
  typename members::const_iterator smallest(std::uint32_t but) const {
    auto best = model_.end();
    for (auto i = model_.begin(); i != model_.end(); ++i) {
      if (i->first != but && (best == model_.end() || Compare()(i->second.key, best->second.key))) best = i;
    }
    return best;
  }
  void check() const {
    REQUIRE(tree_.size() == model_.size());
    REQUIRE(tree_.empty() == model_.empty());
    REQUIRE((tree_.width() == 2 || tree_.size() > tree_.width() / 4));
    if (model_.empty()) return;
    const auto first = smallest(static_cast<std::uint32_t>(-1));
    const auto top = tree_.top();
    REQUIRE(top.rank() == first->first);
    REQUIRE(top.leaf() == first->second.leaf);
    REQUIRE(same(top.key(), first->second.key));
    const auto second = smallest(first->first);
    const auto runner_up = tree_.runner_up();
    REQUIRE(runner_up.is_vacant() == (second == model_.end()));
    if (second != model_.end()) {
      REQUIRE(runner_up.rank() == second->first);
      REQUIRE(tree_.stays_before(top.key(), runner_up));
      // With the other's key, the rank decides.
      REQUIRE(tree_.stays_before(runner_up.key(), runner_up) == (first->first < second->first));
    } else {
      REQUIRE(tree_.stays_before(top.key(), runner_up));
    }
  }
  static bool same(const Key& a, const Key& b) { return !Compare()(a, b) && !Compare()(b, a); }

  loser_tree<Key, Compare, std::allocator<std::byte>> tree_;
  members model_;
};

template <class Key, class Compare>
void play_at_random() {
  for (unsigned seed = 0; seed != 60; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const std::size_t room = 1 + random() % 40;
    checked_tree<Key, Compare> tree(room);
    std::uint32_t joined = 0;
    // First more come, then more go.
    for (int step = 0; step != 400; ++step) {
      const unsigned what = random() % 8;
      if (what < (step < 200 ? 3u : 1u)) {
        if (tree.size() == tree.capacity()) continue;
        tree.insert(joined++, keys<Key>::make(random));
      } else if (tree.size() == 0) {
        continue;
      } else if (what < 4) {
        tree.erase(tree.any(random));
      } else if (what < 6) {
        tree.replace_top(keys<Key>::make(random));
      } else {
        tree.update(tree.any(random), keys<Key>::make(random));
      }
    }
  }
}

template <class K, class C>
struct tree_of {
  using key = K;
  using compare = C;
};

TEMPLATE_TEST_CASE("the smallest (key, rank) is on top whatever the others do", "[loser_tree]",
                   (tree_of<std::uint64_t, ascending>), (tree_of<std::int64_t, ascending>), (tree_of<int, ascending>),
                   (tree_of<unsigned char, ascending>), (tree_of<priority, ascending>),
                   (tree_of<time_point, ascending>), (tree_of<std::uint64_t, descending>), (tree_of<short, descending>),
                   (tree_of<double, ascending>), (tree_of<wide_key, by_second_word>),
                   (tree_of<const std::int64_t*, by_pointee>), (tree_of<std::shared_ptr<int>, by_shared>)) {
  play_at_random<typename TestType::key, typename TestType::compare>();
}

#if defined(__SIZEOF_INT128__)
TEST_CASE("numbers in ascending order play as one number", "[loser_tree]") {
  using fanout::detail::contender_t;
  using fanout::detail::packed_contender;
  static_assert(std::is_same_v<contender_t<std::uint64_t, ascending>, packed_contender<std::uint64_t>>);
  static_assert(std::is_same_v<contender_t<priority, ascending>, packed_contender<priority>>);
  static_assert(std::is_same_v<contender_t<time_point, ascending>, packed_contender<time_point>>);
  static_assert(!std::is_same_v<contender_t<std::uint64_t, descending>, packed_contender<std::uint64_t>>);
  static_assert(!fanout::detail::numeric_key<double> && !fanout::detail::numeric_key<wide_key>);
  static_assert(sizeof(packed_contender<int>) == 16);

  for (const std::int64_t number : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
                                    std::numeric_limits<std::int64_t>::max()}) {
    const packed_contender<std::int64_t> c(number, 0xfffffffe, 7);
    CHECK(c.key() == number);
    CHECK(c.rank() == 0xfffffffe);
    CHECK(c.leaf() == 7);
    CHECK_FALSE(c.is_vacant());
    // Even the greatest key comes before nobody.
    CHECK(packed_contender<std::int64_t>::before({}, c, packed_contender<std::int64_t>::vacant(0)));
  }
}
#endif

TEST_CASE("the width follows the number of contenders", "[loser_tree]") {
  checked_tree<int, ascending> tree(1000);
  CHECK(tree.capacity() == 1024);
  CHECK(tree.width() == 2);
  for (std::uint32_t i = 0; i != 1000; ++i) tree.insert(i, static_cast<int>(i * 7919 % 1000));
  CHECK(tree.width() == 1024);
  for (std::uint32_t i = 0; i != 744; ++i) tree.erase(i);
  CHECK(tree.width() == 512);
  for (std::uint32_t i = 744; i != 999; ++i) tree.erase(i);
  CHECK(tree.size() == 1);
  CHECK(tree.width() == 2);
  // And up again, without a new reservation.
  for (std::uint32_t i = 1000; i != 2000; ++i) tree.insert(i, static_cast<int>(i));
  CHECK(tree.width() == 1024);
}

TEST_CASE("leaves that were left are used again when there are no others", "[loser_tree]") {
  checked_tree<int, ascending> tree(8);
  std::uint32_t joined = 0;
  while (joined != 8) tree.insert(joined++, 5);
  for (int round = 0; round != 50; ++round) {
    tree.erase(joined - 8);
    tree.insert(joined++, 5);
  }
  CHECK(tree.width() == 8);
}

TEST_CASE("a tree grows with its contenders inside, and says when there is no memory", "[loser_tree][allocator]") {
  support::tally counts;
  {
    using allocator = support::counting_allocator<std::byte>;
    loser_tree<int, ascending, allocator> tree(ascending{}, allocator(counts));
    CHECK(counts.allocations == 0);
    const auto nobody_moves = [](std::uint32_t, std::uint32_t) {};
    REQUIRE(tree.try_reserve(2));
    tree.insert(0, 8, nobody_moves);
    tree.insert(1, 9, nobody_moves);
    counts.refuse_from = counts.allocations;
    CHECK_FALSE(tree.try_reserve(3));
    CHECK_FALSE(tree.try_reserve(std::numeric_limits<std::size_t>::max()));
    CHECK(tree.capacity() == 2);
    CHECK(tree.top().key() == 8);
    counts.refuse_from = -1;
    REQUIRE(tree.try_reserve(3));
    CHECK(counts.allocations == 2);
    CHECK(tree.capacity() == 4);
    tree.insert(2, 7, nobody_moves);
    CHECK(tree.top().rank() == 2);
    REQUIRE(tree.try_reserve(4));
    CHECK(counts.allocations == 2);
  }
  CHECK(counts.deallocations == 2);
  CHECK(counts.live_bytes == 0);
}

}  // namespace
