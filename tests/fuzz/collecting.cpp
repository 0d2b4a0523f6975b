// SPDX-License-Identifier: BSL-1.0
// The policies that are given everything at the end.
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "drive.hpp"

namespace fuzz {

namespace {

struct all {
  static constexpr bool now = false;
  static auto make(session&) { return fanout::combine::all; }
};
struct settle {
  static constexpr bool now = false;
  static auto make(session&) { return fanout::combine::settle; }
};
struct with {
  static constexpr bool now = false;
  static auto make(session& s) {
    return fanout::combine::with([of = &s](auto values) {
      std::vector<int> ids;
      for (const cargo& c : values) ids.push_back(c.id());
      of->combines();
      return ids;
    });
  }
};
struct in_order {
  static constexpr bool now = false;
  static auto make(session& s) {
    return fanout::combine::reduce_in_order(std::vector<int>(), [of = &s](std::vector<int>& ids, cargo&& c) {
      of->combines();
      ids.push_back(c.id());
    });
  }
};

}  // namespace

std::unique_ptr<session> collecting(bytes in, front from, kind which) {
  if (which == kind::all) return drive<all>(in, from, which);
  if (which == kind::settle) return drive<settle>(in, from, which);
  if (which == kind::with) return drive<with>(in, from, which);
  return drive<in_order>(in, from, which);
}

}  // namespace fuzz
