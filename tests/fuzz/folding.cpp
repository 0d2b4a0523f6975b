// SPDX-License-Identifier: BSL-1.0
// The policies that are given each report as it arrives.
#include <cstddef>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "drive.hpp"

namespace fuzz {

namespace {

template <bool Now>
struct reduce {
  static constexpr bool now = Now;
  static auto make(session& s) {
    return fanout::combine::on_late(fanout::combine::reduce(std::vector<int>(),
                                                            [of = &s](std::vector<int>& ids, cargo&& c) {
                                                              const int i = c.id();
                                                              of->sink(i, state::value, 0, false);
                                                              ids.push_back(i);
                                                            }),
                                    late_sink{&s});
  }
};
template <bool Now>
struct each {
  static constexpr bool now = Now;
  static auto make(session& s) {
    auto sink = fanout::combine::each([of = &s](std::size_t i, fanout::result<cargo> r) {
      if (r) {
        if ((*r).id() != static_cast<int>(i)) discrepancy("a sink is given another branch's value", (*r).id());
        of->sink(number(i), state::value, 0, true);
      } else {
        const bool stopped = r.error() == fanout::errc::stopped;
        of->sink(number(i), stopped ? state::stopped : state::failed, stopped ? 0 : number(r.error()), true);
      }
      return of->sink_says_decided() ? fanout::verdict::decided : fanout::verdict::go_on;
    });
    if constexpr (Now) {
      return fanout::combine::on_late(std::move(sink), late_sink{&s});
    } else {
      return sink;
    }
  }
};

}  // namespace

std::unique_ptr<session> folding(bytes in, front from, kind which) {
  if (which == kind::reduce) return drive<reduce<false>>(in, from, which);
  if (which == kind::each) return drive<each<false>>(in, from, which);
  if (which == kind::reduce_now) return drive<reduce<true>>(in, from, which);
  return drive<each<true>>(in, from, which);
}

}  // namespace fuzz
