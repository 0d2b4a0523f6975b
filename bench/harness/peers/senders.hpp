// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_PEERS_SENDERS_HPP
#define FANOUT_BENCH_HARNESS_PEERS_SENDERS_HPP

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

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

}  // namespace fanout::bench

#endif
