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

inline void read_value(fanout::merged& m, outcome& o) {
  o.delivered = static_cast<int>(m.delivered), o.disorder = static_cast<int>(m.disorder);
}
inline void read_value(fanout::tolerant_merged<>& m, outcome& o) {
  read_value(static_cast<fanout::merged&>(m), o);
  for (const auto& f : m.failed) o.reports.push_back({number(f.index), state::failed, number(f.error)});
  o.stopped = static_cast<int>(m.stopped);
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
    bool operator==(std::default_sentinel_t) const noexcept {
      if (i_ != of_->is().n) return false;
      of_->last_element();
      return true;
    }

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

struct c_initiator {
  session* of;
  int operator()(int i, cargo* out, held_branch::c_callback callback, void* context) {
    return of->initiate_c(i, out, callback, context, {});
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
template <class Completion>
auto connected(session& s, Completion c) {
  using deadline = fanout::completion::deadline<session::timer_type, Completion>;
  return fanout::completion::stoppable(s.stop_token(), deadline(s.timer(), s.deadline(), std::move(c)));
}

struct no_issuer {};
/// With values of T: cargo, or void.
template <front From, class Combine, class T>
auto issue_for(session& s) {
  const counting<std::byte> memory(&s);
  [[maybe_unused]] const auto n = static_cast<std::size_t>(s.is().n);
  if constexpr (From == front::plain) {
    return fanout::issue<T>(n, combine_for<Combine>(s), completion{&s}, memory);
  } else if constexpr (From == front::connected) {
    return fanout::issue<T>(n, combine_for<Combine>(s), connected(s, completion{&s}), memory);
  } else if constexpr (From == front::open) {
    return fanout::issue<T>(combine_for<Combine>(s), connected(s, completion{&s}), memory);
  } else if constexpr (From == front::posted) {
    auto hops = fanout::completion::via(s.executor(), completion{&s});
    return fanout::issue<T, fanout::c_checked<>>(n, combine_for<Combine>(s), connected(s, std::move(hops)), memory);
  } else {
    return no_issuer();
  }
}

template <front From, class Combine, class T>
class driver final : public session {
 public:
  using session::session;

 private:
  static constexpr bool is_issued = !is_described(From);
  using issuer = decltype(issue_for<From, Combine, T>(std::declval<session&>()));

  void describe() {
    using range = std::conditional_t<From == front::pulled_uncounted, elements, counted_elements>;
    auto described = [this] {
      if constexpr (std::is_void_v<T>) {
        return fanout::detail::describe<T, fanout::handler>(Combine::make(*this), range(*this), initiator{this});
      } else if constexpr (From == front::pulled_posted) {
        return fanout::detail::describe<T, fanout::errno_callback>(Combine::make(*this), range(*this),
                                                                   c_initiator{this})
            .via(executor());
      } else {
        return fanout::detail::describe<T, fanout::handler>(Combine::make(*this), range(*this), initiator{this});
      }
    }();
    auto paced = [&] {
      if constexpr (std::is_void_v<T>) {
        return std::move(described);
      } else {
        return std::move(described)
            .window(static_cast<std::size_t>(is().window))
            .canary(static_cast<std::size_t>(is().canary));
      }
    }();
    auto delivered = [&] {
      auto counted = std::move(paced).allocate_with(counting<std::byte>(this));
      if constexpr (Combine::now) {
        return std::move(counted).deliver_at(fanout::decided);
      } else {
        return std::move(counted).drain();
      }
    }();
    if constexpr (is_connected(From)) {
      std::move(delivered).stop_on(stop_token()).deadline(deadline(), timer()).then(completion{this});
    } else {
      std::move(delivered).then(completion{this});
    }
  }

  void make() override {
    if constexpr (!is_issued) {
      describe();
    } else {
      issuer_.emplace(issue_for<From, Combine, T>(*this));
    }
  }
  auto initiator_of(int i) {
    return [this, i](auto branch, token_type token) { this->initiate(i, std::move(branch), token); };
  }
  void start([[maybe_unused]] int i, [[maybe_unused]] bool by_index) override {
    if constexpr (!is_issued) return;
    else if constexpr (From == front::open) issuer_->start(initiator_of(i));
    else if (by_index) issuer_->start(static_cast<std::size_t>(i), initiator_of(i));
    else issuer_->start(initiator_of(i));
  }
  void start_c([[maybe_unused]] int i, [[maybe_unused]] bool by_index) override {
    if constexpr (From == front::posted && !std::is_void_v<T>) {
      auto f = [this, i, token = issuer_->stop_token()](cargo* out, held_branch::c_callback callback, void* context) {
        return this->initiate_c(i, out, callback, context, token);
      };
      if (by_index) issuer_->start_c(static_cast<std::size_t>(i), f);
      else issuer_->start_c(f);
    }
  }
  bool try_start([[maybe_unused]] int i, [[maybe_unused]] bool by_index) override {
    if constexpr (!is_issued) return false;
    else if constexpr (From == front::open) return issuer_->try_start(initiator_of(i)).has_value();
    else if (by_index) return issuer_->try_start(static_cast<std::size_t>(i), initiator_of(i)).has_value();
    else return issuer_->try_start(initiator_of(i)).has_value();
  }
  void end([[maybe_unused]] ending how) override {
    if constexpr (is_issued) {
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
    if constexpr (is_issued) issuer_->request_stop();
  }
  standing ask() override {
    if constexpr (!is_issued) {
      return {};
    } else {
      standing s{static_cast<int>(issuer_->started()), issuer_->stop_requested(), issuer_->is_decided()};
      if constexpr (requires { issuer_->combine().awaited(); }) s.awaited = number(issuer_->combine().awaited());
      return s;
    }
  }

  std::optional<issuer> issuer_;
};

template <class Combine>
std::unique_ptr<session> drive(bytes in, front from, kind which) {
  switch (from) {
    case front::plain:
      return std::make_unique<driver<front::plain, Combine, cargo>>(in, from, which);
    case front::connected:
      return std::make_unique<driver<front::connected, Combine, cargo>>(in, from, which);
    case front::open:
      return std::make_unique<driver<front::open, Combine, cargo>>(in, from, which);
    case front::posted:
      return std::make_unique<driver<front::posted, Combine, cargo>>(in, from, which);
    case front::pulled_plain:
      return std::make_unique<driver<front::pulled_plain, Combine, cargo>>(in, from, which);
    case front::pulled:
      return std::make_unique<driver<front::pulled, Combine, cargo>>(in, from, which);
    case front::pulled_uncounted:
      return std::make_unique<driver<front::pulled_uncounted, Combine, cargo>>(in, from, which);
    default:
      return std::make_unique<driver<front::pulled_posted, Combine, cargo>>(in, from, which);
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
