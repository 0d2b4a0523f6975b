// SPDX-License-Identifier: BSL-1.0
// Happy Eyeballs (RFC 8305), written with the algorithms: two name look-ups, a window of 50 ms in which the later one may still be
// preferred, and connection attempts 300 ms apart that alternate between the families. The scenarios are those of libdill's
// tests/happyeyeballs.c, and two that it lacks; each step must end finished or cancelled as predicted.
//
// The look-ups are branches of one nested operation, the attempts of another, whose elements are an input range that grows while the
// look-ups answer. Both hold the one branch of the outer operation, which has the deadline.
#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/algorithm/all.hpp"
#include "fanout/algorithm/first_success.hpp"
#include "fanout/algorithm/settle.hpp"
#include "fanout/stop_token.hpp"
#include "support/attempts.hpp"
#include "support/delivered.hpp"

namespace {

using fanout::errc;
using support::attempt_state;
using support::attempts;
using support::delivered;
using namespace std::chrono_literals;

constexpr int never = 1'000'000;

// One address: how long a connection takes to be made or refused.
struct address {
  int takes = never;
  bool refuses = false;
};

// A family's name look-up: when it answers, and with what.
struct family {
  int answers_at = never;
  std::vector<address> addresses;
};

class happy_eyeballs {
 public:
  using timer = fanout::timer::manual_timer;
  static constexpr int v6 = 6, v4 = 4, nowhere = 0;

  happy_eyeballs(family six, family four) : families_{std::move(six), std::move(four)} {}

  // Address k of a family, as elements are numbered: 600, 601, … and 400, 401, …
  void run(int until, std::optional<int> deadline = {}) {
    auto described = fanout::all<int>(std::array{0}, [this](int, auto branch, auto stop) {
      auto held = std::make_shared<decltype(branch)>(std::move(branch));
      finish_ = [held](int winner, std::error_code why) {
        if (why == errc::stopped) return held->set_stopped();
        why ? held->set_error(why) : held->set_value(winner);
      };
      begin(stop);
    });
    if (deadline) {
      std::move(described).deadline(std::chrono::milliseconds(*deadline), clock_).then(got.completion());
    } else {
      std::move(described).then(got.completion());
    }
    for (int now = 0; now <= until && got.times == 0; ++now) {
      clock_.run_until(timer::time_point(std::chrono::milliseconds(now)));
      poll(now);
    }
  }

  int winner() { return got.succeeded() ? (*got.outcome())[0] : 0; }
  attempt_state look_up(int which) const { return dns.state(which == v6 ? 0 : 1); }
  std::vector<int> connected() const { return order_; }

  timer clock_;
  attempts dns{clock_};
  attempts tries{clock_};
  delivered<support::all_outcome<int>> got;

 private:
  // What there is to connect to, in the order of preference; it ends when both look-ups have answered and all is used.
  class growing {
   public:
    explicit growing(happy_eyeballs& of) : of_(&of) {}
    class iterator {
     public:
      using value_type = int;
      using difference_type = std::ptrdiff_t;
      explicit iterator(happy_eyeballs& of) : of_(&of) {}
      int operator*() const { return of_->next_address(); }
      iterator& operator++() { return *this; }
      void operator++(int) {}
      bool operator==(std::default_sentinel_t) const { return !of_->may_have_more(); }

     private:
      happy_eyeballs* of_;
    };
    iterator begin() const { return iterator(*of_); }
    std::default_sentinel_t end() const { return {}; }

   private:
    happy_eyeballs* of_;
  };
  static_assert(std::ranges::input_range<growing>);

  template <class Token>
  void begin(Token stop) {
    stop_.emplace(stop);
    fanout::settle<int>(std::array<int, 2>{v6, v4}, dns.initiator())
        .stop_on(stop_->get_token())
        .then([this](auto) noexcept { looked_up_ = true; });
  }
  void begin_connecting() {
    if (connecting_) return;
    connecting_ = true;
    fanout::first_success<int>(growing(*this),
                               [this](int which, auto branch, auto token) {
                                 auto held = std::make_shared<decltype(branch)>(std::move(branch));
                                 auto connect = [this, held, token](int to) {
                                   if (to == nowhere) return held->set_stopped();
                                   order_.push_back(to);
                                   tries.initiator()(to, std::move(*held), token);
                                 };
                                 which == nowhere ? waiting_.push_back(std::move(connect)) : connect(which);
                               })
        .stagger(300ms, clock_)
        .stop_on(stop_->get_token())
        .then([this](auto outcome) noexcept {
          outcome_ = outcome ? std::error_code() : outcome.error().cause;
          causes = outcome ? 0 : outcome.error().reported.failures().size();
          if (outcome) won_ = outcome->value;
          connected_ = true;
          stop_->request_stop();  // whoever is still looked up
        });
  }
  // Both nested operations have ended, or the second one will never begin. The link goes before the branch that has the token.
  void end_perhaps() {
    if (!looked_up_ || !finish_ || (connecting_ ? !connected_ : !stop_->stop_requested())) return;
    if (!connecting_) outcome_ = make_error_code(errc::stopped);
    stop_.reset();
    std::exchange(finish_, {})(won_, outcome_);
  }

  void poll(int now) {
    for (std::size_t f = 0; f != 2; ++f) {
      if (dns.state(f) != attempt_state::running || families_[f].answers_at > now) continue;
      for (std::size_t k = 0; k != families_[f].addresses.size(); ++k) {
        known_[f].push_back((f == 0 ? 600 : 400) + static_cast<int>(k));
      }
      answered_[f] = true;
      if (f == 0 || answered_[0]) ready_at_ = now;
      if (f == 1 && !answered_[0]) ready_at_ = now + 50;  // wait so long for the other
      if (answered_[0] && answered_[1]) ready_at_ = now;
      dns.succeed(f, 0);
    }
    if (ready_at_ <= now && (may_connect() || (answered_[0] && answered_[1])) && !stop_->stop_requested()) {
      begin_connecting();
    }
    // An attempt that had nowhere to go has now, or never will.
    if (may_connect() || !may_have_more() || stop_->stop_requested()) {
      for (auto& connect : std::exchange(waiting_, {})) {
        connect(may_connect() && !stop_->stop_requested() ? next_address() : nowhere);
      }
    }
    for (std::size_t i = 0; i != tries.size(); ++i) {
      if (tries.state(i) != attempt_state::running || tries.asked_to_stop(i)) continue;
      const address& one = at(tries.element(i));
      if (tries.at(i).count() + one.takes > now) continue;
      one.refuses ? tries.fail(i, std::errc::connection_refused) : tries.succeed(i, tries.element(i));
    }
    tries.cancel_asked();
    dns.cancel_asked();
    end_perhaps();
  }

  bool may_connect() const { return !known_[0].empty() || !known_[1].empty(); }
  bool may_have_more() const { return may_connect() || !answered_[0] || !answered_[1]; }
  int next_address() {
    if (!may_connect()) return nowhere;
    // The other family than last time; version 6 at first.
    std::size_t f = last_ == 0 ? 1 : 0;
    if (known_[f].empty()) f = 1 - f;
    last_ = static_cast<int>(f);
    const int which = known_[f].front();
    known_[f].pop_front();
    return which;
  }
  const address& at(int which) const {
    return families_[which >= 600 ? 0 : 1].addresses[static_cast<std::size_t>(which % 100)];
  }

  family families_[2];
  std::deque<int> known_[2];
  bool answered_[2] = {};
  int ready_at_ = never;
  int last_ = 1;
  bool looked_up_ = false, connecting_ = false, connected_ = false;
  int won_ = 0;
  std::error_code outcome_;
  std::vector<int> order_;
  std::vector<std::function<void(int)>> waiting_;  // attempts that wait for an address
  std::function<void(int, std::error_code)> finish_;
  std::optional<fanout::linked_stop_source<fanout::inplace_stop_token>> stop_;

 public:
  std::size_t causes = 0;
};

constexpr int v6 = happy_eyeballs::v6;
constexpr int v4 = happy_eyeballs::v4;
constexpr auto finished = attempt_state::succeeded;
constexpr auto cancelled = attempt_state::cancelled;
using order = std::vector<int>;

TEST_CASE("HE1, HE2: one family only", "[happy_eyeballs][stagger]") {
  happy_eyeballs six({10, {{20}}}, {10, {}});
  six.run(1000);
  CHECK(six.winner() == 600);
  CHECK(six.look_up(v4) == finished);

  happy_eyeballs four({10, {}}, {10, {{20}}});
  four.run(1000);
  CHECK(four.winner() == 400);
  CHECK(four.look_up(v6) == finished);
}

TEST_CASE("HE3, HE4: the other family's look-up is cancelled when a connection is made", "[happy_eyeballs][stagger]") {
  happy_eyeballs six({10, {{20}}}, {1000, {{20}}});
  six.run(1000);
  CHECK(six.winner() == 600);
  CHECK(six.look_up(v4) == cancelled);

  happy_eyeballs four({1000, {{20}}}, {10, {{20}}});
  four.run(1000);
  CHECK(four.winner() == 400);
  CHECK(four.look_up(v6) == cancelled);
}

TEST_CASE("HE5, HE6, HE7: version 6 is waited for 50 ms", "[happy_eyeballs][stagger]") {
  happy_eyeballs in_time({30, {{20}}}, {10, {{20}}});
  in_time.run(1000);
  CHECK(in_time.winner() == 600);
  CHECK(in_time.connected() == order{600});

  happy_eyeballs late({100, {{20}}}, {10, {{20}}});
  late.run(1000);
  CHECK(late.winner() == 400);
  CHECK(late.connected() == order{400});
  CHECK(late.look_up(v6) == cancelled);

  happy_eyeballs first({100, {{20}}}, {200, {{20}}});
  first.run(1000);
  CHECK(first.winner() == 600);
  CHECK(first.look_up(v4) == cancelled);
}

TEST_CASE("HE8, HE9: the deadline passes while names are looked up", "[happy_eyeballs][stagger]") {
  for (const int deadline : {30, 100}) {
    happy_eyeballs slow({1000, {{20}}}, {1000, {{20}}});
    slow.run(2000, deadline);
    CHECK(slow.got.failed(fanout::no_index, errc::deadline, 0));
    CHECK(slow.look_up(v6) == cancelled);
    CHECK(slow.look_up(v4) == cancelled);
    CHECK(slow.tries.size() == 0);
  }
}

TEST_CASE("HE10: connections hang: the families alternate, 300 ms apart, until the deadline",
          "[happy_eyeballs][stagger]") {
  happy_eyeballs hang({0, {{}, {}, {}}}, {0, {{}, {}, {}}});
  hang.run(2000, 900);
  CHECK(hang.got.failed(fanout::no_index, errc::deadline, 0));
  // The fourth is due in the moment of the deadline, which was armed before.
  CHECK(hang.connected() == order{600, 400, 601});
  CHECK(hang.tries.start_times() == order{0, 300, 600});
  CHECK(hang.tries.count(cancelled) == 3);
  CHECK(hang.clock_.next_expiry() == fanout::timer::manual_timer::time_point::max());
}

TEST_CASE("HE11, HE12: the second family arrives late, and the fourth attempt wins", "[happy_eyeballs][stagger]") {
  happy_eyeballs wins4({0, {{}, {}, {10}}}, {460, {{}, {}}});
  wins4.run(2000);
  CHECK(wins4.connected() == order{600, 601, 400, 602});
  CHECK(wins4.winner() == 602);
  CHECK(wins4.tries.count(cancelled) == 3);
  CHECK(wins4.tries.count(finished) == 1);

  happy_eyeballs wins6({400, {{}, {}}}, {0, {{}, {}, {10}}});
  wins6.run(2000);
  CHECK(wins6.connected() == order{400, 401, 600, 402});
  CHECK(wins6.tries.start_times() == order{50, 350, 650, 950});
  CHECK(wins6.winner() == 402);
  CHECK(wins6.tries.count(cancelled) == 3);
}

TEST_CASE("the second family arrives when the first has nothing left", "[happy_eyeballs][stagger]") {
  happy_eyeballs late4({0, {{}}}, {400, {{10}}});
  late4.run(2000);
  CHECK(late4.connected() == order{600, 400});
  CHECK(late4.tries.start_times() == order{0, 400});  // due at 300
  CHECK(late4.winner() == 400);
  CHECK(late4.tries.count(cancelled) == 1);

  happy_eyeballs nothing({0, {{}}}, {400, {}});
  nothing.run(2000, 1000);
  CHECK(nothing.connected() == order{600});
  CHECK(nothing.got.failed(fanout::no_index, errc::deadline, 0));
}

TEST_CASE("HE13: no addresses, and no deadline", "[happy_eyeballs][stagger][E1]") {
  happy_eyeballs nobody({10, {}}, {20, {}});
  nobody.run(1000);
  CHECK(nobody.got.failed(0, errc::no_candidates));
  CHECK(nobody.look_up(v6) == finished);
  CHECK(nobody.look_up(v4) == finished);
}

TEST_CASE("HE14: every connection fails, and no deadline", "[happy_eyeballs][stagger][E18]") {
  happy_eyeballs refused({10, {{20, true}, {20, true}}}, {10, {{20, true}}});
  refused.run(1000);
  CHECK(refused.got.failed(0, std::make_error_code(std::errc::connection_refused)));
  CHECK(refused.connected() == order{600, 400, 601});
  CHECK(refused.tries.start_times() == order{10, 30, 50});  // each as soon as the one before was refused
  CHECK(refused.causes == 3);
}

TEST_CASE("a refusal brings the next attempt forward", "[happy_eyeballs][stagger]") {
  happy_eyeballs one({0, {{100, true}, {}}}, {0, {{500}}});
  one.run(2000);
  CHECK(one.connected() == order{600, 400, 601});
  CHECK(one.tries.start_times() == order{0, 100, 400});
  CHECK(one.winner() == 400);
  CHECK(one.tries.count(cancelled) == 1);
}

}  // namespace
