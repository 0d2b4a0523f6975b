// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_STREAM_HPP
#define FANOUT_STREAM_HPP

#include <cstddef>

namespace fanout {

/// What a stream branch is to do after it has emitted something.
enum class flow : unsigned char {
  go,     // there is room for more
  pause,  // what it has emitted waits to be taken: go on when on_resume says so
  stop,   // nobody wants more: complete
};

/// How many items of one branch may wait, before its producer is asked to pause, and how few before it may go on.
struct stream_limits {
  static constexpr std::size_t by_default = 4096;

  std::size_t pause_at = by_default;       // emit returns flow::pause when so many wait
  std::size_t resume_at = by_default / 2;  // it is resumed when no more than that wait. pre: below pause_at
};

/// Items that a stream branch emitted together, lent to the combine policy until it gives them back; see
/// fanout/combine/concept.hpp. They may be moved from.
template <class Item>
class stream_chunk {
 public:
  stream_chunk(const stream_chunk&) = delete;
  stream_chunk& operator=(const stream_chunk&) = delete;

  Item* begin() const noexcept { return first_; }
  Item* end() const noexcept { return last_; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(last_ - first_); }

  /// Ends the life of the items, and makes room for others. The last access, from inside the policy's members only.
  void give_back() noexcept { give_back_(*this); }

  stream_chunk* next = nullptr;  // the policy's, until then

 protected:
  explicit stream_chunk(void (*to)(stream_chunk&) noexcept) noexcept : give_back_(to) {}
  ~stream_chunk() = default;

  Item* first_ = nullptr;
  Item* last_ = nullptr;

 private:
  void (*const give_back_)(stream_chunk&) noexcept;
};

}  // namespace fanout

#endif
