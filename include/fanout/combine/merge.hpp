// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMBINE_MERGE_HPP
#define FANOUT_COMBINE_MERGE_HPP

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/combine/concept.hpp"
#include "fanout/combine/quorum.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/merge_core.hpp"
#include "fanout/stream.hpp"

namespace fanout {

/// What a merge came to. The items themselves went to the sink.
struct merged {
  std::size_t delivered = 0;  // items that the sink was given
  std::size_t disorder = 0;   // of these, those that went out after a greater one: somebody broke its word
};

/// The same where streams may fail.
template <class E = std::error_code>
struct tolerant_merged : merged {
  struct failed_stream {
    std::size_t index;
    E error;
  };
  std::vector<failed_stream> failed;  // in the order of failing
  std::size_t stopped = 0;            // streams that gave up because they were asked to
};

namespace combine {

/// How a merge is done: see `combine::merge`.
struct merge_options {
  stream_limits limits;
  bool late_streams = false;
  on_deadline_t at_deadline = fail;
};

/// Merges sorted streams into one, in the order of (key, index of the stream, position in the stream): `sink(index, item&&)` or
/// `sink(item&&)`, one call at a time, on any of the emitting or completing threads. An item goes out as soon as nothing can
/// precede it any more; the rest waits, in memory of the streams' chunks, and `stream_limits` bounds it for producers that
/// pause. A sink that returns `verdict::decided` has seen enough: the others are asked to stop, and what waits is dropped. If it
/// throws, that is the outcome (E6).
///
/// **A stream that stalls holds up all others**, unless it says by watermarks how far it is: without, the next item may be its.
/// `awaited()` names one. A deadline, or a producer that emits a watermark now and then, keeps one dead host from hiding what all
/// others have to say.
///
/// **Order** is what the streams make of it. An item that comes after a greater one of its own stream, or below its watermark, is
/// delivered all the same, as soon as it is its turn, and counted in `merged::disorder`.
///
/// **Failure.** By default the first branch that fails, or gives up, has the others asked to stop, its error is the outcome, and what
/// waits is dropped. With `Tolerates`, that stream ends and the others go on; the outcome says which failed.
///
/// **Deadline.** What was final has been delivered. `on_deadline(partial)` delivers the rest of what is there, in order, and
/// succeeds; by default it is dropped, and the outcome is errc::deadline.
///
/// **How many.** Where N is known, nothing goes out before each stream has brought an item or a watermark, or has ended. Where it is
/// found out while issuing, everything waits for the seal, so that the order holds whatever comes; with `late_streams`, those
/// that are started by then are all that count, and what a later one brings goes out at once, in disorder if need be. All
/// streams must be open at once: a window does not compile.
///
/// Memory for streams is taken from std::allocator, for items from the operation's allocator, which is used by several threads then.
/// Cost per item: log2 N comparisons and two moves. Per chunk: three read-modify-writes, 2 log2 N comparisons.
template <class Item, class Sink, class Projection, class Less, class E, bool Tolerates>
class merge_policy {
  using chunk = stream_chunk<Item>;
  using core = fanout::detail::merge_core<chunk, Projection, Less>;

 public:
  using value_type = void;
  using error_type = E;
  using item_type = Item;
  using key_type = typename core::key;
  static constexpr bool keeps_errors = Tolerates;
  static constexpr bool folds = true;

  merge_policy(Sink sink, Projection key, const Less& less,
               const merge_options& options) noexcept(std::is_nothrow_move_constructible_v<Sink>)
      : core_(std::move(key), less), sink_(std::move(sink)), options_(options) {}
  merge_policy(merge_policy&& other) noexcept
      : core_(std::move(other.core_)),
        sink_(std::move(other.sink_)),
        options_(other.options_),
        ended_(std::move(other.ended_)),
        all_(other.all_),
        awaited_(other.awaited()) {
    static_assert(std::is_nothrow_move_constructible_v<Sink>,
                  "fanout: a sink is moved into the operation, so moving it must not throw: capture by reference");
  }

  /// A stream that the merge waits for, or no_index. From any thread, while the policy is in the operation.
  [[nodiscard]] std::size_t awaited() const noexcept {
    return awaited_.load(std::memory_order_relaxed);  // relaxed: a number, and old when it is read
  }

  // ---- for the operation: see fanout/combine/concept.hpp ---------------------------------------------------------------

  stream_limits limits() const noexcept { return options_.limits; }

  bool on_streams(std::size_t n) noexcept {
    if (!core_.try_reserve(n)) return false;
    if constexpr (Tolerates) {
      FANOUT_TRY { ended_.failed.reserve(n); }  // so that no error can be lost
      FANOUT_CATCH_ALL { return false; }
    }
    while (core_.size() != n) core_.join();
    note_awaited();
    return true;
  }
  verdict on_all_streams() {
    all_ = true;
    const verdict v = deliver();
    note_awaited();
    return v;
  }
  verdict on_items(std::size_t i, chunk& items) {
    core_.push(i, items);
    return deliver_after(i);
  }
  verdict on_watermark(std::size_t i, const key_type& bound) {
    core_.watermark(i, bound);
    return deliver_after(i);
  }
  verdict on_value(std::size_t i, fanout::detail::unit&&) { return end(i); }
  verdict on_error(std::size_t i, E&& error)
    requires Tolerates
  {
    ended_.failed.push_back({i, std::move(error)});
    return end(i);
  }
  verdict on_stopped(std::size_t i)
    requires Tolerates
  {
    ++ended_.stopped;
    return end(i);
  }
  verdict on_not_issued(std::size_t i) { return end(i); }
  bool on_deadline() {
    if (options_.at_deadline == fail) return false;
    all_ = true;
    core_.end_all();
    deliver();
    return true;
  }
  void give_up() noexcept {
    core_.give_up([](std::size_t, chunk& c) noexcept { c.give_back(); });
    note_awaited();
  }

  auto result() noexcept {
    ended_.delivered = core_.delivered();
    ended_.disorder = core_.disorder();
    return std::move(ended_);
  }

 private:
  verdict end(std::size_t i) {
    core_.end(i);
    return deliver_after(i);
  }
  verdict deliver_after(std::size_t i) {
    const std::size_t before = awaited();
    const verdict v = deliver();
    // Who was awaited before still is, unless it has brought something: to look for another may take long.
    if (before == i) note_awaited();
    return v;
  }
  verdict deliver() {
    if (!all_ && !options_.late_streams) return verdict::go_on;
    const auto give_back = [](std::size_t, chunk& c) noexcept { c.give_back(); };
    constexpr bool judges = std::is_same_v<decltype(sink_one(std::size_t{}, std::declval<Item&&>())), verdict>;
    if constexpr (!judges && noexcept(sink_one(std::size_t{}, std::declval<Item&&>()))) {
      core_.pump([this](std::size_t i, Item&& x) noexcept { sink_one(i, std::move(x)); }, give_back);
      return verdict::go_on;
    } else {
      verdict said = verdict::go_on;
      std::exception_ptr thrown;
      core_.pump(
          [&](std::size_t i, Item&& x) noexcept {
            FANOUT_TRY {
              if constexpr (judges) {
                said = sink_one(i, std::move(x));
              } else {
                sink_one(i, std::move(x));
              }
              return said == verdict::go_on;
            }
            FANOUT_CATCH_ALL {
              thrown = std::current_exception();
              return false;
            }
          },
          give_back);
#if FANOUT_HAS_EXCEPTIONS
      if (thrown) std::rethrow_exception(std::move(thrown));
#endif
      return said;
    }
  }
  static constexpr bool takes_index = std::is_invocable_v<Sink&, std::size_t, Item&&>;
  static_assert(takes_index || std::is_invocable_v<Sink&, Item&&>,
                "fanout: a merge's sink is called as sink(std::size_t index, Item&& item) or sink(Item&& item)");
  decltype(auto) sink_one([[maybe_unused]] std::size_t i,
                          Item&& x) noexcept(takes_index ? std::is_nothrow_invocable_v<Sink&, std::size_t, Item&&>
                                                         : std::is_nothrow_invocable_v<Sink&, Item&&>) {
    if constexpr (takes_index) {
      return sink_(i, std::move(x));
    } else {
      return sink_(std::move(x));
    }
  }
  void note_awaited() noexcept {
    const std::size_t i = core_.awaited();
    awaited_.store(i == core::none ? no_index : i, std::memory_order_relaxed);
  }

  core core_;
  Sink sink_;
  merge_options options_;
  std::conditional_t<Tolerates, tolerant_merged<E>, merged> ended_;
  bool all_ = false;                            // no stream will join
  std::atomic<std::size_t> awaited_{no_index};  // who is awaited, or no_index; written by whoever folds
};

/// The description of a `merge_policy`; each member returns another.
template <class Item, class Sink, class Projection, class Less, class E, bool Tolerates = false>
class merge_t {
 public:
  using item_type = Item;

  merge_t(Sink sink, Projection key, Less less, const merge_options& options = {})
      : sink_(std::move(sink)), key_(std::move(key)), less_(std::move(less)), options_(options) {}

  /// A stream that fails, or gives up, ends; the others go on. The outcome is a `tolerant_merged`.
  [[nodiscard]] auto tolerate() && {
    return merge_t<Item, Sink, Projection, Less, E, true>(std::move(sink_), std::move(key_), std::move(less_),
                                                          options_);
  }
  /// A producer is asked to pause when `pause_at` of its items wait, and may go on when no more than `resume_at` do.
  [[nodiscard]] merge_t buffer(std::size_t pause_at, std::size_t resume_at) && {
    FANOUT_ASSERT(resume_at < pause_at, "fanout: a stream that pauses must have fewer items when it is resumed");
    options_.limits = {pause_at, resume_at < pause_at ? resume_at : pause_at - (pause_at != 0)};
    return std::move(*this);
  }
  [[nodiscard]] merge_t buffer(std::size_t pause_at) && { return std::move(*this).buffer(pause_at, pause_at / 2); }
  /// Where N is unknown: delivers before the seal.
  [[nodiscard]] merge_t late_streams() && {
    options_.late_streams = true;
    return std::move(*this);
  }
  /// What a deadline does: `fanout::fail` drops what waits, `fanout::partial` delivers it, in order, and succeeds.
  [[nodiscard]] merge_t on_deadline(on_deadline_t what) && {
    options_.at_deadline = what;
    return std::move(*this);
  }
  [[nodiscard]] merge_t on_deadline(on_deadline_t what) & { return merge_t(std::move(*this)).on_deadline(what); }

  template <class T>
  merge_policy<Item, Sink, Projection, Less, E, Tolerates> bind() && {
    static_assert(std::is_void_v<T>, "fanout: the streams of a merge have items, but no values: issue<void>");
    return {std::move(sink_), std::move(key_), less_, options_};
  }

 private:
  Sink sink_;
  [[no_unique_address]] Projection key_;
  [[no_unique_address]] Less less_;
  merge_options options_;
};

/// Streams of `Item`, sorted by `less(key(a), key(b))`: a projection and a comparison as std::ranges algorithms take them.
///
///     auto issuer = fanout::issue<void>(hosts.size(), fanout::combine::merge<line>(print, &line::time), done);
///     …
///     branch.emit(lines)                       // go, pause or stop
///     branch.watermark(now - 1s)               // nothing earlier will come
///     branch.on_resume([this]() noexcept { read_on(); })
///     branch.set_value()
///
/// Keys are copied and kept when their items are gone: a number or a time, not a string.
template <class Item, class E = std::error_code, class Sink, class Projection = fanout::detail::itself,
          class Less = fanout::detail::ascending>
[[nodiscard]] auto merge(Sink sink, Projection key = {}, Less less = {}) {
  return merge_t<Item, Sink, Projection, Less, E>(std::move(sink), std::move(key), std::move(less));
}

}  // namespace combine

}  // namespace fanout

#endif
