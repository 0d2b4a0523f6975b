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
#include <utility>
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
  S* operator->() noexcept { return get(); }
  S* get() noexcept { return &*count_; }

 private:
  std::vector<std::byte> storage_;
  std::optional<S> count_;
};

/// What a strategy must do on one thread, in whatever order it is released. Each member says in a sentence what went wrong first, or
/// nothing.
template <class S>
class conformance {
  using made = lone_strategy<S>;
  static constexpr bool has_issuer = !refcount::without_issuer_reference<S>;

 public:
  static std::string check() {
    conformance c;
    c.storage();
    c.small_ones();
    c.large_ones();
    if constexpr (refcount::anonymous<S>) c.any_of_them();
    if constexpr (refcount::holdable<S> && has_issuer) c.holds();
    if constexpr (refcount::addable<S> && !refcount::correctable<S>) c.additions();
    if constexpr (refcount::correctable<S>) c.corrections();
    if constexpr (refcount::observable<S> && has_issuer) c.looks();
    return c.wrong_;
  }

 private:
  void require(bool holds, const std::string& what) {
    if (!holds && wrong_.empty()) wrong_ = what;
  }

  // Room for N branches is room for fewer.
  void storage() {
    refcount::storage_layout before = S::storage_for(0);
    const auto look = [this, &before](std::size_t n) {
      const refcount::storage_layout now = S::storage_for(n);
      require(now.align == before.align,
              "storage_for has another alignment for N = " + std::to_string(n) + " than for fewer");
      require(now.bytes >= before.bytes,
              "storage_for has fewer bytes for N = " + std::to_string(n) + " than for fewer");
      before = now;
    };
    for (std::size_t n = 0; n != 4200; ++n) look(n);
    for (std::size_t n = 8192; n < refcount::max_branches; n *= 2) look(n - 1), look(n), look(n + 1);
  }

  // A count and what it must say: the last reference's release is true, all others' are false.
  class accounted {
   public:
    accounted(conformance& c, std::size_t n, std::string where)
        : check_(c), count_(n), left_(n + (has_issuer ? 1 : 0)), empty_(n == 0), where_(std::move(where)) {}

    void release(std::size_t first, std::size_t k) { expect(k, count_->release(first, k)); }
    void end_issuing(std::size_t first_inline, std::size_t inlined, std::size_t unstarted) {
      if constexpr (refcount::wants_each_branch<S> || !has_issuer) {
        for (std::size_t i = 0; i != inlined; ++i) release(first_inline + i, 1);
        first_inline += inlined;
        inlined = 0;
      }
      if constexpr (refcount::wants_each_branch<S>) {
        for (std::size_t i = 0; i != unstarted; ++i) release(first_inline + i, 1);
        unstarted = 0;
      }
      if (!has_issuer && unstarted == 0 && !empty_) return;
      expect((has_issuer ? 1 : 0) + inlined + unstarted, count_->release_issuer(inlined, unstarted));
    }
    ~accounted() { check_.require(left_ == 0, "the check itself has miscounted" + where_); }
    accounted(const accounted&) = delete;
    accounted& operator=(const accounted&) = delete;

   private:
    void expect(std::size_t k, bool said) {
      left_ -= k;
      check_.require(said == (left_ == 0), (said ? "a release was the last, and references were left"
                                                 : "the last release said that it was not") +
                                               where_);
    }
    conformance& check_;
    made count_;
    std::size_t left_;
    bool empty_;
    std::string where_;
  };

  // Of n branches those in `order` are released one by one, so many of them before the issuer; the others by the issuer, inline or not.
  void exactly_one_is_last(std::size_t n, const std::vector<std::size_t>& order, std::size_t inlined,
                           std::size_t before_seal) {
    std::string which;
    for (const std::size_t i : order) which += (which.empty() ? "" : " ") + std::to_string(i);
    accounted count(*this, n,
                    " (N = " + std::to_string(n) + ", remote " + (which.empty() ? "none" : which) + ", inline " +
                        std::to_string(inlined) + ", " + std::to_string(before_seal) + " before the issuer)");
    const std::size_t remote = order.size();
    for (std::size_t i = 0; i != before_seal; ++i) count.release(order[i], 1);
    count.end_issuing(remote, inlined, n - remote - inlined);
    for (std::size_t i = before_seal; i != remote; ++i) count.release(order[i], 1);
  }
  void small_ones() {
    for (std::size_t n = 0; n != 7; ++n) {
      for (std::size_t remote = 0; remote <= n; ++remote) {
        std::vector<std::size_t> order(remote);
        std::iota(order.begin(), order.end(), std::size_t{0});
        do {
          for (std::size_t inlined = 0; inlined <= n - remote; ++inlined) {
            for (std::size_t before = 0; before <= remote; ++before) exactly_one_is_last(n, order, inlined, before);
          }
        } while (n < 6 && std::next_permutation(order.begin(), order.end()));
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
          accounted count(*this, n, " (N = " + std::to_string(n) + ", " + std::to_string(run) + " at a time)");
          for (std::size_t i = 0; i != runs; ++i) {
            if (i == runs / 2) count.end_issuing(n, 0, 0);
            count.release(order[i] * run, std::min(run, n - order[i] * run));
          }
        }
      }
      // A half on other threads, a third inline, the rest not started.
      accounted mixed(*this, n, " (N = " + std::to_string(n) + ", a half remote, a third inline)");
      const std::size_t remote = n / 2, inlined = n / 3;
      for (std::size_t i = 0; i != remote / 2; ++i) mixed.release(i, 1);
      mixed.end_issuing(remote, inlined, n - remote - inlined);
      for (std::size_t i = remote; i-- != remote / 2;) mixed.release(i, 1);
    }
    if (S::storage_for(refcount::max_branches).bytes == 0 && !refcount::wants_each_branch<S>) {
      accounted most(*this, refcount::max_branches, " (as many branches as there may be)");
      most.release(0, refcount::max_branches);
      most.end_issuing(0, 0, 0);
      accounted unstarted(*this, refcount::max_branches, " (as many branches as there may be, none started)");
      unstarted.end_issuing(0, 0, refcount::max_branches);
    }
  }
  void any_of_them() {
    for (const std::size_t n : {std::size_t{5}, std::size_t{300}}) {
      made count(n);
      require(!count->release_any(n - 2), "release_any was the last too early");
      require(!(has_issuer ? count->release_issuer(1, 0) : count->release_any(1)), "the issuer was the last too early");
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
    const std::size_t inlined = inline_before_the_seal(count, 3);
    require(!count->release(1, 1) && !count->release_issuer(inlined, 0) && count->release(2, 1),
            "branches that were added are miscounted");
  }
  void corrections() {
    made early(0);
    require(!early->release(0, 1) && !early->release(1, 1) && early->correct(3, inline_before_the_seal(early, 2)),
            "a correction after all branches was not the last");
    made late(0);
    require(!late->release(0, 1) && !late->correct(3, inline_before_the_seal(late, 2)) && late->release(1, 1),
            "a correction before the last branch is miscounted");
  }
  // Branch i completes inline: how many the issuer has to tell of.
  std::size_t inline_before_the_seal([[maybe_unused]] made& count, [[maybe_unused]] std::size_t i) {
    if constexpr (refcount::wants_each_branch<S>) {
      require(!count->release(i, 1), "a branch that completed inline was the last");
      return 0;
    } else {
      return 1;
    }
  }
  void looks() {
    made count(70);
    require(count->references().branches == 70 && !count->references().sealed,
            "references() is wrong at the beginning");
    require(!count->release(0, 64) && count->references().branches == 6, "references() is wrong after 64 of 70");
    require(!count->release_issuer(0, 0) && count->references().sealed && count->references().branches == 6,
            "references() is wrong after the seal");
    if constexpr (!refcount::wants_each_branch<S>) {
      made other(70);
      require(!other->release_issuer(64, 3) && other->references().sealed && other->references().branches == 3,
              "references() is wrong after a seal that releases branches");
    }
  }

  std::string wrong_;
};

}  // namespace fanout::testing::detail

#endif
