// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_REVOCABLE_HPP
#define DGREP_REVOCABLE_HPP

#include <atomic>
#include <optional>
#include <utility>

#include "fanout/executor.hpp"
#include "fanout/stop_token.hpp"

namespace dgrep {

/// Work on a branch that it may lose: a thread in a read that nothing can interrupt must not keep everybody else waiting.
///
/// Whoever asks the branch to stop reports for it, at once, unless the work is just using it; then the work finds out by the next
/// `lend` and reports itself. So stop is never further away than one use of the branch, and does not wait for files.
///
/// Owns itself. Whoever revoked the branch, and the work, both let go of it; the second one deletes it.
template <class Branch>
class revocable : public fanout::work {
 public:
  revocable(const revocable&) = delete;
  revocable& operator=(const revocable&) = delete;

 protected:
  /// What may happen to a branch that its work does not use.
  enum class use : unsigned char {
    waits = 0,  // in a queue
    away = 2,   // a thread waits for the system
  };

  explicit revocable(Branch branch) : branch_(std::move(branch)) {}
  virtual ~revocable() = default;

  /// Called when the branch has been revoked, before it reports. `is_away`: a thread may hang.
  virtual void revoked(bool is_away) noexcept = 0;

  /// Whoever asks one of them to stop will revoke the branch. Once, before the first `lend`.
  void revoke_on(fanout::inplace_stop_token branch, fanout::inplace_stop_token host) {
    on_stop_.emplace(branch, asked{this});
    on_giving_up_.emplace(host, asked{this});
  }

  /// From here on the branch may be revoked. False: it was asked to stop, and is still ours. pre: in use
  bool lend(use as) noexcept {
    unsigned char expected = in_use;
    // release: what was done to the branch, to whoever revokes it
    return state_.compare_exchange_strong(expected, static_cast<unsigned char>(as), std::memory_order_acq_rel);
  }
  /// The branch is in use again. False: it was revoked; `leave()` is all that is left to do. pre: lent as that
  bool take_back(use from) noexcept {
    auto expected = static_cast<unsigned char>(from);
    // acquire: what another thread of the work did before it lent the branch
    return state_.compare_exchange_strong(expected, in_use, std::memory_order_acq_rel);
  }

  Branch& branch() noexcept { return branch_; }
  /// To be reported at last, and the work deleted. pre: in use
  Branch finish() noexcept {
    listen_no_more();  // joins one that is just finding out that the branch is in use
    Branch last = std::move(branch_);
    delete this;
    return last;
  }
  void leave() noexcept {
    // release: this party's last access; acquire: the other's, by the second
    if ((state_.fetch_or(left, std::memory_order_acq_rel) & left) != 0) delete this;
  }

 private:
  static constexpr unsigned char in_use = 1, stop = 4, left = 8;

  struct asked {
    revocable* self;
    void operator()() const noexcept { self->stop_was_requested(); }
  };
  void stop_was_requested() noexcept {
    const unsigned char before =
        state_.fetch_or(stop, std::memory_order_acq_rel);  // acquire, release: as for the others
    if ((before & (in_use | stop)) != 0) return;
    revoked(before == static_cast<unsigned char>(use::away));
    listen_no_more();  // this very callback, too: what it is registered with may be gone once the branch has reported
    Branch revoked_one = std::move(branch_);
    leave();
    std::move(revoked_one).set_stopped();
  }

  void listen_no_more() noexcept {
    on_stop_.reset();
    on_giving_up_.reset();
  }

  std::atomic<unsigned char> state_{in_use};
  Branch branch_;
  std::optional<fanout::inplace_stop_callback<asked>> on_stop_{}, on_giving_up_{};
};

}  // namespace dgrep

#endif
