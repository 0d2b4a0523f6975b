// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
//
#include "fanout/combine/merge.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <random>
#include <span>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/completion/deadline.hpp"
#include "fanout/issue.hpp"
#include "fanout/timer/manual.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"

namespace {

namespace combine = fanout::combine;
using fanout::flow;
using fanout::merged;
using fanout::verdict;
using support::counted;

struct row {
  int key = 0;
  std::size_t stream = 0;
  int position = 0;
  friend bool operator==(const row&, const row&) = default;
};
bool goes_before(const row& a, const row& b) {
  return std::tie(a.key, a.stream, a.position) < std::tie(b.key, b.stream, b.position);
}

template <class Outcome>
struct keep {
  std::optional<Outcome>* in;
  void operator()(Outcome o) noexcept { in->emplace(std::move(o)); }
};
using outcome = fanout::result<merged, fanout::failure<>>;
using tolerant_outcome = fanout::result<fanout::tolerant_merged<>, fanout::failure<>>;

// N streams, all started, and the seal.
template <class Description, class Outcome = outcome, class Allocator = std::allocator<std::byte>>
struct scene {
  using policy = decltype(std::declval<Description>().template bind<void>());
  using op = fanout::fanout_op<fanout::handler, policy, keep<Outcome>, fanout::refcount::atomic, Allocator>;

  std::optional<Outcome> came;
  std::vector<typename op::branch> branches;
  policy* inside = nullptr;

  scene(std::size_t n, Description d, const Allocator& allocator = Allocator()) {
    auto issuer = *op::make(n, std::move(d).template bind<void>(), keep<Outcome>{&came}, allocator);
    for (std::size_t i = 0; i != n; ++i) issuer.start(i, [this](auto b) { branches.push_back(std::move(b)); });
    inside = &issuer.combine();
    std::move(issuer).seal();
  }
  auto& operator[](std::size_t i) { return branches[i]; }
  void complete() {
    for (auto& b : branches)
      if (b) b.set_value();
  }
};
template <class Outcome = outcome, class Description>
auto scene_of(std::size_t n, Description d) {
  return scene<Description, Outcome>(n, std::move(d));
}

auto into(std::vector<int>& out) {
  return [&out](int x) { out.push_back(x); };
}

// Sorted streams of random rows, many of them with equal keys.
std::vector<std::vector<row>> random_streams(std::mt19937& random, std::size_t n, int most) {
  std::vector<std::vector<row>> in(n);
  for (std::size_t s = 0; s != n; ++s) {
    in[s].resize(random() % static_cast<unsigned>(most));
    for (row& r : in[s]) r = {static_cast<int>(random() % 50), s, 0};
    std::sort(in[s].begin(), in[s].end(), goes_before);
    for (std::size_t i = 0; i != in[s].size(); ++i) in[s][i].position = static_cast<int>(i);
  }
  return in;
}
std::vector<row> sorted_whole(const std::vector<std::vector<row>>& in) {
  std::vector<row> all;
  for (const auto& s : in) all.insert(all.end(), s.begin(), s.end());
  std::sort(all.begin(), all.end(), goes_before);
  return all;
}

}  // namespace

TEST_CASE("items go out in order as soon as nothing can precede them", "[merge]") {
  std::vector<int> out;
  auto s = scene_of(3, combine::merge<int>(into(out)));
  CHECK(s[0].emit(std::array{1, 4, 9}) == flow::go);
  CHECK(s[1].emit(std::array{2, 3}) == flow::go);
  CHECK(out.empty());  // the third may bring anything
  CHECK(s[2].watermark(3) == flow::go);
  CHECK(out == std::vector{1, 2, 3});
  s[1].set_value();
  s[2].set_value();
  CHECK(out == std::vector{1, 2, 3, 4, 9});
  s[0].set_value();
  REQUIRE(s.came);
  REQUIRE(*s.came);
  CHECK((**s.came).delivered == 5);
  CHECK((**s.came).disorder == 0);
}

TEST_CASE("a merge of random streams is the sorted whole, whatever the order of emission", "[merge][random]") {
  std::mt19937 random(1);
  for (int round = 0; round != 500; ++round) {
    const std::size_t n = 1 + random() % 8;
    const auto in = random_streams(random, n, 60);
    std::vector<row> out;
    std::vector<std::size_t> at(n, 0);
    bool in_order = true;
    const auto sink = [&](std::size_t stream, row&& r) noexcept {
      in_order = in_order && stream == r.stream && (out.empty() || goes_before(out.back(), r));
      out.push_back(r);
    };
    auto s = scene_of(n, combine::merge<row>(sink, &row::key));
    for (std::size_t open = n; open != 0;) {
      const std::size_t i = random() % n;
      if (!s[i]) continue;
      const std::size_t left = in[i].size() - at[i];
      if (left == 0 && random() % 2 == 0) {
        s[i].set_value();
        --open;
      } else if (left != 0 && random() % 3 == 0) {
        CHECK(s[i].watermark(in[i][at[i]].key) == flow::go);
      } else if (left != 0) {
        const std::size_t k = 1 + random() % (left < 10 ? left : 10);
        CHECK(s[i].emit(std::span(in[i].data() + at[i], k)) == flow::go);
        at[i] += k;
      }
    }
    REQUIRE(s.came);
    CHECK((**s.came).disorder == 0);
    CHECK(in_order);
    CHECK(out == sorted_whole(in));
  }
}

TEST_CASE("streams emit from threads of their own, and pause", "[merge][random][threads]") {
  std::mt19937 random(2);
  for (int round = 0; round != 20; ++round) {
    const std::size_t n = 2 + random() % 3;
    const auto in = random_streams(random, n, 400);
    std::vector<row> out;
    std::atomic<int> inside{0};
    const auto sink = [&](row&& r) noexcept {
      if (inside.fetch_add(1, std::memory_order_relaxed) != 0) std::abort();  // serialised
      out.push_back(r);
      inside.fetch_sub(1, std::memory_order_relaxed);
    };
    auto s = scene_of(n, combine::merge<row>(sink, &row::key).buffer(16));
    // Each stream's producer goes from step to step, on its own thread at first, then on whichever resumes it.
    struct producer {
      decltype(s)::op::branch to;
      std::span<const row> left;
      std::atomic<bool>* done;
      void run() noexcept {
        while (!left.empty()) {
          const std::size_t k = left.size() < 5 ? left.size() : 5;
          const flow f = to.emit(left.first(k));
          left = left.subspan(k);
          if (f == flow::pause) return to.on_resume([this]() noexcept { run(); });
        }
        to.set_value();
        done->store(true);
        done->notify_one();
      }
    };
    std::vector<std::atomic<bool>> done(n);
    std::vector<producer> producers;
    for (std::size_t i = 0; i != n; ++i) producers.push_back({std::move(s[i]), in[i], &done[i]});
    std::vector<std::thread> threads;
    for (producer& p : producers) threads.emplace_back([&p] { p.run(); });
    for (auto& t : threads) t.join();
    for (auto& d : done) d.wait(false);
    REQUIRE(s.came);
    CHECK((**s.came).disorder == 0);
    CHECK(out == sorted_whole(in));
  }
}

TEST_CASE("memory is bounded by what waits: a producer that pauses holds no more than its limit", "[merge][memory]") {
  support::tally memory;
  {
    std::size_t taken = 0;
    const auto sink = [&taken](int) noexcept { ++taken; };
    auto how = combine::merge<int>(sink).buffer(256, 64);
    scene<decltype(how), outcome, support::counting_allocator<std::byte>> s(
        2, std::move(how), support::counting_allocator<std::byte>(memory));
    const std::size_t before = memory.live_bytes;
    // One runs ahead as far as it may; the other lets it go on, a little at a time.
    struct ahead {
      decltype(s)& of;
      int next = 0;
      int pauses = 0;
      std::size_t emitted = 0;
      void run() noexcept {
        for (;;) {
          std::array<int, 32> some;
          for (int& x : some) x = next++;
          emitted += some.size();
          const flow f = of[0].emit(some);
          if (f == flow::stop) return;
          if (f == flow::pause) break;
        }
        ++pauses;
        of[0].on_resume([this]() noexcept { run(); });
      }
    } producer{s};
    producer.run();
    std::size_t most_items = 0, most_bytes = 0;
    for (int bound = 0; bound < 100'000; bound += 10) {
      CHECK(s[1].watermark(bound) == flow::go);
      most_items = std::max(most_items, producer.emitted - taken);
      most_bytes = std::max(most_bytes, memory.live_bytes - before);
    }
    CHECK(producer.pauses > 100);
    CHECK(taken > 99'000);
    CHECK(most_items <= 256);
    CHECK(most_bytes < 4096);
    s[1].set_error(std::errc::io_error);  // it stops the other, who hears it when resumed
    s[0].set_stopped();
  }
  CHECK(memory.live_bytes == 0);
}

TEST_CASE("a mark to resume at that is not below the one to pause at is named, and taken for one that is",
          "[merge][resume][fatal]") {
  std::vector<int> out;
  auto s = scene_of(2, combine::merge<int>(into(out)).buffer(3, 7));
  CHECK(support::only_broken_rule("fanout: a stream that pauses must have fewer items when it is resumed"));
  CHECK(s[0].emit(1) == flow::go);
  CHECK(s[0].emit(3) == flow::go);
  CHECK(s[0].emit(5) == flow::pause);
  int resumed = 0;
  s[0].on_resume([&resumed]() noexcept { ++resumed; });
  CHECK(resumed == 0);  // 3 still wait
  CHECK(s[1].watermark(2) == flow::go);
  CHECK(out == std::vector{1});
  CHECK(resumed == 1);
  s.complete();
}

TEST_CASE("a stream that is awaited is never paused", "[merge][resume]") {
  // Every emission is more than the limit: each pauses, and is resumed when the other one has brought something.
  std::vector<int> out;
  auto s = scene_of(2, combine::merge<int>(into(out)).buffer(1));
  int resumed[2] = {};
  for (int k = 0; k != 20; ++k) {
    const std::size_t i = static_cast<std::size_t>(k) % 2;
    CHECK(s[i].emit(std::array{2 * k, 2 * k + 1}) == flow::pause);
    s[i].on_resume([&mine = resumed[i]]() noexcept { ++mine; });
    if (k > 0) CHECK(resumed[1 - i] == k / 2 + k % 2);
  }
  s.complete();
  CHECK(out.size() == 40);
  CHECK(std::is_sorted(out.begin(), out.end()));
}

TEST_CASE("the one that the merge waits for is known", "[merge][awaited]") {
  std::vector<int> out;
  auto s = scene_of(3, combine::merge<int>(into(out)));
  CHECK(s[0].emit(5) == flow::go);
  CHECK(s.inside->awaited() == 1);
  s[1].set_value();
  CHECK(s.inside->awaited() == 2);
  CHECK(s[2].emit(7) == flow::go);
  CHECK(out == std::vector{5});
  CHECK(s.inside->awaited() == 0);
  CHECK(s[2].emit(8) == flow::go);
  CHECK(s.inside->awaited() == 0);
  CHECK(s[0].watermark(9) == flow::go);
  CHECK(out == std::vector{5, 7, 8});
  CHECK(s.inside->awaited() == 2);
  s.complete();
}

TEST_CASE("once a merge has failed, it waits for nobody", "[merge][awaited]") {
  std::vector<int> out;
  auto s = scene_of(3, combine::merge<int>(into(out)));
  CHECK(s[0].emit(5) == flow::go);
  CHECK(s.inside->awaited() == 1);
  s[2].set_error(std::make_error_code(std::errc::io_error));
  CHECK(s.inside->awaited() == fanout::no_index);
  s.complete();
}

TEST_CASE("where N is unknown, the one that the merge waits for is known from the seal on", "[merge][awaited][open]") {
  std::vector<int> out;
  std::optional<outcome> came;
  auto issuer = fanout::issue<void>(combine::merge<int>(into(out)), keep<outcome>{&came});
  std::vector<decltype(issuer)::branch> branches;
  for (std::size_t i = 0; i != 3; ++i) issuer.start([&](auto b) { branches.push_back(std::move(b)); });
  const auto& policy = issuer.combine();
  for (std::size_t i : {0u, 2u, 1u}) {
    CHECK(branches[i].emit(static_cast<int>(10 + i)) == flow::go);
    CHECK(policy.awaited() == (i == 0 ? 1 : i == 2 ? 1 : fanout::no_index));
  }
  CHECK(out.empty());
  std::move(issuer).seal();
  CHECK(out == std::vector{10});
  CHECK(policy.awaited() == 0);
  CHECK(branches[0].emit(20) == flow::go);
  CHECK(out == std::vector{10, 11});
  CHECK(policy.awaited() == 1);
  for (auto& b : branches) b.set_value();
  REQUIRE(came);
}

TEST_CASE("broken words are counted, and nothing is lost", "[merge]") {
  std::vector<int> out;
  auto s = scene_of(2, combine::merge<int>(into(out)));
  CHECK(s[0].emit(std::array{5, 6}) == flow::go);
  CHECK(s[1].watermark(10) == flow::go);
  CHECK(s[1].emit(1) == flow::go);
  CHECK(s[0].emit(4) == flow::go);
  s.complete();
  CHECK(out == std::vector{5, 6, 1, 4});
  CHECK((**s.came).disorder == 2);
  CHECK((**s.came).delivered == 4);
}

TEST_CASE("a merge by another order, and by a member", "[merge]") {
  std::vector<int> out;
  auto s = scene_of(2, combine::merge<row>([&](row&& r) noexcept { out.push_back(r.key); }, &row::key,
                                           [](int a, int b) { return a > b; }));
  CHECK(s[0].emit(std::array{row{9}, row{4}}) == flow::go);
  CHECK(s[1].emit(std::array{row{7}, row{3}}) == flow::go);
  s.complete();
  CHECK(out == std::vector{9, 7, 4, 3});
}

TEST_CASE("the first stream that fails is the outcome, and nothing goes out after it", "[merge][I7]") {
  std::vector<int> out;
  auto s = scene_of(3, combine::merge<int>(into(out)));
  CHECK(s[0].emit(std::array{1, 4}) == flow::go);
  CHECK(s[1].emit(std::array{2, 3}) == flow::go);
  CHECK(s[2].emit(2) == flow::go);
  CHECK(out == std::vector{1, 2, 2});
  s[2].set_error(std::errc::io_error);
  CHECK(s[0].emit(5) == flow::stop);
  s[0].set_error(std::errc::timed_out);
  s[1].set_stopped();
  CHECK(out.size() == 3);
  REQUIRE(s.came);
  CHECK((*s.came).error().index == 2);
  CHECK((*s.came).error().cause == std::errc::io_error);
  CHECK((*s.came).error().suppressed == 1);
}

TEST_CASE("a merge that tolerates failures goes on, and says who failed", "[merge][tolerate]") {
  std::vector<int> out;
  auto s = scene_of<tolerant_outcome>(4, combine::merge<int>(into(out)).tolerate());
  CHECK(s[0].emit(std::array{1, 4}) == flow::go);
  CHECK(s[1].emit(std::array{2, 5}) == flow::go);
  s[3].set_stopped();
  s[2].set_error(std::errc::io_error);
  CHECK(out == std::vector{1, 2, 4});
  s[1].set_error(std::errc::timed_out);  // what it has brought is delivered
  CHECK(s[0].emit(6) == flow::go);
  CHECK(out == std::vector{1, 2, 4, 5, 6});
  s[0].set_value();
  REQUIRE(s.came);
  REQUIRE(*s.came);
  const auto& m = **s.came;
  CHECK(m.delivered == 5);
  CHECK(m.stopped == 1);
  REQUIRE(m.failed.size() == 2);
  CHECK(m.failed[0].index == 2);
  CHECK(m.failed[0].error == std::errc::io_error);
  CHECK(m.failed[1].index == 1);
}

TEST_CASE("a sink that has seen enough stops the streams", "[merge][E5]") {
  std::vector<int> out;
  const auto sink = [&out](std::size_t, int x) {
    out.push_back(x);
    return out.size() == 2 ? verdict::decided : verdict::go_on;
  };
  auto s = scene_of(2, combine::merge<int>(sink));
  CHECK(s[0].emit(std::array{1, 3}) == flow::go);
  CHECK(s[1].emit(std::array{2, 4}) == flow::stop);
  CHECK(s[0].emit(5) == flow::stop);
  s[0].set_stopped();
  s[1].set_value();
  CHECK(out == std::vector{1, 2});
  REQUIRE(s.came);
  REQUIRE(*s.came);
  CHECK((**s.came).delivered == 2);
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("a sink that throws is the outcome, and what waits is destroyed", "[merge][E6]") {
  counted::reset();
  {
    int seen = 0;
    const auto sink = [&seen](counted&&) {
      if (++seen == 2) throw support::told_to_throw();
    };
    auto s = scene_of(2, combine::merge<counted>(sink, [](const counted& c) noexcept { return c.value(); }));
    CHECK(s[0].emit(counted(1)) == flow::go);
    CHECK(s[0].emit(counted(3)) == flow::go);
    CHECK(s[1].emit(counted(2)) == flow::stop);
    CHECK(counted::alive() == 0);
    s.complete();
    REQUIRE(s.came);
    CHECK((*s.came).error().cause == fanout::errc::policy_threw);
    CHECK_THROWS_AS(std::rethrow_exception((*s.came).error().exception), support::told_to_throw);
    CHECK(seen == 2);
  }
}
#endif

TEST_CASE("items that are not delivered are destroyed", "[merge][memory]") {
  counted::reset();
  {
    auto s =
        scene_of(2, combine::merge<counted>([](counted&&) {}, [](const counted& c) noexcept { return c.value(); }));
    CHECK(s[0].emit(counted(1)) == flow::go);
    s[1].set_stopped();
    s[0].set_value();
    REQUIRE(s.came);
    CHECK((*s.came).error().cause == fanout::errc::stopped);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("where N is unknown, nothing goes out before the seal, so that the order holds", "[merge][open]") {
  std::vector<int> out;
  std::optional<outcome> came;
  auto issuer = fanout::issue<void>(combine::merge<int>(into(out)), keep<outcome>{&came});
  for (int i = 10; i != 0; --i) {
    issuer.start([i](auto branch) {
      CHECK(branch.emit(std::array{i, 10 + i}) == flow::go);
      branch.set_value();
    });
  }
  CHECK(out.empty());
  std::move(issuer).seal();
  REQUIRE(came);
  CHECK((**came).disorder == 0);
  CHECK(out.size() == 20);
  CHECK(std::is_sorted(out.begin(), out.end()));
}

TEST_CASE("late streams: those that have started count, and one that comes late is disorder", "[merge][open]") {
  std::vector<int> out;
  std::optional<outcome> came;
  auto issuer = fanout::issue<void>(combine::merge<int>(into(out)).late_streams(), keep<outcome>{&came});
  std::vector<decltype(issuer)::branch> branches;
  const auto start = [&] { issuer.start([&](auto b) { branches.push_back(std::move(b)); }); };
  start();
  CHECK(branches[0].emit(5) == flow::go);
  CHECK(out == std::vector{5});
  start();
  CHECK(branches[0].emit(6) == flow::go);
  CHECK(out == std::vector{5});  // it is awaited now
  CHECK(branches[1].emit(3) == flow::go);
  CHECK(out == std::vector{5, 3});
  for (auto& b : branches) b.set_value();
  std::move(issuer).seal();
  REQUIRE(came);
  CHECK((**came).disorder == 1);
  CHECK(out == std::vector{5, 3, 6});
}

TEST_CASE("a deadline before the seal, where N is unknown: what is there is delivered, in order", "[merge][open][E7]") {
  using namespace std::chrono_literals;
  using timer = fanout::timer::manual_timer;
  for (const bool partial : {false, true}) {
    timer clock;
    std::vector<int> out;
    std::optional<outcome> came;
    auto issuer = fanout::issue<void>(
        combine::merge<int>(into(out)).on_deadline(partial ? fanout::partial : fanout::fail),
        fanout::completion::deadline<timer, keep<outcome>>(clock, timer::time_point(1ms), keep<outcome>{&came}));
    std::vector<decltype(issuer)::branch> branches;
    for (int i = 0; i != 2; ++i) {
      issuer.start([&](auto b) { branches.push_back(std::move(b)); });
      CHECK(branches.back().emit(std::array{2 - i, 12 - i}) == flow::go);
    }
    CHECK(out.empty());
    clock.advance(1ms);
    CHECK(out == (partial ? std::vector{1, 2, 11, 12} : std::vector<int>()));
    CHECK(issuer.combine().awaited() == fanout::no_index);
    CHECK(branches[0].emit(20) == flow::stop);
    for (auto& b : branches) b.set_stopped();
    std::move(issuer).seal();
    REQUIRE(came);
    REQUIRE(came->has_value() == partial);
    if (partial) CHECK((**came).delivered == 4);
    if (!partial) CHECK((*came).error().cause == fanout::errc::deadline);
  }
}

TEST_CASE("a merge of nothing succeeds", "[merge][E1]") {
  std::vector<int> out;
  auto none = scene_of(0, combine::merge<int>(into(out)));
  REQUIRE(none.came);
  CHECK((**none.came).delivered == 0);
  auto empty = scene_of(3, combine::merge<int>(into(out)));
  empty.complete();
  REQUIRE(empty.came);
  CHECK((**empty.came).delivered == 0);
}

TEST_CASE("at decided, the outcome does not wait for streams that do not listen", "[merge][decided]") {
  counted::reset();
  {
    std::optional<outcome> came;
    const auto enough = [](counted&&) { return verdict::decided; };
    auto issuer = fanout::issue<void>(
        2, combine::at_decided(combine::merge<counted>(enough, [](const counted& c) noexcept { return c.value(); })),
        keep<outcome>{&came});
    std::vector<decltype(issuer)::branch> branches;
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto b) { branches.push_back(std::move(b)); });
    std::move(issuer).seal();
    CHECK(branches[0].emit(counted(1)) == flow::go);
    CHECK(branches[1].watermark(2) == flow::stop);
    REQUIRE(came);
    CHECK((**came).delivered == 1);
    CHECK(branches[1].emit(counted(2)) == flow::stop);
    branches.clear();
  }
  CHECK(counted::alive() == 0);
}
