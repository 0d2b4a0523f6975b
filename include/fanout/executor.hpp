// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_EXECUTOR_HPP
#define FANOUT_EXECUTOR_HPP

#include <concepts>
#include <type_traits>

namespace fanout {

/// Something to run, once, on some thread. Lies in what posts it (an operation, a scope), so posting allocates nothing
/// and cannot fail. Whoever takes it owns `next` until it calls `run(this)`, after which it is gone.
struct work {
  work* next;
  void (*run)(work*) noexcept;
};

namespace detail {

/// What an executor without `post(work&)` is given to run: one pointer, trivially copyable, so that it fits wherever
/// function objects are kept without allocating.
struct run_work {
  work* what;
  void operator()() const noexcept { what->run(what); }
};
static_assert(sizeof(run_work) == sizeof(void*) && std::is_trivially_copyable_v<run_work>);

template <class X>
concept handle =
    std::is_nothrow_copy_constructible_v<X> && std::is_nothrow_destructible_v<X> && std::equality_comparable<X>;

template <class X>
concept posts_work = requires(X& x, work& w) { x.post(w); };
template <class X>
concept executes = requires(X& x, run_work f) { x.execute(f); };

}  // namespace detail

/// An executor that takes work as it is: `x.post(w)` links it into a queue. It does not allocate and cannot fail.
template <class X>
concept intrusive_executor = detail::handle<X> && requires(X& x, work& w) {
  { x.post(w) } noexcept;
};

/// Where work is run later: a thread pool, an event loop, a strand. A handle: copying it does not throw, copies compare
/// equal and stand for the same queue. Either an `intrusive_executor`, or one with `x.execute(f)` for any trivially
/// copyable `f` of one pointer's size. That must be noexcept as well: what is posted is the end of something that has
/// happened already, so there is nobody left who could handle a failure. An executor that allocates can keep room for
/// it, or end the program.
///
/// What an implementer promises:
///
///   - Each work that was posted runs exactly once, also if the queue is shut down: an executor that drops work loses
///     the outcome of the operation that it lies in, and leaks its memory.
///   - It runs later: never inside `post` or `execute`. So the poster may post from wherever it is, in any depth.
///   - What the poster wrote before is visible to `run`.
///   - No order among works, and no thread, unless the executor promises one.
///   - `post` touches the work no more once another thread may run it: `run(w)` ends the work's life, perhaps before
///     `post` has returned.
///
/// `post` may be called on any thread, and is, by whoever completes last. What the handle stands for outlives all work
/// that was posted to it; the handle that is called is a copy on the caller's stack, so it may use itself to the end.
template <class X>
concept executor = intrusive_executor<X> || (detail::handle<X> && requires(X& x, detail::run_work f) {
                     { x.execute(f) } noexcept;
                   });

/// In the place of an executor, where a description knows one: the executor that its branches are issued on.
struct issuing_executor_t {
  explicit issuing_executor_t() = default;
};
inline constexpr issuing_executor_t issuing_executor{};

namespace detail {

/// Posts `w`, which has its `run`, to an executor of either grade. By value: the handle that the caller keeps may lie
/// in what is posted, and be gone before the executor's function has returned.
template <executor X>
void post(X x, work& w) noexcept {
  if constexpr (intrusive_executor<X>) {
    x.post(w);
  } else {
    x.execute(run_work{&w});
  }
}

/// True; does not compile where X is no executor, and says in a sentence why.
template <class X>
consteval bool check_executor() {
  static_assert(
      !std::is_same_v<X, issuing_executor_t>,
      "fanout: issuing_executor means something to a description that has one: .issue_on(executor); here, pass "
      "the executor itself");
  if constexpr (!std::is_same_v<X, issuing_executor_t> && !executor<X>) {
    static_assert(
        posts_work<X> || executes<X>,
        "fanout: this is not an executor: it has neither post(fanout::work&) nor execute(f). Pass the handle, as in "
        "loop.get_executor(), not the loop; or write a handle of one pointer with one of the two");
    static_assert(
        std::is_nothrow_copy_constructible_v<X> && std::is_nothrow_destructible_v<X>,
        "fanout: an executor is a handle that is copied without throwing: pass a pointer to what is not, in a "
        "struct with post(fanout::work&) noexcept");
    static_assert(std::equality_comparable<X>,
                  "fanout: an executor is a handle that can be compared: give it an operator==");
    static_assert(
        !posts_work<X> || intrusive_executor<X>,
        "fanout: an executor's post(fanout::work&) must be noexcept, since nobody could handle its failure: link the "
        "work into a list by its next, which cannot fail");
    static_assert(
        posts_work<X> || !executes<X> || executor<X>,
        "fanout: an executor's execute(f) must be noexcept for an f of one pointer, since nobody could handle its "
        "failure: wrap it in a handle with post(fanout::work&) noexcept that calls it, and ends the program if it "
        "throws, or keeps the work in a list of its own");
  }
  return true;
}

}  // namespace detail

}  // namespace fanout

#endif
