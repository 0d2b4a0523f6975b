// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_FUZZ_MODEL_HPP
#define FANOUT_TESTS_FUZZ_MODEL_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <vector>

#include <fanout/errc.hpp>
#include <fanout/reason.hpp>
#include <fanout/stream.hpp>

// What an operation should do, written from its contract and for one thread: no count, no slots, no lists of votes, just
// who has reported what, in which order, and what follows. It is told of every event before the library is, and of
// every call that the library makes; what does not fit is a discrepancy.
namespace fuzz {

using fanout::errc;
using fanout::flow;
using fanout::reason;

inline constexpr int most_branches = 8;
inline constexpr int nobody = -1;
constexpr int number(errc e) noexcept { return static_cast<int>(e); }
/// The error that branch i fails with, if it is its own.
constexpr int own_error(int i) noexcept { return 100 + i; }

[[noreturn]] void discrepancy(const char* what, int i = nobody) noexcept;

enum class policy { all, settle, with, in_order, first_success, first, limits, reduce, each, merge };

struct rules {
  policy what = policy::all;
  bool at_decided = false;
  bool has_on_late = false;
  bool is_known = true;     // the operation knows N from the beginning
  bool is_pulled = false;   // by a description; otherwise issued by hand
  bool is_counted = false;  // pulled: the description knows N
  int n = 0;                // N, or how many elements there are
  int quorum = -1;          // limits: so many successes decide; -1: none do
  int most_errors = -1;     // limits: more failures decide; -1: none do
  bool partial = false;     // limits, merge
  bool keeps_losers = false;
  bool tolerates = false;     // merge
  bool late_streams = false;  // merge
  int pause_at = 1, resume_at = 0;
  int window = most_branches;
  int canary = 0;
  bool hops = false;  // the completion runs on an executor

  bool votes() const noexcept {
    return what == policy::first_success || what == policy::first || what == policy::limits;
  }
  bool merges() const noexcept { return what == policy::merge; }
  bool folds() const noexcept { return what == policy::reduce || what == policy::each || merges(); }
  /// Every error is the policy's; otherwise the first one is the operation's.
  bool keeps_errors() const noexcept { return what == policy::settle || what == policy::each || tolerates; }
};

enum class state : unsigned char { unstarted, running, value, failed, stopped };

struct report {
  int branch;
  state came_to;
  int error;  // where it failed
  bool operator==(const report&) const = default;
};

/// What the completion is given, whatever the policy: expected by the model, and read off the real one.
struct outcome {
  bool success = false;
  int index = nobody;  // of the cause; settle: of what disturbed the operation
  int cause = 0;
  int suppressed = 0;
  reason why = reason::error_limit;
  std::vector<report> reports;  // in the order of the outcome
  std::vector<int> missing;
  int successes = 0, failures = 0, stopped = 0;  // each; stopped: merge, too
  int delivered = 0, disorder = 0;               // merge
  bool operator==(const outcome&) const = default;
};

/// One of a stream's items.
struct piece {
  int stream, position, key;
  bool operator==(const piece&) const = default;
};

class model {
 public:
  explicit model(const rules& r) : is_(r), n_known_(r.is_known) {
    if (!is_.votes()) return;
    judge();
    stop_asked_ = decided_;  // by nothing that could be lost: nothing is started, whether losers are kept or not
  }

  // ---- what happens -----------------------------------------------------------------------------------------------------

  /// Branch i is started by hand. Whether its initiator is to run: once stop was requested, it settles as stopped.
  bool starts(int i) {
    if (sealed_) discrepancy("the plan starts a branch after the seal", i);
    if (at(i).came_to != state::unstarted) discrepancy("the plan starts a branch twice", i);
    ++started_;
    at(i).came_to = state::running;
    if (!stop_asked_) return true;
    reports(i, state::stopped, 0);
    return false;
  }
  /// The library starts branch i of its own accord.
  void pulled(int i) {
    if (i != started_ || i >= is_.n) discrepancy("elements are not pulled one after the other", i);
    if (sealed_) discrepancy("a branch is started after the seal", i);
    if (is_over()) discrepancy("a branch is started after the outcome is decided", i);
    if (in_flight() >= is_.window) discrepancy("more branches are in flight than the window is wide", i);
    if (i >= is_.canary && !canary_lives()) discrepancy("a branch is started before the canary has succeeded", i);
    ++started_;
    has_pulled_ = true;
    at(i).came_to = state::running;
  }
  /// Branch i completes.
  void reports(int i, state came_to, int error) {
    if (at(i).came_to != state::running) discrepancy("the plan completes a branch that is not running", i);
    at(i).came_to = came_to;
    at(i).error = error;
    if (is_.votes()) return votes(i);
    if (!is_.keeps_errors()) {
      if (came_to == state::failed) note(i, error);
      if (came_to == state::stopped) noise_ = true;
      if (came_to != state::value) stop_asked_ = true;
    }
    if (is_.folds()) queue_.push_back({published::report, i});
  }
  /// Stream i emits items, all in one chunk, or a watermark; what is emitted after a stop request is lost.
  void emits(int i, std::vector<piece> items) {
    if (stop_asked_ || items.empty()) return;
    at(i).buffered += static_cast<int>(items.size());
    queue_.push_back({published::items, i, 0, std::move(items)});
  }
  void marks(int i, int bound) {
    if (!stop_asked_) queue_.push_back({published::watermark, i, bound});
  }
  /// What the producer is told then.
  flow says(int i) const {
    if (stop_asked_) return flow::stop;
    return at(i).buffered >= is_.pause_at ? flow::pause : flow::go;
  }
  /// Stream i waits to be resumed.
  void waits(int i) {
    at(i).waits = true;
    queue_.push_back({published::wish, i});
  }
  /// Around a call that completes a branch, or lets time pass. The outermost one works off what is published meanwhile.
  void enters() { ++calls_; }
  void leaves(bool inside_initiator) {
    if (--calls_ == 0) advance();
    returned(inside_initiator);
  }
  /// The call that completed a branch, or asked for a stop, is back. Where the library issues, it may have ended that.
  void returned(bool inside_initiator) {
    if (is_.is_pulled && !inside_initiator && !folding_ && !seal_due_) seal_if_due();
  }
  /// Branch i's initiator throws, although somebody else has the branch: it will report all the same, or has.
  void initiator_throws_too(int i) {
    note(i, number(errc::initiator_threw));
    if (is_.what == policy::settle || is_.votes()) return;
    // The streams are told at once, unless they were told to stop before.
    if (is_.merges() && !stop_asked_ && !folding_) drop_items();
    stop_asked_ = true;
  }
  void stop_is_requested() {
    if (!delivered_ && !(hopping_ && drained())) stop_asked_ = true;
  }
  void issuer_stops() { stop_is_requested(); }
  /// E7: completion, failure and stop win, if they were first. At decided, a stop request decides nothing, and the
  /// deadline bounds the wait for those that ignore it.
  void deadline_passes() {
    if (delivered_ || (hopping_ && drained()) || (stop_asked_ && !is_.at_decided)) return;
    if (is_.folds()) {
      queue_.push_back({published::deadline, nobody});
      knew_at_deadline_ = n_known_;
    } else if (is_.votes()) {
      if (decided_ || (n_known_ && left() == 0)) return;
      decide(is_.what == policy::limits && is_.partial, reason::deadline);
    } else {
      if (n_known_ && left() == 0) return;
      if (!caused_) cause_at_deadline();
      stop_asked_ = true;
    }
  }
  void is_sealed() {
    if (sealed_) discrepancy("the plan seals twice");
    sealed_ = true;
    seal_due_ = false;
    if (!n_known_ && !is_.is_counted) is_.n = started_;
    // What ends early, and has not seen the end of its elements, is not complete, although nobody knows what it lacks.
    is_cut_ = is_.is_pulled && !is_.is_counted && is_over();
    if (is_cut_) first_unstarted_ = started_;
    n_known_ = true;
    for (int i = is_.n; i-- != 0;) {
      if (at(i).came_to == state::unstarted) first_unstarted_ = i, ++unstarted_;
    }
    if (is_.merges()) queue_.push_back({published::seal, nobody});
    if (!is_.votes() || decided_) return;
    // What was not started because a stop was requested is stopped.
    (stop_asked_ ? stopped_unstarted_ : not_issued_) = unstarted_ + (is_cut_ ? 1 : 0);
    if (caused_) {
      decide(false, reason::error_limit);
    } else {
      judge();
    }
  }
  /// Issuing ends by an exception; what is running is asked to stop first.
  void issuer_throws() {
    if (is_.is_known && !is_.is_pulled && started_ == is_.n) return is_sealed();
    note(nobody, number(errc::issuer_threw));
    stop_asked_ = true;
    seal_due_ = true;
  }

  // ---- what the library calls ---------------------------------------------------------------------------------------------

  /// A sink, or reduce's function, is called for branch i.
  void sink_called(int i, state came_to, int error, bool inside_initiator) {
    if (folding_) discrepancy("a sink is called inside itself", i);
    advance();
    // If it has pulled since the last one was folded, it may have come to the end.
    if (has_pulled_) returned(inside_initiator);
    if (queue_.empty() || queue_.front().i != i) discrepancy("a report is shown out of turn, or after the decision", i);
    if (at(i).came_to != came_to) discrepancy("a report is shown as something else", i);
    if (at(i).error != error) discrepancy("a failure is shown with another error", i);
    folding_ = true;
    shown_.push_back({i, came_to, error});
  }
  void sink_returned(bool says_decided, bool threw, bool inside_initiator) {
    folding_ = has_pulled_ = false;
    at(queue_.front().i).folded = true;
    ++folded_;
    queue_.pop_front();
    if (threw) note(nobody, number(errc::policy_threw));
    if (says_decided) folded_enough_ = true;
    if (threw || says_decided) stop_asked_ = true;
    returned(inside_initiator);
  }
  /// A merge's sink is called for an item.
  void item_delivered(const piece& x) {
    if (folding_) discrepancy("a sink is called inside itself", x.stream);
    seal_if_due();
    while (next_out() == nobody && step()) {}
    const int i = next_out();
    if (i == nobody)
      discrepancy("an item goes out although another one may precede it, or after the decision", x.stream);
    if (at(i).items.front().it != x) discrepancy("another item goes out than the next one", x.stream);
    folding_ = true;
  }
  void item_sink_returned(const piece& x, bool says_decided, bool threw) {
    folding_ = false;
    stream_state& s = at(x.stream);
    if (went_out_++ != 0 && x.key < greatest_) {
      ++disorder_;
    } else {
      greatest_ = x.key;
    }
    s.buffered -= s.items.front().makes_room;
    s.items.pop_front();
    if (s.items.empty()) s.raise(x.key);
    if (threw) note(nobody, number(errc::policy_threw));
    if (!threw && !says_decided) return;
    stop_asked_ = pump_stopped_ = true;
    pump_threw_ = threw;
    // At the deadline, partial, it is decided anyway.
    if (says_decided && queue_.front().what != published::deadline) folded_enough_ = true;
  }
  /// Stream i's function is called, once it may go on.
  void resumes(int i) {
    if (folding_) discrepancy("a stream is resumed from inside a sink", i);
    if (!at(i).waits) discrepancy("a stream is resumed that does not wait", i);
    if (at(i).came_to != state::running) discrepancy("a stream is resumed after it has completed", i);
    seal_if_due();
    if (begun_ && !step()) discrepancy("a stream is resumed before what may go out has gone out", i);
    while (!at(i).ready && step()) {}
    if (!at(i).ready) settle();  // a stop request from outside, which is folded, too
    if (!at(i).ready) discrepancy("a stream is resumed although it is still to wait", i);
    at(i).waits = at(i).heard = at(i).ready = false;
    folding_ = true;
  }
  void resumed() { folding_ = false; }

  /// `with` or reduce_in_order is at work: on all values at once.
  void combine_called() {
    if (is_.hops && !hopping_) discrepancy("values are combined before the hop");
    seal_if_due();
    if (!drained() || lacks_some()) discrepancy("values are combined although some are lacking");
  }
  void combine_throws() { note(nobody, number(errc::policy_threw)); }

  void late_value(int i) {
    advance();
    if (!is_late(i)) seal_if_due();
    if (!is_late(i)) discrepancy("on_late is given what is not late", i);
  }
  void stop_arrives(int i) {
    if (at(i).came_to != state::running) discrepancy("a branch is told to stop after it has reported", i);
    while (!stop_asked_ && step()) {}
    if (!stop_asked_) seal_if_due();
    while (!stop_asked_ && step()) {}
    if (!stop_asked_) discrepancy("a branch is told to stop without a reason", i);
  }
  /// The operation is posted to its executor.
  void hops() {
    if (hopping_) discrepancy("posted twice");
    becomes_due();
    hopping_ = true;
  }
  outcome completes() {
    if (delivered_) discrepancy("the completion runs twice");
    if (!is_.hops) becomes_due();
    if (is_.hops && !hopping_) discrepancy("the completion runs before the hop");
    delivered_ = true;
    return expected();
  }

  // ---- between events -------------------------------------------------------------------------------------------------------

  void rests() {
    has_pulled_ = false;
    advance();
    seal_if_due();
    advance();
    if (!queue_.empty()) discrepancy("a report, or an item, was not shown", queue_.front().i);
    if (is_.is_pulled && !sealed_ && has_room() && started_ < is_.n) {
      discrepancy("there is room in the window, and no branch was started", started_);
    }
    for (int i = 0; i != most_branches; ++i) {
      if (may_resume(i)) discrepancy("a stream was not resumed", i);
    }
    if (deliverable() && !delivered_ && !hopping_) discrepancy("it should have been delivered");
  }
  /// The completion waits for its executor.
  bool is_posted() const noexcept { return hopping_ && !delivered_; }
  /// Items that were emitted and are neither delivered nor dropped.
  int items_held() const noexcept {
    int n = 0;
    for (const branch& b : branches_) n += static_cast<int>(b.items.size());
    return n;
  }
  /// Streams that wait to be resumed.
  int waiting() const noexcept {
    return static_cast<int>(std::count_if(branches_.begin(), branches_.end(), [](const branch& b) { return b.waits; }));
  }
  bool is_waiting(int i) const noexcept { return at(i).waits; }
  /// Whether nothing goes out because stream i may bring what precedes it.
  bool is_awaited(int i) const noexcept { return i < started_or_known() && !at(i).ended && at(i).items.empty(); }
  /// Somebody is in a call that completes a branch, or lets time pass.
  bool is_called() const noexcept { return calls_ != 0; }
  bool delivered() const noexcept { return delivered_; }
  bool stop_asked() const noexcept { return stop_asked_; }
  bool is_decided() const noexcept { return stop_asked_ || decided_; }
  bool sealed() const noexcept { return sealed_; }
  int started() const noexcept { return started_; }
  bool is_unstarted(int i) const noexcept { return at(i).came_to == state::unstarted; }
  bool is_running(int i) const noexcept { return at(i).came_to == state::running; }
  bool has_value(int i) const noexcept { return at(i).came_to == state::value; }
  /// Branch i has a value that came too late.
  bool is_late(int i) const noexcept { return at(i).late && has_value(i); }
  int running() const noexcept {
    return static_cast<int>(
        std::count_if(branches_.begin(), branches_.end(), [](const branch& b) { return b.came_to == state::running; }));
  }

 private:
  // What is published for the policy, and not folded yet.
  struct published {
    enum kind { report, deadline, items, watermark, wish, seal } what;
    int i;
    int bound = 0;
    std::vector<piece> chunk = {};
  };
  struct stream_state {
    struct waiting {
      piece it;
      int makes_room;  // so many: a chunk is given back with its last item
    };
    std::deque<waiting> items;
    int bound = 0, buffered = 0;
    bool has_bound = false, ended = false;
    bool waits = false, heard = false, ready = false;  // to be resumed; its wish is folded; its turn has come

    void raise(int to) {
      if (!has_bound || bound < to) bound = to;
      has_bound = true;
    }
  };
  struct branch : stream_state {
    state came_to = state::unstarted;
    int error = 0;
    bool late = false, folded = false;
  };
  branch& at(int i) { return branches_[static_cast<std::size_t>(i)]; }
  const branch& at(int i) const { return branches_[static_cast<std::size_t>(i)]; }

  /// The operation's cause: the first one stays, and counts those after it.
  void note(int i, int error) {
    if (caused_) {
      ++suppressed_;
    } else {
      caused_ = true, index_ = i, cause_ = error;
    }
  }
  void cause_at_deadline() {
    note(nobody, number(errc::deadline));
    why_cause_ = reason::deadline;
  }

  // ---- issuing ----

  bool canary_lives() const {
    return std::all_of(branches_.begin(), branches_.begin() + std::min(is_.canary, started_),
                       [](const branch& b) { return b.came_to == state::value; });
  }
  // What is folded makes room when it has been.
  bool is_done(const branch& b) const { return is_.folds() ? b.folded : b.came_to > state::running; }
  int in_flight() const {
    return started_ - static_cast<int>(std::count_if(branches_.begin(), branches_.end(),
                                                     [this](const branch& b) { return is_done(b); }));
  }
  bool canary_is_in() const {
    return started_ >= is_.canary && std::all_of(branches_.begin(), branches_.begin() + is_.canary,
                                                 [this](const branch& b) { return is_done(b); });
  }
  bool is_over() const { return stop_asked_ || decided_ || (canary_is_in() && !canary_lives()); }
  bool has_room() const {
    return in_flight() < is_.window && (started_ < is_.canary || (canary_is_in() && canary_lives()));
  }
  void seal_if_due() {
    if (sealed_ || !(seal_due_ || is_.is_pulled)) return;
    if (seal_due_ || is_over() || (started_ == is_.n && (is_.is_counted || has_room()))) is_sealed();
  }

  // ---- voting ----

  int count(state s) const {
    return static_cast<int>(std::count_if(in_.begin(), in_.end(), [=](const report& r) { return r.came_to == s; }));
  }
  /// How many may still report.
  int left() const {
    if (is_.votes()) return is_.n - static_cast<int>(in_.size()) - unstarted_;
    if (is_.folds()) return is_.n - unstarted_ - folded_;
    return is_.n - unstarted_ - (started_ - running());
  }
  void votes(int i) {
    if (decided_) {
      at(i).late = true;
      return;
    }
    in_.push_back({i, at(i).came_to, at(i).error});
    judge();
  }
  void judge() {
    const int successes = count(state::value), failures = count(state::failed);
    const bool may_change = !n_known_ || left() != 0;
    if (is_.what == policy::limits) {
      if (is_.quorum >= 0) {
        if (successes >= is_.quorum) return decide(true, reason::quorum);
        if (n_known_ && successes + left() < is_.quorum) return decide(false, reason::error_limit);
      }
      if (is_.most_errors >= 0 && failures > is_.most_errors) return decide(false, reason::error_limit);
      if (is_.quorum >= 0 || may_change || !sealed_) return;
      const int stopped = count(state::stopped) + stopped_unstarted_;
      if (is_.most_errors < 0 || stopped + not_issued_ == 0) return decide(true, reason::completed);
      return decide(false, stopped != 0 ? reason::stopped : reason::error_limit);
    }
    if (successes != 0) return decide(true, reason::quorum);
    if (is_.what == policy::first && failures != 0) return decide(false, reason::error_limit);
    if (!may_change) decide(false, reason::error_limit);
  }
  void decide(bool met, reason why) {
    decided_ = true, met_ = met, why_ = why;
    if (!is_.keeps_losers) stop_asked_ = true;
  }

  // ---- folding ----

  bool is_over_for_folder() const { return folded_enough_ || caused_; }
  bool folds_no_more() const {
    return is_over_for_folder() || (noise_ && (is_.what == policy::reduce || (is_.merges() && !is_.tolerates)));
  }
  /// Works off what is published, up to what has to be shown.
  void advance() {
    while (step()) {}
  }
  /// One of them; false if there is none, or it has to be shown first.
  bool step() {
    if (folding_ || queue_.empty()) return false;
    if (is_.merges()) return step_merge();
    const published& p = queue_.front();
    if (p.what == published::deadline) {
      if (!is_over_for_folder() && !(knew_at_deadline_ && left() == 0)) cause_at_deadline(), stop_asked_ = true;
    } else {
      if (folds_no_more()) {
        at(p.i).late = true;
      } else if (is_.what == policy::each || has_value(p.i)) {
        return false;
      }
      at(p.i).folded = true, ++folded_;
    }
    queue_.pop_front();
    return true;
  }

  // ---- merging ----

  int started_or_known() const { return is_.is_known ? is_.n : started_; }
  bool step_merge() {
    if (!begun_) begin(queue_.front());
    begun_ = true;
    if (next_out() != nobody) return false;
    end(queue_.front());
    begun_ = pumps_ = pump_stopped_ = pump_threw_ = false;
    queue_.pop_front();
    settle();
    return true;
  }
  void begin(published& p) {
    pumps_ = !is_over_for_folder();
    if (pumps_) {
      joined_ = started_or_known();
      if (is_.is_known) all_joined_ = true;
    }
    switch (p.what) {
      case published::report:
        return begin_report(p.i);
      case published::items:
        if (!pumps_) at(p.i).buffered -= static_cast<int>(p.chunk.size());
        for (const piece& x : p.chunk) {
          if (pumps_) at(p.i).items.push_back({x, x == p.chunk.back() ? static_cast<int>(p.chunk.size()) : 0});
        }
        break;
      case published::watermark:
        at(p.i).raise(p.bound);
        break;
      case published::wish:
        at(p.i).heard = at(p.i).waits;
        break;
      case published::seal:
        if (!pumps_) break;
        all_joined_ = true;
        for (int i = 0; i != is_.n; ++i) {
          if (at(i).came_to == state::unstarted) at(i).ended = true;
        }
        break;
      case published::deadline:
        if (knew_at_deadline_ && left() == 0) pumps_ = false;
        if (!pumps_ || !is_.partial) break;
        all_joined_ = true;
        for (branch& b : branches_) b.ended = true;
        break;
    }
  }
  void begin_report(int i) {
    branch& b = at(i);
    b.waits = b.heard = b.ready = false;
    b.folded = true, ++folded_;
    if (folds_no_more()) {
      b.late = true;
      return;
    }
    b.ended = true;
    if (b.came_to == state::failed) shown_.push_back({i, b.came_to, b.error});
    if (b.came_to == state::stopped) ++gave_up_;
  }
  void end(const published& p) {
    if (p.what == published::deadline && pumps_ && !pump_threw_) {
      if (is_.partial) {
        folded_enough_ = true;
      } else if (!caused_) {
        cause_at_deadline();
      }
      stop_asked_ = true;
    }
    const bool is_last = sealed_ && left() == 0 && queue_.size() == 1;
    if (!is_over_for_folder() && !is_last) return;
    drop_items();
  }
  void drop_items() {
    for (branch& b : branches_) b.items.clear(), b.buffered = 0;
  }
  /// Whose item goes out next, now: the first one by key, stream and position, if nothing can precede it any more.
  int next_out() const {
    if (!pumps_ || pump_stopped_ || !(all_joined_ || is_.late_streams)) return nobody;
    int first = nobody;
    const auto key_of = [this](int i) { return at(i).items.empty() ? at(i).bound : at(i).items.front().it.key; };
    for (int i = 0; i != joined_; ++i) {
      const branch& b = at(i);
      if (b.items.empty() && b.ended) continue;
      if (b.items.empty() && !b.has_bound) return nobody;
      if (first == nobody || key_of(i) < key_of(first)) first = i;
    }
    return first == nobody || at(first).items.empty() ? nobody : first;
  }
  bool may_resume(int i) const { return at(i).heard && (at(i).buffered <= is_.resume_at || stop_asked_); }
  void settle() {
    for (int i = 0; i != most_branches; ++i) at(i).ready = at(i).ready || may_resume(i);
  }

  // ---- delivering ----

  bool drained() const { return sealed_ && running() == 0 && queue_.empty() && !folding_; }
  bool deliverable() const {
    return drained() || (is_.at_decided && sealed_ && (is_.votes() ? decided_ : folded_enough_ || caused_));
  }

  void becomes_due() {
    advance();
    seal_if_due();
    advance();
    if (!sealed_) discrepancy("delivered before the seal");
    if (!deliverable()) {
      discrepancy(is_.at_decided ? "delivered before it is decided" : "delivered before it is drained");
    }
  }

  outcome expected() const {
    switch (is_.what) {
      case policy::first_success:
      case policy::first:
      case policy::limits:
        return voted();
      case policy::settle:
        return settled();
      case policy::each:
        if (!folded_enough_ && (caused_ || unstarted_ != 0 || is_cut_)) return failed();
        return told();
      case policy::merge:
        if (!folded_enough_ && (caused_ || (noise_ && !is_.tolerates) || unstarted_ != 0 || is_cut_)) return failed();
        return merged();
      default:
        if (lacks_some()) return failed();
        return is_.folds() ? folded() : in_index_order();
    }
  }
  bool lacks_some() const { return caused_ || noise_ || unstarted_ != 0 || is_cut_; }
  outcome failed() const {
    outcome o;
    if (caused_) {
      o.index = index_, o.cause = cause_, o.suppressed = suppressed_, o.why = why_cause_;
    } else if (noise_ || stop_asked_) {
      o.cause = number(errc::stopped), o.why = reason::stopped;
    } else {
      o.index = first_unstarted_, o.cause = number(errc::not_issued);
    }
    return o;
  }
  outcome in_index_order() const {
    outcome o;
    o.success = true;
    for (int i = 0; i != is_.n; ++i) {
      const bool unstarted = at(i).came_to == state::unstarted;
      o.reports.push_back(
          {i, unstarted ? state::failed : at(i).came_to, unstarted ? number(errc::not_issued) : at(i).error});
    }
    return o;
  }
  outcome settled() const {
    outcome o = in_index_order();
    if (is_cut_ && !caused_) {
      const outcome cut = failed();
      o.index = cut.index, o.cause = cut.cause, o.why = cut.why;
    }
    if (caused_) o.index = index_, o.cause = cause_, o.suppressed = suppressed_, o.why = why_cause_;
    return o;
  }
  outcome folded() const {
    outcome o;
    o.success = true;
    o.reports = shown_;
    return o;
  }
  outcome told() const {
    outcome o;
    o.success = true;
    for (const report& r : shown_) {
      ++(r.came_to == state::value ? o.successes : r.came_to == state::failed ? o.failures : o.stopped);
    }
    return o;
  }
  outcome merged() const {
    outcome o;
    o.success = true;
    o.delivered = went_out_, o.disorder = disorder_;
    o.reports = shown_, o.stopped = gave_up_;
    return o;
  }
  outcome voted() const {
    outcome o;
    o.success = met_;
    o.reports = in_;
    for (int i = 0; i != is_.n; ++i) {
      if (std::none_of(in_.begin(), in_.end(), [=](const report& r) { return r.branch == i; })) o.missing.push_back(i);
    }
    o.why = why_;
    if (met_) {
      if (is_.what == policy::limits) return o;
      const auto won = std::find_if(in_.begin(), in_.end(), [](const report& r) { return r.came_to == state::value; });
      outcome winner;
      winner.success = true;
      winner.reports.push_back(*won);
      return winner;
    }
    const auto first = std::find_if(in_.begin(), in_.end(), [](const report& r) { return r.came_to == state::failed; });
    o.suppressed = count(state::failed);
    if (caused_) {
      o.index = index_, o.cause = cause_, o.suppressed = suppressed_, o.why = why_cause_;
    } else if (why_ == reason::deadline || why_ == reason::stopped) {
      o.cause = number(why_ == reason::deadline ? errc::deadline : errc::stopped);
    } else if (first != in_.end()) {
      o.index = first->branch, o.cause = first->error, --o.suppressed;
    } else if (count(state::stopped) + stopped_unstarted_ != 0) {
      o.cause = number(errc::stopped), o.why = reason::stopped;
    } else if (not_issued_ != 0) {
      o.index = first_unstarted_, o.cause = number(errc::not_issued);
    } else {
      o.cause = number(is_.what == policy::limits ? errc::unreachable : errc::no_candidates);
    }
    return o;
  }

  rules is_;
  bool n_known_;
  std::array<branch, most_branches> branches_{};
  int started_ = 0;
  int unstarted_ = 0, first_unstarted_ = nobody;  // from the seal on
  bool is_cut_ = false, has_pulled_ = false;
  bool stop_asked_ = false, sealed_ = false, seal_due_ = false, hopping_ = false, delivered_ = false;

  bool caused_ = false, noise_ = false;
  int index_ = nobody, cause_ = 0, suppressed_ = 0;
  reason why_cause_ = reason::error_limit;

  std::vector<report> in_;  // what was voted, in order, until it was decided
  bool decided_ = false, met_ = false;
  reason why_ = reason::completed;
  int not_issued_ = 0, stopped_unstarted_ = 0;  // of a vote that the seal found undecided

  std::deque<published> queue_;
  std::vector<report> shown_;  // merge: streams that failed, where that is tolerated
  int folded_ = 0, calls_ = 0;
  bool folding_ = false, folded_enough_ = false, knew_at_deadline_ = false;

  int joined_ = 0;                                  // streams that the merge knows of
  bool all_joined_ = false;                         // there will be no others
  bool begun_ = false, pumps_ = false;              // the front of the queue is; it may deliver
  bool pump_stopped_ = false, pump_threw_ = false;  // by the sink
  int went_out_ = 0, disorder_ = 0, greatest_ = 0, gave_up_ = 0;
};

}  // namespace fuzz

#endif
