// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_MODEL_MODEL_HPP
#define FANOUT_TESTS_MODEL_MODEL_HPP

// What the model checks share: the explorer in place of the world, and a report of one line per scenario. Include it first: the
// library's assertions are findings here.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "fanout/testing/explorer.hpp"

#define FANOUT_ASSERT(condition, sentence) ::fanout::testing::explorer::require(static_cast<bool>(condition), sentence)

namespace model {

namespace explorer = fanout::testing::explorer;
using explorer::platform;
using explorer::require;
using explorer::test;

template <class T>
using cell = explorer::cell<T>;
// A branch's value, watched for races.
struct number : cell<int> {
  number(int v = 0) noexcept : cell<int>(v) {}
};
using bytes = explorer::allocator<std::byte>;

// An object in memory that is never used again once it is freed.
template <class T, class... Args>
T* make(Args&&... args) {
  return ::new (static_cast<void*>(explorer::allocator<T>{}.allocate(1))) T(std::forward<Args>(args)...);
}
template <class T>
void unmake(T* object) {
  object->~T();
  explorer::allocator<T>{}.deallocate(object, 1);
}

// An allocator that keeps the books: what an operation takes, it gives back, once. (Twice is the explorer's to find.)
struct ledger {
  int taken = 0, given_back = 0;
  void check() const { require(taken == given_back, "storage was not given back"); }
};
template <class T>
struct booked {
  using value_type = T;
  ledger* book;

  explicit booked(ledger& b) noexcept : book(&b) {}
  template <class U>
  booked(const booked<U>& other) noexcept : book(other.book) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    ++book->taken;
    return explorer::allocator<T>{}.allocate(n);
  }
  void deallocate(T* p, std::size_t n) noexcept {
    ++book->given_back;
    explorer::allocator<T>{}.deallocate(p, n);
  }
  friend bool operator==(booked a, booked b) noexcept { return a.book == b.book; }
};
using booked_bytes = booked<std::byte>;

// CI goes one size further than an everyday run.
inline bool full_depth() {
  const char* depth = std::getenv("FANOUT_MODEL_DEPTH");
  return depth != nullptr && std::strcmp(depth, "full") == 0;
}

inline int exit_code = 0;

// Explores a scenario that has to hold. `executions`: how many there are, where a closed form says so; 0: any number.
template <class Scenario>
void check(const char* name, Scenario scenario, std::uint64_t executions = 0, explorer::options limits = {}) {
  limits.max_executions = 50'000'000;
  const explorer::report report = explorer::explore(scenario, limits);
  const bool holds = static_cast<bool>(report) && (executions == 0 || executions == report.executions);
  std::printf("%-10s %-72s %9llu executions\n", holds ? "ok" : "UNEXPECTED", name,
              static_cast<unsigned long long>(report.executions));
  if (!holds) {
    if (report) std::printf("expected %llu executions\n", static_cast<unsigned long long>(executions));
    std::fputs(explorer::to_string(report).c_str(), stdout);
    exit_code = 1;
  }
  std::fflush(stdout);
}

// Explores a scenario with a mistake in it, which has to be found for this reason.
template <class Scenario>
void check_red(const char* name, Scenario scenario, const char* reason) {
  const explorer::report report = explorer::explore(scenario);
  const bool found =
      report.verdict == explorer::report::verdict::failed && report.reason.find(reason) != std::string::npos;
  std::printf("%-10s %-72s %9llu executions\n", found ? "red" : "UNEXPECTED", name,
              static_cast<unsigned long long>(report.executions));
  if (!found) {
    std::fputs(explorer::to_string(report).c_str(), stdout);
    exit_code = 1;
  }
  std::fflush(stdout);
}

}  // namespace model

#endif
