// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_COUNTED_HPP
#define FANOUT_TESTS_SUPPORT_COUNTED_HPP

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace support {

/// What a counted type throws when it was told to.
struct told_to_throw {};

/// An int that knows whether it is alive. Counts the living, copies and moves of its type, and ends the program with a
/// sentence when it is destroyed twice, used after its destruction or copied bytewise. Types with different tags count
/// apart. Counters are atomic and may be used from any thread; what they say is exact once the threads are joined.
template <int Tag, bool NothrowMove = true>
class basic_counted {
 public:
  /// The value of an object that was moved from.
  static constexpr int moved_from = -1;

  basic_counted(int value = 0) : value_(value) {
    count_down(construction_fuse_);
    born();
  }
  basic_counted(const basic_counted& other) : value_(other.value()) {
    count_down(copy_fuse_);
    count(copies_);
    born();
  }
  basic_counted(basic_counted&& other) noexcept(NothrowMove) : value_(other.value()) {
    if constexpr (!NothrowMove) count_down(move_fuse_);
    other.value_ = moved_from;
    count(moves_);
    born();
  }
  basic_counted& operator=(const basic_counted& other) {
    check("assigned to");
    const int value = other.value();
    count_down(copy_fuse_);
    count(copies_);
    value_ = value;
    return *this;
  }
  basic_counted& operator=(basic_counted&& other) noexcept(NothrowMove) {
    check("assigned to");
    const int value = other.value();
    if constexpr (!NothrowMove) count_down(move_fuse_);
    count(moves_);
    other.value_ = moved_from;
    value_ = value;
    return *this;
  }
  ~basic_counted() {
    check("destroyed");
    state_ = dead;
    alive_.fetch_sub(1, std::memory_order_relaxed);
  }

  int value() const {
    check("used");
    return value_;
  }
  friend bool operator==(const basic_counted& x, const basic_counted& y) { return x.value() == y.value(); }

  static int alive() { return alive_.load(std::memory_order_relaxed); }
  static int copies() { return copies_.load(std::memory_order_relaxed); }
  static int moves() { return moves_.load(std::memory_order_relaxed); }

  /// The n-th construction from a value, copy or move from now on throws told_to_throw, once; 1 is the next. An
  /// assignment is a copy or a move. Moves that are noexcept never throw. Only where exceptions are on.
  static void throw_on_construction(int n) { light(construction_fuse_, n); }
  static void throw_on_copy(int n) { light(copy_fuse_, n); }
  static void throw_on_move(int n)
    requires(!NothrowMove)
  {
    light(move_fuse_, n);
  }

  /// A test begins: counters are zero and no throw is pending. Ends the program if an object of an earlier test lives.
  static void reset() {
    if (alive() != 0) fail("still alive at the start of the next test");
    for (std::atomic<int>* counter : {&copies_, &moves_, &construction_fuse_, &copy_fuse_, &move_fuse_}) *counter = 0;
  }

 private:
  static constexpr std::uint32_t living = 0x600dbeef;
  static constexpr std::uint32_t dead = 0xdeadbeef;

  [[noreturn]] static void fail(const char* what, const char* when = "") {
    std::fprintf(stderr, "counted<%d>: %s%s\n", Tag, what, when);
    std::abort();
  }

  void born() {
    self_ = this;
    state_ = living;
    alive_.fetch_add(1, std::memory_order_relaxed);
  }

  void check(const char* how) const {
    const std::uint32_t state = state_;
    if (state == living && self_ == this) return;
    fail(how, state == living ? " after a bytewise copy"
              : state == dead ? " after its destruction"
                              : " without having been constructed");
  }

  // relaxed, here and above: plain tallies. Whoever compares them has joined the threads that counted.
  static void count(std::atomic<int>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

  static void light(std::atomic<int>& fuse, int n) {
#if defined(__cpp_exceptions)
    fuse = n;
#else
    static_cast<void>(fuse);
    static_cast<void>(n);
    fail("told to throw, but exceptions are off");
#endif
  }
  static void count_down(std::atomic<int>& fuse) {
#if defined(__cpp_exceptions)
    // Not lit, the usual case: several threads may be here.
    if (fuse.load(std::memory_order_relaxed) > 0 && fuse.fetch_sub(1) == 1) throw told_to_throw();
#else
    static_cast<void>(fuse);
#endif
  }

  inline static std::atomic<int> alive_ = 0;              // constructed - destroyed
  inline static std::atomic<int> copies_ = 0;             // copy constructions + copy assignments since reset
  inline static std::atomic<int> moves_ = 0;              // likewise moves
  inline static std::atomic<int> construction_fuse_ = 0;  // n > 0: the n-th from now throws; 0: none does
  inline static std::atomic<int> copy_fuse_ = 0;
  inline static std::atomic<int> move_fuse_ = 0;

  int value_;
  const basic_counted* self_;
  volatile std::uint32_t state_;  // volatile: the last write to a dying object must not be optimised away
};

using counted = basic_counted<0>;
/// Its move may throw.
using counted_throwing_move = basic_counted<1, false>;

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_COUNTED_HPP
