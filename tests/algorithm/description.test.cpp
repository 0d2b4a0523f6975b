// SPDX-License-Identifier: BSL-1.0
#include "fanout/algorithm/description.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <forward_list>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <ranges>
#include <span>
#include <sstream>
#include <stop_token>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/callback/errno_callback.hpp"
#include "fanout/refcount/local.hpp"
#include "fanout/stop_token.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"
#include "support/delivered.hpp"
#include "support/pump.hpp"

namespace {

using fanout::errc;
using support::all_outcome;
using support::counted;
using support::delivered;
using support::open_outcome;
using support::settle_outcome;

// The outcome of squaring everything in a range.
template <class Range>
auto squares(Range&& range) {
  auto described = fanout::all<int>(std::forward<Range>(range), [](int n, auto branch) { branch({}, n * n); });
  delivered<typename decltype(described)::outcome_type> got;
  std::move(described).then(got.completion());
  REQUIRE(got.succeeded());
  return std::move(got.outcome());
}

// ---------------------------------------------------------------------------------------------------------------------
// Ranges

TEST_CASE("any range is described: sized, forward, input, views, borrowed", "[description][range]") {
  CHECK(support::holds(*squares(std::vector{1, 2, 3}), {1, 4, 9}));
  CHECK(support::holds(*squares(std::array{1, 2, 3}), {1, 4, 9}));
  CHECK(support::holds(*squares(std::list{1, 2, 3}), {1, 4, 9}));
  CHECK(support::holds(*squares(std::forward_list{1, 2, 3}), {1, 4, 9}));
  CHECK(support::holds(*squares(std::views::iota(1, 4)), {1, 4, 9}));
  const std::vector numbers{1, 2, 3};
  CHECK(support::holds(*squares(numbers), {1, 4, 9}));
  CHECK(support::holds(*squares(std::span(numbers)), {1, 4, 9}));
  CHECK(support::holds(*squares(std::cref(numbers)), {1, 4, 9}));
  int array[] = {1, 2, 3};
  CHECK(support::holds(*squares(std::ref(array)), {1, 4, 9}));
  CHECK(squares(std::vector<int>())->empty());
  CHECK(squares(std::forward_list<int>())->empty());
}

TEST_CASE("views that have to be begun non-const, and elements that are made on the way", "[description][range]") {
  const auto odd = std::views::iota(0, 10) | std::views::filter([](int n) { return n % 2 != 0; });
  CHECK(support::holds(*squares(odd), {1, 9, 25, 49, 81}));
  const auto shifted = std::views::iota(0, 3) | std::views::transform([](int n) { return n + 10; });
  CHECK(support::holds(*squares(shifted), {100, 121, 144}));

  delivered<all_outcome<std::size_t>> got;
  fanout::all<std::size_t>(std::views::iota(1, 4) | std::views::transform([](int n) {
                             return std::string(static_cast<std::size_t>(n), 'x');
                           }),
                           [](std::string text, auto branch) { branch({}, text.size()); })
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {std::size_t{1}, std::size_t{2}, std::size_t{3}}));
}

TEST_CASE("an input range is read once, element by element", "[description][range][open]") {
  std::string text;
  for (int i = 0; i != 100; ++i) text += std::to_string(i) + " ";
  std::istringstream words(text);
  support::tally counts;
  delivered<open_outcome<int>> got;
  fanout::all<int>(std::ranges::subrange(std::istream_iterator<int>(words), std::istream_iterator<int>()),
                   [](int n, auto branch) { branch({}, n); })
      .allocate_with(support::counting_allocator<std::byte>(counts))
      .then(got.completion());
  REQUIRE(got.succeeded());
  REQUIRE(got.outcome()->size() == 100);
  for (std::size_t i = 0; i != 100; ++i) CHECK((*got.outcome())[i] == static_cast<int>(i));
  CHECK(counts.allocations <= 1 + 6);

  std::istringstream none;
  const auto nothing = squares(std::ranges::subrange(std::istream_iterator<int>(none), std::istream_iterator<int>()));
  CHECK(nothing->empty());
}

TEST_CASE("sized and forward ranges take one allocation", "[description][range][memory]") {
  for (const bool sized : {true, false}) {
    support::tally counts;
    delivered<all_outcome<int>> got;
    const auto square = [](int n, auto branch) { branch({}, n); };
    const support::counting_allocator<std::byte> allocator(counts);
    if (sized) {
      fanout::all<int>(std::vector<int>(100), square).allocate_with(allocator).then(got.completion());
    } else {
      fanout::all<int>(std::forward_list<int>(100), square).allocate_with(allocator).then(got.completion());
    }
    REQUIRE(got.succeeded());
    CHECK(counts.allocations == 1);
  }
}

TEST_CASE("elements may be written, and moved out of", "[description][range]") {
  std::vector<std::unique_ptr<int>> owned;
  owned.push_back(std::make_unique<int>(5));
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::move(owned), [](std::unique_ptr<int>& p, auto branch) {
    const auto taken = std::move(p);
    branch({}, *taken);
  }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {5}));

  std::vector<int> borrowed{1, 2};
  fanout::all<void>(std::ref(borrowed), [](int& n, auto branch) {
    n *= 10;
    branch({});
  }).then([](auto) noexcept {});
  CHECK(borrowed == std::vector<int>{10, 20});
}

TEST_CASE("a range that shrinks while it is read leaves the rest not issued", "[description][range][E3]") {
  std::list<int> numbers{1, 2, 3, 4};
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::ref(numbers), [&](int n, auto branch) {
    if (n == 2) numbers.resize(2);
    branch({}, n);
  }).then(got.completion());
  REQUIRE(got.succeeded());
  const auto& all = *got.outcome();
  REQUIRE(all.size() == 4);
  CHECK(*all[1] == 2);
  CHECK(all[2].error() == errc::not_issued);
  CHECK(all[3].error() == errc::not_issued);
}

TEST_CASE("a range that grows while it is read is started no further than it was counted", "[description][range]") {
  std::list<int> numbers{1, 2};
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::ref(numbers), [&](int n, auto branch) {
    numbers.push_back(n);
    branch({}, n);
  }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {1, 2}));
}

// ---------------------------------------------------------------------------------------------------------------------
// What is owned, and how long

TEST_CASE("nothing starts before then", "[description]") {
  bool ran = false;
  {
    auto description = fanout::all<int>(std::array{1}, [&](int, auto branch) {
      ran = true;
      branch({}, 1);
    });
    CHECK(!ran);
    delivered<all_outcome<int>> got;
    std::move(description).then(got.completion());
    CHECK(ran);
    CHECK(got.succeeded());
  }
  ran = false;
  static_cast<void>(fanout::all<int>(std::array{1}, [&](int, auto) { ran = true; }));
  CHECK(!ran);
}

TEST_CASE("the description owns copies of lvalues, takes rvalues along and borrows references", "[description]") {
  counted::reset();
  {
    std::vector<counted> numbers;
    numbers.emplace_back(1);
    auto look = [](const counted& c, auto branch) { branch({}, c.value()); };

    auto copied = fanout::all<int>(numbers, look);
    CHECK(counted::copies() == 1);
    numbers[0] = counted(2);
    delivered<all_outcome<int>> got_copy;
    std::move(copied).then(got_copy.completion());
    CHECK(support::holds(*got_copy.outcome(), {1}));

    const int before = counted::copies();
    auto borrowed = fanout::all<int>(std::cref(numbers), look);
    numbers[0] = counted(3);
    delivered<all_outcome<int>> got_borrowed;
    std::move(borrowed).then(got_borrowed.completion());
    CHECK(support::holds(*got_borrowed.outcome(), {3}));

    delivered<all_outcome<int>> got_moved;
    fanout::all<int>(std::move(numbers), look).then(got_moved.completion());
    CHECK(support::holds(*got_moved.outcome(), {3}));
    CHECK(counted::copies() == before);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("elements live until the operation is delivered", "[description]") {
  support::pump loop;
  counted::reset();
  delivered<all_outcome<int>> got;
  {
    std::vector<counted> numbers;
    for (int i = 0; i != 3; ++i) numbers.emplace_back(i);
    auto initiator = [&loop, in_initiator = counted(9)](counted& element, auto branch) {
      loop.post([&element, mine = std::move(branch)]() mutable { mine({}, element.value()); });
    };
    fanout::all<int>(std::move(numbers), std::move(initiator)).then(got.completion());
  }
  CHECK(counted::alive() == 4);
  CHECK(loop.run() == 3);
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {0, 1, 2}));
  got.outcome() = fanout::unexpected(fanout::failure<>());
  CHECK(counted::alive() == 0);
}

TEST_CASE("a range whose move may throw is kept in a place of its own", "[description]") {
  struct throwing_move {
    std::array<int, 2> numbers{1, 2};
    throwing_move() = default;
    throwing_move(const throwing_move& other) : numbers(other.numbers) {}
    auto begin() { return numbers.begin(); }
    auto end() { return numbers.end(); }
  };
  static_assert(!std::is_nothrow_move_constructible_v<throwing_move>);
  CHECK(support::holds(*squares(throwing_move()), {1, 4}));
}

// ---------------------------------------------------------------------------------------------------------------------
// Initiators

int free_calls = 0;
template <class Branch>
void free_function(int n, Branch branch) {
  ++free_calls;
  branch({}, n);
}

struct account {
  int balance;
  template <class Branch>
  void read(Branch branch) {
    branch({}, balance);
  }
};

TEST_CASE("initiators are lambdas, function objects, mutable, move-only, borrowed", "[description][initiator]") {
  delivered<all_outcome<int>> got;
  auto counter = [calls = 0](int n, auto branch) mutable { branch({}, n + ++calls); };
  fanout::all<int>(std::array{10, 20}, counter).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(support::holds(*got.outcome(), {11, 22}));

  delivered<all_outcome<int>> again;
  auto borrowed = std::ref(counter);
  fanout::all<int>(std::array{10, 20}, borrowed).then(again.completion());
  delivered<all_outcome<int>> third;
  fanout::all<int>(std::array{10, 20}, borrowed).then(third.completion());
  CHECK(support::holds(*third.outcome(), {13, 24}));

  delivered<all_outcome<int>> owned;
  auto move_only = [p = std::make_unique<int>(7)](int n, auto branch) { branch({}, n + *p); };
  fanout::all<int>(std::array{1}, std::move(move_only)).then(owned.completion());
  CHECK(support::holds(*owned.outcome(), {8}));

  delivered<all_outcome<int>> plain;
  fanout::all<int>(std::array{1, 2}, [](int n, auto branch) {
    free_function(n, std::move(branch));
  }).then(plain.completion());
  CHECK(free_calls == 2);
  CHECK(support::holds(*plain.outcome(), {1, 2}));
}

TEST_CASE("an element may be a pair, and its initiator a call of one of its members", "[description][initiator]") {
  delivered<all_outcome<int>> pairs;
  fanout::all<int>(std::map<std::string, int>{{"a", 1}, {"b", 2}}, [](auto& entry, auto branch) {
    branch({}, static_cast<int>(entry.first.size()) + entry.second);
  }).then(pairs.completion());
  CHECK(support::holds(*pairs.outcome(), {2, 3}));

  delivered<all_outcome<int>> members;
  fanout::all<int>(std::vector<account>{{5}, {6}}, [](account& a, auto branch) {
    a.read(std::move(branch));
  }).then(members.completion());
  CHECK(support::holds(*members.outcome(), {5, 6}));
}

TEST_CASE("an initiator's result is ignored", "[description][initiator]") {
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{1}, [](int n, auto branch) {
    return branch({}, n), std::string("ignored");
  }).then(got.completion());
  CHECK(got.succeeded());
}

// ---------------------------------------------------------------------------------------------------------------------
// What goes wrong

TEST_CASE("want of memory arrives at the completion, and nothing has been started", "[description][E6]") {
  support::tally counts;
  counts.refuse_from = 0;
  delivered<all_outcome<int>> got;
  fanout::all<int>(std::array{1}, [](int, auto) { FAIL("ran"); })
      .allocate_with(support::counting_allocator<std::byte>(counts))
      .then(got.completion());
  CHECK(got.failed(fanout::no_index, errc::out_of_memory));

  delivered<all_outcome<int>> stopped;
  fanout::inplace_stop_source outer;
  fanout::all<int>(std::array{1}, [](int, auto) { FAIL("ran"); })
      .allocate_with(support::counting_allocator<std::byte>(counts))
      .stop_on(outer.get_token())
      .then(stopped.completion());
  CHECK(stopped.failed(fanout::no_index, errc::out_of_memory));
  outer.request_stop();
}

TEST_CASE("too many elements arrive at the completion", "[description][E20]") {
  delivered<all_outcome<char>> got;
  fanout::all<char>(std::views::iota(std::size_t{0}, std::size_t{1} << 33), [](std::size_t, auto) {
    FAIL("ran");
  }).then(got.completion());
  CHECK(got.failed(fanout::no_index, errc::too_many));
}

TEST_CASE("memory that runs out while an input range is read stops the reading", "[description][E6][open]") {
  std::istringstream words("1 2 3 4 5 6 7 8 9 10 11 12");
  support::tally counts;
  counts.refuse_from = 1;
  delivered<open_outcome<int>> got;
  fanout::all<int>(std::ranges::subrange(std::istream_iterator<int>(words), std::istream_iterator<int>()),
                   [](int n, auto branch) { branch({}, n); })
      .allocate_with(support::counting_allocator<std::byte>(counts))
      .then(got.completion());
  REQUIRE(got.once());
  REQUIRE(!got.outcome());
  CHECK(got.failure().cause == errc::out_of_memory);
  CHECK(counts.live_bytes == 0);
}

#if FANOUT_HAS_EXCEPTIONS
// Throws at a step of its iteration.
struct throwing_range {
  enum class when { begin, dereference, increment };
  when at;
  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;
    const throwing_range* range = nullptr;
    int n = 0;
    int operator*() const {
      if (range->at == when::dereference && n == 2) throw 5;
      return n;
    }
    iterator& operator++() {
      if (range->at == when::increment && n == 1) throw 6;
      ++n;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return n == 4; }
  };
  iterator begin() const {
    if (at == when::begin) throw 4;
    return {this, 0};
  }
  std::default_sentinel_t end() const { return {}; }
};
static_assert(std::ranges::input_range<throwing_range>);

TEST_CASE("an exception out of the range ends the issuing and arrives at the completion", "[description][E3b]") {
  using when = throwing_range::when;
  for (const when at : {when::begin, when::dereference, when::increment}) {
    support::pump loop;
    delivered<open_outcome<int>> got;
    fanout::all<int>(throwing_range{at}, [&](int n, auto branch) {
      loop.post([n, mine = std::move(branch)]() mutable { mine({}, n); });
    }).then(got.completion());
    CHECK(loop.size() == (at == when::begin ? 0 : 2));
    loop.run();
    REQUIRE(got.failed(fanout::no_index, errc::issuer_threw));
    CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), int);
  }
}

// Throws while it is counted, before there is an operation.
struct uncountable : std::vector<int> {
  using std::vector<int>::vector;
  std::size_t size() const { throw std::string("who knows"); }
};

TEST_CASE("an exception out of counting the range arrives at the completion", "[description][E3b]") {
  delivered<all_outcome<int>> got;
  fanout::all<int>(uncountable{1, 2}, [](int, auto) { FAIL("ran"); }).then(got.completion());
  REQUIRE(got.failed(fanout::no_index, errc::issuer_threw));
  CHECK_THROWS_AS(std::rethrow_exception(got.failure().exception), std::string);
}

TEST_CASE("an exception out of the initiator is that element's", "[description][E3b]") {
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{1, 2}, [](int n, auto branch) {
    if (n == 1) throw 5;
    branch({}, n);
  }).then(got.completion());
  REQUIRE(got.succeeded());
  CHECK((*got.outcome())[0].error() == errc::initiator_threw);
  CHECK(*(*got.outcome())[1] == 2);
}
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Options

TEST_CASE("stop_on: ours, the standard's, and one that is never stopped", "[description][stop]") {
  const auto starts_nothing = [](auto described) {
    delivered<all_outcome<int>> got;
    std::move(described).then(got.completion());
    return got.failed(fanout::no_index, errc::stopped);
  };
  const auto described = [] { return fanout::all<int>(std::array{1}, [](int n, auto branch) { branch({}, n); }); };
  fanout::inplace_stop_source ours;
  ours.request_stop();
  CHECK(starts_nothing(described().stop_on(ours.get_token())));
#if defined(__cpp_lib_jthread)
  std::stop_source standard;
  standard.request_stop();
  CHECK(starts_nothing(described().stop_on(fanout::adapt_stop_token<std::stop_callback>(standard.get_token()))));
#endif
  delivered<all_outcome<int>> got;
  described().stop_on(fanout::never_stop_token()).then(got.completion());
  CHECK(got.succeeded());
  delivered<all_outcome<int>> unbound;
  described().stop_on(fanout::inplace_stop_token()).then(unbound.completion());
  CHECK(unbound.succeeded());
}

TEST_CASE("stop_on: stop while the elements are started", "[description][stop][E4]") {
  fanout::inplace_stop_source outer;
  delivered<settle_outcome<int>> got;
  fanout::settle<int>(std::array{1, 2, 3},
                      [&](int n, auto branch) {
                        if (n == 2) outer.request_stop();
                        branch({}, n);
                      })
      .stop_on(outer.get_token())
      .then(got.completion());
  REQUIRE(got.succeeded());
  CHECK(*(*got.outcome())[1] == 2);
  CHECK((*got.outcome())[2].stopped());
}

TEST_CASE("options may be set in any order, together", "[description]") {
  support::tally counts;
  const support::counting_allocator<std::byte> allocator(counts);
  fanout::inplace_stop_source outer;
  const auto described = [] { return fanout::all<int>(std::array{1, 2}, [](int n, auto branch) { branch({}, n); }); };
  delivered<all_outcome<int>> first;
  described()
      .count_with<fanout::refcount::local>()
      .stop_on(outer.get_token())
      .allocate_with(allocator)
      .then(first.completion());
  CHECK(first.succeeded());
  delivered<all_outcome<int>> second;
  described()
      .allocate_with(allocator)
      .stop_on(outer.get_token())
      .count_with<fanout::refcount::local>()
      .then(second.completion());
  CHECK(second.succeeded());
  CHECK(counts.allocations == 2);
}

TEST_CASE("the completion may start the same kind of operation again", "[description][I5]") {
  struct again {
    int* left;
    int* sum;
    void operator()(all_outcome<int> outcome) && noexcept {
      *sum += (*outcome)[0];
      if (--*left != 0)
        fanout::all<int>(std::array{*left}, [](int n, auto branch) { branch({}, n); }).then(again{left, sum});
    }
  };
  int left = 1000;
  int sum = 0;
  fanout::all<int>(std::array{left}, [](int n, auto branch) { branch({}, n); }).then(again{&left, &sum});
  CHECK(sum == 1000 * 1001 / 2);
}

}  // namespace
