// SPDX-License-Identifier: BSL-1.0
// Compiled several times: in C++20 and C++23, with and without NDEBUG, without exceptions and run-time type information.
#include "layout.hpp"

#include <array>
#include <string>

namespace {

template <class Issuer>
struct operation_of;
template <class Operation>
struct operation_of<fanout::basic_issuer<Operation>> {
  using type = Operation;
};
using sum_operation = operation_of<sum_issuer>::type;
using stop_callback = fanout::inplace_stop_callback<void (*)()>;
struct ignore {
  void operator()(auto&&) const noexcept {}
};
using settle_operation = operation_of<decltype(fanout::issue<std::string>(1, fanout::combine::settle, ignore{}))>::type;
using open_operation = operation_of<decltype(fanout::issue<int>(fanout::combine::all, add_up{nullptr}))>::type;
using embedded_sum = fanout::embedded<int, 3, fanout::combine::all_policy<int>, add_up>;
using stoppable_sum = fanout::completion::stoppable<fanout::inplace_stop_token, add_up>;

#define FANOUT_LAYOUT(...) {#__VA_ARGS__, sizeof(__VA_ARGS__), alignof(__VA_ARGS__)}

constexpr layout layouts[] = {
    FANOUT_LAYOUT(fanout::errc),
    FANOUT_LAYOUT(fanout::failure<>),
    FANOUT_LAYOUT(fanout::result<void>),
    FANOUT_LAYOUT(fanout::result<char>),
    FANOUT_LAYOUT(fanout::result<int>),
    FANOUT_LAYOUT(fanout::result<std::string, fanout::failure<>>),
    FANOUT_LAYOUT(int_values),
    FANOUT_LAYOUT(fanout::results<std::string>),
    FANOUT_LAYOUT(fanout::results<std::string>::value_type),
    FANOUT_LAYOUT(fanout::inplace_stop_source),
    FANOUT_LAYOUT(fanout::inplace_stop_token),
    FANOUT_LAYOUT(stop_callback),
    FANOUT_LAYOUT(fanout::linked_stop_source<fanout::inplace_stop_token>),
    FANOUT_LAYOUT(stoppable_sum),
    FANOUT_LAYOUT(fanout::completion::waiter<int_values>),
    FANOUT_LAYOUT(fanout::refcount::atomic),
    FANOUT_LAYOUT(fanout::refcount::lazy_seed),
    FANOUT_LAYOUT(fanout::refcount::local),
    FANOUT_LAYOUT(sum_branch),
    FANOUT_LAYOUT(sum_issuer),
    FANOUT_LAYOUT(sum_operation),
    FANOUT_LAYOUT(settle_operation),
    FANOUT_LAYOUT(open_operation),
    FANOUT_LAYOUT(embedded_sum),
    {nullptr, 0, 0},
};

sum_issuer issue(std::size_t n, int* sum) { return issue_sum(n, sum); }
void complete(sum_branch branch, int value) { branch.set_value(value); }
void seal(sum_issuer issuer) { std::move(issuer).seal(); }

c_branch release(sum_branch branch) {
  const auto door = branch.release();
  return {door.out, door.callback, door.context};
}

int_values wait(int first, int second) {
  return fanout::wait(
      fanout::all<int>(std::array{first, second}, [](int value, auto branch) { branch.set_value(value); }));
}

fanout::result<int> value(int i) { return i; }
fanout::result<int> error() { return fanout::unexpected(make_error_code(fanout::errc::deadline)); }

struct count_up {
  int* told;
  void operator()() const noexcept { ++*told; }
};
using listener = fanout::inplace_stop_callback<count_up>;

bool stop_requested(fanout::inplace_stop_token token) { return token.stop_requested(); }
void* listen(fanout::inplace_stop_token token, int* told) { return new listener(token, count_up{told}); }
void forget(void* callback) { delete static_cast<listener*>(callback); }

}  // namespace

const unit FANOUT_UNIT{FANOUT_UNIT_HOW, layouts, issue,          complete, release, seal, wait,
                       value,           error,   stop_requested, listen,   forget};
