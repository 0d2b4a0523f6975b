// SPDX-License-Identifier: BSL-1.0
#ifndef WITH_FANOUT_HPP
#define WITH_FANOUT_HPP

#include <cerrno>
#include <cstddef>
#include <utility>

#include "by_hand.hpp"
#include "fanout/fanout.hpp"

/// The same with the library. No count, no error field, no context to free; any number of shards.
template <class Platform, class Allocator>
struct with_fanout {
  struct reply {
    row_count* result;
    callback* caller;
    void* caller_context;
    int shards = 0;

    void operator()(fanout::result<int, fanout::failure<>> rows) && noexcept {
      if (rows) *result = {*rows, shards};
      caller(rows ? 0 : -rows.error().cause.value(), caller_context);
    }
  };

  template <class CountOne>
  static int count_rows(std::size_t num_shards, CountOne count_one, row_count* result, callback* caller,
                        void* context) {
    auto sum = [](auto rows) {
      int all = 0;
      for (int r : rows) all += r;
      return all;
    };
    auto issuer = fanout::issue<int, fanout::errno_callback, fanout::refcount::basic_atomic<Platform>>(
        num_shards, fanout::combine::with(sum), reply{result, caller, context}, Allocator());
    for (std::size_t i = 0; i != num_shards; ++i) {
      issuer.start_c(i, [&](int* out, callback* done, void* branch) { return count_one(i, out, done, branch); });
    }
    issuer.completion().shards = static_cast<int>(num_shards);
    return -EINPROGRESS;
  }
};

#endif
