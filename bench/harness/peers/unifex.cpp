// SPDX-License-Identifier: BSL-1.0
// libunifex: when_all, for constant N, when_all_range and a scope, for any.
#include "harness/builtin.hpp"

#if FANOUT_BENCH_HAS_UNIFEX

#include <cstddef>
#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <unifex/async_scope.hpp>
#include <unifex/inline_scheduler.hpp>
#include <unifex/receiver_concepts.hpp>
#include <unifex/scheduler_concepts.hpp>
#include <unifex/sender_concepts.hpp>
#include <unifex/spawn_detached.hpp>
#include <unifex/when_all.hpp>
#include <unifex/when_all_range.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "harness/harness.hpp"
#include "harness/peers/senders.hpp"

namespace fanout::bench {
namespace {

/// The null sub-operation: started, it hands a branch to `start`, which completes it with a value, or as done for an error. With
/// `Stores` it sends nothing and leaves the value in an array.
template <class Start, bool Stores>
struct null_sender {
  template <template <class...> class Variant, template <class...> class Tuple>
  using value_types = std::conditional_t<Stores, Variant<Tuple<>>, Variant<Tuple<int>>>;
  template <template <class...> class Variant>
  using error_types = Variant<std::exception_ptr>;  // when_all_range asks for one
  static constexpr bool sends_done = true;

  template <class Receiver>
  struct state : completable {
    state(const null_sender& from, Receiver r) noexcept : completable(this), sender(from), receiver(std::move(r)) {}
    void start() noexcept { (*sender.begin)(sender.index, erased_branch{this}); }
    void complete(int error, int value) noexcept {
      if (error != 0) return unifex::set_done(std::move(receiver));
      if constexpr (Stores) {
        *sender.result = value;
        unifex::set_value(std::move(receiver));
      } else {
        unifex::set_value(std::move(receiver), +value);
      }
    }

    null_sender sender;
    Receiver receiver;
  };
  template <class Receiver>
  state<Receiver> connect(Receiver receiver) const noexcept {
    return {*this, std::move(receiver)};
  }

  const Start* begin;
  std::size_t index;
  int* result;
};
template <class Start>
using value_sender = null_sender<Start, false>;
template <class Start>
using storing_sender = null_sender<Start, true>;

std::int64_t sum_of(const std::vector<int>& values) noexcept {
  std::int64_t sum = 0;
  for (const int value : values) sum += value;
  return sum;
}

struct sum_receiver {
  template <class... Ones>
  void set_value(const Ones&... values) noexcept {
    to->deliver((std::int64_t{std::get<0>(std::get<0>(values))} + ...));
  }
  void set_value(const std::vector<int>& values) noexcept { to->deliver(sum_of(values)); }
  void set_error(const std::exception_ptr&) noexcept { to->deliver(-1); }
  void set_done() noexcept { to->deliver(-1); }

  answer* to;
};

class unifex_when_all {
 public:
  static constexpr bool takes(std::size_t n) noexcept { return is_static_size(n); }
  unifex_when_all(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    with_static_size(n_, [&]<std::size_t N>() { issue_all(start, std::make_index_sequence<N>()); });
  }

 private:
  template <class Start, std::size_t... I>
  void issue_all(const Start& start, std::index_sequence<I...>) {
    unifex::start(room_.keep([&] {
      return unifex::connect(unifex::when_all(value_sender<Start>{&start, I, nullptr}...), sum_receiver{to_});
    }));
  }

  const std::size_t n_;
  answer* const to_;
  state_room<16384> room_;
};

class unifex_when_all_range {
 public:
  unifex_when_all_range(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    std::vector<value_sender<Start>> all;
    all.reserve(n_);
    for (std::size_t i = 0; i != n_; ++i) all.push_back({&start, i, nullptr});
    unifex::start(
        room_.keep([&] { return unifex::connect(unifex::when_all_range(std::move(all)), sum_receiver{to_}); }));
  }

 private:
  const std::size_t n_;
  answer* const to_;
  state_room<512> room_;
};

struct joined {
  void set_value() noexcept { to->deliver(sum_of(*results)); }
  void set_error(const std::exception_ptr&) noexcept { to->deliver(-1); }
  void set_done() noexcept { to->deliver(-1); }
  // A scope completes its join where a scheduler says: here at once, on the thread of the last branch.
  friend unifex::inline_scheduler tag_invoke(unifex::tag_t<unifex::get_scheduler>, const joined&) noexcept {
    return {};
  }

  answer* to;
  const std::vector<int>* results;
};

class unifex_async_scope {
 public:
  unifex_async_scope(std::size_t n, answer& to) : to_(&to), results_(n) {}

  template <class Start>
  void issue(Start start) {
    for (std::size_t i = 0; i != results_.size(); ++i)
      unifex::spawn_detached(storing_sender<Start>{&start, i, &results_[i]}, scope_);
    unifex::start(room_.keep([this] { return unifex::connect(scope_.join(), joined{to_, &results_}); }));
  }

 private:
  answer* const to_;
  std::vector<int> results_;
  unifex::v2::async_scope scope_;
  state_room<512> room_;
};

}  // namespace

void add_unifex() {
  add_contender<unifex_when_all>("unifex_when_all");
  add_contender<unifex_when_all_range>("unifex_when_all_range");
  add_contender<unifex_async_scope>("unifex_async_scope");
}

}  // namespace fanout::bench

#else

void fanout::bench::add_unifex() {}

#endif
