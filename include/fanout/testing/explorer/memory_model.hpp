// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_MEMORY_MODEL_HPP
#define FANOUT_TESTING_EXPLORER_MEMORY_MODEL_HPP

// The part of `execution` that says which value an atomic operation may see, and what it makes visible.
#include "fanout/testing/explorer/execution.hpp"
#if FANOUT_HAS_EXPLORER

namespace fanout::testing::explorer::detail {

/// Position of the oldest value that the running thread may still read. Coherence: not one older than a value that was
/// written or read by something that happens before this read. Sequential consistency: not one older than a value that
/// a sequentially consistent operation wrote or read, if this read is one too or comes after a fence that followed it.
inline std::size_t execution::oldest_visible(const object& o, std::memory_order order) noexcept {
  const view& now = self().now;
  const bool sequential = order == std::memory_order_seq_cst;
  std::size_t i = o.history.size() - 1;
  if (alone()) return i;
  for (; i != 0; --i) {
    const detail::store& s = o.history[i];
    if (now.known.knows_one_of(s.first_access)) break;
    if (s.sc_step < now.last_fence) break;
    if (sequential && (s.sc_step != never || fenced_.knows_one_of(s.first_access))) break;
  }
  return i;
}

inline std::uint64_t execution::read(object& o, std::size_t position, std::memory_order order) {
  detail::store& s = o.history[position];
  fiber& f = self();
  if (!alone()) {
    const auto t = static_cast<std::size_t>(thread_number());
    if (s.first_access.at[t] == 0) s.first_access.at[t] = f.now.happened.at[t];
    if (order == std::memory_order_seq_cst) s.sc_step = std::min(s.sc_step, step_);
  }
  (acquires(order) ? f.now : f.unacquired).join(s.message);
  return s.bits;
}

/// `sequence`: the message of the value that a read-modify-write replaces, whose release sequence it continues.
inline void execution::write(object& o, std::uint64_t bits, std::memory_order order, const view* sequence) {
  const fiber& f = self();
  detail::store s;
  s.bits = bits;
  s.message = releases(order) ? f.now : f.released;
  if (sequence != nullptr) s.message.join(*sequence);
  if (!alone()) {
    const auto t = static_cast<std::size_t>(thread_number());
    s.first_access.at[t] = f.now.happened.at[t];
    if (order == std::memory_order_seq_cst) s.sc_step = step_;
  } else {
    o.history.clear();  // nobody else is there who could read an older value
  }
  o.history.push_back(s);
}

inline std::uint64_t execution::load(const reference& where, std::memory_order order) {
  object& o = reach(where, {.what = action::read, .sequential = order == std::memory_order_seq_cst});
  const std::size_t newest = o.history.size() - 1;
  const std::size_t position =
      newest - static_cast<std::size_t>(choose(static_cast<int>(newest - oldest_visible(o, order)) + 1));
  const std::uint64_t bits = read(o, position, order);
  note(o, [&] { return "load " + print(o, bits) + (position != newest ? " (stale), " : ", ") + to_string(order); });
  return bits;
}

inline void execution::store(const reference& where, std::uint64_t bits, std::memory_order order) {
  object& o = reach(where, {.sequential = order == std::memory_order_seq_cst});
  write(o, bits, order, nullptr);
  note(o, [&] { return "store " + print(o, bits) + ", " + to_string(order); });
}

/// A read-modify-write: reads the newest value, whatever the order, and returns it.
template <class F>
std::uint64_t execution::update(const reference& where, const char* verb, std::memory_order order, F f) {
  object& o = reach(where, {.sequential = order == std::memory_order_seq_cst});
  ++rmws;
  const std::uint64_t before = read(o, o.history.size() - 1, order);
  const view sequence = o.history.back().message;
  write(o, f(before), order, &sequence);
  note(o, [&] {
    return std::string(verb) + " " + print(o, before) + " -> " + print(o, o.history.back().bits) + ", " +
           to_string(order);
  });
  return before;
}

inline bool execution::compare_exchange(const reference& where, std::uint64_t& expected, std::uint64_t desired,
                                        std::memory_order success, std::memory_order failure, bool weak) {
  object& o =
      reach(where, {.sequential = success == std::memory_order_seq_cst || failure == std::memory_order_seq_cst});
  ++rmws;
  const char* const verb = weak ? "compare_exchange_weak " : "compare_exchange_strong ";
  const std::size_t newest = o.history.size() - 1;
  const bool equal = o.history[newest].bits == expected;
  // Alternatives: what the newest value says; a spurious failure; failure because of an older value that differs.
  const bool may_fail = weak && equal && spurious_left_ > 0 && !alone();
  std::size_t oldest = options_.stale_failures ? oldest_visible(o, failure) : newest;
  const auto differs = [&](const detail::store& s) { return s.bits != expected; };
  const auto begin = o.history.begin();
  const auto stale =
      std::count_if(begin + static_cast<std::ptrdiff_t>(oldest), begin + static_cast<std::ptrdiff_t>(newest), differs);
  int pick = choose(1 + may_fail + static_cast<int>(stale));
  if (pick == 0 && equal) {
    const std::uint64_t before = read(o, newest, success);
    const view sequence = o.history[newest].message;
    write(o, desired, success, &sequence);
    note(o, [&] { return verb + print(o, before) + " -> " + print(o, desired) + ", " + to_string(success); });
    return true;
  }
  std::size_t position = newest;
  const bool spurious = may_fail && pick == 1;
  if (spurious) --spurious_left_;
  else if (pick != 0) {
    pick -= may_fail;
    for (position = oldest; !differs(o.history[position]) || --pick != 0; ++position) {}
  }
  const std::uint64_t wanted = expected;
  expected = read(o, position, failure);
  note(o, [&] {
    return verb + print(o, wanted) + " fails" + (spurious ? " spuriously" : ": " + print(o, expected)) +
           (position != newest ? " (stale), " : ", ") + to_string(failure);
  });
  return false;
}

/// Returns once it has read a value that differs. As with a futex, it falls asleep only while the newest value is `old`.
inline void execution::wait(const reference& where, std::uint64_t old, std::memory_order order) {
  for (object* o = &reach(where, {.sequential = order == std::memory_order_seq_cst});; o = &enter(locate(where))) {
    const std::size_t newest = o->history.size() - 1;
    const auto differs = [&](const detail::store& s) { return s.bits != old; };
    const auto begin = o->history.begin() + static_cast<std::ptrdiff_t>(oldest_visible(*o, order));
    const auto visible = std::count_if(begin, o->history.end(), differs);
    const bool may_sleep = !differs(o->history[newest]);
    int pick = choose(static_cast<int>(visible) + may_sleep) - may_sleep;
    if (pick >= 0) {
      std::size_t position = newest;
      for (; !differs(o->history[position]) || pick-- != 0; --position) {}
      const std::uint64_t bits = read(*o, position, order);
      note(*o, [&] { return "wait(" + print(*o, old) + ") returns: " + print(*o, bits) + ", " + to_string(order); });
      return;
    }
    note(*o, [&] { return "wait(" + print(*o, old) + ") sleeps"; });
    self().sleeping_on = o->number;
    self().woken = false;
    sleep(where, false);
    if (!in_fiber()) return;
  }
}

inline void execution::fence(std::memory_order order) {
  fiber& f = self();
  const bool sequential = order == std::memory_order_seq_cst;
  // Only the order among sequentially consistent fences is visible to others: the rest are no scheduling points.
  if (sequential) announce({.what = action::fence, .sequential = true});
  if (!in_fiber()) return;
  if (acquires(order)) f.now.join(f.unacquired);
  if (sequential && !alone()) {
    f.now.known.join(fenced_);
    fenced_ = f.now.known;
    f.now.last_fence = step_;
  }
  tick();
  if (releases(order)) f.released = f.now;
  if (trace_.on) trace_.line(step_, thread_number(), std::string("fence, ") + to_string(order));
}

}  // namespace fanout::testing::explorer::detail

#endif
#endif
