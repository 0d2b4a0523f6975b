// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_CHECK_STRATEGY_HPP
#define FANOUT_TESTING_CHECK_STRATEGY_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/platform.hpp"
#include "fanout/refcount/concept.hpp"
#include "fanout/testing/explorer.hpp"
#include "fanout/testing/strategy/conformance.hpp"
#include "fanout/testing/strategy/scenarios.hpp"

namespace fanout::testing {

/// How much is checked.
struct strategy_check {
  bool deeper = false;              // explores one branch more, in most of it: minutes instead of seconds
  std::size_t stress_rounds = 500;  // with real threads
};

namespace detail {
template <class Real, class Explored>
class strategy_checker;
}

/// What a check came to.
class [[nodiscard("a check says something only if it is looked at")]] strategy_report {
 public:
  /// True if everything held that could be checked here; see `left_out`.
  explicit operator bool() const noexcept { return wrong_.empty(); }
  /// What did not hold, in one sentence; if the explorer found it, with the steps that lead there. Empty: nothing.
  const std::string& wrong() const noexcept { return wrong_; }
  /// What could not be checked here, and why; empty: nothing.
  const std::string& left_out() const noexcept { return left_out_; }
  /// Executions explored.
  std::uint64_t executions() const noexcept { return executions_; }

 private:
  template <class, class>
  friend class detail::strategy_checker;
  std::string wrong_{}, left_out_{};
  std::uint64_t executions_ = 0;
};

namespace detail {

/// Explored: the same strategy over the explorer's platform, or void.
template <class Real, class Explored>
class strategy_checker {
  static_assert(refcount::strategy<Real>, "fanout: this is no refcount strategy: see fanout/refcount/concept.hpp");
  static_assert(!refcount::wants_each_branch<Real> || !refcount::without_issuer_reference<Real>,
                "fanout: a refcount strategy that wants to be told each branch needs the issuing code's reference: "
                "drop has_issuer_reference = false");

 public:
  explicit strategy_checker(const strategy_check& how) : how_(how) {}
  strategy_report run() {
    report_.wrong_ = conformance<Real>::check();
    if constexpr (refcount::single_threaded<Real>) {
      report_.left_out_ = "it is for one thread: nothing was done on several";
    } else {
#if FANOUT_HAS_EXPLORER
      if constexpr (!std::is_void_v<Explored>) explore();
#endif
      if constexpr (std::is_void_v<Explored>) {
        report_.left_out_ =
            "interleavings were not explored: that takes a template over its Platform, fibers, and no ThreadSanitizer";
      }
      for (std::size_t round = 0; round != how_.stress_rounds && report_; ++round) stress(round);
    }
    return std::move(report_);
  }

 private:
#if FANOUT_HAS_EXPLORER
  template <class Scenario>
  void explore_one(const char* what, Scenario scenario) {
    if (!report_) return;
    explorer::options limits;
    limits.max_executions = 50'000'000;
    const explorer::report r = explorer::explore(scenario, limits);
    report_.executions_ += r.executions;
    if (!r) report_.wrong_ = std::string(what) + ": " + explorer::to_string(r);
  }
  void explore() {
    static_assert(refcount::strategy<Explored>,
                  "fanout: to be explored, a strategy takes its atomics from its Platform: Platform::atomic<T>");
    for_each_scenario<Explored>(how_.deeper, [this](const char* what, auto s) { this->explore_one(what, s); });
  }
#endif

  // Real threads, each with its share of the branches: neighbours, or every so-manieth. In the second half of the rounds the last one
  // frees the strategy, for sanitizers to see who looks at it afterwards.
  void stress(std::size_t round) {
    constexpr std::size_t threads = 4, n = 257;
    const bool frees = round >= how_.stress_rounds / 2;
    auto owner = std::make_unique<lone_strategy<Real>>(n);
    Real* const count = owner->get();
    std::vector<int> written(n);
    std::atomic<std::size_t> ready{0};
    std::atomic<int> lasts{0}, sum{0};
    const auto finish = [&](bool is_last) {
      if (!is_last || lasts.fetch_add(1) != 0) return;
      for (const int x : written) sum.fetch_add(x);
      if (frees) owner.reset();
    };
    const auto start_line = [&] {
      ready.fetch_add(1);
      while (ready.load() != threads + 1) std::this_thread::yield();
    };
    std::vector<std::thread> team;
    for (std::size_t me = 0; me != threads; ++me) {
      team.emplace_back([&, me] {
        start_line();
        const bool strided = round % 2 != 0;
        const std::size_t first = strided ? me : me * n / threads, end = strided ? n : (me + 1) * n / threads;
        for (std::size_t i = first; i < end; i += strided ? threads : 1) {
          written[i] = 1;
          finish(count->release(i, 1));
        }
      });
    }
    start_line();
    if constexpr (!refcount::without_issuer_reference<Real>) finish(count->release_issuer(0, 0));
    for (std::thread& t : team) t.join();
    if (lasts != 1) {
      report_.wrong_ = std::to_string(lasts) + " threads were the last, of four with 257 branches and the issuer";
    } else if (sum != static_cast<int>(n)) {
      report_.wrong_ = "the last thread did not see what the others wrote, of four with 257 branches";
    }
  }

  strategy_check how_;
  strategy_report report_;
};

}  // namespace detail

/// Checks that `S` is a refcount strategy, over any Platform. Exactly one release is the last, and nobody touches the strategy after it:
///
///   - on one thread: up to five branches in every order, with the issuer anywhere among them, and up to 4099 in some; inline and
///     unstarted ones, holds, looks
///   - by the explorer, in every interleaving: up to four branches, each on a thread of its own or inline, issuing that is cut short, N
///     found out; up to two on their own threads with somebody who asks for a hold, or holds one; one, and two inline, with
///     somebody who looks; and another strategy in the same place
///   - between four real threads
///
/// One line of a test:
///
///     REQUIRE(fanout::testing::check_strategy<my_strategy>());
///
/// A strategy that changes its ways with N is to be checked with sizes small enough for four branches to see it:
/// `template <class P> using tiny = my_strategy<P, 2>;`. Takes a second or so.
template <template <class> class S>
strategy_report check_strategy(const strategy_check& how = {}) {
#if FANOUT_HAS_EXPLORER
  return detail::strategy_checker<S<std_platform>, S<explorer::platform>>(how).run();
#else
  return detail::strategy_checker<S<std_platform>, void>(how).run();
#endif
}

/// The same for a strategy that is no template: without the interleavings, which takes atomics that can be watched.
template <class S>
strategy_report check_strategy(const strategy_check& how = {}) {
  return detail::strategy_checker<S, void>(how).run();
}

}  // namespace fanout::testing

#endif
