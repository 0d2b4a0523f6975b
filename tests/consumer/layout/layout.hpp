// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_CONSUMER_LAYOUT_HPP
#define FANOUT_TESTS_CONSUMER_LAYOUT_HPP

#include <fanout/fanout.hpp>

#include <cstddef>
#include <utility>

/// The completion of the operation that all the files of the program work on together: leaves the sum of the values.
struct add_up {
  int* sum;

  template <class Outcome>
  void operator()(Outcome&& outcome) const noexcept {
    if (!outcome) return;
    for (int value : *outcome) *sum += value;
  }
};

inline auto issue_sum(std::size_t n, int* sum) {
  return fanout::issue<int, fanout::errno_callback>(n, fanout::combine::all, add_up{sum});
}

using sum_issuer = decltype(issue_sum(0, nullptr));
using sum_branch = sum_issuer::branch;
using int_values = fanout::result<fanout::values<int>, fanout::failure<>>;

/// A branch in the hands of a C library.
struct c_branch {
  int* out;
  void (*callback)(int error, void* context);
  void* context;
};

/// What one translation unit knows about one type.
struct layout {
  const char* name;
  std::size_t size;
  std::size_t alignment;
};

/// One translation unit, and how it was compiled.
struct unit {
  const char* how;
  const layout* layouts;  // ends with an entry whose name is null
  sum_issuer (*issue)(std::size_t n, int* sum);
  void (*complete)(sum_branch, int value);
  c_branch (*release)(sum_branch);
  void (*seal)(sum_issuer);
  int_values (*wait)(int first, int second);  // for an operation of its own
  fanout::result<int> (*value)(int);
  fanout::result<int> (*error)();
  bool (*stop_requested)(fanout::inplace_stop_token);
  void* (*listen)(fanout::inplace_stop_token, int* told);  // a stop callback that counts
  void (*forget)(void* callback);
};

extern const unit cxx20;
extern const unit cxx23;
extern const unit ndebug;
extern const unit no_exceptions;

#endif  // FANOUT_TESTS_CONSUMER_LAYOUT_HPP
