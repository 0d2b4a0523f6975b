// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_CHOICES_HPP
#define FANOUT_TESTING_EXPLORER_CHOICES_HPP

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::testing::explorer::detail {

using thread_set = std::uint32_t;  // bit t: thread t

constexpr bool contains(thread_set set, int thread) noexcept { return (set >> thread & 1u) != 0; }

/// The choices of the current execution, and with them the state of the depth-first search: which alternative of each
/// choice is being explored. Those before it have been.
class choices {
 public:
  static constexpr int none = -1;    // every enabled thread sleeps
  static constexpr int misfit = -2;  // the execution does not follow the choices that it is to repeat

  /// One of n > 1 alternatives.
  int pick(int n) {
    if (depth_ == path_.size()) {
      const int taken = next_of_script(0);
      path_.push_back({.taken = taken, .count = n});
    }
    const choice& c = path_[depth_++];
    return c.candidates == 0 && c.count == n && c.taken >= 0 && c.taken < n ? c.taken : misfit;
  }

  /// One of the enabled threads that does not sleep. A sleeping thread would repeat an order that was explored already:
  /// it sleeps until somebody makes an operation that depends on its own. Adds to `asleep` the threads explored here.
  int pick_thread(thread_set enabled, thread_set& asleep) {
    if (scripted_) asleep = 0;
    if (std::has_single_bit(enabled)) return (enabled & asleep) != 0 ? none : std::countr_zero(enabled);
    if (depth_ == path_.size()) {
      const thread_set candidates = enabled & ~asleep;
      if (candidates == 0) return none;
      const int taken = next_of_script(std::countr_zero(candidates));
      path_.push_back({.taken = taken, .enabled = enabled, .candidates = candidates, .asleep = asleep});
    }
    const choice& c = path_[depth_++];
    if (c.enabled != enabled || c.taken < 0 || c.taken >= 32 || !contains(enabled, c.taken)) return misfit;
    asleep = c.asleep | (c.candidates & ((thread_set{1} << c.taken) - 1));
    return c.taken;
  }

  /// Before each execution.
  void rewind() noexcept { depth_ = next_ = 0; }

  /// Goes on to the next unexplored alternative; false: there is none, the search is complete.
  bool advance() {
    for (; !path_.empty(); path_.pop_back()) {
      choice& c = path_.back();
      if (c.candidates == 0) {
        if (++c.taken < c.count) return true;
      } else if (const thread_set rest = c.candidates & ~((thread_set{2} << c.taken) - 1); rest != 0) {
        c.taken = std::countr_zero(rest);
        return true;
      }
    }
    return false;
  }

  /// Follow these choices; after the last one, the first alternative of each.
  void follow(std::string_view script) {
    scripted_ = true;
    const char* at = script.data();
    const char* const end = at + script.size();
    while (at < end) {
      int value = misfit;
      const auto [rest, error] = std::from_chars(at, end, value);
      script_.push_back(error == std::errc{} ? value : misfit);
      if (error != std::errc{} || rest == end) break;
      at = rest + 1;  // past the full stop
    }
  }

  std::string to_string() const {
    std::string text;
    for (std::size_t i = 0; i != depth_; ++i) {
      if (i != 0) text += '.';
      text += std::to_string(path_[i].taken);
    }
    return text;
  }

 private:
  struct choice {
    int taken = 0;
    int count = 0;              // of alternatives, if it is not between threads
    thread_set enabled = 0;     // the rest only if it is
    thread_set candidates = 0;  // not empty, explored in increasing order
    thread_set asleep = 0;      // when the choice was first reached
  };

  int next_of_script(int otherwise) noexcept { return next_ < script_.size() ? script_[next_++] : otherwise; }

  std::vector<choice> path_;
  std::size_t depth_ = 0;  // choices made in the current execution
  bool scripted_ = false;
  std::vector<int> script_;
  std::size_t next_ = 0;  // in script_
};

}  // namespace fanout::testing::explorer::detail

#endif
