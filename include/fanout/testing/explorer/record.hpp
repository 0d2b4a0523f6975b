// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_RECORD_HPP
#define FANOUT_TESTING_EXPLORER_RECORD_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace fanout::testing::explorer::detail {

inline constexpr int max_threads = 8;

/// Per thread, the number of its accesses that are known to have happened. 0 knows of none.
struct vector_clock {
  std::array<std::uint32_t, max_threads> at{};

  void join(const vector_clock& other) noexcept {
    for (std::size_t i = 0; i != at.size(); ++i) at[i] = std::max(at[i], other.at[i]);
  }
  bool covers(const vector_clock& other) const noexcept {
    bool all = true;
    for (std::size_t i = 0; i != at.size(); ++i) all &= other.at[i] <= at[i];
    return all;
  }
  /// Whether one of the accesses noted in `first` (0: no access) is known.
  bool knows_one_of(const vector_clock& first) const noexcept {
    bool one = false;
    for (std::size_t i = 0; i != at.size(); ++i) one |= first.at[i] != 0 && first.at[i] <= at[i];
    return one;
  }
};

/// One access: the tick-th of its thread. Tick 0 is the setup, which happens before everything.
struct epoch {
  std::uint32_t tick = 0;
  std::uint32_t thread = 0;

  bool happened_before(const vector_clock& now) const noexcept { return tick <= now.at[thread]; }
};

/// What a thread has learned from others, and what a release operation passes on.
struct view {
  vector_clock happened;  // accesses that happen before its next one: orders plain data
  vector_clock known;     // `happened`, and what sequentially consistent fences showed: bounds what loads may read
  std::uint32_t last_fence = 0;  // step of the last such fence

  void join(const view& other) noexcept {
    happened.join(other.happened);
    known.join(other.known);
    last_fence = std::max(last_fence, other.last_fence);
  }
};

inline constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();

/// One value in the modification order of an atomic.
struct store {
  std::uint64_t bits = 0;
  view message{};                 // what an acquire operation learns by reading this value
  vector_clock first_access{};    // per thread, the tick of its first read or write of this value; 0: none yet
  std::uint32_t sc_step = never;  // step of its first sequentially consistent read or write
};

enum class object_kind : std::uint8_t { atomic, cell, mutex, condition_variable, event };
enum class object_state : std::uint8_t { alive, destroyed, freed };
enum class value_format : std::uint8_t { none, boolean, signed_integer, unsigned_integer, pointer };

/// What the explorer knows of one modelled object. It lives here and not in the object, whose memory may be overwritten.
struct object {
  const void* address = nullptr;
  std::uint32_t number = 0;  // in order of construction, from 1
  const char* name = nullptr;
  object_kind kind{};
  object_state state{};
  value_format format{};
  bool flag = false;             // mutex: locked; event: set
  int owner = 0;                 // mutex: the thread that locked it
  epoch written{};               // cell: last write; others: construction
  vector_clock touched{};        // per thread, the tick of its last access (cell: read)
  view message{};                // mutex: of the last unlock; event: of set()
  std::vector<store> history{};  // atomic: modification order, never empty
};

/// A modelled object as its own code sees it. The index lies in the object's memory and is believed only if it fits.
struct reference {
  const void* address;
  std::uint32_t index;
  object_kind kind;
};

constexpr const char* to_string(object_kind kind) noexcept {
  switch (kind) {
    case object_kind::atomic:
      return "atomic";
    case object_kind::cell:
      return "cell";
    case object_kind::mutex:
      return "mutex";
    case object_kind::condition_variable:
      return "condition variable";
    case object_kind::event:
      return "event";
  }
  return "";
}

template <class T>
constexpr value_format format_of() noexcept {
  if constexpr (std::is_same_v<T, bool>) return value_format::boolean;
  else if constexpr (std::is_pointer_v<T>) return value_format::pointer;
  else if constexpr (std::is_enum_v<T>) return format_of<std::underlying_type_t<T>>();
  else if constexpr (std::is_integral_v<T>)
    return std::is_signed_v<T> ? value_format::signed_integer : value_format::unsigned_integer;
  else return value_format::none;
}

/// Values travel as 64 bits, so that only the surface of the explorer is a template. What is no such value becomes 0.
template <class T>
std::uint64_t to_bits(const T& value) noexcept {
  std::uint64_t bits = 0;
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    bits = static_cast<std::uint64_t>(value);  // sign-extended, so that the trace can print it
  } else if constexpr (std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof bits) {
    std::memcpy(&bits, &value, sizeof(T));
  }
  return bits;
}

template <class T>
T from_bits(std::uint64_t bits) noexcept {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return static_cast<T>(bits);
  } else {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }
}

}  // namespace fanout::testing::explorer::detail

#endif
