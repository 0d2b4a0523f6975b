// SPDX-License-Identifier: BSL-1.0
// The policies against a reference: up to four branches that succeed, fail or give up, in every order, completed before the seal or
// after it, delivered at drained or at decided. What the reference says is written down from the table in docs/semantics.md.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/combine/decided.hpp"
#include "fanout/combine/each.hpp"
#include "fanout/combine/first.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/combine/reduce.hpp"
#include "fanout/combine/settle.hpp"
#include "fanout/issue.hpp"
#include "fanout/reports.hpp"
#include "support/any_branch.hpp"
#include "support/counted.hpp"

namespace {

using fanout::errc;
using fanout::reason;
using support::any_branch;
using support::counted;

enum class fate { value, error, stopped };

int value_of(std::size_t i) { return static_cast<int>(i) * 10 + 1; }
std::error_code error_of(std::size_t i) {
  return std::make_error_code(i % 2 == 0 ? std::errc::io_error : std::errc::timed_out);
}

/// Who reports what, in this order.
struct script {
  std::vector<fate> fates;         // by index
  std::vector<std::size_t> order;  // a permutation of the indices

  std::size_t size() const { return fates.size(); }
  fate nth(std::size_t k) const { return fates[order[k]]; }
};

/// What comes out, in words, and after how many reports it is decided.
struct expectation {
  std::string outcome;
  std::size_t decided_after;
  std::size_t late = 0;  // successes that came after that
};

// ---- outcomes in words ----------------------------------------------------------------------------------------------------

std::string index_in_words(std::size_t i) { return i == fanout::no_index ? "-" : std::to_string(i); }
std::string in_words(const std::error_code& e) {
  return e.category().name() + std::string(":") + std::to_string(e.value());
}
std::string failed_in_words(reason why, std::size_t index, const std::error_code& cause, std::size_t suppressed) {
  return std::string("failed ") + to_string(why) + " " + index_in_words(index) + " " + in_words(cause) + " +" +
         std::to_string(suppressed);
}
template <class E>
std::string in_words(const fanout::failure<E>& f) {
  return failed_in_words(f.why, f.index, f.cause, f.suppressed);
}

template <class Reports>
std::string reports_in_words(const Reports& in) {
  std::string words = std::string(to_string(in.why())) + ":";
  for (auto&& one : in) words += " " + std::to_string(one.index()) + "=" + std::to_string(one->value());
  for (auto&& one : in.failures()) words += " !" + std::to_string(one.index()) + "=" + in_words(one.error());
  for (std::size_t i : in.missing()) words += " ?" + std::to_string(i);
  return words;
}

struct say {
  std::string operator()(const fanout::values<counted>& values) const {
    std::string words = "values";
    for (const counted& v : values) words += " " + std::to_string(v.value());
    return words;
  }
  std::string operator()(const fanout::results<counted>& results) const {
    std::string words = "results";
    for (auto&& one : results) words += one ? " " + std::to_string(one->value()) : " " + in_words(one.error());
    return words;
  }
  std::string operator()(const fanout::winner<counted>& w) const {
    return "winner " + std::to_string(w.index) + "=" + std::to_string(w->value());
  }
  std::string operator()(const fanout::reports<counted>& in) const { return "met " + reports_in_words(in); }
  std::string operator()(const std::string& folded) const { return "folded" + folded; }
  std::string operator()(const fanout::tally& t) const {
    return "shown " + std::to_string(t.successes) + " " + std::to_string(t.failures) + " " + std::to_string(t.stopped);
  }
  std::string operator()(const fanout::failure<>& f) const { return in_words(f); }
  std::string operator()(const fanout::reported_failure<counted>& f) const {
    return in_words(f) + " " + reports_in_words(f.reported);
  }
};

// ---- the reference ----------------------------------------------------------------------------------------------------------

// What had been reported after the first k reports.
std::string reports_after(const script& s, std::size_t k, reason why) {
  std::string words = std::string(to_string(why)) + ":";
  for (std::size_t n = 0; n != k; ++n) {
    const std::size_t i = s.order[n];
    if (s.fates[i] == fate::value) words += " " + std::to_string(i) + "=" + std::to_string(value_of(i));
  }
  for (std::size_t n = 0; n != k; ++n) {
    const std::size_t i = s.order[n];
    if (s.fates[i] == fate::error) words += " !" + std::to_string(i) + "=" + in_words(error_of(i));
  }
  for (std::size_t i = 0; i != s.size(); ++i) {
    if (std::find(s.order.begin(), s.order.begin() + static_cast<std::ptrdiff_t>(k), i) ==
        s.order.begin() + static_cast<std::ptrdiff_t>(k)) {
      words += " ?" + std::to_string(i);
    }
  }
  return words;
}
std::size_t count(const script& s, std::size_t from, std::size_t to, fate f) {
  std::size_t n = 0;
  for (std::size_t k = from; k != to; ++k) n += s.nth(k) == f;
  return n;
}
// The first real error of the first k; else stopped, if somebody was; else `otherwise`. Gave up counts as a cause only then (I7).
std::string failure_after(const script& s, std::size_t k, reason why, errc otherwise) {
  const std::size_t errors = count(s, 0, k, fate::error);
  for (std::size_t n = 0; n != k; ++n) {
    if (s.nth(n) == fate::error && why != reason::stopped) {
      return failed_in_words(why, s.order[n], error_of(s.order[n]), errors - 1);
    }
  }
  if (count(s, 0, k, fate::stopped) != 0) {
    return failed_in_words(reason::stopped, fanout::no_index, make_error_code(errc::stopped), errors);
  }
  return failed_in_words(why, fanout::no_index, make_error_code(otherwise), errors);
}
expectation met(const script& s, std::size_t k, reason why) {
  return {"met " + reports_after(s, k, why), k, count(s, k, s.size(), fate::value)};
}
expectation unmet(const script& s, std::size_t k, reason why, errc otherwise) {
  std::string cause = failure_after(s, k, why, otherwise);
  const bool stopped = cause.rfind("failed stopped", 0) == 0;
  return {cause + " " + reports_after(s, k, stopped ? reason::stopped : why), k, count(s, k, s.size(), fate::value)};
}

expectation all_reference(const script& s) {
  const std::size_t n = s.size();
  if (count(s, 0, n, fate::value) != n) return {failure_after(s, n, reason::error_limit, errc::stopped), n};
  std::string words = "values";
  for (std::size_t i = 0; i != n; ++i) words += " " + std::to_string(value_of(i));
  return {words, n};
}
expectation settle_reference(const script& s) {
  std::string words = "results";
  for (std::size_t i = 0; i != s.size(); ++i) {
    words += " " + (s.fates[i] == fate::value   ? std::to_string(value_of(i))
                    : s.fates[i] == fate::error ? in_words(error_of(i))
                                                : in_words(make_error_code(errc::stopped)));
  }
  return {words, s.size()};
}
expectation quorum_reference(const script& s, std::size_t wanted, std::size_t tolerated = 1000) {
  for (std::size_t k = 0;; ++k) {
    const std::size_t successes = count(s, 0, k, fate::value);
    if (successes >= wanted) return met(s, k, reason::quorum);
    if (successes + (s.size() - k) < wanted || count(s, 0, k, fate::error) > tolerated) {
      return unmet(s, k, reason::error_limit, errc::unreachable);
    }
  }
}
expectation at_most_errors_reference(const script& s, std::size_t tolerated) {
  const std::size_t n = s.size();
  for (std::size_t k = 0; k <= n; ++k) {
    if (count(s, 0, k, fate::error) > tolerated) return unmet(s, k, reason::error_limit, errc::unreachable);
  }
  if (count(s, 0, n, fate::stopped) != 0) return unmet(s, n, reason::stopped, errc::stopped);
  return met(s, n, reason::completed);
}
expectation first_reference(const script& s, bool success_only) {
  for (std::size_t k = 0; k != s.size(); ++k) {
    if (s.nth(k) == fate::value) {
      const std::size_t i = s.order[k];
      return {"winner " + std::to_string(i) + "=" + std::to_string(value_of(i)), k + 1,
              count(s, k + 1, s.size(), fate::value)};
    }
    if (s.nth(k) == fate::error && !success_only) return unmet(s, k + 1, reason::error_limit, errc::no_candidates);
  }
  return unmet(s, s.size(), reason::error_limit, errc::no_candidates);
}
expectation reduce_reference(const script& s) {
  std::string words = "folded";
  for (std::size_t k = 0; k != s.size(); ++k) {
    if (s.nth(k) != fate::value) {
      return {failure_after(s, s.size(), reason::error_limit, errc::stopped), k + 1,
              count(s, k, s.size(), fate::value)};
    }
    words += " " + std::to_string(value_of(s.order[k]));
  }
  return {words, s.size()};
}
// `enough`: after so many that were shown.
expectation each_reference(const script& s, std::size_t enough) {
  const std::size_t k = std::min(enough, s.size());
  return {"shown " + std::to_string(count(s, 0, k, fate::value)) + " " + std::to_string(count(s, 0, k, fate::error)) +
              " " + std::to_string(count(s, 0, k, fate::stopped)),
          k, count(s, k, s.size(), fate::value)};
}

// ---- playing a script --------------------------------------------------------------------------------------------------------

enum class sealed { first, last };

struct played {
  std::string outcome;
  int times = 0;
  std::size_t delivered_after = 0;    // reports
  std::size_t stop_seen_after = 100;  // reports; 100: never
  std::size_t late = 0;
};

void report(any_branch& branch, fate f, std::size_t i) {
  if (!branch) return;  // decided before anything was started
  switch (f) {
    case fate::value:
      return branch.set_value(value_of(i));
    case fate::error:
      return branch.set_error(error_of(i));
    case fate::stopped:
      return branch.set_stopped();
  }
}

template <class Combine>
played play(const script& s, sealed when, Combine combine) {
  played p;
  std::size_t reports = 0;
  {
    auto issuer = fanout::issue<counted>(
        s.size(), fanout::combine::on_late(std::move(combine), [&p](std::size_t, counted&&) noexcept { ++p.late; }),
        [&](auto outcome) noexcept {
          ++p.times;
          p.delivered_after = reports;
          p.outcome = outcome ? say()(*outcome) : say()(outcome.error());
        });
    std::vector<any_branch> branches(s.size());
    bool stop_requested = false;
    auto note_stop = [&] {
      if (p.stop_seen_after == 100 && stop_requested) p.stop_seen_after = reports;
    };
    auto on_stop = [&stop_requested]() noexcept { stop_requested = true; };
    std::optional<fanout::inplace_stop_callback<decltype(on_stop)>> callback;
    callback.emplace(issuer.stop_token(), on_stop);
    for (std::size_t i = 0; i != s.size(); ++i) {
      issuer.start(i, [&](auto branch) { branches[i] = any_branch(std::move(branch)); });
    }
    note_stop();
    // The source of the stop token may go with the last report.
    if (when == sealed::first) std::move(issuer).seal();
    for (std::size_t k = 0; k != s.size(); ++k) {
      const std::size_t i = s.order[k];
      if (k + 1 == s.size()) callback.reset();
      ++reports;
      report(branches[i], s.fates[i], i);
      note_stop();
    }
    callback.reset();
    if (when == sealed::last) std::move(issuer).seal();
  }
  return p;
}

template <class F>
void for_every_script(std::size_t n, F&& f) {
  std::size_t combinations = 1;
  for (std::size_t i = 0; i != n; ++i) combinations *= 3;
  for (std::size_t c = 0; c != combinations; ++c) {
    script s;
    std::size_t rest = c;
    for (std::size_t i = 0; i != n; ++i, rest /= 3) {
      s.fates.push_back(static_cast<fate>(rest % 3));
      s.order.push_back(i);
    }
    do {
      f(static_cast<const script&>(s));
    } while (std::next_permutation(s.order.begin(), s.order.end()));
  }
}

std::string in_words(const script& s) {
  std::string words;
  for (std::size_t i : s.order) words += std::to_string(i) + "ves"[static_cast<std::size_t>(s.fates[i])] + " ";
  return words;
}

/// Plays every script of up to four branches. `late_is_told`: the policy knows what comes too late.
template <class Make, class Reference>
void check_every_order(Make make, Reference reference, bool at_decided, bool late_is_told, bool stops = true) {
  for (std::size_t n = 1; n <= 4; ++n) {
    for_every_script(n, [&](const script& s) {
      const expectation expected = reference(s);
      for (const sealed when : {sealed::first, sealed::last}) {
        counted::reset();
        const played got = play(s, when, make());
        INFO(in_words(s) << (when == sealed::first ? "sealed first" : "sealed last"));
        REQUIRE(got.times == 1);
        REQUIRE(got.outcome == expected.outcome);
        const bool none_started = expected.decided_after == 0;
        REQUIRE(got.delivered_after ==
                ((at_decided || none_started) && when == sealed::first ? expected.decided_after : s.size()));
        if (late_is_told) REQUIRE(got.late == (none_started ? 0 : expected.late));
        // The last report tells nobody any more: there is no one left to ask.
        if (expected.decided_after < s.size()) {
          REQUIRE(got.stop_seen_after == (stops || none_started ? expected.decided_after : std::size_t{100}));
        }
        REQUIRE(counted::alive() == 0);
      }
    });
  }
}

/// Folds into the text of what arrived.
auto spell() {
  return fanout::combine::reduce(std::string(), [](std::string so_far, const counted& v) {
    return std::move(so_far) + " " + std::to_string(v.value());
  });
}

namespace combine = fanout::combine;

TEST_CASE("all, in every order", "[semantics][all][E18][I7]") {
  // A collecting policy cannot tell late values; nor does the reference ask when it stopped: at its first failure.
  for (std::size_t n = 1; n <= 4; ++n) {
    for_every_script(n, [&](const script& s) {
      std::size_t stops_after = 100;
      for (std::size_t k = s.size(); k-- != 0;) {
        if (s.nth(k) != fate::value) stops_after = k + 1;
      }
      for (const sealed when : {sealed::first, sealed::last}) {
        counted::reset();
        const played got = play(s, when, combine::all);
        INFO(in_words(s));
        REQUIRE(got.times == 1);
        REQUIRE(got.outcome == all_reference(s).outcome);
        REQUIRE(got.delivered_after == s.size());
        if (stops_after < s.size()) REQUIRE(got.stop_seen_after == stops_after);
        REQUIRE(counted::alive() == 0);
      }
    });
  }
}

TEST_CASE("settle, in every order", "[semantics][settle][E18]") {
  check_every_order([] { return combine::settle; }, settle_reference, false, false);
}

TEST_CASE("quorum, in every order, at drained and at decided", "[semantics][quorum][E15][E18][E5]") {
  for (std::size_t k = 1; k <= 4; ++k) {
    const auto reference = [k](const script& s) { return quorum_reference(s, k); };
    check_every_order([k] { return combine::quorum(k); }, reference, false, true);
    check_every_order([k] { return combine::at_decided(combine::quorum(k)); }, reference, true, true);
  }
}

TEST_CASE("quorum that keeps its losers asks nobody to stop", "[semantics][quorum][E15]") {
  const auto reference = [](const script& s) { return quorum_reference(s, 2); };
  check_every_order([] { return combine::quorum(2).keep_losers(); }, reference, false, true, false);
  check_every_order([] { return combine::at_decided(combine::quorum(2).keep_losers()); }, reference, true, true, false);
}

TEST_CASE("quorum with a limit of failures, in every order", "[semantics][quorum][E15]") {
  for (std::size_t errors = 0; errors <= 2; ++errors) {
    const auto reference = [errors](const script& s) { return quorum_reference(s, 2, errors); };
    check_every_order([errors] { return combine::quorum(2).at_most_errors(errors); }, reference, false, true);
  }
}

TEST_CASE("at_most_errors, in every order, at drained and at decided", "[semantics][at_most_errors][E18]") {
  for (std::size_t errors = 0; errors <= 4; ++errors) {
    const auto reference = [errors](const script& s) { return at_most_errors_reference(s, errors); };
    check_every_order([errors] { return combine::at_most_errors(errors); }, reference, false, true);
    check_every_order([errors] { return combine::at_decided(combine::at_most_errors(errors)); }, reference, true, true);
  }
}

TEST_CASE("first_success and first, in every order, at drained and at decided", "[semantics][first][E5][E18]") {
  for (const bool success_only : {true, false}) {
    const auto reference = [success_only](const script& s) { return first_reference(s, success_only); };
    if (success_only) {
      check_every_order([] { return combine::first_success; }, reference, false, true);
      check_every_order([] { return combine::at_decided(combine::first_success); }, reference, true, true);
    } else {
      check_every_order([] { return combine::first; }, reference, false, true);
      check_every_order([] { return combine::at_decided(combine::first); }, reference, true, true);
    }
  }
}

TEST_CASE("reduce, in every order", "[semantics][reduce][E5][I7]") {
  check_every_order(spell, reduce_reference, false, true);
}

TEST_CASE("each that has seen enough, in every order, at drained and at decided", "[semantics][each][E5]") {
  for (std::size_t enough = 1; enough <= 5; ++enough) {
    const auto make = [enough] {
      return combine::each([seen = std::size_t{0}, enough](std::size_t, const fanout::result<counted>&) mutable {
        return ++seen == enough ? fanout::verdict::decided : fanout::verdict::go_on;
      });
    };
    const auto reference = [enough](const script& s) { return each_reference(s, enough); };
    check_every_order(make, reference, false, true);
    check_every_order([&] { return combine::at_decided(make()); }, reference, true, true);
  }
}

}  // namespace
