// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_PEERS_SENDERS_HPP
#define FANOUT_BENCH_HARNESS_PEERS_SENDERS_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "harness/operation.hpp"

namespace fanout::bench {

/// The sizes with which a contender takes part whose N is a constant.
constexpr bool is_static_size(std::size_t n) noexcept { return n == 1 || n == 4 || n == 16 || n == 64; }

/// Calls `visit.operator()<N>()` for the one of them that `n` is.
template <class Visit>
void with_static_size(std::size_t n, Visit visit) {
  switch (n) {
    case 1:
      return visit.template operator()<1>();
    case 4:
      return visit.template operator()<4>();
    case 16:
      return visit.template operator()<16>();
    default:
      return visit.template operator()<64>();
  }
}

/// A branch that is one type for all children of a static when_all, each of which has a receiver of its own type. As a callback in C
/// it is a function and what it is called with; `State` derives from `completable` and has `complete(error, value)`.
struct completable {
  template <class State>
  explicit completable(const State*) noexcept
      : complete_as([](completable* self, int error, int value) noexcept {
          static_cast<State*>(self)->complete(error, value);
        }) {}
  void (*complete_as)(completable*, int error, int value) noexcept;
};
struct erased_branch {
  completable* state;
  void operator()(int error, int value) const noexcept { state->complete_as(state, error, value); }
};

/// Room for an operation state whose type only `issue` knows, without an allocation that the user of one would not need.
template <std::size_t Bytes>
class state_room {
 public:
  state_room() = default;
  state_room(const state_room&) = delete;
  state_room& operator=(const state_room&) = delete;
  ~state_room() {
    if (destroy_ != nullptr) destroy_(room_);
  }

  /// Keeps what `make` returns, which need not be movable. Once.
  template <class Make>
  auto& keep(Make make) {
    using state = decltype(make());
    static_assert(sizeof(state) <= Bytes && alignof(state) <= alignof(std::max_align_t), "a larger room is needed");
    auto* const made = ::new (static_cast<void*>(room_)) state(make());
    destroy_ = [](void* room) noexcept { std::destroy_at(static_cast<state*>(room)); };
    return *made;
  }

 private:
  void (*destroy_)(void*) noexcept = nullptr;
  alignas(std::max_align_t) std::byte room_[Bytes];
};

inline std::int64_t sum_of(const std::vector<int>& values) noexcept {
  std::int64_t sum = 0;
  for (const int value : values) sum += value;
  return sum;
}

// The contenders that stdexec and libunifex have in common. A Library has
//
//   connect_all(start, to, index_sequence)      the state of a when_all of null sub-operations, which delivers their sum to `to`
//   scope                                       joined when all that was spawned in it is over
//   spawn(scope, start, i, result)              begins null sub-operation i there, which leaves its value in `result`
//   connect_join(scope, to, results)            the state of a join, which delivers the sum of the results
//   start(state)

/// when_all, whose N is a constant.
template <class Library>
class static_when_all {
 public:
  static constexpr bool takes(std::size_t n) noexcept { return is_static_size(n); }
  static_when_all(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    with_static_size(n_, [&]<std::size_t N>() {
      Library::start(room_.keep([&] { return Library::connect_all(start, to_, std::make_index_sequence<N>()); }));
    });
  }

 private:
  const std::size_t n_;
  answer* const to_;
  state_room<16384> room_;
};

/// A scope, for any N.
template <class Library>
class joined_scope {
 public:
  joined_scope(std::size_t n, answer& to) : to_(&to), results_(n) {}

  template <class Start>
  void issue(Start start) {
    for (std::size_t i = 0; i != results_.size(); ++i) Library::spawn(scope_, start, i, &results_[i]);
    Library::start(room_.keep([this] { return Library::connect_join(scope_, to_, &results_); }));
  }

 private:
  answer* const to_;
  std::vector<int> results_;
  typename Library::scope scope_;
  state_room<512> room_;
};

}  // namespace fanout::bench

#endif
