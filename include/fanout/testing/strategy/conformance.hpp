// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_STRATEGY_CONFORMANCE_HPP
#define FANOUT_TESTING_STRATEGY_CONFORMANCE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "fanout/refcount/concept.hpp"

namespace fanout::testing::detail {

/// A strategy with storage of its own.
template <class S>
class lone_strategy {
 public:
  explicit lone_strategy(std::size_t n)
      : storage_(S::storage_for(n).bytes == 0 ? 0 : S::storage_for(n).bytes + S::storage_for(n).align) {
    const auto layout = S::storage_for(n);
    void* at = storage_.data();
    std::size_t room = storage_.size();
    count_.emplace(
        n, layout.bytes == 0 ? nullptr : static_cast<std::byte*>(std::align(layout.align, layout.bytes, at, room)));
  }
  S* operator->() noexcept { return &*count_; }

 private:
  std::vector<std::byte> storage_;
  std::optional<S> count_;
};

/// What a strategy must do on one thread, in whatever order it is released. Each member says in a sentence what went wrong first, or
/// nothing.
template <class S>
class conformance {
  using made = lone_strategy<S>;

 public:
  static std::string check() {
    conformance c;
    c.small_ones();
    c.large_ones();
    if constexpr (refcount::anonymous<S>) c.any_of_them();
    if constexpr (refcount::holdable<S>) c.holds();
    if constexpr (refcount::addable<S>) c.additions();
    if constexpr (refcount::correctable<S>) c.corrections();
    if constexpr (refcount::observable<S>) c.looks();
    return c.wrong_;
  }

 private:
  void require(bool holds, const std::string& what) {
    if (!holds && wrong_.empty()) wrong_ = what;
  }

  // `remote` of n branches are released one by one, before or after the issuer; `inlined` and the rest by the issuer.
  void exactly_one_is_last(std::size_t n, std::size_t remote, std::size_t inlined, std::size_t before_seal) {
    const std::string where = " (N = " + std::to_string(n) + ", remote " + std::to_string(remote) + ", inline " +
                              std::to_string(inlined) + ", " + std::to_string(before_seal) + " before the issuer)";
    made count(n);
    std::size_t i = 0;
    for (; i != before_seal; ++i) require(!count->release(i, 1), "a release before the issuer's was the last" + where);
    std::size_t by_issuer = inlined;
    if constexpr (refcount::wants_each_branch<S>) {
      for (std::size_t k = 0; k != inlined; ++k)
        require(!count->release(remote + k, 1), "an inline release was the last" + where);
      by_issuer = 0;
    }
    const bool is_last = count->release_issuer(by_issuer, n - remote - inlined);
    require(is_last == (before_seal == remote),
            (is_last ? "the issuer was the last, and branches were left" : "nobody was the last") + where);
    for (; i != remote; ++i) {
      const bool ends = count->release(i, 1);
      require(ends == (i + 1 == remote),
              (ends ? "a branch was the last before all were released" : "nobody was the last") + where);
    }
  }
  void small_ones() {
    for (std::size_t n = 0; n != 7; ++n) {
      for (std::size_t remote = 0; remote <= n; ++remote) {
        for (std::size_t inlined = 0; inlined <= n - remote; ++inlined) {
          for (std::size_t before = 0; before <= remote; ++before) exactly_one_is_last(n, remote, inlined, before);
        }
      }
    }
  }
  // In runs, upwards, downwards, and from everywhere.
  void large_ones() {
    for (const std::size_t n :
         {std::size_t{63}, std::size_t{64}, std::size_t{65}, std::size_t{1000}, std::size_t{4099}}) {
      for (const std::size_t run : {std::size_t{1}, std::size_t{3}, std::size_t{64}}) {
        const std::size_t runs = (n + run - 1) / run;
        std::vector<std::size_t> order(runs);
        std::iota(order.begin(), order.end(), std::size_t{0});
        for (int way = 0; way != 3; ++way) {
          if (way == 1) std::reverse(order.begin(), order.end());
          if (way == 2) {
            for (std::size_t i = 0; i != runs; ++i) std::swap(order[i], order[(i * 7919 + 13) % runs]);
          }
          made count(n);
          std::size_t seal_after = runs / 2, lasts = 0;
          for (std::size_t i = 0; i != runs; ++i) {
            if (i == seal_after) lasts += count->release_issuer(0, 0);
            const std::size_t first = order[i] * run;
            require(lasts == 0, "a release was the last before all were released, N = " + std::to_string(n));
            lasts += count->release(first, std::min(run, n - first));
          }
          require(lasts == 1, "nobody was the last, N = " + std::to_string(n));
        }
      }
    }
    if (S::storage_for(refcount::max_branches).bytes == 0) {
      made most(refcount::max_branches);
      require(!most->release(0, refcount::max_branches), "as many branches as there may be are not counted: too early");
      require(most->release_issuer(0, 0), "as many branches as there may be are not counted: never the last");
      made none_started(refcount::max_branches);
      require(none_started->release_issuer(0, refcount::max_branches),
              "all branches not started, and nobody was the last");
    }
  }
  void any_of_them() {
    for (const std::size_t n : {std::size_t{5}, std::size_t{300}}) {
      made count(n);
      require(!count->release_any(n - 2), "release_any was the last too early");
      require(!count->release_issuer(1, 0), "the issuer was the last too early");
      require(count->release_any(1), "after release_any nobody was the last");
    }
  }
  void holds() {
    made count(1);
    require(count->try_hold(), "try_hold refused while branches were left");
    require(!count->release(0, 1) && count->try_hold() && !count->release_issuer(0, 0),
            "a hold did not keep the count from zero");
    require(!count->release_hold() && count->try_hold() && !count->release_hold(),
            "a hold was the last before the others were");
    require(count->release_hold(), "the last hold was not the last");
    require(!count->try_hold() && !count->try_hold(), "a reference was taken from zero");
    made other(1);
    require(other->try_hold() && !other->release_hold() && !other->release_issuer(0, 0) && other->release(0, 1),
            "a hold that was given back in time has changed the count");
  }
  void additions() {
    made count(0);
    count->add(1);
    require(!count->release(0, 1), "a branch that was added was the last before the issuer");
    count->add(3);
    require(!count->release(1, 1) && !count->release_issuer(1, 0) && count->release(2, 1),
            "branches that were added are miscounted");
  }
  void corrections() {
    made early(0);
    require(!early->release(0, 1) && !early->release(1, 1) && early->correct(3, 1),
            "a correction after all branches was not the last");
    made late(0);
    require(!late->release(0, 1) && !late->correct(3, 1) && late->release(1, 1),
            "a correction before the last branch is miscounted");
  }
  void looks() {
    made count(70);
    require(count->references().branches == 70 && !count->references().sealed,
            "references() is wrong at the beginning");
    require(!count->release(0, 64) && count->references().branches == 6, "references() is wrong after 64 of 70");
    require(!count->release_issuer(0, 0) && count->references().sealed && count->references().branches == 6,
            "references() is wrong after the seal");
  }

  std::string wrong_;
};

}  // namespace fanout::testing::detail

#endif
