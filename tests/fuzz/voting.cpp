// SPDX-License-Identifier: BSL-1.0
// The policies that decide by counting.
#include <cstddef>
#include <memory>
#include <utility>

#include "drive.hpp"

namespace fuzz {

namespace {

template <bool Early>
auto limits_of(const rules& is) {
  fanout::combine::limits l;
  if (is.quorum >= 0) l.successes = static_cast<std::uint32_t>(is.quorum);
  if (is.most_errors >= 0) l.failures = static_cast<std::uint32_t>(is.most_errors);
  const auto limits =
      fanout::combine::limits_t<std::error_code, Early>(l).on_deadline(is.partial ? fanout::partial : fanout::fail);
  return is.keeps_losers ? limits.keep_losers() : limits;
}

template <bool Now>
struct first_success {
  static constexpr bool now = Now;
  static auto make(session& s) {
    if constexpr (Now) {
      return fanout::combine::on_late(fanout::combine::first_success, late_sink{&s});
    } else {
      return fanout::combine::first_success;
    }
  }
};
struct first {
  static constexpr bool now = false;
  static auto make(session&) { return fanout::combine::first; }
};
template <bool Now>
struct quorum {
  static constexpr bool now = Now;
  static auto make(session& s) { return fanout::combine::on_late(limits_of<true>(s.is()), late_sink{&s}); }
};
template <bool Now>
struct errors {
  static constexpr bool now = Now;
  static auto make(session& s) {
    if constexpr (Now) {
      return fanout::combine::on_late(limits_of<false>(s.is()), late_sink{&s});
    } else {
      return limits_of<false>(s.is());
    }
  }
};

}  // namespace

std::unique_ptr<session> voting(bytes in, front from, kind which) {
  if (which == kind::first_success) return drive<first_success<false>>(in, from, which);
  if (which == kind::first) return drive<first>(in, from, which);
  if (which == kind::quorum) return drive<quorum<false>>(in, from, which);
  if (which == kind::errors) return drive<errors<false>>(in, from, which);
  if (which == kind::first_success_now) return drive<first_success<true>>(in, from, which);
  if (which == kind::quorum_now) return drive<quorum<true>>(in, from, which);
  return drive<errors<true>>(in, from, which);
}

}  // namespace fuzz
