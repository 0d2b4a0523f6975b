// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_PROTOCOL_HPP
#define FANOUT_DETAIL_PROTOCOL_HPP

#include "fanout/detail/ballot.hpp"
#include "fanout/detail/baton.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/detail/stream.hpp"

namespace fanout::detail {

/// Which protocol a combine policy's reports go through before they are released.
enum class protocol : unsigned char { collect, vote, fold };

template <class Combine>
inline constexpr protocol protocol_of = [] {
  if constexpr (requires { requires Combine::votes; }) return protocol::vote;
  if constexpr (requires { requires Combine::folds; }) return protocol::fold;
  return protocol::collect;
}();

/// Whether branches are streams.
template <class Combine>
inline constexpr bool has_items = requires { typename Combine::item_type; };

/// What the protocol needs in each slot.
template <class Combine, class Platform, protocol = protocol_of<Combine>, bool = has_items<Combine>>
struct node_for {
  using type = no_node;
};
template <class Combine, class Platform>
struct node_for<Combine, Platform, protocol::vote, false> {
  using type = vote_node<Platform>;
};
template <class Combine, class Platform>
struct node_for<Combine, Platform, protocol::fold, false> {
  using type = fold_node<Platform>;
};
template <class Combine, class Platform>
struct node_for<Combine, Platform, protocol::fold, true> {
  using type = stream_node<typename Combine::item_type, typename key_of<Combine>::type, Platform>;
};

}  // namespace fanout::detail

#endif
