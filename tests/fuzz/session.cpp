// SPDX-License-Identifier: BSL-1.0
#include "session.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <fanout/callback/c_checked.hpp>

namespace fuzz {

bool says_all = false;

namespace {

session* playing = nullptr;
const std::uint8_t* input = nullptr;
std::size_t input_size = 0;

constexpr const char* front_names[] = {"issue(n)",
                                       "issue(n), connected",
                                       "issue(), connected",
                                       "issue(n), connected, posted",
                                       "description",
                                       "description, connected",
                                       "description, uncounted, connected",
                                       "description, connected, posted"};
constexpr const char* kind_names[] = {"all",
                                      "settle",
                                      "with",
                                      "reduce_in_order",
                                      "first_success",
                                      "first",
                                      "quorum",
                                      "at_most_errors",
                                      "reduce",
                                      "each",
                                      "first_success at decided",
                                      "quorum at decided",
                                      "at_most_errors at decided",
                                      "reduce at decided",
                                      "each at decided",
                                      "merge",
                                      "merge, tolerant",
                                      "merge at decided"};
constexpr const char* start_names[] = {"keep",    "value",          "error",          "stopped",
                                       "dropped", "throw and drop", "keep and throw", "value and throw"};
constexpr const char* reaction_names[] = {"ignores", "stopped", "value", "error"};
constexpr const char* fold_names[] = {"nothing", "decide",  "throw", "value", "error",
                                      "stopped", "dropped", "stop",  "tick"};
constexpr const char* resume_names[] = {"nothing", "emit", "watermark", "wait", "value", "error", "stopped", "stop"};

constexpr start_with start_from(int nibble) {
  constexpr start_with table[] = {start_with::value,          start_with::value,          start_with::error,
                                  start_with::stopped,        start_with::dropped,        start_with::throw_and_drop,
                                  start_with::keep_and_throw, start_with::value_and_throw};
  const start_with s = nibble < 8 ? start_with::keep : table[nibble - 8];
  return !can_throw && s >= start_with::throw_and_drop ? start_with::error : s;
}
constexpr int reaction_from(int nibble) { return nibble < 8 ? 0 : nibble < 12 ? 1 : nibble < 14 ? 2 : 3; }
constexpr fold_with fold_from(int nibble) {
  const fold_with f = nibble < 8 ? fold_with::nothing : static_cast<fold_with>(nibble - 7);
  return !can_throw && f == fold_with::throws ? fold_with::decide : f;
}

rules rules_for(front from, kind which) {
  rules r;
  r.at_decided = at_decided(which);
  switch (which) {
    case kind::all:
      r.what = policy::all;
      break;
    case kind::settle:
      r.what = policy::settle;
      break;
    case kind::with:
      r.what = policy::with;
      break;
    case kind::in_order:
      r.what = policy::in_order;
      break;
    case kind::first_success:
    case kind::first_success_now:
      r.what = policy::first_success;
      break;
    case kind::first:
      r.what = policy::first;
      break;
    case kind::quorum:
    case kind::quorum_now:
    case kind::errors:
    case kind::errors_now:
      r.what = policy::limits;
      break;
    case kind::reduce:
    case kind::reduce_now:
      r.what = policy::reduce;
      break;
    case kind::each:
    case kind::each_now:
      r.what = policy::each;
      break;
    case kind::merge:
    case kind::merge_now:
      r.what = policy::merge;
      break;
    case kind::merge_tolerant:
      r.what = policy::merge;
      r.tolerates = true;
      break;
  }
  r.hops = is_posted(from);
  // A merge has no window, so that its description starts one branch after the other.
  r.is_pulled = is_described(from) && !r.merges();
  r.is_counted = is_described(from) && from != front::pulled_uncounted;
  r.is_known = is_described(from) ? r.is_counted && (r.merges() || !r.folds()) : from != front::open;
  r.has_on_late = (r.at_decided && !r.merges()) || which == kind::quorum || which == kind::reduce;
  return r;
}

/// Everything that the input says of the operation's rules.
rules read_rules(bytes& in, front from, kind which) {
  rules r = rules_for(from, which);
  r.n = in.below(7);
  const int k = in.below(r.n + 2), e = in.below(4) - 1, flags = in.next();
  if (which == kind::quorum || which == kind::quorum_now) r.quorum = k;
  if (r.what == policy::limits) {
    r.most_errors = which == kind::errors ? std::max(e, 0) : e;
    r.partial = (flags & 1) != 0;
    r.keeps_losers = (flags & 2) != 0;
  }
  r.window = 1 + in.below(r.n + 1);
  r.canary = in.below(4);
  if (r.merges()) {
    r.partial = (flags & 1) != 0;
    r.late_streams = (flags & 2) != 0;
    r.pause_at = 1 + r.canary;
    r.resume_at = (flags >> 2) % r.pause_at;
  }
  return r;
}

int late_callbacks = 0;
std::size_t last_late_callback = 0;
void late_callback(const fanout::late_callback& late) noexcept {
  ++late_callbacks;
  last_late_callback = late.branch;
}

const char* name(state s) {
  constexpr const char* names[] = {"unstarted", "running", "value", "failed", "stopped"};
  return names[static_cast<int>(s)];
}
void print(const char* title, const outcome& o) {
  std::fprintf(
      stderr, "  %s: %s, index %d, cause %d, suppressed %d, why %s, tally %d/%d/%d, delivered %d, disorder %d, reports",
      title, o.success ? "success" : "failure", o.index, o.cause, o.suppressed, to_string(o.why), o.successes,
      o.failures, o.stopped, o.delivered, o.disorder);
  for (const report& r : o.reports) std::fprintf(stderr, " %d:%s:%d", r.branch, name(r.came_to), r.error);
  std::fprintf(stderr, ", missing");
  for (const int i : o.missing) std::fprintf(stderr, " %d", i);
  std::fprintf(stderr, "\n");
}

}  // namespace

void discrepancy(const char* what, int i) noexcept {
  if (playing != nullptr) playing->explain(what, i);
  std::abort();
}

session::session(bytes in, front from, kind which)
    : in_(in), from_(from), which_(which), is_(read_rules(in_, from, which)), model_(is_) {
  const int deadline = in_.below(8);
  const int throw_at = in_.below(16);
  const int flags = in_.next();
  const bool connected = is_connected(from);
  if (connected && deadline != 0) deadline_ = deadline;
  if (can_throw && is_described(from) && throw_at < is_.n) throw_at_ = throw_at;
  stopped_before_ = connected && flags % 16 == 15;
  combine_throws_ = can_throw && (flags & 16) != 0;
  on_completion_ = flags >> 4;
  for (int i = 0; i != is_.n; ++i) {
    const int b = in_.next();
    starts_[at(i)] = start_from(b & 15);
    reactions_[at(i)] = reaction_from(b >> 4);
    emits_at_start_[at(i)] = b % 2 != 0;
  }
  if (from == front::posted) {
    const int c = is_.merges() ? 0 : in_.next();
    for (int i = 0; i != is_.n; ++i) in_c_[at(i)] = (c >> i) % 2 != 0;
  }
  if (from == front::pulled_posted) in_c_.fill(!is_.merges());
  for (int i = 0; i != is_.n; ++i) {
    start_with& how = starts_[at(i)];
    // A C interface has no handle that it could keep, or drop, when it throws.
    if (in_c_[at(i)] && how == start_with::keep_and_throw) how = start_with::throw_and_drop;
  }
  if (is_.folds()) {
    for (std::size_t i = 0; i != folds_.size(); i += 2) {
      const int b = in_.next();
      folds_[i] = fold_from(b & 15);
      folds_[i + 1] = fold_from(b >> 4);
    }
  }
  if (is_.merges()) {
    for (std::size_t i = 0; i != resumes_.size(); i += 2) {
      const int b = in_.next();
      resumes_[i] = static_cast<resume_with>(b % 8);
      resumes_[i + 1] = static_cast<resume_with>(b / 8 % 8);
    }
  }
}

void session::explain(const char* what, int i) const noexcept {
  std::fprintf(stderr, "discrepancy: %s", what);
  if (i != nobody) std::fprintf(stderr, " (%d)", i);
  std::fprintf(stderr, "\n  input ");
  for (std::size_t b = 0; b != input_size; ++b) std::fprintf(stderr, "%02x", input[b]);
  std::fprintf(stderr, "\n  %s of %s, n %d", kind_names[static_cast<int>(which_)], front_names[static_cast<int>(from_)],
               is_.n);
  if (is_.quorum >= 0) std::fprintf(stderr, ", quorum %d", is_.quorum);
  if (is_.most_errors >= 0) std::fprintf(stderr, ", at most %d errors", is_.most_errors);
  if (is_.partial) std::fprintf(stderr, ", partial");
  if (is_.keeps_losers) std::fprintf(stderr, ", keeps losers");
  if (is_.is_pulled) std::fprintf(stderr, ", window %d, canary %d", is_.window, is_.canary);
  if (is_.merges()) std::fprintf(stderr, ", pauses at %d, resumed at %d", is_.pause_at, is_.resume_at);
  if (is_.late_streams) std::fprintf(stderr, ", late streams");
  if (deadline_ != never) std::fprintf(stderr, ", deadline %d", deadline_);
  if (throw_at_ != nobody) std::fprintf(stderr, ", element %d throws", throw_at_);
  if (stopped_before_) std::fprintf(stderr, ", stopped before");
  if (combine_throws_) std::fprintf(stderr, ", combine throws");
  std::fprintf(stderr, "\n");
  for (int b = 0; b != is_.n; ++b) {
    std::fprintf(stderr, "  branch %d:%s%s starts with %s, told to stop: %s\n", b, in_c_[at(b)] ? " in C," : "",
                 is_.merges() && emits_at_start_[at(b)] ? " emits," : "", start_names[static_cast<int>(starts_[at(b)])],
                 reaction_names[reactions_[at(b)]]);
  }
  if (is_.folds()) {
    std::fprintf(stderr, "  sink:");
    for (const fold_with f : folds_) std::fprintf(stderr, " %s", fold_names[static_cast<int>(f)]);
    std::fprintf(stderr, "\n");
  }
  if (is_.merges()) {
    std::fprintf(stderr, "  resumed:");
    for (const resume_with r : resumes_) std::fprintf(stderr, " %s", resume_names[static_cast<int>(r)]);
    std::fprintf(stderr, "\n");
  }
  const std::size_t last = std::min(traced_, trace_.size());
  for (std::size_t e = 0; e != last; ++e) {
    std::fprintf(stderr, "  - %s", trace_[e].what);
    if (trace_[e].i != nobody) std::fprintf(stderr, " %d", trace_[e].i);
    std::fprintf(stderr, "\n");
  }
}

void session::note(const char* what, int i) noexcept {
  if (traced_ < trace_.size()) trace_[traced_] = {what, i};
  ++traced_;
  if (says_all) std::fprintf(stderr, i != nobody ? "- %s %d\n" : "- %s\n", what, i);
}

// ---- a branch's life -----------------------------------------------------------------------------------------------------

void session::element(int i) {
  if (i == throw_at_) {
    note("element throws", i);
    model_.issuer_throws();
    throw_something();
  }
  if (is_.is_pulled) return;
  note("start", i);
  expects_initiator_ = model_.starts(i) ? i : nobody;
}
void session::last_element() {
  if (is_.is_pulled) return;
  note("seal");
  model_.is_sealed();
}

void session::initiated(int i) {
  note("initiator of", i);
  starting_ = false;
  if (is_.is_pulled) return model_.pulled(i);
  if (expects_initiator_ != i) discrepancy("an initiator runs that should not", i);
  expects_initiator_ = nobody;
}

int session::initiate_c(int i, cargo* out, held_branch::c_callback callback, void* context, token_type token) {
  const in_initiator inside(*this);
  initiated(i);
  branches_[at(i)].hold(out, callback, context);
  tokens_[at(i)] = token;
  const start_with how = starts_[at(i)];
  if (how == start_with::throw_and_drop) {
    note("initiator throws", i);
    model_.reports(i, state::failed, number(errc::initiator_threw));
    throw_something();
  } else if (how == start_with::keep || calls_back_at_once(i)) {
    run(i, how, token);
    // Whoever is not trusted returns, or throws, as if it had not called back.
    if (from_ == front::posted && how != start_with::keep) ++expects_late_callbacks_;
    if (how == start_with::value_and_throw) throw_something();
    if (from_ != front::posted || how == start_with::keep) return -EINPROGRESS;
    note("returns a value, too:", i);
    return 0;
  } else if (how == start_with::value) {
    note("returns the value of", i);
    model_.reports(i, state::value, 0);
    *out = cargo(*this, i);
    return 0;
  }
  note("returns the error of", i);
  model_.reports(i, state::failed, own_error(i));
  return i % 4 == 0 ? own_error(i) : -own_error(i);
}
/// What a C interface reports otherwise than by its return value, before it has returned.
bool session::calls_back_at_once(int i) const noexcept {
  return i % 2 != 0 || starts_[at(i)] == start_with::value_and_throw;
}

void session::run(int i, start_with how, token_type token) {
  switch (how) {
    case start_with::keep:
    case start_with::keep_and_throw:
      if (reactions_[at(i)] != 0 && token.stop_possible() && model_.is_running(i)) {
        callbacks_[at(i)].emplace(token, on_stop{this, i});
        if (!model_.is_running(i)) callbacks_[at(i)].reset();
      }
      break;
    case start_with::value:
    case start_with::value_and_throw:
      complete(i, way::value);
      break;
    case start_with::error:
      complete(i, way::error);
      break;
    case start_with::stopped:
      complete(i, way::stopped);
      break;
    default:
      complete(i, way::dropped);
      break;
  }
  if (how == start_with::keep_and_throw || how == start_with::value_and_throw) {
    note("initiator throws", i);
    model_.initiator_throws_too(i);
  }
}

void session::complete(int i, way w) {
  if ((!can_throw || is_.merges()) && w == way::bad_value) w = way::error;
  const bool in_c = branches_[at(i)].is_c();
  if (in_c && w != way::value) w = way::error;
  callbacks_[at(i)].reset();
  switch (w) {
    case way::value:
      note("value of", i);
      model_.reports(i, state::value, 0);
      break;
    case way::error:
      note("error of", i);
      model_.reports(i, state::failed, own_error(i));
      break;
    case way::stopped:
      note("stopped", i);
      model_.reports(i, state::stopped, 0);
      break;
    case way::dropped:
      note("dropped", i);
      model_.reports(i, state::failed, number(errc::abandoned));
      break;
    case way::bad_value:
      note("value that throws of", i);
      model_.reports(i, state::failed, number(errc::initiator_threw));
      break;
  }
  // Whoever is not trusted to call back once does it twice.
  const bool twice = in_c && from_ == front::posted && i % 2 != 0;
  held_branch again = branches_[at(i)];
  model_.enters();
  branches_[at(i)].complete(*this, i, w);
  model_.leaves(initiators_ != 0);
  if (!twice) return;
  note("calls back again", i);
  ++expects_late_callbacks_;
  again.call_back(0);
  if (last_late_callback != at(i)) discrepancy("a second callback is taken for another branch's", i);
}
void held_branch::complete(session& s, int i, way w) {
  if (!is_c()) return calls_->complete(word_, s, i, w);
  if (w == way::value) *door_.out = cargo(s, i);
  call_back(w == way::value ? 0 : i % 4 < 2 ? own_error(i) : -own_error(i));
}
void held_branch::call_back(int status) {
  const door there = std::exchange(door_, {});
  there.callback(status, there.context);
}

void session::complete_lowest(way w) {
  for (int i = 0; i != is_.n; ++i) {
    if (can_complete(i)) return complete(i, w);
  }
}

void session::stop_arrives(int i) noexcept {
  note("told to stop:", i);
  model_.stop_arrives(i);
  if (++told_[at(i)] != 1) discrepancy("a branch is told to stop twice", i);
  react(i);
}
/// What a branch does that was told to stop; inside a call of its own, when that returns.
void session::react(int i) {
  if (!can_complete(i)) return;
  if (reactions_[at(i)] == 1) complete(i, way::stopped);
  if (reactions_[at(i)] == 2) complete(i, way::value);
  if (reactions_[at(i)] == 3) complete(i, way::error);
}

void session::born(int id) noexcept { ++born_[at(id)]; }
void session::dies(int id) noexcept {
  if (++died_[at(id)] > born_[at(id)]) discrepancy("a value is destroyed twice", id);
}

// ---- what the library calls ----------------------------------------------------------------------------------------------

void session::sink(int i, state came_to, int error, bool can_decide) {
  note("sink is shown", i);
  // What is dropped in its own start is reported when its initiator is back: the library is still at it.
  if (!model_.is_called() && reports_on_return(i)) starting_ = true;
  const bool starting = initiators_ != 0 || starting_;
  model_.sink_called(i, came_to, error, starting);
  const fold_with how = folds_[at(calls_of_sink_++) % folds_.size()];
  if (how == fold_with::dropped) complete_lowest(way::dropped);
  acts(how);
  sink_decides_ = can_decide && how == fold_with::decide;
  note(how == fold_with::throws ? "sink throws" : sink_decides_ ? "sink decides" : "sink returns");
  model_.sink_returned(sink_decides_, how == fold_with::throws, starting);
  if (how == fold_with::throws) throw_something();
}

/// What sinks of reports and of items have in common.
void session::acts(fold_with how) {
  switch (how) {
    case fold_with::value:
      complete_lowest(way::value);
      break;
    case fold_with::error:
      complete_lowest(way::error);
      break;
    case fold_with::stopped:
      complete_lowest(way::stopped);
      break;
    case fold_with::stop:
      stop_from_outside();
      break;
    case fold_with::tick:
      tick();
      break;
    default:
      break;
  }
}

bool session::reports_on_return(int i) const noexcept {
  const start_with start = starts_[at(i)];
  if (start == start_with::throw_and_drop) return true;
  if (!in_c_[at(i)]) return start == start_with::dropped;
  return start != start_with::keep && !calls_back_at_once(i);
}

bool session::item_sink(item&& x, bool can_decide) {
  const piece what = item(std::move(x)).what();
  note("sink is given an item of", what.stream);
  model_.item_delivered(what);
  const fold_with how = folds_[at(calls_of_sink_++) % folds_.size()];
  if (how == fold_with::dropped) {
    for (int i = 0; i != is_.n; ++i) {
      if (can_emit(i)) {
        emit(i);
        break;
      }
    }
  }
  acts(how);
  const bool decides = can_decide && how == fold_with::decide;
  note(how == fold_with::throws ? "sink throws" : decides ? "sink decides" : "sink returns");
  model_.item_sink_returned(what, decides, how == fold_with::throws);
  if (how == fold_with::throws) throw_something();
  return decides;
}

// ---- streams -------------------------------------------------------------------------------------------------------------

/// Emits one item by itself, or some in a row: sorted, as a rule.
void session::emit(int i) {
  const int b = in_.next(), step = (b >> 2) % 4;
  const int n = b % 4 == 3 && (b & 64) != 0 ? 9 : b % 4;  // long runs are merged in another way
  const bool breaks_its_word = b >= 224, waits_at_once = (b & 16) != 0;
  std::vector<piece> pieces;
  std::vector<item> items;
  if (breaks_its_word) keys_[at(i)] -= 2;
  for (int k = 0; k != std::max(n, 1); ++k) {
    keys_[at(i)] += step;
    pieces.push_back({i, sent_[at(i)]++, keys_[at(i)]});
    items.emplace_back(*this, pieces.back());
  }
  const bool is_empty = b % 32 == 31;
  if (is_empty) pieces.clear(), items.clear();
  note(is_empty ? "emits nothing:" : "emits:", i);
  for (const piece& x : pieces) note("  key", x.key);
  model_.emits(i, pieces);
  emits_[at(i)] = true;
  model_.enters();
  held_branch& branch = branches_[at(i)];
  const flow said = n == 0 && !is_empty ? branch.emit(std::move(items[0])) : branch.emit(std::span<item>(items));
  model_.leaves(initiators_ != 0);
  emits_[at(i)] = false;
  hears(i, said);
  if (said == flow::pause && waits_at_once && can_emit(i)) wait(i);
}
void session::mark(int i) {
  const int bound = keys_[at(i)] + in_.next() % 8 - 3;
  keys_[at(i)] = std::max(keys_[at(i)], bound);
  note("watermark of", i);
  note("  key", bound);
  model_.marks(i, bound);
  emits_[at(i)] = true;
  model_.enters();
  const flow said = branches_[at(i)].watermark(bound);
  model_.leaves(initiators_ != 0);
  emits_[at(i)] = false;
  hears(i, said);
}
void session::hears(int i, flow said) {
  note(said == flow::go ? "may go on:" : said == flow::pause ? "is to pause:" : "is to stop:", i);
  if (said != model_.says(i)) discrepancy("a stream is told otherwise how to go on", i);
  if (told_[at(i)] != 0) react(i);
}
void session::wait(int i) {
  note("waits:", i);
  model_.waits(i);
  model_.enters();
  branches_[at(i)].on_resume(resumption(*this, i));
  model_.leaves(initiators_ != 0);
}
void session::resumed(int i) noexcept {
  note("is resumed:", i);
  model_.resumes(i);
  if (!can_emit(i)) discrepancy("a stream is resumed inside its own call", i);
  switch (resumes_[at(calls_of_resumptions_++) % resumes_.size()]) {
    case resume_with::emit:
      emit(i);
      break;
    case resume_with::mark:
      mark(i);
      break;
    case resume_with::wait:
      // Not for ever: where there is room already, it is resumed at once.
      if (!model_.stop_asked() && calls_of_resumptions_ < 50) wait(i);
      break;
    case resume_with::value:
      complete(i, way::value);
      break;
    case resume_with::error:
      complete(i, way::error);
      break;
    case resume_with::stopped:
      complete(i, way::stopped);
      break;
    case resume_with::stop:
      stop_from_outside();
      break;
    default:
      break;
  }
  note("goes on:", i);
  model_.resumed();
}

// ---- what is posted ------------------------------------------------------------------------------------------------------

void session::posted(fanout::work& w) noexcept {
  note("posted");
  model_.hops();
  executor_.post(w);
}
void session::run_work() {
  note("executor runs");
  executes_ = true;
  executor_.run_one();
  executes_ = false;
}

void session::combines() {
  note("combine");
  if (is_.hops && !executes_) discrepancy("values are combined elsewhere than on the executor");
  model_.combine_called();
  if (!combine_throws_) return;
  note("combine throws");
  model_.combine_throws();
  throw_something();
}

void session::late(int i) noexcept {
  note("late value of", i);
  model_.late_value(i);
  if (++late_[at(i)] != 1) discrepancy("a late value is handed over twice", i);
}

void session::seen(std::unique_ptr<any_outcome> o) noexcept {
  note("completion");
  if (is_.hops && !executes_) discrepancy("the completion runs elsewhere than on the executor");
  if (!made_ && !is_described(from_)) discrepancy("the completion runs before there is an issuer");
  expected_ = model_.completes();
  compare(o->read());
  if ((on_completion_ & 1) != 0) outcome_ = std::move(o);
  if ((on_completion_ & 2) != 0) complete_lowest(way::value);
  if ((on_completion_ & 4) != 0) stop_from_outside();
  if ((on_completion_ & 8) != 0) tick();
  note("completion returns");
}

void session::compare(const outcome& real) {
  if (real == expected_) return;
  print("expected", expected_);
  print("is", real);
  discrepancy("the outcome is not what it should be");
}

// ---- what happens --------------------------------------------------------------------------------------------------------

void session::stop_from_outside() {
  if (!is_connected(from_) || outer_.stop_requested()) return;
  note("stop from outside");
  model_.stop_is_requested();
  outer_.request_stop();
  model_.returned(initiators_ != 0);
}

void session::tick() {
  ++now_;
  note("tick", now_);
  if (deadline_ != never && now_ == deadline_) model_.deadline_passes();
  model_.enters();
  timer_.advance(std::chrono::milliseconds(1));
  model_.leaves(initiators_ != 0);
}

void session::start_by_hand(int i, bool tries) {
  const bool in_order = in_order_ && i == model_.started();
  const bool by_index = !in_order || i % 2 != 0;
  if (tries && model_.stop_asked()) {
    note("try to start", i);
    if (try_start(i, by_index)) discrepancy("try_start starts a branch although stop is requested", i);
    return;
  }
  note("start", i);
  in_order_ = in_order;
  expects_initiator_ = model_.starts(i) ? i : nobody;
  if (tries) {
    in_c_[at(i)] = false;  // there is no try_start_c
    if (!try_start(i, by_index)) discrepancy("try_start refuses", i);
  } else if (in_c_[at(i)]) {
    start_c(i, by_index);
  } else {
    start(i, by_index);
  }
  if (expects_initiator_ != nobody) discrepancy("an initiator did not run", i);
}

void session::end_issuing(ending how) {
  has_issuer_ = false;
  if (!can_throw && how == ending::exception) how = ending::abandon;
  note(how == ending::seal ? "seal" : how == ending::abandon ? "issuer is destroyed" : "issuing code throws");
  if (how != ending::exception) model_.is_sealed();
  end(how);
}

void session::event(int e) {
  const int arg = e >> 4;
  const auto complete_some = [&](way w) {
    const int running = model_.running();
    for (int i = 0, k = running != 0 ? arg % running : 0; running != 0; ++i) {
      if (model_.is_running(i) && k-- == 0) return complete(i, w);
    }
  };
  const int next = [&] {
    for (int i = 0; i != is_.n; ++i) {
      if (model_.is_unstarted(i)) return i;
    }
    return nobody;
  }();
  if (is_.merges() && stream_event(e)) return;
  switch (e & 15) {
    case 0:
    case 1:
      if (has_issuer_ && next != nobody) start_by_hand(next, false);
      break;
    case 2:
      if (has_issuer_ && is_.is_known && arg < is_.n && model_.is_unstarted(arg)) start_by_hand(arg, arg % 2 != 0);
      break;
    case 3:
      if (has_issuer_ && next != nobody) start_by_hand(next, true);
      break;
    case 4:
    case 5:
      complete_some(way::value);
      break;
    case 6:
      complete_some(way::error);
      break;
    case 7:
      complete_some(way::stopped);
      break;
    case 8:
      complete_some(way::dropped);
      break;
    case 9:
      complete_some(way::bad_value);
      break;
    case 10:
      tick();
      break;
    case 11:
      stop_from_outside();
      break;
    case 12:
      if (has_issuer_) {
        note("issuer asks to stop");
        model_.issuer_stops();
        ask_to_stop();
      }
      break;
    case 13:
      if (has_issuer_) end_issuing(ending::seal);
      break;
    case 14:
      if (has_issuer_) end_issuing(arg % 2 != 0 ? ending::exception : ending::abandon);
      break;
    default:
      if (arg % 2 != 0 && executor_.pending() != 0) {
        run_work();
      } else {
        drop_outcome();
      }
      break;
  }
}

/// What only streams do, in the place of events that make no difference to them.
bool session::stream_event(int e) {
  const int kind = e & 15, arg = e >> 4;
  if (kind != 1 && kind != 2 && kind != 5 && kind != 9) return false;
  const auto count = std::count_if(branches_.begin(), branches_.end(), [this](const held_branch& b) {
    return can_emit(static_cast<int>(&b - branches_.data()));
  });
  if (count == 0) return kind == 9;
  for (int i = 0, k = static_cast<int>(arg % count);; ++i) {
    if (!can_emit(i) || k-- != 0) continue;
    if (kind == 2) {
      wait(i);
    } else if (kind == 9) {
      mark(i);
    } else {
      emit(i);
    }
    return true;
  }
}

void session::drop_outcome() {
  if (outcome_ == nullptr) return;
  note("outcome is read again and dropped");
  compare(outcome_->read());  // E5: what is late does not touch it
  outcome_ = nullptr;
}

void session::rest() {
  starting_ = false;
  model_.rests();
  if (has_issuer_) {
    const standing s = ask();
    if (s.started != model_.started()) discrepancy("the issuer has counted otherwise", s.started);
    if (s.stop_requested != model_.stop_asked()) discrepancy("the issuer says otherwise whether stop is requested");
    if (s.awaited != nobody && !model_.is_awaited(s.awaited)) {
      discrepancy("a stream is said to be awaited that is not", s.awaited);
    }
    if (s.decided != model_.is_decided()) discrepancy("the issuer says otherwise whether it is decided");
  }
  if (executor_.pending() != (model_.is_posted() ? 1u : 0u)) discrepancy("posted, and not run, or the other way round");
  if (late_callbacks != expects_late_callbacks_)
    discrepancy("callbacks that come too late were not noticed, or others");
  if (items_ != model_.items_held()) discrepancy("items that were emitted are lost, or live on", items_);
  if (resumptions_ != model_.waiting()) discrepancy("what a stream waits with is lost, or lives on", resumptions_);
  for (int i = 0; i != is_.n; ++i) {
    if (model_.is_running(i)) {
      const bool has_token = !in_c_[at(i)] || !is_described(from_);  // a C interface is not told
      if (has_token && tokens_[at(i)].stop_requested() != model_.stop_asked())
        discrepancy("a branch's token is wrong about stop", i);
      if (model_.stop_asked() && callbacks_[at(i)]) discrepancy("a branch was not told to stop", i);
    }
    const bool late = model_.is_late(i) && !is_.merges();
    if (late_[at(i)] != (late && is_.has_on_late ? 1 : 0))
      discrepancy("a late value was not handed over, or another one", i);
    if (late && died_[at(i)] != 1) discrepancy("a late value still lives", i);
  }
  if (!model_.delivered() || outcome_ != nullptr || model_.running() != 0) return;
  for (int i = 0; i != is_.n; ++i) {
    if (born_[at(i)] != (model_.has_value(i) && !is_.merges() ? 1 : 0)) discrepancy("a value was made, or not", i);
    if (died_[at(i)] != born_[at(i)]) discrepancy("a value outlives its operation", i);
  }
  if (allocations_ != 0) discrepancy("memory is not freed once", allocations_);
}

void session::play() {
  playing = this;
  if (stopped_before_) {
    note("stop from outside, before");
    model_.stop_is_requested();
    outer_.request_stop();
  }
  note("make");
  make();
  made_ = true;
  has_issuer_ = !is_described(from_);
  model_.returned(false);
  rest();
  while (!in_.empty()) {
    event(in_.next());
    rest();
  }
  note("the end");
  if (has_issuer_) end_issuing(ending::seal);
  rest();
  while (model_.running() != 0) {
    complete_lowest(way::value);
    rest();
  }
  while (executor_.pending() != 0) {
    run_work();
    rest();
  }
  drop_outcome();
  rest();
  if (!model_.delivered()) discrepancy("the completion has not run");
  playing = nullptr;
}

void play(const std::uint8_t* data, std::size_t size) {
  fanout::on_late_callback(&late_callback);
  late_callbacks = 0;
  input = data, input_size = size;
  bytes in(data, size);
  const auto from = static_cast<front>(in.below(fronts));
  const auto which = static_cast<kind>(in.below(kinds));
  const auto make = which >= kind::merge                                                        ? merging
                    : which <= kind::in_order                                                   ? collecting
                    : which == kind::reduce || which == kind::each || which >= kind::reduce_now ? folding
                                                                                                : voting;
  make(in, from, which)->play();
}

}  // namespace fuzz
