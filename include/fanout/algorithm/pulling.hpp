// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_PULLING_HPP
#define FANOUT_ALGORITHM_PULLING_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <ranges>
#include <type_traits>
#include <utility>

#include "fanout/completion/adaptor.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/platform.hpp"
#include "fanout/detail/pump.hpp"
#include "fanout/executor.hpp"
#include "fanout/issue.hpp"

namespace fanout::detail {

struct no_executor {};
struct no_turn {};

/// A pace says when branches may be started. What happens becomes credits, which say what the pace wants them to: `initial()` at
/// first, `after(failed)` for each report, asked concurrently. The rest is the issuing right's: `take_in(credits)`, and then, as long
/// as it `wishes()` for another branch, and there is an element for it, it starts one if it still `admits()` it. Once it `gives_up`, no
/// more are started.
///
/// A pace that `ticks` has a timer: `begin` says how to keep the operation's memory and what to call at the time, `rest` is where it
/// may arm the timer, and `end` is where that ends. One that `watches` is told of each start and report.
///
/// At most `window` branches in flight (E13). With a canary, `canary` first and alone, and the rest only if they succeed.
template <class Platform>
class window_pace {
 public:
  static constexpr std::uint64_t no_limit = std::uint64_t{1} << 32;
  static constexpr bool ticks = false;
  static constexpr bool watches = false;

  window_pace(std::uint64_t window, std::uint64_t canary) noexcept
      : window_(window), canary_(canary), at_first_(canary != 0 && canary < window ? canary : window) {}
  window_pace(window_pace&& other) noexcept : window_pace(other.window_, other.canary_) {}

  // Each credit starts one.
  std::uint64_t initial() const noexcept { return at_first_; }
  std::uint64_t after(bool failed) noexcept {
    if (canary_ == 0) return 1;
    // acq_rel: each report sees those before it; the last of the canary judges by all.
    const std::uint64_t seen = reports_.fetch_add(1 + (failed ? failure : 0), std::memory_order_acq_rel);
    const std::uint64_t reports = seen % failure + 1;
    if (reports > canary_) return 1;
    if (reports < canary_) return reports <= canary_ - at_first_ ? 1 : 0;
    if (!failed && seen < failure) return window_;
    gave_up_.store(true, std::memory_order_relaxed);  // relaxed: the credit that goes with it publishes it
    return 1;
  }
  void take_in(std::uint64_t credits) noexcept { left_ = credits; }
  bool wishes() noexcept {
    if (left_ == 0) return false;
    left_ = left_ - 1;
    return true;
  }
  bool admits() const noexcept { return true; }
  bool gives_up() const noexcept { return gave_up_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t failure = std::uint64_t{1} << 32;

  std::uint64_t window_, canary_, at_first_;
  typename Platform::template cell<std::uint64_t> left_{0};       // #credits not used up; the issuing right's
  typename Platform::template atomic<std::uint64_t> reports_{0};  // #reports + failure * #failures, with a canary
  typename Platform::template atomic<bool> gave_up_{false};
};

/// Starts branches when the pace admits them: one at a time, on whichever thread reported, or on an executor. Holds the issuer, and
/// the place in the range, until there are no more, or none are wanted. Rides in the operation.
///
/// `Carrying` has the range and the initiator; `Start::one(issuer, i, initiator, element)` starts a branch.
template <class Carrying, class Start, class Pace, class Executor, class Platform = std_platform>
class pulling : public Carrying {
  using range_type = std::remove_reference_t<decltype(std::declval<Carrying&>().range())>;
  static constexpr bool posts = !std::is_same_v<Executor, no_executor>;

 public:
  static constexpr bool pulls = true;
  static constexpr bool watches = Carrying::watches || Pace::watches;
  static constexpr bool keeps_storage = Carrying::keeps_storage || Pace::ticks;

  pulling(Carrying with, Pace pace, Executor executor) noexcept
      : Carrying(std::move(with)), pace_(std::move(pace)), executor_(std::move(executor)) {}
  /// pre: not begun, or ended
  pulling(pulling&& other) noexcept
      : Carrying(std::move(other)), pace_(std::move(other.pace_)), executor_(std::move(other.executor_)) {}
  ~pulling() {}

  /// Takes the issuing right, and starts as many as may be. `n`: how many elements there are, or no_index. The last access.
  template <class Op>
  void begin(basic_issuer<Op>&& issuer, std::size_t n) noexcept {
    using issuer_type = basic_issuer<Op>;
    static_assert(sizeof(issuer_type) <= sizeof issuer_ && alignof(issuer_type) <= alignof(void*));
    auto& here = *::new (static_cast<void*>(issuer_)) issuer_type(std::move(issuer));
    elements_ = n;
    if constexpr (Pace::ticks) {
      pace_.begin(typename Pace::user{
          &issuing::operation(here), this, [](void* op) noexcept { static_cast<Op*>(op)->keep_storage(); },
          [](void* op) noexcept { static_cast<Op*>(op)->drop_storage(); },
          [](void* self) noexcept { static_cast<pulling*>(self)->template add<Op>(Pace::tick); }});
    }
    if constexpr (requires { pace_.show_to(here.combine()); }) pace_.show_to(here.combine());
    pull_soon<Op>();  // what was due from the beginning, and what has become due since
  }

  template <class Op>
  void pull_after(Op& op, bool failed) noexcept {
    const std::uint64_t credits = pace_.after(failed);
    // A report that starts nothing may decide all the same, and then the issuing ends here.
    add<Op>(credits == 0 && op.is_decided() ? 1 : credits);
  }
  /// It is decided, and not by a report.
  template <class Op>
  void pull_no_more(Op&) noexcept {
    add<Op>(1);
  }
  void started(std::size_t i) noexcept
    requires watches
  {
    if constexpr (Pace::watches) pace_.started(i);
    if constexpr (Carrying::watches) Carrying::started(i);
  }
  void reported(std::size_t i, bool failed) noexcept
    requires watches
  {
    if constexpr (Pace::watches) pace_.reported(i);
    if constexpr (Carrying::watches) Carrying::reported(i, failed);
  }

 private:
  struct cursor {
    std::ranges::iterator_t<range_type> at;
    std::ranges::sentinel_t<range_type> end;
  };
  struct turn : work {
    pulling* self;
  };

  template <class Op>
  void add(std::uint64_t credits) noexcept {
    if (pump_.add(credits)) pull_soon<Op>();
  }
  template <class Op>
  void pull_soon() noexcept {
    if constexpr (posts) {
      turn_.self = this;
      turn_.run = [](work* w) noexcept { static_cast<turn*>(w)->self->template pull<Op>(); };
      post(executor_, turn_);
    } else {
      pull<Op>();
    }
  }
  template <class Op>
  void pull() noexcept {
    pump_.run([this](std::uint64_t credits) noexcept { return pull_some<Op>(credits); });
  }

  // False at the end.
  template <class Op>
  bool pull_some(std::uint64_t credits) noexcept {
    auto& issuer = *std::launder(reinterpret_cast<basic_issuer<Op>*>(issuer_));
    std::exception_ptr exception;
    bool cut_short = false;
    FANOUT_TRY {
      if (!begun_) {
        ::new (static_cast<void*>(&cursor_)) cursor{std::ranges::begin(this->range()), std::ranges::end(this->range())};
        begun_ = true;
      }
      pace_.take_in(credits);
      bool more = true;
      while (more && next_ != elements_ && !is_over(issuer) && pace_.wishes()) {
        more = next_element();
        if (more && pace_.admits()) Start::one(issuer, next_++, this->initiator(), *cursor_.at);
      }
      cut_short = more && next_ != elements_;
      if (cut_short && !is_over(issuer)) {
        if constexpr (Pace::ticks) pace_.rest();
        return true;
      }
    }
    FANOUT_CATCH_ALL { exception = std::current_exception(); }
    if constexpr (Pace::ticks) pace_.end();
    // The place in the range goes first, then the right: the range may be gone with the operation.
    if (begun_) std::destroy_at(&cursor_);
    basic_issuer<Op> last(std::move(issuer));
    std::destroy_at(&issuer);
    issuing::end(std::move(last), std::move(exception), cut_short);
    return false;
  }
  template <class Issuer>
  bool is_over(const Issuer& issuer) const noexcept {
    return issuer.is_decided() || pace_.gives_up();
  }
  // Moves on only when another element is wanted: to find out whether there is one may be all the work.
  bool next_element() {
    for (; at_ != next_; ++at_) ++cursor_.at;
    return cursor_.at != cursor_.end;
  }

  Pace pace_;
  [[no_unique_address]] Executor executor_;
  pump<Platform> pump_{pace_.initial()};
  // What follows is the issuing right's, which the pump hands on.
  [[no_unique_address]] std::conditional_t<posts, turn, no_turn> turn_;
  alignas(void*) std::byte issuer_[4 * sizeof(void*)];
  union {
    cursor cursor_;
  };
  std::size_t elements_ = no_index;
  std::size_t next_ = 0;  // the element that is started next
  std::size_t at_ = 0;    // the one that the cursor is at; until the next one is wanted, that before it
  bool begun_ = false;
};

}  // namespace fanout::detail

#endif
