// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_MERGE_HPP
#define FANOUT_ALGORITHM_MERGE_HPP

#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/algorithm/description.hpp"
#include "fanout/callback/handler.hpp"
#include "fanout/combine/merge.hpp"

namespace fanout {

namespace detail {
template <class M>
inline constexpr bool is_merge = false;
template <class I, class S, class P, class L, class E, bool T>
inline constexpr bool is_merge<combine::merge_t<I, S, P, L, E, T>> = true;
}  // namespace detail

/// Starts one stream of `Item` per element and merges them into one, in order: `sink(index, item)`, or `sink(item)`, one call at a time.
/// The outcome is `result<merged, failure<E>>`. All streams are open at once; see combine::merge for the order, for what a stalled
/// stream does, and for failures.
///
///     fanout::merge<line>(hosts, tail, print, &line::time).deadline(5s).on_deadline(fanout::partial).then(done);
template <class Item, class Callback = handler, class E = std::error_code, class Range, class Initiator, class Sink,
          class Projection = detail::itself, class Less = detail::ascending>
  requires(!detail::is_merge<Sink>)
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto merge(Range&& range,
                                                                                       Initiator&& initiator, Sink sink,
                                                                                       Projection key = {},
                                                                                       Less less = {}) {
  return detail::describe<void, Callback>(combine::merge<Item, E>(std::move(sink), std::move(key), std::move(less)),
                                          std::forward<Range>(range), std::forward<Initiator>(initiator));
}

/// The same with a merge that was told more: `combine::merge<Item>(sink, key).tolerate().buffer(64)`.
template <class Item, class Callback = handler, class Range, class Initiator, class How>
  requires detail::is_merge<How>
[[nodiscard("nothing starts before .then(completion) or fanout::wait(…)")]] auto merge(Range&& range,
                                                                                       Initiator&& initiator, How how) {
  static_assert(std::is_same_v<Item, typename How::item_type>,
                "fanout: merge<Item> and its policy name different items");
  return detail::describe<void, Callback>(std::move(how), std::forward<Range>(range),
                                          std::forward<Initiator>(initiator));
}

}  // namespace fanout

#endif
