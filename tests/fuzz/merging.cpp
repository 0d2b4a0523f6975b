// SPDX-License-Identifier: BSL-1.0
// Streams, merged.
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "drive.hpp"

namespace fuzz {

namespace {

template <class Merge>
auto with_options(const rules& is, Merge how) {
  auto merge = std::move(how)
                   .buffer(static_cast<std::size_t>(is.pause_at), static_cast<std::size_t>(is.resume_at))
                   .on_deadline(is.partial ? fanout::partial : fanout::fail);
  return is.late_streams ? std::move(merge).late_streams() : std::move(merge);
}
template <bool Now>
struct merge {
  static constexpr bool now = Now;
  static auto make(session& s) {
    auto sink = [of = &s](std::size_t i, item&& x) {
      if (x.what().stream != number(i)) discrepancy("a sink is given another stream's item", number(i));
      return of->item_sink(std::move(x), true) ? fanout::verdict::decided : fanout::verdict::go_on;
    };
    return with_options(s.is(), fanout::combine::merge<item>(sink, &item::key));
  }
};
struct tolerant {
  static constexpr bool now = false;
  static auto make(session& s) {
    auto sink = [of = &s](item&& x) { of->item_sink(std::move(x), false); };
    return with_options(s.is(), fanout::combine::merge<item>(sink, &item::key).tolerate());
  }
};

template <class Combine>
std::unique_ptr<session> drive_streams(bytes in, front from, kind which) {
  switch (from) {
    case front::plain:
      return std::make_unique<driver<front::plain, Combine, void>>(in, from, which);
    case front::connected:
      return std::make_unique<driver<front::connected, Combine, void>>(in, from, which);
    case front::open:
      return std::make_unique<driver<front::open, Combine, void>>(in, from, which);
    case front::posted:
      return std::make_unique<driver<front::posted, Combine, void>>(in, from, which);
    case front::pulled_uncounted:
      return std::make_unique<driver<front::pulled_uncounted, Combine, void>>(in, from, which);
    default:
      return std::make_unique<driver<front::pulled, Combine, void>>(in, front::pulled, which);
  }
}

}  // namespace

std::unique_ptr<session> merging(bytes in, front from, kind which) {
  if (which == kind::merge) return drive_streams<merge<false>>(in, from, which);
  if (which == kind::merge_tolerant) return drive_streams<tolerant>(in, from, which);
  return drive_streams<merge<true>>(in, from, which);
}

}  // namespace fuzz
