// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_HPP
#define FANOUT_TESTING_EXPLORER_HPP

/// Runs a concurrent scenario in every order that matters, and says which one breaks it.
///
///     namespace ex = fanout::testing::explorer;
///     const ex::report r = ex::explore([](ex::test& t) {
///       auto& count = t.make<ex::atomic<int>>(2);
///       auto& sum = t.make<ex::cell<int>>(0);
///       t.thread([&] { sum = 1; count.fetch_sub(1, std::memory_order_release); });
///       t.thread([&] { if (count.fetch_sub(1, std::memory_order_relaxed) == 1) ex::require(sum == 1, "the sum is lost"); });
///     });
///     // !r, and r.reason is "data race: read of a cell not ordered after its last write"
///
/// Code under test takes its atomics, plain shared fields, mutexes and thread-local storage from a platform, a template
/// parameter that production instantiates with std's: here it is `explorer::platform`. What does not come from the
/// platform is neither scheduled nor watched.
///
/// How: threads are fibers; before each operation on an atomic, mutex, condition variable or event another one may run.
/// The search is depth-first with sleep sets: of executions that differ only in the order of independent operations, one
/// is run to its end. A load may read any value that happens-before, coherence and sequential consistency do not hide
/// (release sequences and fences included); a weak compare-exchange may fail spuriously, a failing one may have read an
/// older value. Plain data, construction, destruction and free are checked by vector clocks, so that a race is found in
/// any order and not only in the unlucky one.
///
/// Found, with the first words of report::reason:
/// - "data race: read of a cell not ordered after its last write", "data race: write of a cell not ordered after its last
///   write", "... after an earlier read", "data race: use of an object not ordered after its construction";
/// - "use after destruction: atomic" (cell, mutex, ...), "use after free: atomic", "destroyed twice", "double free";
/// - "destroyed while another thread's access is not ordered before it", also for a free and for what lies in its memory;
/// - "deadlock": no thread can go on; a lost wake-up is one, and so is a waiter that is not notified;
/// - "an exception left a thread", and the text of any require() that does not hold.
///
/// Not found, because not explored: load buffering (a load that reads a store which comes later in every order) and
/// modification orders other than the order of execution, both as in RC11-style checkers; spurious failure of
/// mutex::try_lock; anything beyond the budgets in `options`; more than 8 threads.
///
/// A scenario must be deterministic but for choose(): no addresses, clocks or counters that differ from run to run.
/// Executions that fail or are pruned are abandoned where they stand. The stacks of their threads are dropped: what
/// lives there is not destroyed. What the scenario's callables own (a std::shared_ptr) is destroyed, unchecked, in the
/// state it happened to be in, and must not wait for anything there; make() is better: its objects are destroyed, checked,
/// in complete executions only. What threads allocate should come from explorer::allocator.
///
/// An assertion in the code under test can be made a failure with a trace:
/// `#define FANOUT_ASSERT(condition, sentence) ::fanout::testing::explorer::require((condition), sentence)`
///
/// FANOUT_HAS_EXPLORER is 0, and nothing else is declared, where there are no fibers and under ThreadSanitizer.
/// AddressSanitizer works. A thread may run one exploration at a time; different threads' do not interfere.
#include "fanout/testing/explorer/config.hpp"
#if FANOUT_HAS_EXPLORER

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fanout/testing/explorer/allocator.hpp"
#include "fanout/testing/explorer/atomic.hpp"
#include "fanout/testing/explorer/cell.hpp"
#include "fanout/testing/explorer/report.hpp"
#include "fanout/testing/explorer/synchronization.hpp"

namespace fanout::testing::explorer {

/// The platform whose threads are explored.
struct platform {
  template <class T>
  using atomic = explorer::atomic<T>;
  template <class T>
  using cell = explorer::cell<T>;
  using mutex = explorer::mutex;
  using condition_variable = explorer::condition_variable;
  using clock = explorer::clock;

  static const void*& extent() noexcept { return detail::execution::required().self().extent; }
  static void*& trampoline() noexcept { return detail::execution::required().self().trampoline; }
  static void*& batch() noexcept { return detail::execution::required().self().batch; }
  static void*& closed_batch() noexcept { return detail::execution::required().self().closed_batch; }
  static const void* self() noexcept { return &detail::execution::required().self(); }
  static std::size_t thread_number() noexcept { return detail::execution::required().number_of_self(); }
};

/// Fails the execution, with `what` as the reason, unless `condition` holds. In threads, finally() and the scenario.
inline void require(bool condition, const char* what) {
  if (!condition) detail::execution::required().fail(what);
}

/// Returns each of 0 .. n - 1 in some execution.
inline int choose(int n) { return detail::execution::required().choose(n); }

/// Atomic read-modify-writes of this execution so far, compare-exchanges that failed included. Look at it in finally():
/// before, it depends on the order of independent operations, of which only one is explored.
inline std::uint64_t rmws() { return detail::execution::required().rmws; }

/// What a scenario is made of. The scenario function gets one at the beginning of each execution, and prepares that
/// execution: it runs alone, before the threads, and what it does is visible to them.
class test {
 public:
  /// Adds a thread that runs f(). At most 8. `f` is kept until the execution ends.
  template <class F>
  void thread(F f) {
    execution_.add_thread(execution_.keep(std::move(f)));
  }

  /// Runs f() after all threads have ended, in executions that have not failed, in the order of these calls. It sees
  /// all that the threads did.
  template <class F>
  void finally(F f) {
    execution_.at_end(execution_.keep(std::move(f)));
  }

  /// An object for the threads to share. It is destroyed after finally(), the last one made first, in executions that
  /// have not failed; in others its memory vanishes without a destructor.
  template <class T, class... Args>
  T& make(Args&&... args) {
    void* const memory = execution_.allocate(sizeof(T), alignof(T));
    T* const object = ::new (memory) T(std::forward<Args>(args)...);
    execution_.destroy_at_end({object, [](void* p) { static_cast<T*>(p)->~T(); }, nullptr});
    return *object;
  }

  /// Returns each of 0 .. n - 1 in some execution.
  int choose(int n) { return execution_.choose(n); }

 private:
  friend class exploration;
  explicit test(detail::execution& e) : execution_(e) {}

  detail::execution& execution_;
};

/// One search. Use explore() and replay().
class exploration {
 public:
  template <class Scenario>
  static report run(Scenario& scenario, const options& limits, const std::string_view* script) {
    const auto execution = std::make_unique<detail::execution>(limits);
    const struct scope {
      explicit scope(detail::execution* e) noexcept : previous(std::exchange(detail::execution::current(), e)) {}
      ~scope() { detail::execution::current() = previous; }
      detail::execution* previous;
    } scope(execution.get());
    if (script != nullptr) execution->choices.follow(*script);
    auto body = [&] {
      test t(*execution);
      scenario(t);
    };
    using function = decltype(body);
    return search(*execution, {&body, [](void* f) { (*static_cast<function*>(f))(); }}, limits, script != nullptr);
  }

 private:
  static report search(detail::execution& e, const detail::task& body, const options& limits, bool once);
};

/// Runs `scenario(test&)` once per execution, until one fails, all have been run, or a limit is met. The failing
/// execution is run once more for its trace. Not thread-safe with respect to what the scenario captures.
template <class Scenario>
report explore(Scenario&& scenario, const options& limits = {}) {
  return exploration::run(scenario, limits, nullptr);
}

/// Runs the one execution that report::choices describes, with the options of that search. Its verdict is `failed` with
/// the same reason and trace, or `incomplete`: one execution proves nothing.
template <class Scenario>
report replay(Scenario&& scenario, std::string_view choices, const options& limits = {}) {
  return exploration::run(scenario, limits, &choices);
}

inline report exploration::search(detail::execution& e, const detail::task& body, const options& limits, bool once) {
  using status = detail::execution::status;
  report r;
  const auto repeat_with_trace = [&](status expected) {
    r.reason = e.reason();
    const std::uint64_t steps = e.total_steps;
    if (e.run(body, true) != expected || e.reason() != r.reason)
      r.reason += " (not repeatable: the scenario is not deterministic)";
    e.total_steps = steps;
    r.trace = e.trace_text();
    r.choices = e.choices.to_string();
  };
  for (;;) {
    const status s = e.run(body, false);
    r.executions += s == status::complete;
    r.pruned += s == status::pruned;
    if (s == status::failed) {
      r.verdict = report::verdict::failed;
      repeat_with_trace(s);
      break;
    }
    if (s == status::endless) {
      repeat_with_trace(s);
      r.reason = "an execution makes more operations than options::max_steps: endless loop?";
      break;
    }
    if (once) {
      r.reason = "one execution was replayed, and did not fail";
      break;
    }
    if (!e.choices.advance()) {
      r.verdict = report::verdict::ok;
      break;
    }
    if (r.executions + r.pruned >= limits.max_executions) {
      r.reason = "stopped after options::max_executions";
      break;
    }
  }
  r.steps = e.total_steps;
  return r;
}

}  // namespace fanout::testing::explorer

#endif
#endif
