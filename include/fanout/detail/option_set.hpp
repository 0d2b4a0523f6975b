// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_OPTION_SET_HPP
#define FANOUT_DETAIL_OPTION_SET_HPP

#include <type_traits>
#include <utility>

namespace fanout::detail {

/// A description's options: any number of small objects, each of another kind. An option names its kind, an empty type:
///
///     struct deadline_kind {};
///     template <class Timer> struct deadline_option { using kind = deadline_kind; … };
template <class... Options>
struct option_set : Options... {
  static_assert((std::is_nothrow_move_constructible_v<Options> && ...),
                "fanout: an option is moved into the operation, so moving it must not throw");
};

struct no_option {};

template <class Kind, class... Options>
struct option_of {
  using type = no_option;
};
template <class Kind, class First, class... Rest>
struct option_of<Kind, First, Rest...> : std::conditional_t<std::is_same_v<Kind, typename First::kind>,
                                                            std::type_identity<First>, option_of<Kind, Rest...>> {};

template <class Kind, class Set>
struct find_option;
template <class Kind, class... Options>
struct find_option<Kind, option_set<Options...>> : option_of<Kind, Options...> {};

/// The option of that kind, or no_option.
template <class Kind, class Set>
using option_t = typename find_option<Kind, Set>::type;

template <class Kind, class Set>
inline constexpr bool has_option = !std::is_same_v<option_t<Kind, Set>, no_option>;

/// pre: has_option
template <class Kind, class Set>
option_t<Kind, Set>& get_option(Set& set) noexcept {
  return set;
}

template <class Added, class... Options>
option_set<Options..., Added> add_option(option_set<Options...>&& set, Added added) noexcept {
  static_assert(!has_option<typename Added::kind, option_set<Options...>>,
                "fanout: this option has been given already");
  return {static_cast<Options&&>(set)..., std::move(added)};
}

}  // namespace fanout::detail

#endif
