// SPDX-License-Identifier: BSL-1.0
#ifndef EVERY_ORDER_HPP
#define EVERY_ORDER_HPP

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include "by_hand.hpp"
#include "fanout/testing/explorer.hpp"
#include "with_fanout.hpp"

namespace every_order {

namespace ex = fanout::testing::explorer;
using memory = ex::allocator<std::byte>;

/// A shard whose rows are counted on a thread of its own.
template <class Out>
struct shard {
  ex::event asked{};
  Out* out = nullptr;
  callback* done = nullptr;
  void* context = nullptr;
};

/// The caller of count_rows.
struct caller {
  row_count counted{};
  ex::cell<int> calls{0};
  ex::cell<int> err{0};

  static void called_back(int err, void* self) {
    static_cast<caller*>(self)->err = err;
    static_cast<caller*>(self)->calls += 1;
  }
};

/// Runs a way to count rows in every order that three threads can run in: one issues, and one for each of two shards
/// calls back with an entry of `errors`. Returns what the explorer found.
template <class Way, class Out>
ex::report explore(std::array<int, 2> errors) {
  return ex::explore([errors](ex::test& t) {
    auto& shards = t.make<std::array<shard<Out>, 2>>();
    auto& self = t.make<caller>();
    for (std::size_t i = 0; i != 2; ++i) {
      t.thread([&shards, i, err = errors[i]] {
        shards[i].asked.wait();
        if (shards[i].done == nullptr) return;
        if (err == 0) *shards[i].out = 10;
        shards[i].done(err, shards[i].context);
      });
    }
    t.thread([&] {
      const auto count_one = [&](std::size_t i, Out* out, callback* done, void* context) {
        shards[i].out = out;
        shards[i].done = done;
        shards[i].context = context;
        shards[i].asked.set();
        return -EINPROGRESS;
      };
      Way::count_rows(2, count_one, &self.counted, &caller::called_back, &self);
      for (auto& s : shards) {
        if (s.done == nullptr) s.asked.set();  // not asked: the other one has failed already
      }
    });
    t.finally([&self, errors] {
      ex::require(self.calls == 1, "the caller was not called back once");
      if (errors == std::array{0, 0}) {
        ex::require(self.err == 0 && self.counted.rows == 20 && self.counted.shards == 2, "the sum is wrong");
      } else {
        ex::require(self.err != 0, "an error was lost");
      }
    });
  });
}

inline std::string verdict(const ex::report& r) {
  if (r) return "right in every order";
  if (r.verdict == ex::report::verdict::incomplete) return "not decided: " + r.reason;
  std::fprintf(stderr, "%s\n%s\n", r.reason.c_str(), r.trace.c_str());  // the order that breaks it, step by step
  return r.reason;
}

/// Prints what it found for the code with the bug, the code without, and the library. True if only the first one is
/// wrong.
template <bug Planted>
bool compare(const char* the_bug, const char* instead, std::array<int, 2> errors) {
  const ex::report wrong = explore<by_hand<ex::platform, memory, Planted>, ex::cell<int>>(errors);
  const ex::report right = explore<by_hand<ex::platform, memory>, ex::cell<int>>(errors);
  const ex::report library = explore<with_fanout<ex::platform, memory>, int>(errors);
  std::printf("by hand, %s:\n  %s\n", the_bug, verdict(wrong).c_str());
  std::printf("by hand, %s:\n  %s\n", instead, verdict(right).c_str());
  std::printf("with fanout:\n  %s\n", verdict(library).c_str());
  return wrong.verdict == ex::report::verdict::failed && right && library;
}

}  // namespace every_order

#endif
