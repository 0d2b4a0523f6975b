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

class stdexec_when_all {
 public:
  static constexpr bool takes(std::size_t n) noexcept { return is_static_size(n); }
  stdexec_when_all(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    with_static_size(n_, [&]<std::size_t N>() { issue_all(start, std::make_index_sequence<N>()); });
  }

 private:
  template <class Start, std::size_t... I>
  void issue_all(const Start& start, std::index_sequence<I...>) {
    stdexec::start(room_.keep(
        [&] { return stdexec::connect(stdexec::when_all(value_sender<Start>{&start, I}...), sum_receiver{to_}); }));
  }

  const std::size_t n_;
  answer* const to_;
  state_room<16384> room_;
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
  void set_value() noexcept {
    std::int64_t sum = 0;
    for (const int value : *results) sum += value;
    to->deliver(sum);
  }
  void set_error(const std::exception_ptr&) noexcept { to->deliver(-1); }
  void set_stopped() noexcept { to->deliver(-1); }
  // A scope completes its join where a scheduler says: here at once, on the thread of the last branch.
  stdexec::prop<stdexec::get_start_scheduler_t, stdexec::inline_scheduler> get_env() const noexcept { return {{}, {}}; }

  answer* to;
  const std::vector<int>* results;
};

class stdexec_counting_scope {
 public:
  stdexec_counting_scope(std::size_t n, answer& to) : to_(&to), results_(n) {}

  template <class Start>
  void issue(Start start) {
    for (std::size_t i = 0; i != results_.size(); ++i)
      stdexec::spawn(storing_sender<Start>{&start, i, &results_[i]}, scope_.get_token());
    stdexec::start(room_.keep([this] { return stdexec::connect(scope_.join(), joined{to_, &results_}); }));
  }

 private:
  answer* const to_;
  std::vector<int> results_;
  stdexec::simple_counting_scope scope_;
  state_room<256> room_;
};

}  // namespace

void add_stdexec() {
  add_contender<stdexec_when_all>("stdexec_when_all");
  add_contender<stdexec_counting_scope>("stdexec_counting_scope");
}

}  // namespace fanout::bench

#else

void fanout::bench::add_stdexec() {}

#endif
