// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_REFCOUNT_STRATEGY_HPP
#define FANOUT_TESTS_REFCOUNT_STRATEGY_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "fanout/combine/all.hpp"
#include "fanout/issue.hpp"
#include "fanout/refcount/concept.hpp"
#include "support/delivered.hpp"

// What every refcount strategy must do. Whether its memory orders suffice is the model check's business.

namespace refcount_conformance {

// A strategy with storage of its own.
template <class S>
class made {
 public:
  explicit made(std::size_t n) : memory_(S::storage_for(n).bytes + S::storage_for(n).align) {
    void* at = memory_.data();
    std::size_t room = memory_.size();
    const auto layout = S::storage_for(n);
    auto* storage =
        layout.bytes == 0 ? nullptr : static_cast<std::byte*>(std::align(layout.align, layout.bytes, at, room));
    count_.emplace(n, storage);
  }
  S* operator->() { return &*count_; }

 private:
  std::vector<std::byte> memory_;
  std::optional<S> count_;
};

/// `remote` of n branches are released one by one, before or after the issuer; `inline_done` and the rest by the issuer.
template <class S>
void exactly_one_is_last(std::size_t n, std::size_t remote, std::size_t inline_done, std::size_t before_seal) {
  made<S> count(n);
  const std::size_t not_started = n - remote - inline_done;
  int last = 0;
  std::size_t i = 0;
  for (; i != before_seal; ++i) last += count->release(i, 1);
  CHECK(last == 0);
  const bool sealed_last = count->release_issuer(inline_done, not_started);
  last += sealed_last;
  CHECK(sealed_last == (before_seal == remote));
  for (; i != remote; ++i) {
    CHECK(last == 0);
    last += count->release(i, 1);
  }
  CHECK(last == 1);
}

template <class S>
void run() {
  for (std::size_t n = 0; n != 7; ++n) {
    for (std::size_t remote = 0; remote <= n; ++remote) {
      for (std::size_t inline_done = 0; inline_done <= n - remote; ++inline_done) {
        for (std::size_t before_seal = 0; before_seal <= remote; ++before_seal) {
          exactly_one_is_last<S>(n, remote, inline_done, before_seal);
        }
      }
    }
  }

  // several at once
  made<S> batch(10);
  CHECK(!batch->release(0, 4));
  CHECK(!batch->release_issuer(0, 0));
  CHECK(!batch->release(4, 5));
  CHECK(batch->release(9, 1));

  // as many as there may be
  if (S::storage_for(fanout::refcount::max_branches).bytes == 0) {
    made<S> most(fanout::refcount::max_branches);
    CHECK(!most->release(0, fanout::refcount::max_branches));
    CHECK(most->release_issuer(0, 0));
    made<S> none_started(fanout::refcount::max_branches);
    CHECK(none_started->release_issuer(0, fanout::refcount::max_branches));
  }
}

template <class S>
void run_holds() {
  // a hold keeps the count from zero, and there is none to be had from zero
  made<S> count(1);
  CHECK(count->try_hold());
  CHECK(!count->release(0, 1));
  CHECK(count->try_hold());
  CHECK(!count->release_issuer(0, 0));
  CHECK(!count->release_hold());
  CHECK(count->try_hold());
  CHECK(!count->release_hold());
  CHECK(count->release_hold());
  CHECK(!count->try_hold());
  CHECK(!count->try_hold());

  // a hold given back in time is as if it never was
  made<S> other(1);
  CHECK(other->try_hold());
  CHECK(!other->release_hold());
  CHECK(!other->release_issuer(0, 0));
  CHECK(other->release(0, 1));
  CHECK(!other->try_hold());
}

/// `add` before each start, for N unknown.
template <class S>
void run_add() {
  made<S> count(0);
  count->add(1);
  CHECK(!count->release(0, 1));
  count->add(3);
  CHECK(!count->release(1, 1));
  CHECK(!count->release_issuer(1, 0));
  CHECK(count->release(2, 1));
}

/// Exactly one thread of many is the last.
template <class S>
void run_threads() {
  for (int round = 0; round != 100; ++round) {
    made<S> count(4);
    std::atomic<int> ready = 0;
    std::atomic<int> last = 0;
    std::vector<int> written(4);
    std::atomic<int> sum = 0;
    auto finish = [&](bool was_last) {
      if (!was_last) return;
      last.fetch_add(1);
      for (const int x : written) sum.fetch_add(x);
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i != 4; ++i) {
      threads.emplace_back([&, i] {
        ready.fetch_add(1);
        while (ready.load() != 5) std::this_thread::yield();
        written[i] = static_cast<int>(i) + 1;
        finish(count->release(i, 1));
      });
    }
    ready.fetch_add(1);
    finish(count->release_issuer(0, 0));
    for (std::thread& thread : threads) thread.join();
    CHECK(last.load() == 1);
    CHECK(sum.load() == 10);
  }
}

/// The same through an operation.
template <class S>
void operation_across_threads() {
  support::delivered<support::all_outcome<std::string>> got;
  auto issuer = fanout::issue<std::string, fanout::handler, S>(5, fanout::combine::all, got.completion());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i != 4; ++i) {
    issuer.start(i, [&](auto branch) {
      threads.emplace_back([i, mine = std::move(branch)]() mutable { mine.set_value(i + 30, 'x'); });
    });
  }
  issuer.start(4, [](auto branch) { branch.set_value("inline"); });
  std::move(issuer).seal();
  for (std::thread& thread : threads) thread.join();
  REQUIRE(got.succeeded());
  for (std::size_t i = 0; i != 4; ++i) CHECK((*got.outcome())[i].size() == i + 30);
}

}  // namespace refcount_conformance

#endif  // FANOUT_TESTS_REFCOUNT_STRATEGY_HPP
