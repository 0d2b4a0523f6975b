// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_BALLOT_HPP
#define FANOUT_DETAIL_BALLOT_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "fanout/detail/config.hpp"
#include "fanout/reason.hpp"

namespace fanout {

/// How the branches of an operation stand: what a rule decides by.
struct tally {
  static constexpr std::uint32_t unknown = static_cast<std::uint32_t>(-1);

  std::uint32_t branches = 0;  // N. Where N is found out while issuing: unknown until the seal
  std::uint32_t successes = 0;
  std::uint32_t failures = 0;
  std::uint32_t stopped = 0;     // gave up because they were asked to: not successes, and not failures either
  std::uint32_t excused = 0;     // failed or gave up, and that does not matter: see combine::important
  std::uint32_t not_issued = 0;  // 0 until the seal
  bool sealed = false;

  [[nodiscard]] constexpr std::uint32_t reported() const noexcept {
    return successes + failures + stopped + excused + not_issued;
  }
  /// Every branch has reported, or never will. False while N is unknown.
  [[nodiscard]] constexpr bool complete() const noexcept { return reported() == branches; }
  /// How many may still succeed; any number while N is unknown.
  [[nodiscard]] constexpr std::uint32_t left() const noexcept { return branches - reported(); }
};

/// What a rule says of a tally: undecided, or met or unmet and why.
class ruling {
 public:
  constexpr ruling() noexcept = default;
  static constexpr ruling open() noexcept { return {}; }
  static constexpr ruling met(reason why) noexcept { return {state::met, why}; }
  static constexpr ruling unmet(reason why) noexcept { return {state::unmet, why}; }

  [[nodiscard]] constexpr bool decided() const noexcept { return state_ != state::open; }
  [[nodiscard]] constexpr bool is_met() const noexcept { return state_ == state::met; }
  /// pre: decided()
  [[nodiscard]] constexpr reason why() const noexcept { return why_; }

  friend constexpr bool operator==(ruling, ruling) noexcept = default;

 private:
  enum class state : unsigned char { open, met, unmet };
  constexpr ruling(state s, reason why) noexcept : state_(s), why_(why) {}

  state state_ = state::open;
  reason why_ = reason::completed;
};

}  // namespace fanout

namespace fanout::detail {

/// What a failure counts: nothing, one, or everything.
enum class vote_weight : unsigned char { excused, full, fatal };

enum class vote : unsigned char { opening, success, failure, stopped, seal, deadline };

/// A vote. A report's lies in its slot; the seal's, the deadline's and the opening in the operation.
template <class Platform>
struct vote_node {
  // How things stood when this was cast, itself included. Written before it is pushed, and never again.
  struct standing {
    tally count;
    ruling verdict;
    vote_node* decider = nullptr;  // the vote that decided
  };

  typename Platform::template cell<vote_node*> link{nullptr};  // the vote before; once delivered, the report after
  typename Platform::template cell<standing> at{};
  typename Platform::template cell<std::size_t> index{0};
  typename Platform::template cell<vote> kind{vote::opening};
  typename Platform::template cell<bool> counted{
      false};  // it is part of a delivered outcome; written by the one who delivers
};

/// Counts votes so that the order of reports, who is in, who is late and who decides are one question with one answer: a
/// vote is a push on a list whose nodes carry how things stand. The push gives rank, membership and exactly one decider, who
/// reads only what is reachable from its own node. (A bare tally could not: the rank is known only after the read-modify-write,
/// so the decider could not know which slots it may read.)
template <class Platform>
class ballot {
 public:
  using node = vote_node<Platform>;
  using standing = typename node::standing;

  struct cast_result {
    bool late;     // it was decided before: this vote counts for nothing and is on no list
    bool decided;  // by this one
    bool due;      // this one made "decided and sealed" true
  };

  ballot() noexcept = default;
  ballot(const ballot&) = delete;
  ballot& operator=(const ballot&) = delete;

  /// Casts `n`. `opening` is the tally before the first vote; for the seal, `closing` is what is known only then. `rule(tally)`
  /// and, for a deadline, `rule.on_deadline(tally)` say how things stand with it.
  template <class Rule>
  cast_result cast(node& n, vote kind, std::size_t index, const tally& opening, const tally& closing,
                   vote_weight weight, bool alone, Rule&& rule) noexcept {
    n.kind = kind;
    n.index = index;
    // acquire, here and on failure: what is in the node that is pointed to.
    node* last = last_.load(std::memory_order_acquire);
    for (;;) {
      standing s = last != nullptr ? static_cast<standing>(last->at) : standing{opening, {}, nullptr};
      const bool was_decided = s.verdict.decided();
      const bool was_due = was_decided && s.count.sealed;
      if (kind == vote::seal) {
        s.count.sealed = true;
        s.count.branches = closing.branches;
        s.count.not_issued = closing.not_issued;
        s.count.stopped += closing.stopped;
      } else if (was_decided || (kind == vote::deadline && s.count.complete())) {
        return {true, false, false};
      }
      if (kind == vote::success) {
        ++s.count.successes;
      } else if (kind == vote::failure || kind == vote::stopped) {
        ++(weight == vote_weight::excused ? s.count.excused
           : kind == vote::failure        ? s.count.failures
                                          : s.count.stopped);
      }
      if (!was_decided) {
        s.verdict = rule(s.count, kind);
        if (s.verdict.decided()) s.decider = &n;
      }
      n.link = last;
      n.at = s;
      // release: the node and the slot it is in. acquire: so that the decider may read all that are reachable from its own; each
      // push synchronises with the one before it.
      if (alone) {
        last_.store(&n,
                    std::memory_order_release);  // release: whoever learns of the operation later reads it through this
      }
      if (alone || last_.compare_exchange_weak(last, &n, std::memory_order_acq_rel, std::memory_order_acquire)) {
        const bool is_due = s.verdict.decided() && s.count.sealed;
        return {false, !was_decided && s.verdict.decided(), is_due && !was_due};
      }
    }
  }

  /// Whether the votes so far decide.
  bool decided() const noexcept {
    const node* newest = last();
    return newest != nullptr && static_cast<standing>(newest->at).verdict.decided();
  }

  /// How things stand; null before the first vote. What is reachable from it may be read.
  const node* last() const noexcept { return last_.load(std::memory_order_acquire); }

 private:
  typename Platform::template atomic<node*> last_{nullptr};  // the newest vote
};

}  // namespace fanout::detail

#endif
