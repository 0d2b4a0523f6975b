// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_FUZZ_DRIVE_HPP
#define FANOUT_TESTS_FUZZ_DRIVE_HPP

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <fanout/algorithm/description.hpp>
#include <fanout/combine/decided.hpp>
#include <fanout/fanout.hpp>

#include "session.hpp"

namespace fuzz {

// ---- outcomes read -------------------------------------------------------------------------------------------------------

inline int number(const std::error_code& e) {
  if (e.category() != std::generic_category() && e.category() != fanout::error_category()) return -1;
  return e.value();
}
inline int number(std::size_t index) noexcept { return index == fanout::no_index ? nobody : static_cast<int>(index); }

template <class Settled>
report one_report(const Settled& r) {
  const int i = number(r.index());
  if (r.has_value()) {
    if ((*r).id() != i) discrepancy("a branch's place holds another branch's value", i);
    return {i, state::value, 0};
  }
  return {i, r.stopped() ? state::stopped : state::failed, r.stopped() ? 0 : number(r.error())};
}
template <class Reports>
void read_reports(const Reports& in, outcome& o) {
  for (const auto r : in.all()) o.reports.push_back(one_report(r));
  for (const std::size_t i : in.missing()) o.missing.push_back(number(i));
}
template <class E>
void read_failure(const fanout::failure<E>& f, outcome& o) {
  o.index = number(f.index), o.cause = number(f.cause), o.suppressed = static_cast<int>(f.suppressed), o.why = f.why;
}

inline void read_value(fanout::values<cargo>& all, outcome& o) {
  for (const cargo& c : all) o.reports.push_back({c.id(), state::value, 0});
}
template <class Width>
void read_value(fanout::values<cargo, fanout::std_platform, Width>& all, outcome& o) {
  for (const cargo& c : all) o.reports.push_back({c.id(), state::value, 0});
}
inline void read_value(fanout::results<cargo, std::error_code>& all, outcome& o) {
  for (const auto r : all) o.reports.push_back(one_report(r));
  if (all.disturbance() != nullptr) read_failure(*all.disturbance(), o);
}
inline void read_value(std::vector<int>& ids, outcome& o) {
  for (const int i : ids) o.reports.push_back({i, state::value, 0});
}
inline void read_value(fanout::winner<cargo>& w, outcome& o) {
  if (w.value.id() != number(w.index)) discrepancy("the winner's value is another branch's", w.value.id());
  o.reports.push_back({number(w.index), state::value, 0});
}
inline void read_value(fanout::reports<cargo>& in, outcome& o) {
  read_reports(in, o);
  o.why = in.why();
}
inline void read_value(fanout::tally& t, outcome& o) {
  o.successes = static_cast<int>(t.successes), o.failures = static_cast<int>(t.failures);
  o.stopped = static_cast<int>(t.stopped);
}

struct reader {
  template <class Outcome>
  outcome operator()(Outcome& real) const {
    outcome o;
    o.success = real.has_value();
    if (real.has_value()) {
      read_value(*real, o);
    } else {
      read_failure(real.error(), o);
      if constexpr (requires { real.error().reported; }) read_reports(real.error().reported, o);
    }
    return o;
  }
};

struct completion {
  session* of;
  template <class Outcome>
  void operator()(Outcome outcome) && noexcept {
    of->completed(std::move(outcome), reader());
  }
};

// ---- elements ------------------------------------------------------------------------------------------------------------

/// 0 to n - 1; each is asked for once, and one of them may throw.
class elements {
 public:
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    explicit iterator(session& of) noexcept : of_(&of) {}
    int operator*() const {
      of_->element(i_);
      return i_;
    }
    iterator& operator++() noexcept {
      ++i_;
      return *this;
    }
    void operator++(int) noexcept { ++i_; }
    bool operator==(std::default_sentinel_t) const noexcept { return i_ == of_->is().n; }

   private:
    session* of_ = nullptr;
    int i_ = 0;
  };

  explicit elements(session& of) noexcept : of_(&of) {}
  iterator begin() const noexcept { return iterator(*of_); }
  std::default_sentinel_t end() const noexcept { return {}; }

 protected:
  session* of_;
};
struct counted_elements : elements {
  using elements::elements;
  std::size_t size() const noexcept { return static_cast<std::size_t>(this->of_->is().n); }
};

struct initiator {
  session* of;
  template <class Branch>
  void operator()(int i, Branch branch, session::token_type token) {
    of->initiate(i, std::move(branch), token);
  }
};

// ---- operations ----------------------------------------------------------------------------------------------------------

/// `Combine`: a policy that can be made from a session, and `now`: whether it is delivered at decided.
template <class Combine>
auto combine_for(session& s) {
  if constexpr (Combine::now) {
    return fanout::combine::at_decided(Combine::make(s));
  } else {
    return Combine::make(s);
  }
}
inline auto connected(session& s) {
  using deadline = fanout::completion::deadline<session::timer_type, completion>;
  return fanout::completion::stoppable(s.stop_token(), deadline(s.timer(), s.deadline(), completion{&s}));
}

struct no_issuer {};
template <front From, class Combine>
auto issue_for(session& s) {
  const counting<std::byte> memory(&s);
  [[maybe_unused]] const auto n = static_cast<std::size_t>(s.is().n);
  if constexpr (From == front::plain) {
    return fanout::issue<cargo>(n, combine_for<Combine>(s), completion{&s}, memory);
  } else if constexpr (From == front::connected) {
    return fanout::issue<cargo>(n, combine_for<Combine>(s), connected(s), memory);
  } else if constexpr (From == front::open) {
    return fanout::issue<cargo>(combine_for<Combine>(s), connected(s), memory);
  } else {
    return no_issuer();
  }
}

template <front From, class Combine>
class driver final : public session {
 public:
  using session::session;

 private:
  static constexpr bool is_pulled = From >= front::pulled_plain;
  using issuer = decltype(issue_for<From, Combine>(std::declval<session&>()));

  void describe() {
    using range = std::conditional_t<From == front::pulled_uncounted, elements, counted_elements>;
    auto description =
        fanout::detail::describe<cargo, fanout::handler>(Combine::make(*this), range(*this), initiator{this})
            .window(static_cast<std::size_t>(is().window))
            .canary(static_cast<std::size_t>(is().canary))
            .allocate_with(counting<std::byte>(this));
    auto delivered = [&] {
      if constexpr (Combine::now) {
        return std::move(description).deliver_at(fanout::decided);
      } else {
        return std::move(description).drain();
      }
    }();
    if constexpr (From == front::pulled_plain) {
      std::move(delivered).then(completion{this});
    } else {
      std::move(delivered).stop_on(stop_token()).deadline(deadline(), timer()).then(completion{this});
    }
  }

  void make() override {
    if constexpr (is_pulled) {
      describe();
    } else {
      issuer_.emplace(issue_for<From, Combine>(*this));
    }
  }
  auto initiator_of(int i) {
    return [this, i](auto branch, token_type token) { this->initiate(i, std::move(branch), token); };
  }
  void start([[maybe_unused]] int i, [[maybe_unused]] bool by_index) override {
    if constexpr (is_pulled) return;
    else if constexpr (From == front::open) issuer_->start(initiator_of(i));
    else if (by_index) issuer_->start(static_cast<std::size_t>(i), initiator_of(i));
    else issuer_->start(initiator_of(i));
  }
  bool try_start([[maybe_unused]] int i, [[maybe_unused]] bool by_index) override {
    if constexpr (is_pulled) return false;
    else if constexpr (From == front::open) return issuer_->try_start(initiator_of(i)).has_value();
    else if (by_index) return issuer_->try_start(static_cast<std::size_t>(i), initiator_of(i)).has_value();
    else return issuer_->try_start(initiator_of(i)).has_value();
  }
  void end([[maybe_unused]] ending how) override {
    if constexpr (!is_pulled) {
      FANOUT_TRY {
        issuer last(std::move(*issuer_));
        issuer_.reset();
        if (how == ending::seal) std::move(last).seal();
        if (how == ending::exception) {
          begins_to_throw();
          throw_something();
        }
      }
      FANOUT_CATCH_ALL {}
    }
  }
  void ask_to_stop() override {
    if constexpr (!is_pulled) issuer_->request_stop();
  }
  standing ask() override {
    if constexpr (is_pulled) {
      return {};
    } else {
      return {static_cast<int>(issuer_->started()), issuer_->stop_requested(), issuer_->is_decided()};
    }
  }

  std::optional<issuer> issuer_;
};

template <class Combine>
std::unique_ptr<session> drive(bytes in, front from, kind which) {
  switch (from) {
    case front::plain:
      return std::make_unique<driver<front::plain, Combine>>(in, from, which);
    case front::connected:
      return std::make_unique<driver<front::connected, Combine>>(in, from, which);
    case front::open:
      return std::make_unique<driver<front::open, Combine>>(in, from, which);
    case front::pulled_plain:
      return std::make_unique<driver<front::pulled_plain, Combine>>(in, from, which);
    case front::pulled:
      return std::make_unique<driver<front::pulled, Combine>>(in, from, which);
    default:
      return std::make_unique<driver<front::pulled_uncounted, Combine>>(in, from, which);
  }
}

/// Hands late values to the session.
struct late_sink {
  session* of;
  void operator()(std::size_t i, cargo&& late) noexcept {
    const cargo taken(std::move(late));
    if (taken.id() != static_cast<int>(i)) discrepancy("on_late is given another branch's value", taken.id());
    of->late(taken.id());
  }
};

}  // namespace fuzz

#endif
