// SPDX-License-Identifier: BSL-1.0
// Every interleaving of requests, registrations, deregistrations and destruction on the stop source that is shipped.
//
// A callback is memory of its own, freed as soon as its destructor has returned: whoever touches it later, or was not
// waited for, is caught. The bugs that this program has to find are tests/planted/stop_*.txt.

#include "model/model.hpp"

#include <cstdio>
#include <new>
#include <string>
#include <utility>

#include "fanout/stop_token.hpp"

namespace {

namespace explorer = fanout::testing::explorer;
using explorer::require;
using model::make;
using model::unmake;

using platform = explorer::platform;
using source = fanout::basic_inplace_stop_source<platform>;
using token = fanout::basic_inplace_stop_token<platform>;
template <class T>
using cell = explorer::cell<T>;

// The function objects keep all they have in cells too, so that running one that is gone has a name.
struct count_runs {
  cell<cell<int>*> runs;
  void operator()() const { ++*static_cast<cell<int>*>(runs); }
};
struct call {
  using function_type = void (*)(void*);
  call(function_type f, void* p) : function(f), argument(p) {}
  cell<function_type> function;
  cell<void*> argument;
  void operator()() const { static_cast<function_type>(function)(argument); }
};
using calling = fanout::basic_inplace_stop_callback<platform, call>;

// A callback and how often it ran, made and destroyed as one.
struct counted {
  explicit counted(token t) : callback(t, count_runs{&runs}) {}
  cell<int> runs{0};
  fanout::basic_inplace_stop_callback<platform, count_runs> callback;
};

// ---------------------------------------------------------------------------------------------------------------------

// The source goes as soon as both threads' calls have returned. A run, if any, is over when the destructor returns.
void request_against_a_whole_life(explorer::test& test) {
  struct state {
    source* s = make<source>();
    explorer::event requested;
  };
  state* const x = &test.make<state>();
  test.thread([x] {
    require(x->s->request_stop(), "the only request lost");
    x->requested.set();
  });
  test.thread([x] {
    unmake(make<counted>(x->s->get_token()));
    x->requested.wait();
    unmake(x->s);
  });
}

// A registered callback runs exactly once: on the requester's thread, or, where it comes too late, on its own.
void request_against_registration(explorer::test& test) {
  struct state {
    source s;
    counted* c = nullptr;
  };
  state* const x = &test.make<state>();
  test.thread([x] { x->s.request_stop(); });
  test.thread([x] { x->c = make<counted>(x->s.get_token()); });
  test.finally([x] {
    require(x->c->runs == 1, "a callback did not run exactly once");
    unmake(x->c);
  });
}

// The join, and nothing but: what the callback wrote is read and overwritten as soon as the destructor has returned.
void request_against_deregistration(explorer::test& test) {
  struct add_one {
    cell<int>* to;
    void operator()() const { ++*to; }
  };
  using callback = fanout::basic_inplace_stop_callback<platform, add_one>;
  struct state {
    source s;
    cell<int> runs{0};
    callback* c = make<callback>(s.get_token(), add_one{&runs});
  };
  state* const x = &test.make<state>();
  test.thread([x] { x->s.request_stop(); });
  test.thread([x] {
    x->c->~callback();  // its memory stays: a late run could still read it, and would be found by its race
    require(x->runs <= 1, "a callback ran twice");
    x->runs = 2;
  });
}

// Two joins, one after the other, on the same word of the source.
void request_against_two_deregistrations(explorer::test& test) {
  struct state {
    source s;
    counted* c[2] = {make<counted>(s.get_token()), make<counted>(s.get_token())};
  };
  state* const x = &test.make<state>();
  test.thread([x] { x->s.request_stop(); });
  test.thread([x] {
    for (counted* c : x->c) unmake(c);
  });
}

// One request wins; whoever loses knows that stop was requested, and sees what the winner wrote before.
void two_requesters(explorer::test& test) {
  struct state {
    source s;
    counted c{s.get_token()};
    cell<int> written[2];
    bool won[2] = {};
  };
  state* const x = &test.make<state>();
  for (int i = 0; i != 2; ++i) {
    test.thread([x, i] {
      x->written[i] = 1;
      x->won[i] = x->s.request_stop();
      require(x->s.stop_requested(), "not stopped after a request");
      if (!x->won[i]) require(x->written[1 - i] == 1, "the loser does not see the winner's write");
    });
  }
  test.finally([x] {
    require(x->won[0] != x->won[1], "not exactly one request won");
    require(x->c.runs == 1, "a callback did not run exactly once");
  });
}

// Both ways to learn of a request order what was written before it: the flag, and the constructor that runs late.
struct written_before {
  source s;
  cell<int> written{0};
  void request() {
    written = 1;
    s.request_stop();
  }
};
void the_flag_after_what_was_written_before(explorer::test& test) {
  auto* const x = &test.make<written_before>();
  test.thread([x] { x->request(); });
  test.thread([x] {
    if (x->s.stop_requested()) require(x->written == 1, "the request is seen, what was written before it is not");
  });
}
void a_late_callback_after_what_was_written_before(explorer::test& test) {
  auto* const x = &test.make<written_before>();
  test.thread([x] { x->request(); });
  test.thread([x] {
    const auto f = [](void* p) {
      require(static_cast<written_before*>(p)->written == 1, "a late callback does not see what was written before");
    };
    unmake(make<calling>(x->s.get_token(), call{f, x}));
  });
}

// A callback destroys itself in its own run: nobody to wait for, and its memory is never touched again.
void deregistration_inside_its_own_run(explorer::test& test) {
  struct state {
    source s;
    calling* c = nullptr;
    bool ran = false;
  };
  state* const x = &test.make<state>();
  const auto f = [](void* p) {
    auto& self = *static_cast<state*>(p);
    unmake(self.c);
    self.ran = true;
  };
  x->c = make<calling>(x->s.get_token(), call{f, x});
  test.thread([x] { x->s.request_stop(); });
  test.thread([x] { unmake(make<counted>(x->s.get_token())); });
  test.finally([x] { require(x->ran, "a callback did not run"); });
}

// A callback destroys its successor, unless it is deregistered itself before it runs: then the successor runs.
void deregistration_of_another_from_a_callback(explorer::test& test) {
  struct state {
    source s;
    counted* victim = nullptr;
    calling* c = nullptr;
  };
  state* const x = &test.make<state>();
  const auto f = [](void* p) {
    auto& self = *static_cast<state*>(p);
    require(self.victim->runs == 0, "callbacks ran out of order");
    unmake(std::exchange(self.victim, nullptr));
  };
  x->c = make<calling>(x->s.get_token(), call{f, x});
  x->victim = make<counted>(x->s.get_token());
  test.thread([x] { x->s.request_stop(); });
  test.thread([x] { unmake(x->c); });
  test.finally([x] {
    if (x->victim == nullptr) return;
    require(x->victim->runs == 1, "a callback that nobody destroyed did not run");
    unmake(x->victim);
  });
}

// A callback registers another of the same source: it runs at once, inside.
void registration_inside_a_callback(explorer::test& test) {
  struct state {
    source s;
    counted* inner = nullptr;
    calling* outer = nullptr;
  };
  state* const x = &test.make<state>();
  const auto f = [](void* p) {
    auto& self = *static_cast<state*>(p);
    self.inner = make<counted>(self.s.get_token());
    require(self.inner->runs == 1, "a late callback did not run at once");
  };
  x->outer = make<calling>(x->s.get_token(), call{f, x});
  test.thread([x] { x->s.request_stop(); });
  test.thread([x] {
    unmake(x->outer);
    if (x->inner != nullptr) unmake(x->inner);
  });
}

// A lock with one holder and two sleepers hands over to both.
void three_registrations(explorer::test& test) {
  struct state {
    source s;
    counted* c[3] = {};
  };
  state* const x = &test.make<state>();
  for (int i = 0; i != 3; ++i) test.thread([x, i] { x->c[i] = make<counted>(x->s.get_token()); });
  test.finally([x] {
    x->s.request_stop();
    for (counted* c : x->c) {
      require(c->runs == 1, "a registered callback did not run");
      unmake(c);
    }
  });
}

// A sleeper that finds stop requested when it wakes up has taken the only wake-up: it must hand it on.
void three_requesters(explorer::test& test) {
  struct state {
    source s;
    cell<int> winners{0};  // only winners write: two would race
  };
  state* const x = &test.make<state>();
  for (int i = 0; i != 3; ++i) {
    test.thread([x] {
      if (x->s.request_stop()) ++x->winners;
    });
  }
  test.finally([x] { require(x->winners == 1, "not exactly one request won"); });
}

// A request goes down a link while the link is being cut.
void request_against_a_link(explorer::test& test) {
  struct state {
    source parent;
  };
  state* const x = &test.make<state>();
  test.thread([x] { x->parent.request_stop(); });
  test.thread([x] {
    using child = fanout::linked_stop_source<token, source>;
    unmake(make<child>(x->parent.get_token()));
  });
}

// The two mistakes that a source names when it is destroyed.
void source_destroyed_before_its_callback(explorer::test& test) {
  test.thread([] {
    auto* s = make<source>();
    make<counted>(s->get_token());
    unmake(s);
  });
}
void source_destroyed_inside_its_own_request(explorer::test& test) {
  struct state {
    source* s = make<source>();
    calling* c = nullptr;
  };
  state* const x = &test.make<state>();
  const auto f = [](void* p) {
    auto& self = *static_cast<state*>(p);
    unmake(self.c);
    unmake(self.s);
  };
  x->c = make<calling>(x->s->get_token(), call{f, x});
  test.thread([x] { x->s->request_stop(); });
}

// ---------------------------------------------------------------------------------------------------------------------

bool all_as_wanted = true;

// A compare-exchange of the lock that fails spuriously, or has read an older value, goes round its loop once more. The
// larger scenarios leave that to the smaller ones: it would only multiply what their threads do to each other.
constexpr explorer::options all_failures{};
constexpr explorer::options true_failures{.spurious = 0, .stale_failures = false};

// `reason` is how the failure has to begin; null if the scenario has to hold.
void check(const char* name, void (*scenario)(explorer::test&), const explorer::options& limits = all_failures,
           const char* reason = nullptr) {
  const explorer::report report = explorer::explore(scenario, limits);
  using verdict = enum explorer::report::verdict;
  const bool as_wanted = reason == nullptr ? report.verdict == verdict::ok
                                           : report.verdict == verdict::failed && report.reason.starts_with(reason);
  all_as_wanted = all_as_wanted && as_wanted;
  const char* const found = !as_wanted ? "UNEXPECTED" : reason == nullptr ? "ok" : "RED as planted";
  std::printf("%-16s %-46s %9llu executions\n", found, name, static_cast<unsigned long long>(report.executions));
  if (!as_wanted) std::fputs(explorer::to_string(report).c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

int main() {
  check("request against a whole life", request_against_a_whole_life);
  check("request against registration", request_against_registration);
  check("request against deregistration", request_against_deregistration);
  check("request against two deregistrations", request_against_two_deregistrations, true_failures);
  check("two requesters", two_requesters);
  check("the flag, after what was written before", the_flag_after_what_was_written_before);
  check("a late callback, after what was written before", a_late_callback_after_what_was_written_before);
  check("deregistration inside its own run", deregistration_inside_its_own_run, true_failures);
  check("deregistration of another from a callback", deregistration_of_another_from_a_callback);
  check("registration inside a callback", registration_inside_a_callback);
  check("three registrations", three_registrations, true_failures);
  check("three requesters", three_requesters, true_failures);
  check("request against a link", request_against_a_link);
  check("source destroyed before its callback", source_destroyed_before_its_callback, all_failures,
        "a stop source was destroyed before a stop callback registered with it");
  check("source destroyed inside its own request", source_destroyed_inside_its_own_request, all_failures,
        "a stop source was destroyed inside its own request_stop()");
  return all_as_wanted ? 0 : 1;
}
