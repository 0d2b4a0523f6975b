// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_TRAMPOLINE_HPP
#define FANOUT_DETAIL_TRAMPOLINE_HPP

#include "fanout/detail/config.hpp"
#include "fanout/executor.hpp"

namespace fanout::detail {

/// Runs completions one after the other on the thread that made them due. A completion that makes another one due on the
/// same thread (by completing a branch of an outer operation, or by destroying its last handle) does not nest: the second
/// runs when the first has returned. So a chain of any length takes the stack of one (I5).
template <class Platform>
class trampoline {
 public:
  /// Calls `Run(&node)`, or queues it behind what this thread is running.
  template <void (*Run)(work*) noexcept>
  static void deliver(work& node) noexcept {
    if (auto* running = static_cast<queue*>(Platform::trampoline())) {
      node.run = Run;
      running->push(node);
      return;
    }
    queue mine;
    Platform::trampoline() = &mine;
    Run(&node);
    mine.run_all();
    Platform::trampoline() = nullptr;
  }

  /// Calls `f()`; completions that it makes due run after it has returned, so that all of it is done before any of them runs.
  template <class F>
  static void hold_back(F&& f) noexcept {
    if (Platform::trampoline() != nullptr) return f();  // they queue behind the completion that this thread is in
    queue mine;
    Platform::trampoline() = &mine;
    f();
    mine.run_all();
    Platform::trampoline() = nullptr;
  }

  /// Calls `Run(&node)` at once, with a queue of its own: for what an executor runs, perhaps pumped by a completion that waits
  /// for just that.
  template <void (*Run)(work*) noexcept>
  static void deliver_on_top(work& node) noexcept {
    queue mine;
    mine.below = static_cast<queue*>(Platform::trampoline());
    Platform::trampoline() = &mine;
    Run(&node);
    mine.run_all();
    Platform::trampoline() = mine.below;
  }

  /// Runs what is queued behind the completion that this thread is in, if any. Called before this thread blocks.
  static void drain() noexcept {
    for (auto* running = static_cast<queue*>(Platform::trampoline()); running != nullptr; running = running->below) {
      running->run_all();
    }
  }

 private:
  // First in, first out; lives on the stack of the outermost completion. Only its own thread sees it.
  struct queue {
    work* head = nullptr;
    work** tail = &head;
    queue* below = nullptr;  // of the completion that the one on top runs inside of

    void push(work& node) noexcept {
      node.next = nullptr;
      *tail = &node;
      tail = &node.next;
    }
    void run_all() noexcept {
      while (work* first = head) {
        head = first->next;
        if (head == nullptr) tail = &head;
        first->run(first);  // the node is gone after this
      }
    }
  };
};

}  // namespace fanout::detail

#endif
