// SPDX-License-Identifier: BSL-1.0
#include "fanout/stop_token.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

// Interleavings are tests/model/stop_token.cpp's business. Here: what one thread sees, and the real thing under the
// thread sanitizer.

namespace {

using fanout::inplace_stop_callback;
using fanout::inplace_stop_source;
using fanout::inplace_stop_token;

// ---------------------------------------------------------------------------------------------------------------------
// What the types promise

static_assert(std::is_nothrow_default_constructible_v<inplace_stop_source>);
static_assert(!std::is_copy_constructible_v<inplace_stop_source> && !std::is_move_constructible_v<inplace_stop_source>);
static_assert(!std::is_copy_assignable_v<inplace_stop_source> && !std::is_move_assignable_v<inplace_stop_source>);
static_assert(inplace_stop_source::stop_possible());
static_assert(sizeof(inplace_stop_source) <= 24);

static_assert(std::is_trivially_copyable_v<inplace_stop_token> && sizeof(inplace_stop_token) == sizeof(void*));
static_assert(!inplace_stop_token{}.stop_possible());

struct nothing {
  void operator()() const noexcept {}
};
using nothing_callback = inplace_stop_callback<nothing>;
static_assert(std::is_same_v<inplace_stop_token::callback_type<nothing>, nothing_callback>);
static_assert(std::is_same_v<fanout::stop_callback_for_t<inplace_stop_token, nothing>, nothing_callback>);
static_assert(std::is_same_v<nothing_callback::callback_type, nothing>);
static_assert(!std::is_copy_constructible_v<nothing_callback> && !std::is_move_constructible_v<nothing_callback>);
static_assert(!std::is_copy_assignable_v<nothing_callback> && !std::is_move_assignable_v<nothing_callback>);
static_assert(std::is_nothrow_constructible_v<nothing_callback, inplace_stop_token, nothing>);
static_assert(!std::is_constructible_v<nothing_callback, inplace_stop_token, int>);
static_assert(!std::is_convertible_v<inplace_stop_token, nothing_callback>);
static_assert(sizeof(inplace_stop_callback<void (*)()>) == 5 * sizeof(void*));

static_assert(fanout::stoppable_token<inplace_stop_token> && !fanout::unstoppable_token<inplace_stop_token>);
static_assert(fanout::stoppable_token<fanout::never_stop_token> && fanout::unstoppable_token<fanout::never_stop_token>);
static_assert(!fanout::stoppable_token<int> && !fanout::stoppable_token<inplace_stop_source>);
static_assert(fanout::stop_callback_for<nothing, inplace_stop_token>);
static_assert(fanout::stop_callback_for<nothing, fanout::never_stop_token>);
static_assert(!fanout::stop_callback_for<int, inplace_stop_token>);
static_assert(!fanout::stop_callback_for<nothing, inplace_stop_token, int*>);

// A token is judged by its structure, each part of which is needed.
template <class>
struct any_callback {};
struct minimal_token {
  template <class F>
  using callback_type = any_callback<F>;
  bool stop_requested() const noexcept { return false; }
  bool stop_possible() const noexcept { return false; }
  bool operator==(const minimal_token&) const = default;
};
struct token_that_may_throw : minimal_token {
  bool stop_requested() const { return false; }
  bool operator==(const token_that_may_throw&) const = default;
};
struct token_with_int_flag : minimal_token {
  int stop_possible() const noexcept { return 0; }
  bool operator==(const token_with_int_flag&) const = default;
};
struct token_without_callbacks {
  bool stop_requested() const noexcept { return false; }
  bool stop_possible() const noexcept { return false; }
  bool operator==(const token_without_callbacks&) const = default;
};
struct token_without_equality : minimal_token {
  bool operator==(const token_without_equality&) const = delete;
};
static_assert(fanout::stoppable_token<minimal_token>);
static_assert(!fanout::unstoppable_token<minimal_token>, "its stop_possible() is not static: unknown until run time");
static_assert(!fanout::stoppable_token<token_that_may_throw>);
static_assert(!fanout::stoppable_token<token_with_int_flag>);
static_assert(!fanout::stoppable_token<token_without_callbacks>);
static_assert(!fanout::stoppable_token<token_without_equality>);

#if defined(__cpp_lib_jthread)
using adapted_std_token = fanout::adapted_stop_token<std::stop_token, std::stop_callback>;
static_assert(fanout::stoppable_token<adapted_std_token>);
static_assert(fanout::stop_callback_for<nothing, adapted_std_token>);
#endif

// ---------------------------------------------------------------------------------------------------------------------
// One thread

constinit inplace_stop_source constant_initialised;

TEST_CASE("a source can be a constant-initialised global", "[stop_token][source]") {
  CHECK_FALSE(constant_initialised.stop_requested());
  CHECK(constant_initialised.request_stop());
  CHECK(constant_initialised.stop_requested());
}

TEST_CASE("a request to stop is sticky and made by one call", "[stop_token][source]") {
  inplace_stop_source source;
  const inplace_stop_token token = source.get_token();
  CHECK_FALSE(source.stop_requested());
  CHECK_FALSE(token.stop_requested());
  CHECK(token.stop_possible());

  CHECK(source.request_stop());
  CHECK_FALSE(source.request_stop());
  CHECK(source.stop_requested());
  CHECK(token.stop_requested());
  CHECK(token.stop_possible());
}

TEST_CASE("tokens are equal when they ask the same source", "[stop_token][token]") {
  inplace_stop_source one, other;
  inplace_stop_token first = one.get_token(), second = other.get_token();
  CHECK(first == one.get_token());
  CHECK(first != second);
  CHECK(inplace_stop_token{} == inplace_stop_token{});
  CHECK(first != inplace_stop_token{});

  first.swap(second);
  CHECK(first == other.get_token());
  CHECK(second == one.get_token());
}

TEST_CASE("a default-constructed token is never stopped and its callbacks never run", "[stop_token][token]") {
  const inplace_stop_token token;
  CHECK_FALSE(token.stop_requested());
  CHECK_FALSE(token.stop_possible());
  bool ran = false;
  {
    const inplace_stop_callback callback{token, [&] { ran = true; }};
  }
  CHECK_FALSE(ran);
}

TEST_CASE("never_stop_token takes callbacks and never runs them", "[stop_token][never]") {
  static_assert(!fanout::never_stop_token::stop_requested() && !fanout::never_stop_token::stop_possible());
  const fanout::never_stop_token token;
  CHECK(token == fanout::never_stop_token{});
  bool ran = false;
  {
    const auto f = [&] { ran = true; };
    const fanout::stop_callback_for_t<fanout::never_stop_token, decltype(f)> callback{token, f};
  }
  CHECK_FALSE(ran);
}

TEST_CASE("a callback runs once, inside request_stop, on the thread that requests", "[stop_token][callback]") {
  inplace_stop_source source;
  int runs = 0;
  std::thread::id ran_on;
  const inplace_stop_callback callback{source.get_token(), [&] {
                                         ++runs;
                                         ran_on = std::this_thread::get_id();
                                         CHECK(source.stop_requested());
                                       }};
  CHECK(runs == 0);
  source.request_stop();
  CHECK(runs == 1);
  CHECK(ran_on == std::this_thread::get_id());
  source.request_stop();
  CHECK(runs == 1);
}

TEST_CASE("a callback that comes after the request runs inside its constructor", "[stop_token][callback]") {
  inplace_stop_source source;
  source.request_stop();
  int runs = 0;
  {
    const inplace_stop_callback callback{source.get_token(), [&] { ++runs; }};
    CHECK(runs == 1);
  }
  CHECK(runs == 1);
}

TEST_CASE("callbacks run in the order of their registration, without those that were deregistered",
          "[stop_token][callback]") {
  // Each of the 2^5 subsets of five callbacks is deregistered, forwards and backwards: first, middle, last, only, all.
  const unsigned removed = GENERATE(range(0u, 32u));
  const bool backwards = GENERATE(false, true);
  constexpr unsigned n = 5;

  inplace_stop_source source;
  std::vector<unsigned> order, expected;
  struct append {
    std::vector<unsigned>& order;
    unsigned index;
    void operator()() const { order.push_back(index); }
  };
  std::optional<inplace_stop_callback<append>> callbacks[n + 1];
  for (unsigned i = 0; i != n; ++i) callbacks[i].emplace(source.get_token(), append{order, i});
  for (unsigned k = 0; k != n; ++k) {
    const unsigned i = backwards ? n - 1 - k : k;
    if ((removed >> i & 1u) != 0) callbacks[i].reset();
  }
  callbacks[n].emplace(source.get_token(), append{order, n});
  for (unsigned i = 0; i <= n; ++i)
    if (callbacks[i]) expected.push_back(i);

  source.request_stop();
  CHECK(order == expected);
}

TEST_CASE("a callback may register others: they run at once", "[stop_token][callback]") {
  inplace_stop_source source;
  std::vector<int> order;
  auto nested = [&] { order.push_back(2); };
  std::optional<inplace_stop_callback<decltype(nested)>> inner;
  const inplace_stop_callback outer{source.get_token(), [&] {
                                      order.push_back(1);
                                      inner.emplace(source.get_token(), nested);
                                      order.push_back(3);
                                    }};
  const inplace_stop_callback last{source.get_token(), [&] { order.push_back(4); }};
  source.request_stop();
  CHECK(order == std::vector{1, 2, 3, 4});
}

TEST_CASE("a callback may destroy one that has yet to run, and one that has run", "[stop_token][callback]") {
  inplace_stop_source source;
  std::vector<int> order;
  struct append {
    std::vector<int>& order;
    int value;
    void operator()() const { order.push_back(value); }
  };
  std::optional<inplace_stop_callback<append>> ran, next, later;
  ran.emplace(source.get_token(), append{order, 1});
  const inplace_stop_callback destroyer{source.get_token(), [&] {
                                          ran.reset();
                                          next.reset();
                                          later.reset();
                                        }};
  next.emplace(source.get_token(), append{order, 2});
  const inplace_stop_callback survivor{source.get_token(), [&] { order.push_back(3); }};
  later.emplace(source.get_token(), append{order, 4});
  source.request_stop();
  CHECK(order == std::vector{1, 3});
}

// Destroys the callback that holds it, by way of a pointer that it copies first: its own members go with it.
struct destroy_me {
  std::optional<inplace_stop_callback<destroy_me>>& me;
  int& runs;
  void operator()() const {
    int& count = runs;
    me.reset();
    ++count;
  }
};

TEST_CASE("a callback may destroy itself while it runs", "[stop_token][callback]") {
  const int position = GENERATE(0, 1, 2);
  inplace_stop_source source;
  int runs = 0, others = 0;
  std::optional<inplace_stop_callback<destroy_me>> me;
  auto count = [&] { ++others; };
  std::optional<inplace_stop_callback<decltype(count)>> neighbours[2];
  for (int i = 0; i != 3; ++i) {
    if (i == position) me.emplace(source.get_token(), destroy_me{me, runs});
    else neighbours[i > position ? i - 1 : i].emplace(source.get_token(), count);
  }
  CHECK(source.request_stop());
  CHECK(runs == 1);
  CHECK(others == 2);
  CHECK_FALSE(me.has_value());
}

TEST_CASE("a callback may destroy itself and put another in its place", "[stop_token][callback]") {
  inplace_stop_source source, elsewhere;
  using callback = inplace_stop_callback<void (*)()>;
  alignas(callback) static std::byte storage[sizeof(callback)];
  static inplace_stop_token tokens[2];
  static int runs;
  runs = 0;
  tokens[0] = source.get_token();
  tokens[1] = elsewhere.get_token();
  callback* placed = ::new (storage)
      callback{source.get_token(), +[] {
                 ++runs;
                 auto* old = std::launder(reinterpret_cast<callback*>(storage));
                 old->~callback();
                 old = ::new (storage) callback{tokens[0], +[] { ++runs; }};  // stop was requested: runs here
                 old->~callback();
                 ::new (storage) callback{tokens[1], +[] { runs += 10; }};
               }};
  source.request_stop();
  CHECK(runs == 2);
  elsewhere.request_stop();
  CHECK(runs == 12);
  placed = std::launder(reinterpret_cast<callback*>(storage));
  placed->~callback();
}

TEST_CASE("a request from inside a callback changes nothing", "[stop_token][callback]") {
  inplace_stop_source source;
  int runs = 0;
  const inplace_stop_callback first{source.get_token(), [&] {
                                      ++runs;
                                      CHECK_FALSE(source.request_stop());
                                      CHECK(runs == 1);
                                    }};
  const inplace_stop_callback second{source.get_token(), [&] { ++runs; }};
  CHECK(source.request_stop());
  CHECK(runs == 2);
}

TEST_CASE("a callback may request stop of another source", "[stop_token][callback]") {
  inplace_stop_source outer, inner;
  std::vector<int> order;
  const inplace_stop_callback a{inner.get_token(), [&] { order.push_back(1); }};
  const inplace_stop_callback b{outer.get_token(), [&] {
                                  CHECK(inner.request_stop());
                                  order.push_back(2);
                                }};
  outer.request_stop();
  CHECK(order == std::vector{1, 2});
}

TEST_CASE("callbacks of a const source", "[stop_token][callback]") {
  inplace_stop_source source;
  const inplace_stop_source& const_source = source;
  bool ran = false;
  const inplace_stop_callback callback{const_source.get_token(), [&] { ran = true; }};
  source.request_stop();
  CHECK(ran);
  CHECK(const_source.stop_requested());
}

TEST_CASE("the callable may be move-only, a function, or a reference, and is called as it was given",
          "[stop_token][callback]") {
  inplace_stop_source source;

  struct counts_rvalue_calls {
    std::unique_ptr<int> owned;
    int& calls;
    void operator()() && { calls += *owned; }
  };
  int calls = 0;
  const inplace_stop_callback<counts_rvalue_calls> move_only{source.get_token(),
                                                             counts_rvalue_calls{std::make_unique<int>(1), calls}};

  static int function_calls;
  function_calls = 0;
  const inplace_stop_callback<void (*)()> function{source.get_token(), [] { ++function_calls; }};

  struct counts_lvalue_calls {
    int calls = 0;
    void operator()() & { ++calls; }
  } lvalue;
  const inplace_stop_callback<counts_lvalue_calls&> reference{source.get_token(), lvalue};

  source.request_stop();
  CHECK(calls == 1);
  CHECK(function_calls == 1);
  CHECK(lvalue.calls == 1);
}

#if defined(__cpp_exceptions)
TEST_CASE("a callable that cannot be made leaves nothing registered", "[stop_token][callback]") {
  struct refuses {
    refuses() = default;
    refuses(const refuses&) { throw 1; }
    void operator()() const {}
  };
  static_assert(!std::is_nothrow_constructible_v<inplace_stop_callback<refuses>, inplace_stop_token, const refuses&>);
  inplace_stop_source source;
  const refuses callable;
  CHECK_THROWS_AS((inplace_stop_callback<refuses>{source.get_token(), callable}), int);
  CHECK(source.request_stop());  // would run it; and the source's destructor would find it
}
#endif

// ---------------------------------------------------------------------------------------------------------------------
// From one kind of token to another

TEST_CASE("a linked source is stopped when its token is", "[stop_token][linked]") {
  inplace_stop_source parent;
  fanout::linked_stop_source child{parent.get_token()};
  fanout::linked_stop_source grandchild{child.get_token()};
  static_assert(std::is_same_v<decltype(child.get_token()), inplace_stop_token>);
  bool told = false;
  const inplace_stop_callback callback{grandchild.get_token(), [&] { told = true; }};
  CHECK_FALSE(grandchild.stop_requested());

  CHECK(parent.request_stop());
  CHECK(child.stop_requested());
  CHECK(grandchild.stop_requested());
  CHECK(told);
  CHECK_FALSE(grandchild.request_stop());
}

TEST_CASE("a linked source whose token was stopped before is stopped from the start", "[stop_token][linked]") {
  inplace_stop_source parent;
  parent.request_stop();
  const fanout::linked_stop_source child{parent.get_token()};
  CHECK(child.stop_requested());
}

TEST_CASE("a request on a linked source does not go up", "[stop_token][linked]") {
  inplace_stop_source parent;
  fanout::linked_stop_source child{parent.get_token()}, sibling{parent.get_token()};
  CHECK(child.request_stop());
  CHECK_FALSE(parent.stop_requested());
  CHECK_FALSE(sibling.stop_requested());
}

TEST_CASE("a linked source that is gone is not told", "[stop_token][linked]") {
  inplace_stop_source parent;
  bool told = false;
  {
    const fanout::linked_stop_source child{parent.get_token()};
    const inplace_stop_callback callback{child.get_token(), [&] { told = true; }};
  }
  CHECK(parent.request_stop());
  CHECK_FALSE(told);
}

TEST_CASE("a linked source may have a token that is never stopped", "[stop_token][linked]") {
  fanout::linked_stop_source child{fanout::never_stop_token{}};
  CHECK_FALSE(child.stop_requested());
  CHECK(child.request_stop());
  CHECK(child.stop_requested());
}

#if defined(__cpp_lib_jthread)
TEST_CASE("std::stop_token stops our sources", "[stop_token][linked][std]") {
  std::stop_source theirs;
  const auto adapted = fanout::adapt_stop_token<std::stop_callback>(theirs.get_token());
  CHECK(adapted == fanout::adapt_stop_token<std::stop_callback>(theirs.get_token()));
  CHECK(adapted != fanout::adapt_stop_token<std::stop_callback>(std::stop_token{}));
  CHECK(adapted.stop_possible());
  CHECK_FALSE(adapted.stop_requested());

  fanout::linked_stop_source ours{adapted};
  bool told = false;
  const inplace_stop_callback callback{ours.get_token(), [&] { told = true; }};
  theirs.request_stop();
  CHECK(adapted.stop_requested());
  CHECK(ours.stop_requested());
  CHECK(told);
}

TEST_CASE("our tokens stop a std::stop_source", "[stop_token][linked][std]") {
  inplace_stop_source ours;
  fanout::linked_stop_source<inplace_stop_token, std::stop_source> theirs{ours.get_token()};
  const std::stop_token token = theirs.get_token();
  bool told = false;
  const std::stop_callback callback{token, [&] { told = true; }};
  ours.request_stop();
  CHECK(token.stop_requested());
  CHECK(told);
}

TEST_CASE("generic code tells any stoppable token the same way", "[stop_token][linked][std]") {
  const auto told = [](auto& source, auto token) {
    bool ran = false;
    const auto f = [&] { ran = true; };
    const fanout::stop_callback_for_t<decltype(token), decltype(f)> callback{token, f};
    source.request_stop();
    return ran;
  };
  inplace_stop_source ours;
  CHECK(told(ours, ours.get_token()));
  std::stop_source theirs;
  CHECK(told(theirs, fanout::adapt_stop_token<std::stop_callback>(theirs.get_token())));
}
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Several threads

// All threads that arrive leave together, again and again, as close to each other as spinning brings them.
class rendezvous {
 public:
  explicit rendezvous(unsigned threads) : threads_{threads} {}
  void arrive_and_wait() {
    const unsigned round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
    } else {
      while (round_.load(std::memory_order_acquire) == round) std::this_thread::yield();
    }
  }

 private:
  const unsigned threads_;
  std::atomic<unsigned> arrived_{0};
  std::atomic<unsigned> round_{0};
};

template <class F>
void in_threads(unsigned n, F f) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i != n; ++i) threads.emplace_back(f, i);
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("of requests made at the same time one wins, and its callbacks see what it wrote", "[stop_token][threads]") {
  constexpr unsigned n = 4, rounds = 1000;
  rendezvous meet{n};
  std::optional<inplace_stop_source> source;
  std::optional<inplace_stop_callback<nothing>> callback;
  std::atomic<unsigned> winners{0};
  unsigned rounds_with_one_winner = 0;
  in_threads(n, [&](unsigned thread) {
    for (unsigned round = 0; round != rounds; ++round) {
      if (thread == 0) {
        source.emplace();
        callback.emplace(source->get_token(), nothing{});
        winners.store(0, std::memory_order_relaxed);
      }
      meet.arrive_and_wait();
      if (source->request_stop()) winners.fetch_add(1, std::memory_order_relaxed);
      meet.arrive_and_wait();
      if (thread == 0) {
        if (winners.load(std::memory_order_relaxed) == 1) ++rounds_with_one_winner;
        callback.reset();
      }
    }
  });
  CHECK(rounds_with_one_winner == rounds);
}

TEST_CASE("what a requester wrote is visible to whoever sees the request", "[stop_token][threads]") {
  constexpr unsigned rounds = 1000;
  rendezvous meet{2};
  std::optional<inplace_stop_source> source;
  unsigned written = 0, wrong = 0;
  in_threads(2, [&](unsigned thread) {
    for (unsigned round = 1; round <= rounds; ++round) {
      if (thread == 0) source.emplace();
      meet.arrive_and_wait();
      if (thread == 0) {
        written = round;
        source->request_stop();
      } else {
        while (!source->stop_requested()) std::this_thread::yield();
        if (written != round) ++wrong;
      }
      meet.arrive_and_wait();
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("a callback's destructor waits while another thread runs it", "[stop_token][threads]") {
  constexpr unsigned rounds = 1000;
  unsigned late = 0;
  rendezvous meet{2};
  std::optional<inplace_stop_source> source;
  in_threads(2, [&](unsigned thread) {
    for (unsigned round = 0; round != rounds; ++round) {
      if (thread == 0) source.emplace();
      meet.arrive_and_wait();
      if (thread == 0) {
        std::atomic<bool> running{false}, leaving{false};
        bool ended = false;  // plain: the join orders it
        {
          const inplace_stop_callback callback{source->get_token(), [&] {
                                                 running.store(true, std::memory_order_relaxed);
                                                 while (!leaving.load(std::memory_order_relaxed))
                                                   std::this_thread::yield();
                                                 for (int i = 0; i != 10; ++i) std::this_thread::yield();
                                                 ended = true;
                                               }};
          meet.arrive_and_wait();
          while (!running.load(std::memory_order_relaxed)) std::this_thread::yield();
          leaving.store(true, std::memory_order_relaxed);
        }
        if (!ended) ++late;
      } else {
        meet.arrive_and_wait();
        source->request_stop();
      }
      meet.arrive_and_wait();
    }
  });
  CHECK(late == 0);
}

TEST_CASE("callbacks that come and go during a request run once or not at all, and never late",
          "[stop_token][threads]") {
  constexpr unsigned workers = 3, rounds = 500, churn = 20;
  rendezvous meet{workers + 1};
  std::optional<inplace_stop_source> source;
  std::atomic<unsigned> wrong{0};
  in_threads(workers + 1, [&](unsigned thread) {
    for (unsigned round = 0; round != rounds; ++round) {
      if (thread == workers) source.emplace();
      meet.arrive_and_wait();
      if (thread == workers) {
        for (unsigned i = 0; i != round % 40; ++i) std::this_thread::yield();
        source->request_stop();
      } else {
        int runs_of_the_lasting = 0;
        {
          const inplace_stop_callback lasting{source->get_token(), [&] { ++runs_of_the_lasting; }};
          for (unsigned i = 0; i != churn; ++i) {
            auto runs = std::make_unique<int>(0);  // freed right after the callback: a late run is a use after free
            {
              const inplace_stop_callback brief{source->get_token(), [&] { ++*runs; }};
            }
            if (*runs > 1) wrong.fetch_add(1, std::memory_order_relaxed);
          }
          while (!source->stop_requested()) std::this_thread::yield();
        }
        if (runs_of_the_lasting > 1) wrong.fetch_add(1, std::memory_order_relaxed);
      }
      meet.arrive_and_wait();
    }
  });
  CHECK(wrong.load() == 0);
}

TEST_CASE("every callback that is registered when stop is requested runs", "[stop_token][threads]") {
  constexpr unsigned workers = 3, rounds = 1000;
  rendezvous meet{workers + 1};
  std::optional<inplace_stop_source> source;
  std::atomic<unsigned> runs{0};
  unsigned wrong = 0;
  in_threads(workers + 1, [&](unsigned thread) {
    for (unsigned round = 0; round != rounds; ++round) {
      if (thread == workers) {
        source.emplace();
        runs.store(0, std::memory_order_relaxed);
      }
      meet.arrive_and_wait();
      if (thread == workers) {
        source->request_stop();
        meet.arrive_and_wait();
        if (runs.load(std::memory_order_relaxed) != workers) ++wrong;
      } else {
        const inplace_stop_callback callback{source->get_token(),
                                             [&] { runs.fetch_add(1, std::memory_order_relaxed); }};
        meet.arrive_and_wait();  // by now registered before the request, or run by its constructor
      }
      meet.arrive_and_wait();
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("threads that fight for the lock all get it", "[stop_token][threads]") {
  constexpr unsigned n = 4, registrations = 5000;
  inplace_stop_source source;
  std::atomic<unsigned> ran{0};
  const auto f = [&] { ran.fetch_add(1, std::memory_order_relaxed); };
  in_threads(n, [&](unsigned) {
    for (unsigned i = 0; i != registrations; ++i) {
      const inplace_stop_callback first{source.get_token(), f};
      const inplace_stop_callback second{source.get_token(), f};
    }
  });
  CHECK(source.request_stop());
  CHECK(ran.load() == 0);
}

TEST_CASE("callbacks that destroy themselves while other threads come and go", "[stop_token][threads]") {
  constexpr unsigned workers = 2, rounds = 1000;
  rendezvous meet{workers + 1};
  std::optional<inplace_stop_source> source;
  std::optional<inplace_stop_callback<destroy_me>> selfish;
  int runs = 0;
  unsigned wrong = 0;
  in_threads(workers + 1, [&](unsigned thread) {
    for (unsigned round = 0; round != rounds; ++round) {
      if (thread == workers) {
        source.emplace();
        runs = 0;
        selfish.emplace(source->get_token(), destroy_me{selfish, runs});
      }
      meet.arrive_and_wait();
      if (thread == workers) {
        source->request_stop();
        if (runs != 1 || selfish) ++wrong;
      } else {
        for (int i = 0; i != 5; ++i) {
          const inplace_stop_callback callback{source->get_token(), nothing{}};
        }
      }
      meet.arrive_and_wait();
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("a linked source is joined when its token is stopped from another thread", "[stop_token][threads]") {
  constexpr unsigned rounds = 1000;
  rendezvous meet{2};
  std::optional<inplace_stop_source> parent;
  in_threads(2, [&](unsigned thread) {
    for (unsigned round = 0; round != rounds; ++round) {
      if (thread == 0) parent.emplace();
      meet.arrive_and_wait();
      if (thread == 0) {
        parent->request_stop();
      } else {
        auto told = std::make_unique<bool>(false);
        const fanout::linked_stop_source child{parent->get_token()};
        const inplace_stop_callback callback{child.get_token(), [&] { *told = true; }};
      }
      meet.arrive_and_wait();
    }
  });
  SUCCEED("no sanitizer report");
}

}  // namespace
