// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REPORTS_HPP
#define FANOUT_REPORTS_HPP

#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/detail/assert.hpp"
#include "fanout/detail/ballot.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/detail/slot_range.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/reason.hpp"
#include "fanout/results.hpp"

namespace fanout {

namespace detail {

template <class T, class E, class Platform>
using vote_slot = slot<T, E, true, Platform, vote_node<Platform>>;

/// What `reports` own: the slots, the votes in them, and a reference to the storage that both lie in.
template <class T, class E, class Platform>
struct counted_votes {
  using slot_type = vote_slot<T, E, Platform>;
  using node = vote_node<Platform>;

  slot_range<slot_type> slots;
  node* first = nullptr;  // the oldest, linked to younger ones
  tally count;
  reason why = reason::completed;
  void* op = nullptr;
  void (*drop)(void*) noexcept = nullptr;
  std::string (*label)(void* op, std::size_t i) = nullptr;
};

/// Walks reports in the order in which they arrived, those that `Wanted` admits.
template <class T, class E, class Platform, auto Wanted>
class reports_view {
  using slot_type = vote_slot<T, E, Platform>;
  using node = vote_node<Platform>;

  static node* admitted(node* n) noexcept {
    while (n != nullptr && !Wanted(n->kind)) n = n->link;
    return n;
  }

 public:
  class iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = settled<T, E, Platform, node>;
    using difference_type = std::ptrdiff_t;
    using reference = value_type;

    iterator() noexcept = default;
    explicit iterator(node* at) noexcept : at_(admitted(at)) {}
    reference operator*() const noexcept { return {static_cast<slot_type&>(*at_), at_->index}; }
    iterator& operator++() noexcept {
      at_ = admitted(at_->link);
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(iterator, iterator) noexcept = default;

   private:
    node* at_ = nullptr;
  };

  explicit reports_view(node* first) noexcept : first_(first) {}
  iterator begin() const noexcept { return iterator(first_); }
  iterator end() const noexcept { return {}; }
  [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
  /// pre: !empty()
  [[nodiscard]] auto front() const noexcept { return *begin(); }
  /// Counts: O(size).
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(std::distance(begin(), end())); }

 private:
  node* first_;
};

}  // namespace detail

/// The reports that were in when the operation was decided, in the order of their arrival, each with its branch's index.
/// As a range: the successes. Reads in place; nothing was copied on the way here.
///
///     for (auto&& ack : *outcome) use(ack.index(), *ack);      // fanout::settled: the k that came first
///     for (std::size_t i : outcome->missing()) …               // did not report in time
///
/// Owns the values and the errors (`std::move(*it)` takes a value out; `take()` makes a result of it) and keeps the operation's
/// memory, also where branches that report later still use theirs. Move-only; as thread-safe as a std::vector.
template <class T, class E = std::error_code, class Platform = std_platform>
class [[nodiscard("what the branches reported is lost")]] reports {
  using votes = detail::counted_votes<T, E, Platform>;
  using node = detail::vote_node<Platform>;
  using slot_type = typename votes::slot_type;

  static constexpr bool is_report(detail::vote k) noexcept {
    return k == detail::vote::success || k == detail::vote::failure || k == detail::vote::stopped;
  }
  static constexpr bool is_success(detail::vote k) noexcept { return k == detail::vote::success; }
  static constexpr bool is_failure(detail::vote k) noexcept { return k == detail::vote::failure; }
  template <auto Wanted>
  using view = detail::reports_view<T, E, Platform, Wanted>;

 public:
  using value_type = settled<T, E, Platform, node>;
  using iterator = typename view<&is_success>::iterator;
  using const_iterator = iterator;

  reports() noexcept = default;
  explicit reports(const votes& v) noexcept : votes_(v) {}
  reports(reports&& other) noexcept : votes_(std::exchange(other.votes_, {})) {}
  reports& operator=(reports&& other) noexcept {
    reports taken(std::move(other));
    std::swap(votes_, taken.votes_);
    return *this;
  }
  ~reports() {
    if (votes_.drop == nullptr) return;
    for (node* n = votes_.first; n != nullptr; n = n->link) {
      if (is_report(n->kind)) static_cast<slot_type*>(n)->consume();
    }
    votes_.drop(votes_.op);
  }

  /// The successes, in the order of their arrival.
  iterator begin() const noexcept { return successes().begin(); }
  iterator end() const noexcept { return {}; }
  [[nodiscard]] auto successes() const noexcept { return view<&is_success>(votes_.first); }
  /// The failures, in the order of their arrival: every cause with its index.
  [[nodiscard]] auto failures() const noexcept { return view<&is_failure>(votes_.first); }
  /// All reports, also of branches that gave up because they were asked to.
  [[nodiscard]] auto all() const noexcept { return view<&is_report>(votes_.first); }

  /// How many succeeded.
  [[nodiscard]] std::size_t size() const noexcept { return votes_.count.successes; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// How things stood when it was decided.
  [[nodiscard]] const fanout::tally& count() const noexcept { return votes_.count; }
  /// Why it is what it is: completed, quorum, deadline, …
  [[nodiscard]] reason why() const noexcept { return votes_.why; }
  /// N, as far as branches were started or announced.
  [[nodiscard]] std::size_t branches() const noexcept { return votes_.slots.size; }

  /// Whether branch i had reported when it was decided. pre: i < branches()
  [[nodiscard]] bool reported(std::size_t i) const noexcept { return votes_.slots[i].counted; }

  /// What the caller calls branch i, where the description was given `.label(f)`; otherwise its number. May throw what f throws.
  [[nodiscard]] std::string label(std::size_t i) const {
    return votes_.label != nullptr ? votes_.label(votes_.op, i) : std::to_string(i);
  }

  /// The indices of the branches that had not reported when it was decided, increasing.
  class missing_view {
   public:
    class iterator {
     public:
      using iterator_concept = std::forward_iterator_tag;
      using iterator_category = std::input_iterator_tag;
      using value_type = std::size_t;
      using difference_type = std::ptrdiff_t;
      using reference = std::size_t;

      iterator() noexcept = default;
      iterator(const reports* of, std::size_t i) noexcept : of_(of), i_(i) { skip(); }
      std::size_t operator*() const noexcept { return i_; }
      iterator& operator++() noexcept {
        ++i_;
        skip();
        return *this;
      }
      iterator operator++(int) noexcept {
        iterator before = *this;
        ++*this;
        return before;
      }
      friend bool operator==(iterator a, iterator b) noexcept { return a.i_ == b.i_; }

     private:
      void skip() noexcept {
        while (i_ != of_->branches() && of_->reported(i_)) ++i_;
      }
      const reports* of_ = nullptr;
      std::size_t i_ = 0;
    };

    explicit missing_view(const reports* of) noexcept : of_(of) {}
    iterator begin() const noexcept { return {of_, 0}; }
    iterator end() const noexcept { return {of_, of_->branches()}; }
    [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(std::distance(begin(), end())); }

   private:
    const reports* of_;
  };
  [[nodiscard]] missing_view missing() const noexcept { return missing_view(this); }

 private:
  votes votes_;
};

/// A failure that brings the reports along: every cause with its index, what succeeded all the same, and who is missing.
template <class T, class E = std::error_code, class Platform = std_platform>
struct reported_failure : failure<E> {
  fanout::reports<T, E, Platform> reported;

  reported_failure() = default;
  reported_failure(failure<E> f) noexcept : failure<E>(std::move(f)) {}
  reported_failure(failure<E> f, fanout::reports<T, E, Platform> r) noexcept
      : failure<E>(std::move(f)), reported(std::move(r)) {}
};

}  // namespace fanout

#endif
