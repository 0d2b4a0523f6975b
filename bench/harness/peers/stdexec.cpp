// SPDX-License-Identifier: BSL-1.0
// stdexec, the reference implementation of std::execution: when_all, for constant N, and a counting scope, for any.
#include "harness/builtin.hpp"

#if FANOUT_BENCH_HAS_STDEXEC

#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexec/execution.hpp>
#include <utility>
#include <vector>

#include "harness/harness.hpp"
#include "harness/peers/senders.hpp"

namespace fanout::bench {
namespace {

/// The null sub-operation: started, it hands a branch to `start`, which completes it with a value or an error.
template <class Start>
struct value_sender {
  using sender_concept = stdexec::sender_t;
  using completion_signatures =
      stdexec::completion_signatures<stdexec::set_value_t(int), stdexec::set_error_t(int), stdexec::set_stopped_t()>;

  template <class Receiver>
  struct state : completable {
    using operation_state_concept = stdexec::operation_state_t;
    state(const value_sender& from, Receiver r) noexcept : completable(this), sender(from), receiver(std::move(r)) {}
    void start() & noexcept { (*sender.begin)(sender.index, erased_branch{this}); }
    void complete(int error, int value) noexcept {
      if (error != 0) return stdexec::set_error(std::move(receiver), +error);
      stdexec::set_value(std::move(receiver), +value);
    }

    value_sender sender;
    Receiver receiver;
  };
  template <class Receiver>
  state<Receiver> connect(Receiver receiver) const noexcept {
    return {*this, std::move(receiver)};
  }

  const Start* begin;
  std::size_t index;
};

struct sum_receiver {
  using receiver_concept = stdexec::receiver_t;
  template <class... Values>
  void set_value(Values... values) noexcept {
    to->deliver((std::int64_t{values} + ...));
  }
  void set_error(int) noexcept { to->deliver(-1); }
  void set_error(const std::exception_ptr&) noexcept { to->deliver(-1); }
  void set_stopped() noexcept { to->deliver(-1); }

  answer* to;
};

/// What may be spawned: sends nothing, so the branch leaves its value in an array.
template <class Start>
struct storing_sender {
  using sender_concept = stdexec::sender_t;
  using completion_signatures = stdexec::completion_signatures<stdexec::set_value_t(), stdexec::set_stopped_t()>;

  template <class Receiver>
  struct state {
    using operation_state_concept = stdexec::operation_state_t;
    struct branch {
      state* owner;
      void operator()(int error, int value) const noexcept {
        *owner->result = value;
        if (error != 0) return stdexec::set_stopped(std::move(owner->receiver));
        stdexec::set_value(std::move(owner->receiver));
      }
    };
    void start() & noexcept { (*begin)(index, branch{this}); }

    const Start* begin;
    std::size_t index;
    int* result;
    Receiver receiver;
  };
  template <class Receiver>
  state<Receiver> connect(Receiver receiver) const noexcept {
    return {begin, index, result, std::move(receiver)};
  }

  const Start* begin;
  std::size_t index;
  int* result;
};

struct joined {
  using receiver_concept = stdexec::receiver_t;
  void set_value() noexcept { to->deliver(sum_of(*results)); }
  void set_error(const std::exception_ptr&) noexcept { to->deliver(-1); }
  void set_stopped() noexcept { to->deliver(-1); }
  // A scope completes its join where a scheduler says: here at once, on the thread of the last branch.
  stdexec::prop<stdexec::get_start_scheduler_t, stdexec::inline_scheduler> get_env() const noexcept { return {{}, {}}; }

  answer* to;
  const std::vector<int>* results;
};

struct stdexec_library {
  using scope = stdexec::simple_counting_scope;

  template <class Start, std::size_t... I>
  static auto connect_all(const Start& start, answer* to, std::index_sequence<I...>) {
    return stdexec::connect(stdexec::when_all(value_sender<Start>{&start, I}...), sum_receiver{to});
  }
  template <class Start>
  static void spawn(scope& in, const Start& start, std::size_t i, int* result) {
    stdexec::spawn(storing_sender<Start>{&start, i, result}, in.get_token());
  }
  static auto connect_join(scope& s, answer* to, const std::vector<int>* results) {
    return stdexec::connect(s.join(), joined{to, results});
  }
  template <class State>
  static void start(State& state) noexcept {
    stdexec::start(state);
  }
};

}  // namespace

void add_stdexec() {
  add_contender<static_when_all<stdexec_library>>("stdexec_when_all");
  add_contender<joined_scope<stdexec_library>>("stdexec_counting_scope");
}

}  // namespace fanout::bench

#else

void fanout::bench::add_stdexec() {}

#endif
