// SPDX-License-Identifier: BSL-1.0
#include "fanout/executor.hpp"

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "fanout/testing/manual_executor.hpp"

namespace {

using fanout::testing::manual_executor;
using fanout::work;

// One that runs functions of a pointer's size, as most of the world's do: what it is given is kept as bytes.
class function_loop {
 public:
  struct handle {
    function_loop* to;
    template <class F>
    void execute(F f) const noexcept {
      static_assert(std::is_trivially_copyable_v<F> && sizeof(F) == sizeof(void*));
      kept k{{}, [](const unsigned char* bytes) noexcept {
               alignas(F) unsigned char copy[sizeof(F)];
               std::memcpy(copy, bytes, sizeof(F));
               (*reinterpret_cast<F*>(copy))();
             }};
      std::memcpy(k.bytes, &f, sizeof(F));
      to->queue_.push_back(k);
    }
    bool operator==(const handle&) const noexcept = default;
  };

  std::size_t run_all() {
    std::size_t n = 0;
    for (; n != queue_.size(); ++n) {
      const kept k = queue_[n];
      k.call(k.bytes);
    }
    queue_.clear();
    return n;
  }

 private:
  struct kept {
    unsigned char bytes[sizeof(void*)];
    void (*call)(const unsigned char*) noexcept;
  };
  std::vector<kept> queue_;
};

struct noted : work {
  explicit noted(std::vector<int>& to, int n) : work{nullptr, &note}, log(&to), number(n) {}
  static void note(work* self) noexcept {
    auto* me = static_cast<noted*>(self);
    me->log->push_back(me->number);
  }
  std::vector<int>* log;
  int number;
};

// ---- what is an executor, and what is not ---------------------------------------------------------------------------

static_assert(fanout::intrusive_executor<manual_executor::executor_type>);
static_assert(fanout::executor<manual_executor::executor_type>);
static_assert(!fanout::intrusive_executor<function_loop::handle>);
static_assert(fanout::executor<function_loop::handle>);
static_assert(fanout::detail::check_executor<manual_executor::executor_type>());
static_assert(fanout::detail::check_executor<function_loop::handle>());

static_assert(!fanout::executor<manual_executor>);  // the loop, not its handle
static_assert(!fanout::executor<int>);
static_assert(!fanout::executor<fanout::issuing_executor_t>);

struct post_may_throw {
  void post(work&) const {}
  bool operator==(const post_may_throw&) const noexcept = default;
};
struct execute_may_throw {
  template <class F>
  void execute(F) const {}
  bool operator==(const execute_may_throw&) const noexcept = default;
};
struct copy_may_throw {
  copy_may_throw() = default;
  copy_may_throw(const copy_may_throw&) {}
  void post(work&) const noexcept {}
  bool operator==(const copy_may_throw&) const noexcept = default;
};
struct not_comparable {
  void post(work&) const noexcept {}
};
static_assert(!fanout::executor<post_may_throw>);
static_assert(!fanout::executor<execute_may_throw>);
static_assert(!fanout::executor<copy_may_throw>);
static_assert(!fanout::executor<not_comparable>);

// ---- posting --------------------------------------------------------------------------------------------------------

TEST_CASE("work is posted alike to executors of both grades, and runs later", "[executor]") {
  std::vector<int> log;
  noted one(log, 1);
  noted two(log, 2);

  manual_executor intrusive;
  fanout::detail::post(intrusive.get_executor(), one);
  function_loop functions;
  fanout::detail::post(function_loop::handle{&functions}, two);
  CHECK(log.empty());

  CHECK(functions.run_all() == 1);
  CHECK(log == std::vector{2});
  CHECK(intrusive.run_all() == 1);
  CHECK(log == std::vector{2, 1});
}

// Has both: the one that allocates nothing is used.
struct both {
  int* posted;
  int* executed;
  void post(work&) const noexcept { ++*posted; }
  template <class F>
  void execute(F) const noexcept {
    ++*executed;
  }
  bool operator==(const both&) const noexcept = default;
};

TEST_CASE("an executor that can do both is posted to", "[executor]") {
  int posted = 0;
  int executed = 0;
  work w{};
  fanout::detail::post(both{&posted, &executed}, w);
  CHECK(posted == 1);
  CHECK(executed == 0);
}

// Runs what it is given at once, as an executor must not but another thread may, and then uses itself.
struct runs_at_once {
  int uses = 0;
  int* total;
  void post(work& w) noexcept {
    w.run(&w);
    *total += ++uses;
  }
  bool operator==(const runs_at_once&) const noexcept = default;
};
struct holds_its_executor : work {
  runs_at_once executor;
};

TEST_CASE("the handle that is called is a copy: the one in the work may be gone before post returns", "[executor]") {
  int total = 0;
  auto* w = new holds_its_executor{
      {nullptr, [](work* self) noexcept { delete static_cast<holds_its_executor*>(self); }}, {0, &total}};
  fanout::detail::post(w->executor, *w);
  CHECK(total == 1);
}

}  // namespace
