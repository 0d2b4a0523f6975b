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

struct unifex_library {
  using scope = unifex::v2::async_scope;

  template <class Start, std::size_t... I>
  static auto connect_all(const Start& start, answer* to, std::index_sequence<I...>) {
    return unifex::connect(unifex::when_all(value_sender<Start>{&start, I, nullptr}...), sum_receiver{to});
  }
  template <class Start>
  static void spawn(scope& in, const Start& start, std::size_t i, int* result) {
    unifex::spawn_detached(storing_sender<Start>{&start, i, result}, in);
  }
  static auto connect_join(scope& s, answer* to, const std::vector<int>* results) {
    return unifex::connect(s.join(), joined{to, results});
  }
  template <class State>
  static void start(State& state) noexcept {
    unifex::start(state);
  }
};

}  // namespace

void add_unifex() {
  add_contender<static_when_all<unifex_library>>("unifex_when_all");
  add_contender<unifex_when_all_range>("unifex_when_all_range");
  add_contender<joined_scope<unifex_library>>("unifex_async_scope");
}

}  // namespace fanout::bench

#else

void fanout::bench::add_unifex() {}

#endif
