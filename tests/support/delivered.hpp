// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_DELIVERED_HPP
#define FANOUT_TESTS_SUPPORT_DELIVERED_HPP

#include <initializer_list>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "fanout/combine/all.hpp"
#include "fanout/failure.hpp"
#include "fanout/issue.hpp"
#include "fanout/result.hpp"
#include "fanout/results.hpp"
#include "fanout/values.hpp"

namespace support {

template <class T, class E = std::error_code>
using all_outcome = fanout::result<fanout::values<T>, fanout::failure<E>>;
struct ignore_outcome {
  template <class Outcome>
  void operator()(Outcome&&) const noexcept {}
};
/// The same where N is unknown.
template <class T, class E = std::error_code>
using open_outcome =
    typename decltype(fanout::issue<T>(fanout::combine::all_with<E>, ignore_outcome()))::operation::outcome_type;
template <class E = std::error_code>
using void_outcome = fanout::result<void, fanout::failure<E>>;
template <class T, class E = std::error_code>
using settle_outcome = fanout::result<fanout::results<T, E>, fanout::failure<E>>;
template <class X, class E = std::error_code>
using with_outcome = fanout::result<X, fanout::failure<E>>;

/// Keeps what a completion was called with, how often and on which thread. Read it once the operation is delivered: in the
/// same thread, or after joining the one that reported last.
template <class Outcome>
class delivered {
 public:
  auto completion() noexcept {
    return [this](Outcome outcome) noexcept {
      ++times;
      thread = std::this_thread::get_id();
      kept_.emplace(std::move(outcome));
    };
  }

  bool once() const noexcept { return times == 1; }
  Outcome& outcome() { return *kept_; }
  auto& failure() { return kept_->error(); }

  /// Delivered once, as a failure of this branch for this reason.
  bool failed(std::size_t index, std::error_code cause, std::size_t suppressed = 0) {
    return once() && !kept_->has_value() && failure().index == index && failure().cause == cause &&
           failure().suppressed == suppressed;
  }
  bool failed(std::size_t index, fanout::errc cause, std::size_t suppressed = 0) {
    return failed(index, make_error_code(cause), suppressed);
  }
  bool succeeded() const { return once() && kept_->has_value(); }

  int times = 0;
  std::thread::id thread;

 private:
  std::optional<Outcome> kept_;
};

/// Whether it is exactly these values, in index order.
template <class Values, class T>
bool holds(const Values& values, std::initializer_list<T> expected) {
  if (values.size() != expected.size()) return false;
  auto at = values.begin();
  for (const T& value : expected) {
    if (!(*at == value)) return false;
    ++at;
  }
  return true;
}

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_DELIVERED_HPP
