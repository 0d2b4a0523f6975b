// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_STOP_STATE_HPP
#define FANOUT_DETAIL_STOP_STATE_HPP

#include <atomic>
#include <cstdint>

#include "fanout/detail/assert.hpp"

namespace fanout::detail {

template <class Platform>
class stop_state;

/// The part of a stop callback that its source knows: a link in the source's list and a function to run.
template <class Platform>
class stop_callback_node {
 public:
  using run_function = void (*)(stop_callback_node&) noexcept;

  stop_callback_node(const stop_callback_node&) = delete;
  stop_callback_node& operator=(const stop_callback_node&) = delete;

 protected:
  explicit stop_callback_node(run_function run) noexcept : run_{run} {}
  ~stop_callback_node() = default;

 private:
  friend class stop_state<Platform>;
  template <class T>
  using cell = typename Platform::template cell<T>;

  cell<run_function> run_;
  // The ring of registered callbacks; both null while this one is not registered. Guarded by the source's lock.
  cell<stop_callback_node*> next_{nullptr};
  cell<stop_callback_node*> previous_{nullptr};
};

/// What a stop source is made of: one word with the stop flag and a lock, the ring of registered callbacks, and a word
/// that joiners sleep on. 24 bytes; constant-initialised; a source that nobody uses costs nothing.
///
/// **The lock** guards the ring and the record of the callback that is running. It is never held while a callback
/// runs, so a callback may come back for anything. It is a three-state lock on `word_` (free, held, held and
/// contended): uncontended, locking and unlocking are one read-modify-write each, and nobody is notified.
///
/// **Joining.** A callback that is deregistered while another thread runs it waits on `ended_joined_runs_`, a word of
/// the *source*. It must not be a word of the callback: the joiner may return, and free the callback, as soon as it
/// sees the store, while the requesting thread has yet to notify. A word of the source is safe to notify because the
/// source outlives every call to `request_stop()` by contract, and the requesting thread is inside one. For the same
/// reason the requesting thread touches a callback no more once that callback has begun to run.
///
/// Lifetime: the owner destroys it after every call on it has returned and every callback is deregistered, both
/// ordered before the destruction. unlock() relies on it too: it may notify after another thread has taken the lock.
template <class Platform>
class stop_state {
 public:
  using node = stop_callback_node<Platform>;

  constexpr stop_state() noexcept = default;
  stop_state(const stop_state&) = delete;
  stop_state& operator=(const stop_state&) = delete;
  constexpr ~stop_state();

  bool stop_requested() const noexcept;
  bool request_stop() noexcept;

  /// Registers `callback` and returns true; returns false, having done nothing, if stop had been requested before.
  bool add(node& callback) noexcept;

  /// Undoes a successful `add`. On return `callback` is not running on any other thread and will not run again, and
  /// what its run wrote is visible here.
  void remove(node& callback) noexcept;

 private:
  using word = std::uint32_t;
  template <class T>
  using atomic = typename Platform::template atomic<T>;
  template <class T>
  using cell = typename Platform::template cell<T>;

  // Bits of `word_`.
  static constexpr word stop_bit = 1;       // stop was requested; set once, by the thread that takes the lock with it
  static constexpr word held_bit = 2;       // some thread holds the lock
  static constexpr word contended_bit = 4;  // only with held_bit: threads may be asleep until the lock is released

  // A `request_stop()` in progress; lives in its stack frame. All but `thread` is guarded by the lock.
  struct run {
    const void* thread;             // the identity of a thread that lives as long as this does
    cell<node*> callback{nullptr};  // running now. Only compared: it may have destroyed itself. Nothing else that was
                                    // registered can have its address, for nothing is added once stop is requested
    cell<bool> joined{false};       // a thread waits for it; at most one does, since a callback is destroyed once
  };

  word lock(word guess = 0, word also = 0) noexcept;
  void unlock(word stop) noexcept;
  void link(node& callback) noexcept;
  void unlink(node& callback) noexcept;

  atomic<word> word_{0};
  atomic<word> ended_joined_runs_{0};  // how many callback runs have ended with a thread waiting for their end
  cell<node*> first_{nullptr};         // oldest registered callback; the ring closes with the newest
  cell<run*> run_{nullptr};            // null unless a request_stop() is running callbacks
};

template <class Platform>
constexpr stop_state<Platform>::~stop_state() {
  FANOUT_ASSERT(first_ == nullptr, "a stop source was destroyed before a stop callback registered with it");
  FANOUT_ASSERT(run_ == nullptr, "a stop source was destroyed inside its own request_stop()");
}

template <class Platform>
bool stop_state<Platform>::stop_requested() const noexcept {
  // Acquire: whoever sees the request sees what the requester wrote before it. That holds for every later value too:
  // all changes of the word are read-modify-writes, so the request heads a release sequence without end.
  return (word_.load(std::memory_order_acquire) & stop_bit) != 0;
}

template <class Platform>
bool stop_state<Platform>::request_stop() noexcept {
  if (stop_requested()) return false;
  if (const word stop = lock(0, stop_bit); stop != 0) {  // lost to another requester between the two lines
    unlock(stop);
    return false;
  }
  run current{Platform::self()};
  run_ = &current;
  while (node* const callback = first_) {
    unlink(*callback);
    current.callback = callback;
    const typename node::run_function run_callback = callback->run_;
    unlock(stop_bit);
    run_callback(*callback);  // the callback may be gone when this returns
    lock(stop_bit);
    if (current.joined) {
      current.joined = false;
      // Release: the joiner's wait acquires what the callback wrote.
      ended_joined_runs_.fetch_add(1, std::memory_order_release);
      ended_joined_runs_.notify_one();
    }
  }
  run_ = nullptr;
  unlock(stop_bit);
  return true;
}

template <class Platform>
bool stop_state<Platform>::add(node& callback) noexcept {
  const word stop = lock();
  if (stop == 0) link(callback);  // else the ring is for the requesting thread alone, which may be done with it
  unlock(stop);
  return stop == 0;
}

template <class Platform>
void stop_state<Platform>::remove(node& callback) noexcept {
  const word stop = lock();
  run* const current = run_;
  if (callback.next_ != nullptr) {  // registered: now nobody will run it
    unlink(callback);
    unlock(stop);
  } else if (current == nullptr || current->callback != &callback) {  // it has run
    unlock(stop);
  } else if (current->thread == Platform::self()) {  // this is inside its own run: there is nobody to wait for
    unlock(stop);
  } else {  // another thread is running it
    current->joined = true;
    // Relaxed: changed by nobody but the requesting thread and only under the lock, which this thread holds.
    const word before = ended_joined_runs_.load(std::memory_order_relaxed);
    unlock(stop);
    // Acquire: what the callback wrote, for the caller is about to destroy or read it.
    ended_joined_runs_.wait(before, std::memory_order_acquire);
  }
}

/// Takes the lock and sets `also` in the same step. Returns the stop flag as it was before. `guess` is the likely value
/// of the word: a right guess saves a load, which would fetch the cache line only to fetch it again for writing.
template <class Platform>
auto stop_state<Platform>::lock(word guess, word also) noexcept -> word {
  word seen = guess;
  word taken = held_bit | also;
  for (;;) {
    if ((seen & held_bit) == 0) {  // free
      // Acquire: what the previous holder did to the ring and the run. Release, for the requester's sake: whoever sees
      // stop_bit sees what was written before request_stop(). Relaxed on failure: the value is only a better guess.
      if (word_.compare_exchange_weak(seen, seen | taken, std::memory_order_acq_rel, std::memory_order_relaxed))
        return seen & stop_bit;
    } else if ((seen & contended_bit) == 0) {  // held, and the holder would wake nobody
      // Relaxed: this publishes nothing. The holder's exchange in unlock() reads the newest value, thus this one.
      if (word_.compare_exchange_weak(seen, seen | contended_bit, std::memory_order_relaxed, std::memory_order_relaxed))
        seen |= contended_bit;
    } else {                                        // held, and the holder knows
      word_.wait(seen, std::memory_order_relaxed);  // relaxed: the exchange that takes the lock acquires
      // One sleeper was woken and contended_bit is gone, but others may be asleep: this thread carries the news of
      // them. That is why it takes the lock whatever it finds, also when stop has been requested meanwhile.
      taken |= contended_bit;
      seen &= stop_bit;
    }
  }
}

/// Gives the lock back. `stop` is the stop flag: the holder knows it, since only a holder sets it.
template <class Platform>
void stop_state<Platform>::unlock(word stop) noexcept {
  // Release: what this holder did, for the next one.
  if ((word_.exchange(stop, std::memory_order_release) & contended_bit) != 0) word_.notify_one();
}

template <class Platform>
void stop_state<Platform>::link(node& callback) noexcept {
  node* const first = first_;
  if (first == nullptr) {
    callback.next_ = callback.previous_ = &callback;
    first_ = &callback;
    return;
  }
  node* const last = first->previous_;
  callback.next_ = first;
  callback.previous_ = last;
  last->next_ = &callback;
  first->previous_ = &callback;
}

template <class Platform>
void stop_state<Platform>::unlink(node& callback) noexcept {
  node* const next = callback.next_;
  node* const previous = callback.previous_;
  if (next == &callback) {  // the only one
    first_ = nullptr;
  } else {
    next->previous_ = previous;
    previous->next_ = next;
    if (first_ == &callback) first_ = next;
  }
  callback.next_ = nullptr;
  callback.previous_ = nullptr;
}

}  // namespace fanout::detail

#endif
