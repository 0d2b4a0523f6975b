// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_TIMER_HEAP_HPP
#define FANOUT_DETAIL_TIMER_HEAP_HPP

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fanout/detail/assert.hpp"

namespace fanout::detail {

template <class Platform, class TimePoint>
class timer_heap;

/// A time and a function to call then: what a timer service keeps of whoever waits. It lies in the operation, which may
/// derive from it, and is pinned. Its fields belong to the service that it is armed with, and are guarded by that
/// service's lock.
template <class Platform, class TimePoint>
class timer_entry {
 public:
  explicit timer_entry(void (*function)(timer_entry&) noexcept) noexcept : function_{function} {}
  timer_entry(const timer_entry&) = delete;
  timer_entry& operator=(const timer_entry&) = delete;

  /// pre: not armed. Whoever may destroy it has seen the function called or `cancel` return true, so this is ordered.
  ~timer_entry() { FANOUT_ASSERT(previous_ == nullptr, "a timer's entry was destroyed while it was armed"); }

 private:
  friend class timer_heap<Platform, TimePoint>;
  using link_ = typename Platform::template cell<timer_entry*>;  // a name that hides nothing where users derive

  void (*const function_)(timer_entry&) noexcept;
  typename Platform::template cell<TimePoint> time_{TimePoint{}};
  typename Platform::template cell<std::uint64_t> number_{0};  // of this arming, from 1: the order among equal times
  link_ child_{nullptr};                                       // the first of the trees below this one
  link_ next_{nullptr};                                        // the sibling to the right
  link_ previous_{nullptr};  // the sibling to the left, a first child's parent, a root itself; null: not armed
};

/// Entries in the order of their times, and of arming among equal times: an intrusive pairing heap.
///
/// Chosen for timers that are nearly always cancelled: `push` is one comparison; `erase` of an entry without children,
/// which is what a later deadline nearly always is, is unlinking it from a list. Else `erase` takes O(log n) amortised;
/// a single one may have to pair all that was pushed since the last. Nothing allocates, recurses or throws.
///
/// Fredman, Sedgewick, Sleator and Tarjan, "The Pairing Heap", 1986: the two-pass variant. Not thread-safe.
template <class Platform, class TimePoint>
class timer_heap {
 public:
  using entry = timer_entry<Platform, TimePoint>;

  timer_heap() = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;

  bool empty() const noexcept { return root_ == nullptr; }

  /// The entry that comes first, or null.
  entry* first() const noexcept { return root_; }

  /// How many entries have ever been pushed: the number of the last one.
  std::uint64_t pushed() const noexcept { return pushed_; }

  /// Whether `e` is in a heap: this one, by contract.
  static bool is_armed(const entry& e) noexcept { return e.previous_ != nullptr; }

  /// The time of an entry in the heap, and the number that `pushed` had grown to by its push.
  static TimePoint time_of(const entry& e) noexcept { return e.time_; }
  static std::uint64_t number_of(const entry& e) noexcept { return e.number_; }

  /// Calls the function. `e` may be gone when this returns.
  static void call(entry& e) noexcept { e.function_(e); }

  /// pre: `e` is in no heap
  void push(entry& e, TimePoint time) noexcept {
    FANOUT_ASSERT(!is_armed(e), "a timer's entry was armed while it was armed already");
    e.time_ = time;
    pushed_ = pushed_ + 1;
    e.number_ = pushed_;
    e.child_ = nullptr;
    become_root(root_ == nullptr ? &e : merge(root_, &e));
  }

  /// pre: `e` is in this heap
  void erase(entry& e) noexcept {
    entry* const below = merge_all(e.child_);
    if (&e == root_) become_root(below);
    else if (below != nullptr) replace(e, *below);
    else unlink(e);
    e.previous_ = nullptr;
  }

 private:
  static bool before(const entry& a, const entry& b) noexcept {
    const TimePoint at = a.time_, bt = b.time_;
    return at < bt || (!(bt < at) && a.number_ < b.number_);
  }

  // Two trees into one; where that stands among siblings is up to the caller.
  static entry* merge(entry* a, entry* b) noexcept {
    if (before(*b, *a)) std::swap(a, b);
    entry* const child = a->child_;
    b->next_ = child;
    if (child != nullptr) child->previous_ = b;
    b->previous_ = a;
    a->child_ = b;
    return a;
  }

  // A list of siblings into one tree: in twos from the left, then those from the right into one.
  static entry* merge_all(entry* left) noexcept {
    entry* twos = nullptr;  // linked from right to left
    while (left != nullptr) {
      entry* two = left;
      entry* const right = two->next_;
      left = right == nullptr ? nullptr : static_cast<entry*>(right->next_);
      if (right != nullptr) two = merge(two, right);
      two->next_ = twos;
      twos = two;
    }
    if (twos == nullptr) return nullptr;
    entry* all = twos;
    for (entry* two = all->next_; two != nullptr;) {
      entry* const next = two->next_;
      all = merge(all, two);
      two = next;
    }
    return all;
  }

  void become_root(entry* e) noexcept {
    root_ = e;
    if (e == nullptr) return;
    e->previous_ = e;
    e->next_ = nullptr;
  }

  // Nothing below `e` comes before it, so that nothing below it comes before its parent.
  static void replace(entry& e, entry& by) noexcept {
    entry* const previous = e.previous_;
    entry* const next = e.next_;
    by.previous_ = previous;
    by.next_ = next;
    (previous->child_ == &e ? previous->child_ : previous->next_) = &by;
    if (next != nullptr) next->previous_ = &by;
  }

  static void unlink(entry& e) noexcept {
    entry* const previous = e.previous_;
    entry* const next = e.next_;
    (previous->child_ == &e ? previous->child_ : previous->next_) = next;
    if (next != nullptr) next->previous_ = previous;
  }

  template <class T>
  using cell = typename Platform::template cell<T>;

  cell<entry*> root_{nullptr};
  cell<std::uint64_t> pushed_{0};
};

}  // namespace fanout::detail

#endif
