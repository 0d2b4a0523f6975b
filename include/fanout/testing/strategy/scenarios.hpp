// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_STRATEGY_SCENARIOS_HPP
#define FANOUT_TESTING_STRATEGY_SCENARIOS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "fanout/refcount/concept.hpp"
#include "fanout/testing/explorer.hpp"

#if FANOUT_HAS_EXPLORER

/// What is explored of a strategy: S is one over `explorer::platform`. Exactly one caller is the last, it sees what all others wrote,
/// and by then nobody will touch the strategy again: it is freed there.
namespace fanout::testing::detail {

template <class S, std::size_t N>
class counted {
 public:
  explicit counted(std::size_t seeded = N)
      : bytes_(S::storage_for(seeded).bytes == 0 ? 0 : S::storage_for(seeded).bytes + S::storage_for(seeded).align) {
    if (bytes_ != 0) {
      storage_ = explorer::allocator<std::byte>().allocate(bytes_);
      void* aligned = storage_;
      std::size_t room = bytes_;
      const auto layout = S::storage_for(seeded);
      at_ = static_cast<std::byte*>(std::align(layout.align, layout.bytes, aligned, room));
    }
    count_ = ::new (static_cast<void*>(explorer::allocator<S>().allocate(1))) S(seeded, at_);
    if constexpr (!has_issuer) written[N] = 1;  // before it starts the branches: afterwards it has no say
  }
  ~counted() { free(); }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

  static constexpr bool has_issuer = !refcount::without_issuer_reference<S>;
  S& count() noexcept { return *count_; }
  /// What the issuing code does at last; the branches from `first` on are its own: `inlined`, and as many as were not started.
  /// True if that was the last release: then `last` is to be called.
  [[nodiscard]] bool release_rest(std::size_t first = N, std::size_t inlined = 0) {
    std::size_t unstarted = N - first - inlined;
    for (std::size_t i = first; i != (has_issuer ? N + 1 : N); ++i) written[i] = 1;
    if constexpr (!has_issuer) {
      for (std::size_t i = first; i != first + inlined; ++i) {
        if (count_->release(i, 1)) return true;
      }
      return unstarted != 0 && count_->release_issuer(0, unstarted);
    } else {
      if constexpr (refcount::wants_each_branch<S>) {
        for (std::size_t i = first; i != N; ++i) release_own(i);
        inlined = unstarted = 0;
      }
      return count_->release_issuer(inlined, unstarted);
    }
  }
  /// Branch i's, while the issuer's reference stands.
  void release_own(std::size_t i) {
    explorer::require(!count_->release(i, 1), "a branch was the last while the issuer's reference stood");
  }
  bool end_issuing(std::size_t first = N, std::size_t inlined = 0) {
    return release_rest(first, inlined) && (last(), true);
  }
  /// Another one in the same place, as an allocator would have it. pre: `keeps`, and the last has been
  void renew() {
    count_->~S();
    count_ = ::new (static_cast<void*>(count_)) S(N, at_);
    for (std::size_t i = 0; i != N + 1; ++i) written[i] = !has_issuer && i == N ? 1 : 0;
  }
  explorer::cell<int> written[N + 1];
  int zeros = 0;
  bool keeps = false;  // until the end, for those who ask without a reference

  void last() {
    int sum = 0;
    for (auto& w : written) sum += w;
    explorer::require(sum == static_cast<int>(N) + 1, "the last does not see every write");
    ++zeros;
    if (!keeps) free();
  }

 private:
  void free() {
    if (count_ == nullptr) return;
    count_->~S();
    explorer::allocator<S>().deallocate(count_, 1);
    if (bytes_ != 0) explorer::allocator<std::byte>().deallocate(storage_, bytes_);
    count_ = nullptr;
  }

  S* count_ = nullptr;
  std::byte* storage_ = nullptr;
  std::byte* at_ = nullptr;  // in it
  std::size_t bytes_;
};

/// N branches and the issuer, each on a thread of its own; of the branches, `inlined` complete inline and `unstarted` never: issuing
/// was cut short.
template <class S, std::size_t N>
void countdown(explorer::test& t, std::size_t inlined = 0, std::size_t unstarted = 0) {
  auto& x = t.make<counted<S, N>>();
  const std::size_t remote = N - inlined - unstarted;
  for (std::size_t i = 0; i != remote; ++i) {
    t.thread([&x, i] {
      x.written[i] = 1;
      if (x.count().release(i, 1)) x.last();
    });
  }
  t.thread([&x, remote, inlined] { static_cast<void>(x.end_issuing(remote, inlined)); });
  t.finally([&x] { explorer::require(x.zeros == 1, "not exactly one saw zero"); });
}

/// Two threads release two neighbours each, at once.
template <class S>
void in_runs(explorer::test& t) {
  auto& x = t.make<counted<S, 4>>();
  for (std::size_t i = 0; i != 4; i += 2) {
    t.thread([&x, i] {
      x.written[i] = 1;
      x.written[i + 1] = 1;
      if (x.count().release(i, 2)) x.last();
    });
  }
  t.thread([&x] { static_cast<void>(x.end_issuing()); });
  t.finally([&x] { explorer::require(x.zeros == 1, "not exactly one saw zero"); });
}

/// The same without saying which.
template <class S>
void any_of_them(explorer::test& t) {
  auto& x = t.make<counted<S, 4>>();
  for (const std::size_t i : {std::size_t{0}, std::size_t{3}}) {
    t.thread([&x, i] {
      const std::size_t k = i == 0 ? 3 : 1;
      for (std::size_t b = i; b != i + k; ++b) x.written[b] = 1;
      if (x.count().release_any(k)) x.last();
    });
  }
  t.thread([&x] { static_cast<void>(x.end_issuing()); });
  t.finally([&x] { explorer::require(x.zeros == 1, "not exactly one saw zero"); });
}

/// What whoever holds a reference wrote is there for the last one, too.
template <class S, std::size_t N>
struct held_count : counted<S, N> {
  using counted<S, N>::counted;

  bool held = false;  // not a cell: the question is what came when, not what is ordered
  bool over = false;  // the same
  explorer::cell<int> told;

  void end() {
    explorer::require(!held || told == 1, "the last does not see what was written under a hold");
    this->last();
    over = true;
  }
  /// Takes a hold, as a stop request does, and looks; the caller drops it.
  bool hold() {
    if (!this->count().try_hold()) return false;
    explorer::require(!over, "a reference was taken after zero");
    held = true;
    told = 1;
    return true;
  }
  void release_hold() {
    if (this->count().release_hold()) end();
  }
  void end_issuing(std::size_t first = N, std::size_t inlined = 0) {
    if (this->release_rest(first, inlined)) end();
  }
};

/// N unknown. One thread starts branches; each may be over before the next is started. The last `inlined` complete inline.
template <class S, std::size_t N, bool Held = false>
void discovered(explorer::test& t, std::size_t inlined = 0) {
  struct state : std::conditional_t<Held, held_count<S, N>, counted<S, N>> {
    state() : std::conditional_t<Held, held_count<S, N>, counted<S, N>>(0) {}
    explorer::event go[N];
    explorer::event begun;
    void end() {
      if constexpr (Held) {
        held_count<S, N>::end();
      } else {
        this->last();
      }
    }
  };
  auto& x = t.make<state>();
  if constexpr (Held) {
    x.keeps = true;
    t.thread([&x] {
      x.begun.wait();  // who asks knows of the operation
      if (x.hold()) x.release_hold();
    });
  }
  t.thread([&x, inlined] {
    x.written[N] = 1;
    if constexpr (Held) x.begun.set();
    for (std::size_t i = 0; i != N; ++i) {
      if constexpr (!refcount::correctable<S>) x.count().add(1);
      if (i < N - inlined) {
        x.go[i].set();
        continue;
      }
      x.written[i] = 1;
      if constexpr (refcount::wants_each_branch<S>) x.release_own(i);
    }
    const std::size_t uncounted = refcount::wants_each_branch<S> ? 0 : inlined;
    bool last;
    if constexpr (refcount::correctable<S>) {
      last = x.count().correct(N, uncounted);
    } else {
      last = x.count().release_issuer(uncounted, 0);
    }
    if (last) x.end();
  });
  for (std::size_t i = 0; i != N - inlined; ++i) {
    t.thread([&x, i] {
      x.go[i].wait();
      x.written[i] = 1;
      if (x.count().release(i, 1)) x.end();
    });
  }
  t.finally([&x] { explorer::require(x.zeros == 1, "not exactly one saw zero"); });
}

/// Somebody without a reference asks for one, as a stop request does while the last branch completes: not after zero, and then
/// it counts. `InTime`: it was taken before anything was released; then nobody asks without a reference, and the last one frees. Of
/// the branches, `inlined` complete inline.
template <class S, std::size_t N, bool InTime = false>
void hold_against_the_last(explorer::test& t, std::size_t inlined = 0) {
  auto& x = t.make<held_count<S, N>>();
  x.keeps = !InTime;
  if (InTime) explorer::require(x.hold(), "a hold was refused before anything was released");
  for (std::size_t i = 0; i != N - inlined; ++i) {
    t.thread([&x, i] {
      x.written[i] = 1;
      if (x.count().release(i, 1)) x.end();
    });
  }
  t.thread([&x, inlined] { x.end_issuing(N - inlined, inlined); });
  t.thread([&x] {
    if (InTime || x.hold()) x.release_hold();
  });
  t.finally([&x] { explorer::require(x.zeros == 1, "not exactly one saw zero"); });
}

/// A deadline looks at what is left, with a hold, while the issuer seals; `Inlined` branches have completed inline, and one is out. As
/// long as it is, it must be among those that are left.
template <class S, std::size_t Inlined>
void look_against_the_seal(explorer::test& t) {
  struct state : held_count<S, Inlined + 1> {
    // The one that is out. An atomic, so that its order to the look is explored; relaxed, so that it orders nothing; and looked at by
    // a read-modify-write, which never sees an older value.
    typename S::platform::template atomic<int> reported{0};
  };
  auto& x = t.make<state>();
  x.keeps = true;
  t.thread([&x] {
    x.written[0] = 1;
    x.reported.store(1, std::memory_order_relaxed);
    if (x.count().release(0, 1)) x.end();
  });
  t.thread([&x] { x.end_issuing(1, Inlined); });
  t.thread([&x] {
    if (!x.hold()) return;
    const refcount::references_left left = x.count().references();
    if (x.reported.fetch_add(0, std::memory_order_relaxed) == 0)
      explorer::require(left.branches > (left.sealed ? 0 : Inlined),
                        "references() does not know of a branch that is out");
    x.release_hold();
  });
  t.finally([&x] { explorer::require(x.zeros == 1, "not exactly one saw zero"); });
}

/// The last one makes another in the same place, and counts it down: whoever still looks at the first one takes from the second.
template <class S, std::size_t N>
void used_again(explorer::test& t) {
  struct rounds : counted<S, N> {
    bool again = false;
    void end() {
      this->last();
      if (std::exchange(again, true)) return;
      this->renew();
      for (std::size_t i = 0; i != N; ++i) {
        this->written[i] = 1;
        if (this->count().release(i, 1)) return end();
      }
      if (this->release_rest()) end();
    }
  };
  auto& x = t.make<rounds>();
  x.keeps = true;
  for (std::size_t i = 0; i != N; ++i) {
    t.thread([&x, i] {
      x.written[i] = 1;
      if (x.count().release(i, 1)) x.end();
    });
  }
  t.thread([&x] {
    if (x.release_rest()) x.end();
  });
  t.finally([&x] { explorer::require(x.zeros == 2, "not exactly one saw zero in each round"); });
}

/// Calls `visit(name, scenario)` for each that S can be put to.
template <class S, class Visit>
void for_each_scenario(bool deeper, Visit visit) {
  using explorer::test;
  visit("all remote, N = 1", [](test& t) { countdown<S, 1>(t); });
  visit("all remote, N = 2", [](test& t) { countdown<S, 2>(t); });
  visit("all remote, N = 3", [](test& t) { countdown<S, 3>(t); });
  visit("all remote, N = 4", [](test& t) { countdown<S, 4>(t); });
  visit("some inline, N = 4", [](test& t) { countdown<S, 4>(t, 2); });
  visit("all inline, N = 3", [](test& t) { countdown<S, 3>(t, 3); });
  visit("all inline, N = 4", [](test& t) { countdown<S, 4>(t, 4); });
  visit("thrown while issuing, one never started, N = 4", [](test& t) { countdown<S, 4>(t, 1, 1); });
  visit("thrown while issuing, two never started, N = 4", [](test& t) { countdown<S, 4>(t, 1, 2); });
  visit("two at a time", in_runs<S>);
  visit("used again, N = 1", used_again<S, 1>);
  visit("used again, N = 2", used_again<S, 2>);
  if constexpr (refcount::anonymous<S>) visit("any of them", any_of_them<S>);
  constexpr bool looks = refcount::holdable<S> && refcount::observable<S> && !refcount::wants_each_branch<S> &&
                         !refcount::without_issuer_reference<S>;
  if constexpr (refcount::holdable<S>) {
    visit("a hold against the last, N = 1", [](test& t) { hold_against_the_last<S, 1>(t); });
    visit("a hold against the last, N = 2", [](test& t) { hold_against_the_last<S, 2>(t); });
    visit("a hold against the last, N = 4, three inline", [](test& t) { hold_against_the_last<S, 4>(t, 3); });
    visit("a hold released among others, N = 1", [](test& t) { hold_against_the_last<S, 1, true>(t); });
    visit("a hold released among others, N = 2", [](test& t) { hold_against_the_last<S, 2, true>(t); });
    visit("a hold released among others, N = 4, two inline", [](test& t) { hold_against_the_last<S, 4, true>(t, 2); });
  }
  if constexpr (looks) {
    visit("a look against the seal, none inline", look_against_the_seal<S, 0>);
    visit("a look against the seal, two inline", look_against_the_seal<S, 2>);
  }
  if constexpr (refcount::addable<S> || refcount::correctable<S>) {
    visit("N found out while issuing, 1", [](test& t) { discovered<S, 1>(t); });
    visit("N found out while issuing, 2", [](test& t) { discovered<S, 2>(t); });
    visit("N found out while issuing, 3", [](test& t) { discovered<S, 3>(t); });
    visit("N found out while issuing, 3, one inline", [](test& t) { discovered<S, 3>(t, 1); });
    visit("N found out while issuing, 2, all inline", [](test& t) { discovered<S, 2>(t, 2); });
    if constexpr (refcount::holdable<S>)
      visit("N found out while issuing, 2, one inline, and a hold", [](test& t) { discovered<S, 2, true>(t, 1); });
  }
  if (!deeper) return;
  visit("all remote, N = 5", [](test& t) { countdown<S, 5>(t); });
  visit("some inline, N = 6", [](test& t) { countdown<S, 6>(t, 3); });
  if constexpr (refcount::holdable<S>) {
    visit("a hold against the last, N = 3", [](test& t) { hold_against_the_last<S, 3>(t); });
    visit("a hold against the last, N = 4, two inline", [](test& t) { hold_against_the_last<S, 4>(t, 2); });
  }
  if constexpr (looks) visit("a look against the seal, three inline", look_against_the_seal<S, 3>);
}

}  // namespace fanout::testing::detail

#endif
#endif
