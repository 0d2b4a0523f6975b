// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_BATON_HPP
#define FANOUT_DETAIL_BATON_HPP

#include <atomic>
#include <cstddef>

#include "fanout/detail/config.hpp"

namespace fanout::detail {

/// What is published to a baton. Lies in a slot, in the operation, or at the head of what a branch emits.
enum class published : unsigned char {
  report,
  seal,
  deadline,
  pull,
  // of streams:
  emission,  // items, or a watermark
  resume,    // a producer wishes to be told when to go on
  stop,      // stop was requested: nobody need wait any more
};

template <class Platform>
struct fold_node {
  explicit fold_node(published w = published::report) noexcept : what(w) {}

  typename Platform::template cell<fold_node*> next{nullptr};  // the publisher's, then the folder's
  typename Platform::template cell<std::size_t> branch{0};     // the index, where a slot serves several branches
  const published what;
};

/// Serialises without blocking: whoever finds the baton idle takes it and folds, everybody else leaves a node on a list and
/// goes. The folder takes the list as often as there is one, and gives the baton back when there is none. So `fold` runs on
/// any publishing thread, for others too, one call at a time, each seeing what the ones before it wrote, in the order of
/// publication.
template <class Platform>
class baton {
 public:
  using node = fold_node<Platform>;

  baton() noexcept = default;
  baton(const baton&) = delete;
  baton& operator=(const baton&) = delete;

  /// Publishes `n`, and folds, unless somebody else does. `fold(node&) noexcept` returns true for the last of all nodes: the
  /// baton is never given back then, nothing that is published later is looked at, and this returns true. Otherwise it
  /// returns false, and everything may be gone: a published report is a released one.
  template <class Fold>
  bool publish(node& n, Fold&& fold) noexcept {
    node* seen = nullptr;  // guess that it is idle: a lone branch saves a load
    for (;;) {
      if (seen == nullptr) {
        // acquire: what the folder before wrote. relaxed on failure: nothing behind `seen` is read.
        if (head_.compare_exchange_weak(seen, &busy_, std::memory_order_acquire, std::memory_order_relaxed)) {
          n.next = nullptr;
          return fold_from(&n, fold);
        }
      } else {
        n.next = seen == &busy_ ? nullptr : seen;
        // release: the node, and what was reported with it. relaxed on failure: as above.
        if (head_.compare_exchange_weak(seen, &n, std::memory_order_release, std::memory_order_relaxed)) return false;
      }
    }
  }

 private:
  template <class Fold>
  bool fold_from(node* newest, Fold& fold) noexcept {
    for (;;) {
      node* oldest = nullptr;  // the list is newest first
      while (newest != nullptr) {
        node* const before = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = before;
      }
      while (oldest != nullptr) {
        node& n = *oldest;
        oldest = n.next;  // first: folding may reuse the node, or free it
        if (fold(n)) return true;
      }
      node* seen = &busy_;
      // release: what was folded, to the next folder. relaxed on failure: the exchange below looks.
      if (head_.compare_exchange_strong(seen, nullptr, std::memory_order_release, std::memory_order_relaxed)) {
        return false;
      }
      // acquire: what the publishers of all these nodes wrote: each one's release heads a sequence that the later ones continue.
      newest = head_.exchange(&busy_, std::memory_order_acquire);
    }
  }

  typename Platform::template atomic<node*> head_{nullptr};  // null: idle; &busy_: somebody folds; else: and these wait
  node busy_;
};

}  // namespace fanout::detail

#endif
