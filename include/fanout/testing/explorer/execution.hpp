// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_EXECUTION_HPP
#define FANOUT_TESTING_EXPLORER_EXECUTION_HPP

#include "fanout/testing/explorer/config.hpp"
#if FANOUT_HAS_EXPLORER

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/config.hpp"
#include "fanout/testing/explorer/choices.hpp"
#include "fanout/testing/explorer/fiber.hpp"
#include "fanout/testing/explorer/quarantine.hpp"
#include "fanout/testing/explorer/record.hpp"
#include "fanout/testing/explorer/report.hpp"
#include "fanout/testing/explorer/trace.hpp"

namespace fanout::testing::explorer::detail {

constexpr bool acquires(std::memory_order order) noexcept {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
constexpr bool releases(std::memory_order order) noexcept {
  return order == std::memory_order_release || order == std::memory_order_acq_rel || order == std::memory_order_seq_cst;
}

/// One run of the scenario after the other: fibers and their scheduler, the objects, and the memory model.
/// Fiber `max_threads` runs the scenario function and, after all threads have ended, what it left for the end: alone,
/// without scheduling points, and ordered before and after everything else.
class execution {
 public:
  enum class status : std::uint8_t { running, complete, failed, pruned, endless };

  explicit execution(const options& o) : options_(o) { objects_.emplace_back().history.emplace_back(); }

  /// The execution that the calling thread is in, or null.
  static execution*& current() noexcept {
    static constinit thread_local execution* running = nullptr;
    return running;
  }
  /// For what makes sense only within one.
  static execution& required() noexcept {
    if (current() == nullptr) {
      std::fputs("fanout: an object of the explorer is used outside explore()\n", stderr);
      std::abort();
    }
    return *current();
  }

  status run(const task& scenario, bool tracing);

  detail::choices choices;
  std::uint64_t total_steps = 0;
  std::uint64_t rmws = 0;  // read-modify-writes of this execution, failed compare-exchanges too
  std::int64_t time = 0;   // nanoseconds; moved by timeouts only
  void pass_time(std::int64_t until) noexcept { time = std::max(time, until); }
  const std::string& reason() const noexcept { return reason_; }
  const std::string& trace_text() const noexcept { return trace_.text; }

  // What the scenario leaves behind.
  template <class F>
  task keep(F&& f) {
    using function = std::decay_t<F>;
    void* memory = memory_.take(sizeof(function), alignof(function));
    return {::new (memory) function(std::forward<F>(f)), [](void* p) { (*static_cast<function*>(p))(); },
            [](void* p) noexcept { static_cast<function*>(p)->~function(); }};
  }
  void add_thread(const task& t);
  void at_end(const task& t) { at_end_.push_back(t); }
  void destroy_at_end(const task& t) { made_.push_back(t); }

  // Control. fail() does not return to a fiber: a failed execution makes no further step.
  void fail(const char* sentence, const char* detail = nullptr);
  int choose(int n);
  bool in_fiber() const noexcept { return running_ != nullptr; }
  fiber& self() noexcept { return running_ != nullptr ? *running_ : fibers_[max_threads]; }
  std::size_t number_of_self() noexcept { return static_cast<std::size_t>(&self() - &fibers_[0]); }
  void announce(const operation& next);

  // Objects.
  std::uint32_t create(void* address, object_kind kind, value_format format = value_format::none,
                       std::uint64_t bits = 0);
  object& reach(const reference& where, operation next);  // scheduling point, checks, tick
  object& access(const reference& where);                 // the same without a scheduling point
  void destroy(const reference& where);
  const bool* flag(const reference& where) { return &objects_[locate(where)].flag; }
  void cell_read(const reference& where, std::uint64_t bits);
  void cell_write(const reference& where, std::uint64_t bits);
  void set_name(const reference& where, const char* name) { objects_[locate(where)].name = name; }

  // Atomics. A reference `object&` is good until the next scheduling point or construction.
  std::uint64_t load(const reference& where, std::memory_order order);
  void store(const reference& where, std::uint64_t bits, std::memory_order order);
  template <class F>
  std::uint64_t update(const reference& where, const char* verb, std::memory_order order, F f);
  bool compare_exchange(const reference& where, std::uint64_t& expected, std::uint64_t desired,
                        std::memory_order success, std::memory_order failure, bool weak);
  void wait(const reference& where, std::uint64_t old, std::memory_order order);
  void fence(std::memory_order order);

  // Sleeping, for atomic::wait and condition variables. sleep() returns false if it timed out.
  void fall_asleep(const reference& where);
  bool sleep(const reference& where, bool timed);
  void wake(const reference& where, bool all);

  // Memory.
  void* allocate(std::size_t size, std::size_t alignment);
  void deallocate(void* p, std::size_t size);

  // Trace. `what` is a callable that gives the rest of the line: called only when there is a trace.
  template <class F>
  void note(const object& o, F what) {
    if (trace_.on) trace_.line(step_, thread_number(), title(o) + ": " + what());
  }
  std::string print(const object& o, std::uint64_t bits) { return value(o.format, bits, memory_); }

  void acquire(const view& message) noexcept { self().now.join(message); }
  const view& release() noexcept { return self().now; }
  int thread_number() const noexcept { return running_ != nullptr ? static_cast<int>(running_ - fibers_.data()) : -1; }

 private:
  void begin();
  void finish();
  void start(fiber& f, const task& body);
  void resume(fiber& f);
  bool step();
  static void enter_fiber();
  [[noreturn]] void leave_fiber();
  void describe_deadlock();

  bool alone() const noexcept { return running_ == nullptr || running_ == &fibers_[max_threads]; }
  epoch tick() noexcept;
  std::uint32_t locate(const reference& where);
  object& enter(std::uint32_t index);
  void late(const object& o);
  void end_of_life(object& o, object_state state);
  std::string unordered(const object& o);
  std::size_t oldest_visible(const object& o, std::memory_order order) noexcept;
  std::uint64_t read(object& o, std::size_t position, std::memory_order order);
  void write(object& o, std::uint64_t bits, std::memory_order order, const view* sequence);

  const options options_;
  std::array<fiber, max_threads + 1> fibers_;
  int threads_ = 0;
  fiber* running_ = nullptr;  // null: the caller of run(), which makes no checks
  context hub_;               // the caller of run()
  status status_ = status::complete;
  std::string reason_;
  trace trace_;
  std::uint32_t step_ = 0;
  thread_set asleep_ = 0;
  int spurious_left_ = 0;
  int wakeups_left_ = 0;

  std::deque<object> objects_;  // [0] stands in for what cannot be found when nothing is checked any more
  std::uint32_t object_count_ = 1;
  quarantine memory_;
  vector_clock fenced_;  // what the sequentially consistent fences so far have shown
  std::vector<task> bodies_, at_end_, made_;
};

// ---- one execution

inline execution::status execution::run(const task& scenario, bool tracing) {
  begin();
  trace_.on = tracing;
  start(fibers_[max_threads], scenario);
  resume(fibers_[max_threads]);
  // Up to its first operation a thread touches nothing that is modelled but by happens-before: no order is lost.
  for (int t = 0; t != threads_ && status_ == status::running; ++t) resume(fibers_[static_cast<std::size_t>(t)]);
  while (status_ == status::running && step()) {}
  if (status_ == status::running) {
    fiber& last = fibers_[max_threads];
    start(last, {this, [](void* p) {
                   auto& e = *static_cast<execution*>(p);
                   for (const task& t : e.at_end_) t.call(t.object);
                   for (; !e.made_.empty(); e.made_.pop_back()) e.made_.back().call(e.made_.back().object);
                 }});
    for (int t = 0; t != threads_; ++t) last.now.join(fibers_[static_cast<std::size_t>(t)].now);
    resume(last);
    if (status_ == status::running) status_ = status::complete;
  }
  finish();
  return status_;
}

inline void execution::begin() {
  choices.rewind();
  status_ = status::running;
  reason_.clear();
  trace_.text.clear();
  threads_ = 0;
  step_ = 0;
  rmws = 0;
  time = 0;
  asleep_ = 0;
  spurious_left_ = options_.spurious;
  wakeups_left_ = options_.spurious_wakeups;
  object_count_ = 1;
  fenced_ = {};
}

/// After the end nothing is checked: closures and what they own may be in any state.
inline void execution::finish() {
  total_steps += step_;
#if defined(FANOUT_EXPLORER_ASAN)
  for (fiber& f : fibers_) {  // a fiber that was given up says good-bye to the sanitizer: see announce()
    if (f.live) resume(f);
  }
#endif
  for (fiber& f : fibers_) f.live = false;
  for (auto* tasks : {&bodies_, &at_end_}) {
    for (const task& t : *tasks) t.destroy(t.object);
    tasks->clear();
  }
  made_.clear();
  memory_.reset();
}

inline void execution::add_thread(const task& t) {
  bodies_.push_back(t);
  if (threads_ == max_threads) fail("the scenario has more than 8 threads");
  start(fibers_[static_cast<std::size_t>(threads_++)], t);
}

inline void execution::start(fiber& f, const task& body) {
  f.stack.prepare(options_.stack_size, &enter_fiber);
  f.body = body;
  f.live = true;
  f.woken = false;
  f.sleeping_on = 0;
  f.now = f.unacquired = f.released = view{};
  f.extent = nullptr;
  f.trampoline = nullptr;
  f.batch = nullptr;
  f.closed_batch = nullptr;
}

inline void execution::resume(fiber& f) {
  running_ = &f;
  context::go(hub_, f.stack);
  running_ = nullptr;
}

inline void execution::enter_fiber() {
  execution& e = *current();
  context::arrived(e.hub_);
  const char* escaped = nullptr;
  if (e.status_ == status::running) {
    FANOUT_TRY { e.running_->body.call(e.running_->body.object); }
    FANOUT_CATCH_ALL { escaped = e.alone() ? "an exception left the scenario" : "an exception left a thread"; }
  }
  if (escaped != nullptr) e.fail(escaped);
  e.leave_fiber();
}

inline void execution::leave_fiber() {
  running_->live = false;
  context::go(running_->stack, hub_, true);
  std::abort();
}

/// Lets one thread make one operation; false: there is none to make.
inline bool execution::step() {
  thread_set live = 0, enabled = 0, spurious = 0;
  for (int t = 0; t != threads_; ++t) {
    const fiber& f = fibers_[static_cast<std::size_t>(t)];
    if (!f.live) continue;
    const thread_set me = thread_set{1} << t;
    live |= me;
    if (f.next.gate == nullptr || *f.next.gate == f.next.opens_at) enabled |= me;
    else if (f.next.spurious_wakeup && wakeups_left_ > 0) spurious |= me;
  }
  if (live == 0) return false;
  if (enabled == 0) {  // a spurious wake-up may come, but nobody can rely on it
    describe_deadlock();
    fail("deadlock: every thread that has not ended waits");
    return false;
  }
  const int t = choices.pick_thread(enabled | spurious, asleep_);
  if (t == choices::misfit)
    fail("the choices do not fit: the scenario is not deterministic, or not the one they are from");
  if (t == choices::none) status_ = status::pruned;
  if (t < 0) return false;
  fiber& f = fibers_[static_cast<std::size_t>(t)];
  if (contains(spurious, t)) --wakeups_left_;
  for (int i = 0; i != threads_; ++i) {  // who depends on this operation wakes up
    if (contains(asleep_, i) && !independent(fibers_[static_cast<std::size_t>(i)].next, f.next))
      asleep_ &= ~(thread_set{1} << i);
  }
  if (++step_ > options_.max_steps) {
    status_ = status::endless;
    return false;
  }
  resume(f);
  return true;
}

inline void execution::describe_deadlock() {
  if (!trace_.on) return;
  for (int t = 0; t != threads_; ++t) {
    const fiber& f = fibers_[static_cast<std::size_t>(t)];
    if (f.live) trace_.line(step_, t, "waits for " + title(objects_[f.next.object]));
  }
}

inline void execution::fail(const char* sentence, const char* detail) {
  if (status_ == status::running) {
    status_ = status::failed;
    reason_ = sentence;
    if (detail != nullptr) reason_.append(" \"").append(detail).append("\"");
    if (trace_.on) trace_.line(step_, thread_number(), "FAILED: " + reason_);
  }
  if (in_fiber()) leave_fiber();
}

inline int execution::choose(int n) {
  if (n <= 1 || !in_fiber()) return 0;
  const int taken = choices.pick(n);
  if (taken < 0) fail("the choices do not fit: the scenario is not deterministic, or not the one they are from");
  return taken;
}

/// The scheduling point: returns when it is this fiber's turn to make the operation.
inline void execution::announce(const operation& next) {
  if (alone()) {
    if (in_fiber() && next.gate != nullptr && *next.gate != next.opens_at) fail("deadlock: the scenario itself waits");
    return;
  }
  self().next = next;
  context::go(self().stack, hub_);
  if (status_ != status::running) leave_fiber();
}

}  // namespace fanout::testing::explorer::detail

#include "fanout/testing/explorer/memory_model.hpp"
#include "fanout/testing/explorer/objects.hpp"

#endif
#endif
