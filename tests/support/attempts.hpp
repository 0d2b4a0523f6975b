// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_ATTEMPTS_HPP
#define FANOUT_TESTS_SUPPORT_ATTEMPTS_HPP

#include <chrono>
#include <cstddef>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/timer/manual.hpp"

namespace support {

enum class attempt_state { running, succeeded, failed, cancelled };

/// Attempts that a test starts through an algorithm and completes by hand: which were started, when, with which element, and what
/// became of them. For branches that complete with an int. One thread at a time.
class attempts {
 public:
  using clock = fanout::timer::manual_timer;

  explicit attempts(const clock& c) : clock_(&c) {}

  /// An initiator that keeps the branch.
  auto initiator() {
    return [this](int element, auto branch, auto token) {
      started_.push_back(std::make_unique<attempt_of<decltype(branch), decltype(token)>>(
          element, now(), std::move(branch), std::move(token)));
    };
  }

  std::size_t size() const { return started_.size(); }
  int element(std::size_t i) const { return started_.at(i)->element; }
  /// When it was started, since the clock's beginning.
  std::chrono::milliseconds at(std::size_t i) const { return started_.at(i)->at; }
  attempt_state state(std::size_t i) const { return started_.at(i)->state; }
  bool asked_to_stop(std::size_t i) const { return started_.at(i)->asked(); }

  /// The elements, in the order in which their attempts were started.
  std::vector<int> elements() const {
    std::vector<int> all;
    for (const auto& one : started_) all.push_back(one->element);
    return all;
  }
  std::vector<int> start_times() const {
    std::vector<int> all;
    for (const auto& one : started_) all.push_back(static_cast<int>(one->at.count()));
    return all;
  }
  std::size_t count(attempt_state s) const {
    std::size_t n = 0;
    for (const auto& one : started_) n += one->state == s;
    return n;
  }
  bool all_finished() const { return count(attempt_state::running) == 0; }

  void succeed(std::size_t i, int value) {
    finish(i, attempt_state::succeeded, [&](auto& a) { a.value(value); });
  }
  void fail(std::size_t i, std::errc why = std::errc::io_error) {
    finish(i, attempt_state::failed, [&](auto& a) { a.error(std::make_error_code(why)); });
  }
  void give_up(std::size_t i) {
    finish(i, attempt_state::cancelled, [](auto& a) { a.stopped(); });
  }
  /// Those that were asked to stop do. Says how many.
  std::size_t cancel_asked() {
    std::size_t n = 0;
    for (std::size_t i = 0; i != size(); ++i) {
      if (state(i) == attempt_state::running && asked_to_stop(i)) give_up(i), ++n;
    }
    return n;
  }

 private:
  struct attempt {
    attempt(int e, std::chrono::milliseconds when) : element(e), at(when) {}
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    virtual ~attempt() = default;
    virtual void value(int v) = 0;
    virtual void error(std::error_code why) = 0;
    virtual void stopped() = 0;
    virtual bool asked() const = 0;

    int element;
    std::chrono::milliseconds at;
    attempt_state state = attempt_state::running;
  };
  template <class Branch, class Token>
  struct attempt_of final : attempt {
    attempt_of(int e, std::chrono::milliseconds when, Branch b, Token t)
        : attempt(e, when), branch(std::move(b)), token(std::move(t)) {}
    void value(int v) override { branch.set_value(v); }
    void error(std::error_code why) override { branch.set_error(why); }
    void stopped() override { branch.set_stopped(); }
    // The token is the operation's, which may be gone once the branch has completed.
    bool asked() const override { return state == attempt_state::running && token.stop_requested(); }

    Branch branch;
    Token token;
  };

  std::chrono::milliseconds now() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now().time_since_epoch());
  }
  template <class F>
  void finish(std::size_t i, attempt_state s, F&& report) {
    attempt& one = *started_.at(i);
    one.state = s;
    report(one);  // may start others
  }

  const clock* clock_;
  std::vector<std::unique_ptr<attempt>> started_;
};

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_ATTEMPTS_HPP
