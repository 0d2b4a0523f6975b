// SPDX-License-Identifier: BSL-1.0
#include "support/rules.hpp"
//
#include "fanout/stream.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/completion/stoppable.hpp"
#include "fanout/issue.hpp"
#include "support/allocators.hpp"
#include "support/counted.hpp"

namespace {

using fanout::flow;
using fanout::stream_chunk;
using fanout::verdict;
using support::counted;

// What a policy of streams was told.
template <class Item>
struct record {
  std::vector<std::string> said;
  std::vector<Item> items;
  std::deque<stream_chunk<Item>*> kept;
  std::size_t streams = 0;
  int give_ups = 0;
  bool silent = false;

  void note(const char* what, std::size_t i, std::optional<int> more = {}) {
    if (silent) return;
    std::string& line = said.emplace_back(what);  // not by +, of which g++ 12 -O3 warns
    line.append(std::to_string(i));
    if (more) line.append(1, ':').append(std::to_string(*more));
  }
};

// Keeps every chunk. A watermark of k gives back the k oldest; one of -1 decides, of -2 throws.
template <class Item, bool Tolerates = false>
struct hoard {
  using value_type = void;
  using error_type = std::error_code;
  using item_type = Item;
  using key_type = int;
  static constexpr bool keeps_errors = Tolerates;
  static constexpr bool folds = true;

  record<Item>* to;
  fanout::stream_limits marks{4, 2};
  std::size_t room = 100;  // for so many streams there is memory

  fanout::stream_limits limits() const noexcept { return marks; }
  bool on_streams(std::size_t n) noexcept {
    if (n > room) return false;
    to->streams = n;
    return true;
  }
  verdict on_all_streams() {
    to->said.push_back("all");
    return verdict::go_on;
  }
  verdict on_items(std::size_t i, stream_chunk<Item>& c) {
    to->note("items ", i, static_cast<int>(c.size()));
    for (Item& x : c) to->items.push_back(std::move(x));
    to->kept.push_back(&c);
    return verdict::go_on;
  }
  verdict on_watermark(std::size_t i, int k) {
    to->note("watermark ", i, k);
    if (k == -1) return verdict::decided;
#if FANOUT_HAS_EXCEPTIONS
    if (k == -2) throw support::told_to_throw();
#endif
    for (; k > 0 && !to->kept.empty(); --k) give_back_one();
    return verdict::go_on;
  }
  void on_value(std::size_t i, fanout::detail::unit&&) { to->note("end ", i); }
  verdict on_error(std::size_t i, std::error_code&&)
    requires Tolerates
  {
    to->note("error ", i);
    return verdict::go_on;
  }
  verdict on_not_issued(std::size_t i) {
    to->note("not issued ", i);
    return verdict::go_on;
  }
  void give_up() noexcept {
    ++to->give_ups;
    while (!to->kept.empty()) give_back_one();
  }
  void give_back_one() noexcept {
    stream_chunk<Item>* const c = to->kept.front();
    to->kept.pop_front();
    c->give_back();
  }
  std::size_t result() noexcept { return to->items.size(); }
};

using outcome = fanout::result<std::size_t, fanout::failure<>>;
struct keep {
  std::optional<outcome>* in;
  void operator()(outcome o) noexcept { in->emplace(std::move(o)); }
};

// N streams that were all started, and the seal.
template <class Item, bool Tolerates = false>
struct scene {
  using policy = hoard<Item, Tolerates>;
  using op = fanout::fanout_op<fanout::handler, policy, keep>;
  using branch = typename op::branch;

  record<Item> seen;
  std::optional<outcome> came;
  std::vector<branch> branches;

  explicit scene(std::size_t n, std::size_t room = 100) {
    policy p{&seen};
    p.room = room;
    auto issuer = *op::make(n, std::move(p), keep{&came});
    for (std::size_t i = 0; i != n; ++i) issuer.start(i, [this](branch b) { branches.push_back(std::move(b)); });
    std::move(issuer).seal();
  }
  branch& operator[](std::size_t i) { return branches[i]; }
  std::vector<std::string> take_said() { return std::exchange(seen.said, {}); }
};
using said = std::vector<std::string>;

}  // namespace

TEST_CASE("a stream branch delivers many times, then completes", "[stream]") {
  scene<int> s(2);
  CHECK(s.take_said() == said{"all"});
  CHECK(s.seen.streams == 2);
  CHECK(s[0].emit(std::array{1, 2}) == flow::go);
  CHECK(s[1].emit(3) == flow::go);
  CHECK(s[1].watermark(0) == flow::go);
  CHECK(s.take_said() == said{"items 0:2", "items 1:1", "watermark 1:0"});
  CHECK(s.seen.items == std::vector{1, 2, 3});
  s[0].set_value();
  CHECK_FALSE(s.came);
  s[1].set_value();
  REQUIRE(s.came);
  CHECK(*s.came);
  CHECK(**s.came == 3);
  CHECK(s.take_said() == said{"end 0", "end 1"});
  CHECK(s.seen.give_ups == 1);
}

TEST_CASE("items are moved out of any contiguous range, or copied from a const one", "[stream]") {
  counted::reset();
  {
    scene<counted> s(1);
    std::vector<counted> three(3);
    for (int i = 0; i != 3; ++i) three[static_cast<std::size_t>(i)] = counted(i + 1);
    CHECK(s[0].emit(three) == flow::go);
    CHECK(three[0].value() == counted::moved_from);
    CHECK(counted::copies() == 0);
    counted one(7);
    CHECK(s[0].emit(std::span(&one, 1)) == flow::pause);
    CHECK(one.value() == counted::moved_from);
    CHECK(s[0].emit(std::vector<counted>()) == flow::pause);
    REQUIRE(s.seen.items.size() == 4);
    CHECK(s.seen.items[2].value() == 3);
    s[0].set_value();
    CHECK(s.came.has_value());
  }
  CHECK(counted::alive() == 0);
  scene<int> numbers(1);
  const std::array fixed{1, 2};
  CHECK(numbers[0].emit(fixed) == flow::go);
  CHECK(numbers.seen.items == std::vector{1, 2});
  numbers[0].set_value();
}

TEST_CASE("an item that looks like a range is an item", "[stream]") {
  scene<std::string> s(1);
  CHECK(s[0].emit(std::string("one")) == flow::go);
  CHECK(s[0].emit("two") == flow::go);
  std::array more{std::string("three"), std::string("four")};
  CHECK(s[0].emit(more) == flow::pause);
  CHECK(s.seen.items == std::vector<std::string>{"one", "two", "three", "four"});
  s[0].set_value();
}

TEST_CASE("a producer pauses at the high mark and is resumed once at the low one", "[stream][resume]") {
  scene<int> s(2);
  CHECK(s[0].emit(std::array{1, 2}) == flow::go);
  CHECK(s[0].emit(3) == flow::go);
  CHECK(s[0].emit(4) == flow::pause);
  CHECK(s[1].emit(4) == flow::go);     // each has marks of its own
  CHECK(s[0].emit(5) == flow::pause);  // not refused
  int resumed = 0;
  s[0].on_resume([&resumed]() noexcept { ++resumed; });
  CHECK(resumed == 0);
  s[1].watermark(1);  // 5 - 2 wait: too many
  CHECK(resumed == 0);
  s[1].watermark(1);
  CHECK(resumed == 1);
  s[1].watermark(2);
  CHECK(resumed == 1);
  CHECK(s[0].emit(6) == flow::go);
  s[0].set_value();
  s[1].set_value();
  REQUIRE(s.came);
  CHECK(**s.came == 7);
}

TEST_CASE("who need not pause is resumed at once", "[stream][resume]") {
  scene<int> s(1);
  int resumed = 0;
  s[0].on_resume([&resumed]() noexcept { ++resumed; });
  CHECK(resumed == 1);
  s[0].set_value();
}

TEST_CASE("a producer is resumed through a C function, too", "[stream][resume][c]") {
  scene<int> s(2);
  CHECK(s[0].emit(std::array{1, 2, 3, 4}) == flow::pause);
  int resumed = 0;
  s[0].on_resume([](void* context) { ++*static_cast<int*>(context); }, &resumed);
  CHECK(resumed == 0);
  s[1].watermark(1);
  CHECK(resumed == 1);
  s[0].set_value();
  s[1].set_value();
}

TEST_CASE("a resumed producer may emit, pause again and complete, inside the call", "[stream][resume]") {
  scene<int> s(2);
  struct producer {
    scene<int>& s;
    int left = 3;
    int inside = 0, deepest = 0;
    void go_on() noexcept {
      deepest = ++inside > deepest ? inside : deepest;
      if (left-- == 0) {
        s[0].set_value();
      } else {
        CHECK(s[0].emit(std::array{1, 2, 3, 4}) == flow::pause);
        s[0].on_resume([this]() noexcept { go_on(); });
      }
      --inside;
    }
  } p{s};
  p.go_on();
  for (int i = 0; i != 3; ++i) s[1].watermark(1);
  CHECK(p.deepest == 1);
  s[1].set_value();
  REQUIRE(s.came);
  CHECK(**s.came == 12);
}

TEST_CASE("a branch that completes without waiting is not resumed", "[stream][resume]") {
  scene<int> s(2);
  CHECK(s[0].emit(std::array{1, 2, 3, 4}) == flow::pause);
  auto alive = std::make_shared<int>(0);
  s[0].on_resume([alive]() noexcept { ++*alive; });
  CHECK(alive.use_count() == 2);
  s[0].set_value();
  CHECK(alive.use_count() == 1);
  s[1].watermark(1);
  s[1].set_value();
  CHECK(s.came.has_value());
  CHECK(*alive == 0);
}

TEST_CASE("a second on_resume before the first was called is named, and ignored", "[stream][resume][fatal]") {
  scene<int> s(2);
  CHECK(s[0].emit(std::array{1, 2, 3, 4}) == flow::pause);
  int first = 0, second = 0;
  s[0].on_resume([&first]() noexcept { ++first; });
  s[0].on_resume([&second]() noexcept { ++second; });
  CHECK(support::only_broken_rule("on_resume was given a function already, which has not been called yet"));
  CHECK(s[0].watermark(0) == flow::pause);
  CHECK(support::only_broken_rule("a branch that waits to be resumed emits nothing until then"));
  s[1].watermark(1);
  CHECK(first == 1);
  CHECK(second == 0);
  s[0].set_value();
  s[1].set_value();
}

TEST_CASE("a policy that has decided wants no more", "[stream][stop]") {
  scene<int> s(3);
  CHECK(s[0].emit(std::array{1, 2, 3, 4}) == flow::pause);
  int resumed = 0;
  s[0].on_resume([&resumed]() noexcept { ++resumed; });
  CHECK(s[1].watermark(-1) == flow::stop);
  CHECK(resumed == 1);  // to hear it
  CHECK(s.seen.give_ups == 1);
  CHECK(s.seen.kept.empty());
  std::vector<int> more{5, 6};
  CHECK(s[0].emit(more) == flow::stop);
  CHECK(s[2].emit(7) == flow::stop);
  CHECK(s[2].watermark(1) == flow::stop);
  CHECK(s.seen.items.size() == 4);
  for (auto& b : s.branches) b.set_stopped();
  REQUIRE(s.came);
  CHECK(**s.came == 4);
  CHECK(s.seen.give_ups == 1);
}

TEST_CASE("a stream that fails stops the others, who are resumed to hear it", "[stream][stop]") {
  scene<int> s(2);
  CHECK(s[0].emit(std::array{1, 2, 3, 4}) == flow::pause);
  int resumed = 0;
  s[0].on_resume([&resumed]() noexcept { ++resumed; });
  s[1].set_error(std::errc::io_error);
  CHECK(resumed == 1);
  CHECK(s.seen.kept.empty());
  CHECK(s[0].emit(5) == flow::stop);
  s[0].set_stopped();
  REQUIRE(s.came);
  CHECK((*s.came).error().index == 1);
  CHECK((*s.came).error().cause == std::errc::io_error);
  CHECK(s.seen.items.size() == 4);
}

TEST_CASE("the issuing code that asks for a stop resumes those that are paused", "[stream][stop]") {
  record<int> seen;
  std::optional<outcome> came;
  auto issuer = fanout::issue<void>(2, hoard<int>{&seen}, keep{&came});
  decltype(issuer)::branch branch;
  issuer.start(0, [&](auto b) { branch = std::move(b); });
  CHECK(branch.emit(std::array{1, 2, 3, 4}) == flow::pause);
  int resumed = 0;
  branch.on_resume([&]() noexcept { ++resumed; });
  SECTION("by saying so") { issuer.request_stop(); }
#if FANOUT_HAS_EXCEPTIONS
  SECTION("by an initiator that throws after it has reported") {
    issuer.start(1, [](auto b) {
      b.set_value();
      throw std::runtime_error("too late");
    });
  }
#endif
  CHECK(resumed == 1);  // and not at the seal, for which it might wait
  CHECK(branch.emit(5) == flow::stop);
  branch.set_stopped();
  std::move(issuer).seal();
  REQUIRE(came);
  CHECK_FALSE(came->has_value());
}

TEST_CASE("a branch that completes while its turn to be resumed comes is not resumed", "[stream][resume]") {
  scene<int> s(3);
  CHECK(s[0].emit(std::array{1, 2, 3, 4}) == flow::pause);
  CHECK(s[1].emit(std::array{1, 2, 3, 4}) == flow::pause);
  int resumed = 0;
  SECTION("because another one's function completes it") {
    s[0].on_resume([&]() noexcept { ++resumed, s[1].set_value(); });
    s[1].on_resume([&]() noexcept { ++resumed; });
    s[2].watermark(2);  // gives back what both wait for
    CHECK(resumed == 1);
    s[0].set_value();
  }
  SECTION("because it gives up, which stops the others, and so resumes them") {
    s[0].on_resume([&]() noexcept { ++resumed, s[0].set_stopped(); });
    s[1].on_resume([&]() noexcept { resumed += 100; });
    s[1].set_stopped();
    CHECK(resumed == 1);
  }
  s[2].set_value();
  CHECK(s.came.has_value());
}

TEST_CASE("who stops the operation resumes those that are paused", "[stream][stop]") {
  fanout::inplace_stop_source source;
  record<int> seen;
  std::optional<outcome> came;
  auto issuer =
      fanout::issue<void>(1, hoard<int>{&seen}, fanout::completion::stoppable(source.get_token(), keep{&came}));
  decltype(issuer)::branch branch;
  issuer.start(0, [&](auto b) { branch = std::move(b); });
  CHECK(branch.emit(std::array{1, 2, 3, 4}) == flow::pause);
  int resumed = 0;
  branch.on_resume([&]() noexcept { ++resumed; });
  source.request_stop();
  CHECK(resumed == 1);
  CHECK(branch.emit(5) == flow::stop);
  branch.set_stopped();
  std::move(issuer).seal();
  REQUIRE(came);
  CHECK((*came).error().cause == fanout::errc::stopped);
  CHECK(seen.kept.empty());
}

TEST_CASE("a tolerant policy hears of each end", "[stream]") {
  scene<int, true> s(2);
  CHECK(s[0].emit(1) == flow::go);
  s[1].set_error(std::errc::io_error);
  CHECK(s[0].emit(2) == flow::go);
  s[0].set_value();
  CHECK(s.take_said() == said{"all", "items 0:1", "error 1", "items 0:1", "end 0"});
  REQUIRE(s.came);
  CHECK(**s.came == 2);
}

TEST_CASE("a stream that was never started has ended", "[stream][E3]") {
  for (const bool in_order : {true, false}) {
    record<int> seen;
    std::optional<outcome> came;
    {
      auto issuer = fanout::issue<void>(4, hoard<int>{&seen}, keep{&came});
      if (!in_order) issuer.start(2, [](auto b) { b.set_value(); });
      issuer.start(0, [](auto b) {
        CHECK(b.emit(1) == flow::go);
        b.set_value();
      });
    }
    REQUIRE(came);
    CHECK((*came).error().cause == fanout::errc::not_issued);
    CHECK(seen.items.size() == 1);
    if (in_order) {
      CHECK(seen.said == said{"all", "items 0:1", "end 0", "not issued 1", "not issued 2", "not issued 3"});
    } else {
      CHECK(seen.said == said{"all", "end 2", "items 0:1", "end 0", "not issued 1", "not issued 3"});
    }
  }
}

TEST_CASE("where N is unknown, streams are announced as they start, and the seal says that these were all",
          "[stream]") {
  record<int> seen;
  std::optional<outcome> came;
  auto issuer = fanout::issue<void>(hoard<int>{&seen}, keep{&came});
  std::vector<decltype(issuer)::branch> branches;
  for (int i = 0; i != 20; ++i) {  // the slots grow
    issuer.start([&](auto b) { branches.push_back(std::move(b)); });
    CHECK(branches.back().emit(i) == flow::go);
    CHECK(seen.streams == static_cast<std::size_t>(i) + 1);
  }
  CHECK(seen.said.back() == "items 19:1");
  std::move(issuer).seal();
  CHECK(seen.said.back() == "all");
  for (auto& b : branches) b.set_value();
  REQUIRE(came);
  CHECK(**came == 20);
}

TEST_CASE("an operation without streams is sealed and delivered", "[stream][E1]") {
  scene<int> s(0);
  REQUIRE(s.came);
  CHECK(**s.came == 0);
  record<int> seen;
  std::optional<outcome> came;
  { auto issuer = fanout::issue<void>(hoard<int>{&seen}, keep{&came}); }
  REQUIRE(came);
  CHECK(seen.said == said{"all"});
}

TEST_CASE("a dropped stream branch is abandoned, also after it has emitted", "[stream]") {
  scene<int> s(1);
  CHECK(s[0].emit(1) == flow::go);
  s.branches.clear();
  REQUIRE(s.came);
  CHECK((*s.came).error().cause == fanout::errc::abandoned);
  CHECK(s.seen.kept.empty());
}

TEST_CASE("a policy without memory for its streams fails the operation", "[stream][memory]") {
  scene<int> s(2, 1);
  CHECK(s[0].emit(1) == flow::stop);
  for (auto& b : s.branches) b.set_value();
  REQUIRE(s.came);
  CHECK((*s.came).error().cause == fanout::errc::out_of_memory);
  CHECK(s.seen.said.empty());
}

#if FANOUT_HAS_EXCEPTIONS
TEST_CASE("what a policy of streams throws is the outcome", "[stream][E6]") {
  scene<int> s(2);
  CHECK(s[0].emit(1) == flow::go);
  CHECK(s[1].watermark(-2) == flow::stop);
  CHECK(s.seen.kept.empty());
  s[0].set_value();
  s[1].set_value();
  REQUIRE(s.came);
  CHECK((*s.came).error().cause == fanout::errc::policy_threw);
  CHECK_THROWS_AS(std::rethrow_exception((*s.came).error().exception), support::told_to_throw);
}
#endif

TEST_CASE("at decided, stragglers emit into an operation that owns itself", "[stream][decided]") {
  counted::reset();
  {
    record<counted> seen;
    std::optional<outcome> came;
    using policy = fanout::combine::at_decided_policy<hoard<counted>>;
    policy p{};
    p.to = &seen;
    auto issuer = fanout::issue<void>(2, std::move(p), keep{&came});
    std::vector<decltype(issuer)::branch> branches;
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto b) { branches.push_back(std::move(b)); });
    std::move(issuer).seal();
    CHECK(branches[0].emit(counted(1)) == flow::go);
    CHECK(branches[0].watermark(-1) == flow::stop);
    REQUIRE(came);
    CHECK(**came == 1);
    CHECK(branches[1].emit(counted(2)) == flow::stop);
    branches[0].set_value();
    branches[1].set_stopped();
    CHECK(seen.items.size() == 1);
  }
  CHECK(counted::alive() == 0);
}

TEST_CASE("chunks come back: in the steady state nothing is allocated", "[stream][memory]") {
  support::tally memory;
  record<int> seen;
  std::optional<outcome> came;
  {
    auto issuer =
        fanout::issue<void>(2, hoard<int>{&seen}, keep{&came}, support::counting_allocator<std::byte>(memory));
    std::vector<decltype(issuer)::branch> branches;
    for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto b) { branches.push_back(std::move(b)); });
    std::move(issuer).seal();
    const auto round = [&](std::size_t n) {
      const std::vector<int> items(n, 1);
      for (auto& b : branches) static_cast<void>(b.emit(items));
      branches[0].watermark(2);
    };
    for (int i = 0; i != 2; ++i) round(100);
    const int warm = memory.allocations;
    for (int i = 0; i != 100; ++i) round(100);
    CHECK(memory.allocations == warm);
    round(1000);  // larger ones take the places
    const int larger = memory.allocations;
    CHECK(larger > warm);
    for (int i = 0; i != 100; ++i) round(i % 2 == 0 ? 1000 : 700);
    CHECK(memory.allocations <= larger + 2);
    // What is large does not stay to hold few.
    const std::size_t bytes = memory.live_bytes;
    for (int i = 0; i != 100; ++i) round(1);
    CHECK(memory.live_bytes < bytes / 2);
    for (auto& b : branches) b.set_value();
  }
  REQUIRE(came);
  came.reset();
  CHECK(memory.allocations == memory.deallocations);
  CHECK(memory.live_bytes == 0);
}

TEST_CASE("an emission for which there is no memory is the operation's failure, wherever it strikes",
          "[stream][memory]") {
  for (int refused = 1; refused != 8; ++refused) {
    counted::reset();
    support::tally memory;
    {
      record<counted> seen;
      std::optional<outcome> came;
      auto issuer = fanout::issue<void>(2, hoard<counted>{&seen, {1000, 500}}, keep{&came},
                                        support::counting_allocator<std::byte>(memory));
      std::vector<decltype(issuer)::branch> branches;
      for (std::size_t i = 0; i != 2; ++i) issuer.start(i, [&](auto b) { branches.push_back(std::move(b)); });
      std::move(issuer).seal();
      memory.refuse_from = refused;
      flow last = flow::go;
      std::size_t emitted = 0;
      for (std::size_t i = 0; last != flow::stop; ++i) {
        last = i == 3 ? branches[0].watermark(0) : branches[i % 2].emit(counted(static_cast<int>(i)));
        if (last == flow::go && i != 3) ++emitted;
      }
      CHECK(emitted == static_cast<std::size_t>(refused) - 1);  // the watermark's chunk came back
      CHECK(branches[0].emit(counted(1)) == flow::stop);
      CHECK(branches[1].watermark(1) == flow::stop);
      for (auto& b : branches) b.set_value();
      REQUIRE(came);
      CHECK((*came).error().cause == fanout::errc::out_of_memory);
      CHECK((*came).error().suppressed == 0);
      CHECK(seen.items.size() == emitted);
    }
    CHECK(memory.live_bytes == 0);
    CHECK(counted::alive() == 0);
  }
}

TEST_CASE("more items than memory can have are an emission for which there is none", "[stream][memory]") {
  // Nobody has so many; a range may say so by mistake.
  struct claims {
    int* data() const noexcept { return nullptr; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(-1) / 4; }
  };
  scene<int> s(1);
  CHECK(s[0].emit(claims()) == flow::stop);
  s[0].set_value();
  REQUIRE(s.came);
  CHECK((*s.came).error().cause == fanout::errc::out_of_memory);
  CHECK(s.seen.items.empty());
}

TEST_CASE("branches emit from threads of their own, which pause without blocking", "[stream][threads]") {
  constexpr std::size_t streams = 4;
  constexpr int each = 500;
  record<int> seen;
  seen.silent = true;
  std::optional<outcome> came;
  std::array<std::atomic<int>, streams> resumed{};
  {
    auto issuer = fanout::issue<void>(streams + 1, hoard<int>{&seen, {32, 16}}, keep{&came});
    std::vector<decltype(issuer)::branch> branches;
    for (std::size_t i = 0; i <= streams; ++i) issuer.start(i, [&](auto b) { branches.push_back(std::move(b)); });
    std::move(issuer).seal();
    std::atomic<std::size_t> open = streams;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i != streams; ++i) {
      threads.emplace_back([&, i] {
        for (int n = 0; n != each; ++n) {
          if (branches[i].emit(std::array{n, n}) != flow::pause) continue;
          const int before = resumed[i].load();
          branches[i].on_resume([&mine = resumed[i]]() noexcept {
            mine.fetch_add(1);
            mine.notify_one();
          });
          resumed[i].wait(before);
        }
        branches[i].set_value();
        open.fetch_sub(1);
      });
    }
    while (open.load() != 0) branches[streams].watermark(100), std::this_thread::yield();
    branches[streams].set_value();
    for (auto& t : threads) t.join();
  }
  REQUIRE(came);
  CHECK(**came == streams * 2 * each);
}
