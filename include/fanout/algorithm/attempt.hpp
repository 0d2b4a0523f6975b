// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ALGORITHM_ATTEMPT_HPP
#define FANOUT_ALGORITHM_ATTEMPT_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

#include "fanout/algorithm/attempt_counts.hpp"
#include "fanout/algorithm/carrying.hpp"
#include "fanout/algorithm/options.hpp"
#include "fanout/backoff.hpp"
#include "fanout/branch.hpp"
#include "fanout/callback/concept.hpp"
#include "fanout/cancel_hook.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/detail/block.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/option_set.hpp"
#include "fanout/detail/slot.hpp"
#include "fanout/errc.hpp"
#include "fanout/failure.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/stream.hpp"

namespace fanout::detail {

/// What is asked of a description's attempts: its options, or no_option.
template <class Timeout, class Retry, class RetryIf, class Hook, class Counts>
struct attempt_options {
  static constexpr bool times_out = !std::is_same_v<Timeout, no_option>;
  static constexpr bool retries = !std::is_same_v<Retry, no_option>;
  static constexpr bool selects = !std::is_same_v<RetryIf, no_option>;
  static constexpr bool hooks = !std::is_same_v<Hook, no_option>;
  static constexpr bool counts = !std::is_same_v<Counts, no_option>;

  [[no_unique_address]] Timeout timeout;
  [[no_unique_address]] Retry retry;
  [[no_unique_address]] RetryIf retry_if;
  [[no_unique_address]] Hook hook;
  [[no_unique_address]] Counts count;
};

/// Whatever a branch may fail with, as the operation's error type. What making it throws is errc::out_of_memory.
template <class E, class Error>
E error_of(Error&& error) noexcept {
  using plain = std::remove_cvref_t<Error>;
  FANOUT_TRY {
    if constexpr (std::is_same_v<plain, E>) {
      return E(std::forward<Error>(error));
    } else if constexpr (std::is_same_v<plain, std::exception_ptr>) {
      return error_traits<E>::from(make_error_code(errc::initiator_threw));
    } else if constexpr (std::is_error_code_enum_v<plain> || std::is_same_v<plain, std::errc>) {
      return error_traits<E>::from(make_error_code(error));
    } else if constexpr (std::is_convertible_v<Error, std::error_code>) {
      return error_traits<E>::from(std::error_code(std::forward<Error>(error)));
    } else {
      return E(std::forward<Error>(error));
    }
  }
  FANOUT_CATCH_ALL { return error_traits<E>::from(make_error_code(errc::out_of_memory)); }
}

/// So much later; never, where a time point does not reach that far.
template <class Timer>
typename Timer::time_point later(Timer& timer, typename Timer::duration by) noexcept {
  using time_point = typename Timer::time_point;
  const time_point now = timer.now();
  return by < time_point::max() - now ? now + by : time_point::max();
}

/// An attempt's place in the store that it comes from.
struct attempt_link {
  attempt_link* next = nullptr;
};

/// Stands between an initiator and a branch of the operation: one call of the initiator after the other, each with a handle of its
/// own, until one of them settles the branch. A `basic_branch` of this type is that handle, in all three languages, so everything
/// static here is what `basic_branch` asks of an operation.
///
/// An attempt has several *parties*: the handle; the frame that called the initiator, until that has returned; and the timeout, until
/// it is cancelled or its function has returned. Each leaves; the last one decides what comes next: another attempt in the same place,
/// or the place goes back to the store. So nobody waits for anybody, with one exception: who completes waits for stop callbacks of ours
/// and for the cancel hook, where they run on another thread.
///
///   - A value, a stop, and an error that will not be retried are reported at once, by the handle: what others still do here needs
///     this memory only, and that is the operation's, which the timer keeps (I6), and the frame holds.
///   - An error that may be retried is kept until the last party has left: the next attempt needs the place.
///   - While a retry waits there are two parties again: who set it up, and the timer, or who cancels it.
///
/// Another attempt is started in a loop by whoever was last, so nothing here recurses with the number of attempts (I5).
///
/// `With` is the operation's part in it: `attempting`.
template <class Op, class With>
class attempt : public attempt_link {
 public:
  using platform = typename Op::platform;

 private:
  using options = typename With::options_type;
  static constexpr bool times_out = options::times_out;
  static constexpr bool retries = options::retries;
  static constexpr bool hooks = options::hooks;
  static constexpr bool keeps_element = retries || hooks;

  using element = typename With::element_type;  // may be a reference
  using plain_element = std::remove_cvref_t<element>;
  template <class T>
  using cell = typename platform::template cell<T>;
  template <class T>
  using atomic = typename platform::template atomic<T>;
  template <class F>
  using stop_callback = basic_inplace_stop_callback<platform, F>;

 public:
  using slot_type = attempt;
  using issuer = attempt;
  using branch = basic_branch<attempt>;
  using stop_token_type = typename Op::stop_token_type;
  using value_type = typename Op::value_type;
  using error_type = typename Op::error_type;
  using stored_type = typename Op::stored_type;
  using callback_type = typename Op::callback_type;
  using item_type = typename Op::item_type;
  using key_type = typename Op::key_type;
  static constexpr bool streams = Op::streams;
  static_assert(!streams || !retries,
                "fanout: what an attempt has emitted cannot be taken back: .retry is for branches that emit no items");

  /// Whether it may be completed through a C function, too.
  static constexpr bool opens_c_doors =
      c_callback_policy<callback_type> && std::is_nothrow_default_constructible_v<stored_type>;

  attempt(With& with, Op& op) noexcept : with_(&with), op_(&op), timing_(this), retrying_(this) {}

  /// The first attempt for this branch, and others that follow at once. Inside start: the issuing right holds the operation.
  /// An exception of the initiator's whose handle somebody else has is passed on.
  void start(typename Op::branch real, element&& e) {
    token_ = real.stop_token();
    real_ = std::move(real);
    if constexpr (keeps_element) {
      bool kept = false;
      FANOUT_TRY {
        element_.keep(e);
        kept = true;
      }
      FANOUT_CATCH_ALL {
        typename Op::branch failed = std::move(real_);
        with_->give(*this);
        failed.set_error(std::current_exception());
      }
      if (!kept) return;
    }
    if constexpr (retries) {
      retrying_.delays = retry().backoff.start(seed());
      if constexpr (pays_by_budget) retry().budget->deposit();
    }
    count(&tallies::first_);
    [[maybe_unused]] bool failed;
    if constexpr (keeps_element) {
      failed = once<true>([this](auto&& f) { element_.lend(f); });
    } else {
      failed = once<true>([&e](auto&& f) { f(static_cast<element&&>(e)); });
    }
    if constexpr (retries) {
      while (failed && wants_another()) failed = again();
    }
  }

 private:
  friend branch;
  friend struct batching;

  // ---- one attempt -----------------------------------------------------------------------------------------------------

  enum class outcome : unsigned char { open, reported, failed };

  // Calls the initiator. True: the attempt has failed, and this thread is the last to know of it.
  template <bool First, class Lend>
  bool once(Lend&& lend) noexcept(!First) {
    begin();
    frame_.store(platform::self(), std::memory_order_relaxed);  // relaxed: who finds itself in it wrote it
    std::exception_ptr thrown;
    FANOUT_TRY {
      lend([this](element&& e) { call(static_cast<element&&>(e)); });
    }
    FANOUT_CATCH_ALL { thrown = std::current_exception(); }
    frame_.store(nullptr, std::memory_order_relaxed);
    if (handle_is_gone_) return speak_for_handle(std::move(thrown));
    if constexpr (hooks) {
      if (!thrown) hook_.arm(token(), cancel{this});
    }
    if (thrown) [[unlikely]] {
      if constexpr (First) {
        // Its handle has reported, or will: that is the branch's. The exception is the operation's, as without attempts.
        const bool failed = leave(1) && settled();
        if constexpr (retries) {
          if (failed) report_failure();
        }
#if FANOUT_HAS_EXCEPTIONS
        std::rethrow_exception(std::move(thrown));
#endif
      } else if constexpr (retries) {
        retrying_.thrown = std::move(thrown);  // goes with the failure, if it is one
      }
    }
    return leave(1) && settled();
  }
  bool again() noexcept {
    return once<false>([this](auto&& f) { element_.lend(f); });
  }

  // pre: nobody else knows of this attempt
  void begin() noexcept {
    outcome_ = outcome::open;
    handle_is_gone_ = true;
    // relaxed, and so in `wait`: the other parties learn of it through a call, a stop source's lock, or a timer's
    parties_.store(times_out ? 3 : 2, std::memory_order_relaxed);
    if constexpr (hooks) hook_.reset();
    if constexpr (retries) retrying_.thrown = nullptr;
    if constexpr (times_out) {
      timing_.timed_out.store(false, std::memory_order_relaxed);
      std::destroy_at(&timing_.source);
      ::new (static_cast<void*>(&timing_.source)) source_type();
      ::new (static_cast<void*>(&timing_.link)) link_type(token_, pass_on{this});
      op_->keep_storage();  // the timer's
      timeout().timer->arm(timing_, later(*timeout().timer, timeout().after));
    }
  }

  // The handle's part. It leaves with those who will not come any more; says how many.
  unsigned end() noexcept {
    if constexpr (hooks) hook_.disarm();
    if constexpr (times_out) {
      std::destroy_at(&timing_.link);
      if (timeout().timer->cancel(timing_)) {
        op_->drop_storage();  // there is another one: the branch has not reported
        return 2;
      }
    }
    return 1;
  }

  bool leave(unsigned parties) noexcept {
    // release: what this party did here, before the place is used again; acquire: the same of all others, by the last.
    return parties_.fetch_sub(parties, std::memory_order_acq_rel) == parties;
  }
  // By the last. True: another attempt may be due.
  bool settled() noexcept {
    if (outcome_ == outcome::failed) return true;
    with_->give(*this);
    return false;
  }

  // Ends the attempt, and returns what the branch reports through. `more`: parties that leave as well.
  typename Op::branch finish(unsigned more = 0) noexcept {
    const unsigned leaving = end() + more;
    typename Op::branch real = std::move(real_);
    outcome_ = outcome::reported;
    if (leave(leaving)) with_->give(*this);
    return real;
  }
  // Ends the attempt with an error that may be retried. True: the caller was the last.
  template <class Error>
  bool fail(Error&& error, unsigned more = 0) noexcept {
    const unsigned leaving = end() + more;
    if constexpr (std::is_same_v<std::remove_cvref_t<Error>, std::exception_ptr>) {
      retrying_.exception = error;
    } else {
      retrying_.exception = nullptr;
    }
    retrying_.error.emplace(error_of<error_type>(std::forward<Error>(error)));
    outcome_ = outcome::failed;
    return leave(leaving);
  }

  // The handle was dropped inside its own start, or never made, so the frame speaks for it.
  FANOUT_COLD bool speak_for_handle(std::exception_ptr thrown) noexcept {
    if (!thrown) {
      finish(1).set_error(make_error_code(errc::abandoned));
    } else if constexpr (retries) {
      return fail(std::move(thrown), 1);
    } else {
      finish(1).set_error(std::move(thrown));
    }
    return false;
  }

  void call(element&& e) {
    auto& initiator = with_->initiator();
    if constexpr (With::calls_c) {
      call_c(initiator, static_cast<element&&>(e));
    } else {
      for_element<std::remove_reference_t<decltype(initiator)>, element> f{initiator, static_cast<element&&>(e)};
      handle_is_gone_ = false;
      if constexpr (std::is_invocable_v<decltype(f)&, branch, stop_token_type>) {
        f(branch(this), token());
      } else {
        static_assert(std::is_invocable_v<decltype(f)&, branch>,
                      "fanout: an initiator is called as f(element, branch) or f(element, branch, stop_token)");
        f(branch(this));
      }
    }
  }

  stop_token_type token() const noexcept {
    if constexpr (times_out) {
      return timing_.source.get_token();
    } else {
      return token_;
    }
  }

  // ---- the handle: what basic_branch calls -----------------------------------------------------------------------------

  template <class... Args>
  static void set_value(attempt* a, Args&&... args) noexcept {
    a->finish().set_value(std::forward<Args>(args)...);
  }
  // By complete_n.
  template <class Batching = batching, class Batch, class... Args>
  static void set_value_in(Batch& own, attempt* a, Args&&... args) noexcept {
    typename Op::branch real = a->finish();
    Batching::set_value(own, real, std::forward<Args>(args)...);
  }
  template <class Error>
  static void set_error(attempt* a, Error&& error) noexcept {
    if constexpr (retries) {
      if (a->fail(std::forward<Error>(error))) a->go_on();
    } else {
      a->finish().set_error(std::forward<Error>(error));
    }
  }
  FANOUT_COLD static void set_stopped(attempt* a) noexcept {
    if constexpr (times_out) {
      // relaxed: who stops because it was asked has seen the request, and this was written before
      if (a->timing_.timed_out.load(std::memory_order_relaxed)) return set_error(a, make_error_code(errc::deadline));
    }
    a->finish().set_stopped();
  }
  // Whoever drops a handle is going away, or is mistaken: neither calls for another attempt.
  FANOUT_COLD static void abandon(attempt* a) noexcept {
    if (a->frame_.load(std::memory_order_relaxed) == platform::self()) {
      a->handle_is_gone_ = true;
    } else {
      a->finish().set_error(make_error_code(errc::abandoned));
    }
  }
  template <class Item>
  static flow emit(attempt* a, Item* items, std::size_t n) noexcept {
    if (a->token().stop_requested()) return flow::stop;
    return a->real_.emit(std::span<Item>(items, n));
  }
  static flow emit_watermark(attempt* a, const key_type& bound) noexcept {
    if (a->token().stop_requested()) return flow::stop;
    return a->real_.watermark(bound);
  }
  template <class F>
  static void on_resume(attempt* a, F&& f) noexcept {
    a->real_.on_resume(std::forward<F>(f));
  }
  static std::size_t index_of(attempt* a) noexcept { return a->real_.index(); }
  static stop_token_type stop_token_of(attempt* a) noexcept { return a->token(); }

  // ---- the C door: as the operation's, but the out-parameter is moved to the slot, for there may be another attempt --------------

  struct c_door {
    static stored_type& value(void* context) noexcept { return *static_cast<attempt*>(context)->out_; }

    static void set_value(void* context) noexcept {
      attempt* const a = of(context);
      if (a == nullptr) [[unlikely]]
        return;
      stored_type value(std::move(*a->out_));
      a->close_c_door();
      if constexpr (std::is_void_v<value_type>) {
        attempt::set_value(a);
      } else {
        attempt::set_value(a, std::move(value));
      }
    }
    template <class Error>
    FANOUT_COLD static void set_error(void* context, Error&& error) noexcept {
      if (attempt* const a = of(context)) a->close_c_door(), attempt::set_error(a, std::forward<Error>(error));
    }
    FANOUT_COLD static void set_stopped(void* context) noexcept {
      if (attempt* const a = of(context)) a->close_c_door(), attempt::set_stopped(a);
    }

   private:
    static attempt* of(void* context) noexcept {
      auto* const a = static_cast<attempt*>(context);
      FANOUT_ASSERT(a->out_.has_value(), "a C callback came twice for the same attempt");
      return a->out_.has_value() ? a : nullptr;
    }
  };

  static constexpr bool makes_contexts = requires(void* slot, std::size_t i) { callback_type::make_context(slot, i); };
  struct opened_c_door {
    stored_type* out;
    decltype(&callback_type::template function<c_door>) callback;
    void* context;
    explicit operator bool() const noexcept { return !makes_contexts || context != nullptr; }
  };
  void close_c_door() noexcept { out_.reset(); }

  static opened_c_door open_c_door(attempt* a) noexcept {
    static_assert(
        requires { &callback_type::template function<c_door>; },
        "fanout: this callback policy has no C function: use fanout::errno_callback or one of your own");
    static_assert(
        std::is_nothrow_default_constructible_v<stored_type>,
        "fanout: a C out-parameter must exist before the call, so its type must be default constructible without "
        "throwing");
    static_assert(std::is_nothrow_move_constructible_v<stored_type>,
                  "fanout: each attempt has an out-parameter of its own, which is moved to where the value is kept, so "
                  "moving it must not throw");
    a->out_.emplace();
    void* context = a;
    if constexpr (makes_contexts) context = callback_type::make_context(a, index_of(a));
    if constexpr (hooks) a->context_ = context;
    return {&*a->out_, &callback_type::template function<c_door>, context};
  }
  static opened_c_door c_door_for(attempt* a) noexcept {
    const opened_c_door door = open_c_door(a);
    if (!door) [[unlikely]]
      c_door::set_error(a, make_error_code(errc::out_of_memory));
    return door;
  }

  // Where it throws, nothing has been started.
  template <class Initiator>
  void call_c(Initiator& initiator, element&& e) {
    handle_is_gone_ = false;
    const opened_c_door door = c_door_for(this);
    if (!door) [[unlikely]]
      return;
    FANOUT_TRY {
      const auto status = [&] {
        if constexpr (std::is_void_v<value_type>) {
          return std::invoke(initiator, static_cast<element&&>(e), door.callback, door.context);
        } else {
          return std::invoke(initiator, static_cast<element&&>(e), door.out, door.callback, door.context);
        }
      }();
      if (callback_type::completes_later(status)) return;
      if (!retire(door.context)) return;  // its callback came as well: named there, and it came first
      if (callback_type::succeeded(status)) {
        c_door::set_value(this);
      } else {
        c_door::set_error(this, callback_type::error(status));
      }
    }
    FANOUT_CATCH_ALL {
      if (retire(door.context) && out_.has_value()) {
        close_c_door();
        handle_is_gone_ = true;
      }
#if FANOUT_HAS_EXCEPTIONS
      throw;
#endif
    }
  }
  bool retire([[maybe_unused]] void* context) noexcept {
    if constexpr (makes_contexts) {
      return callback_type::retire_context(context);
    } else {
      return true;
    }
  }

  // ---- timeout and hook ------------------------------------------------------------------------------------------------

  using source_type = basic_inplace_stop_source<platform>;
  struct pass_on {
    attempt* a;
    void operator()() const noexcept { a->timing_.source.request_stop(); }
  };
  using link_type = stop_callback<pass_on>;

  template <class Timer>
  struct timing : Timer::entry {
    explicit timing(attempt* of) noexcept : Timer::entry(&passed), self(of) {}
    ~timing() {}
    static void passed(typename Timer::entry& e) noexcept { static_cast<timing&>(e).self->timeout_passed(); }

    attempt* self;
    source_type source;             // the attempt's own; a new one for each
    atomic<bool> timed_out{false};  // this attempt was asked to stop by its timeout
    union {
      link_type link;  // from the operation's source to this one; lives from begin to end
    };
  };

  void timeout_passed() noexcept {
    Op& op = *op_;
    if (!timing_.source.stop_requested()) {
      timing_.timed_out.store(true, std::memory_order_relaxed);  // relaxed: the request publishes it
      count(&tallies::timed_out_);
    }
    timing_.source.request_stop();
    const bool failed = leave(1) && settled();
    if constexpr (retries) {
      if (failed) go_on();
    }
    op.drop_storage();
  }

  struct cancel {
    attempt* a;
    void operator()() const noexcept { a->call_hook(); }
  };
  void call_hook() noexcept {
    auto& hook = with_->options().hook.f;
    using kept_element = decltype(element_.get());
    if constexpr (opens_c_doors && std::is_invocable_v<decltype(hook), kept_element, void*>) {
      static_assert(std::is_nothrow_invocable_v<decltype(hook), kept_element, void*>,
                    "fanout: a cancel hook must be noexcept: it runs inside request_stop, where nobody could catch");
      static_cast<void>(std::invoke(hook, element_.get(), context_));
    } else {
      static_assert(
          std::is_invocable_v<decltype(hook), kept_element>,
          "fanout: a cancel hook is called as f(element), or, with a callback policy for C, f(element, context)");
      static_assert(std::is_nothrow_invocable_v<decltype(hook), kept_element>,
                    "fanout: a cancel hook must be noexcept: it runs inside request_stop, where nobody could catch");
      static_cast<void>(std::invoke(hook, element_.get()));
    }
  }

  // ---- retrying --------------------------------------------------------------------------------------------------------

  struct cut_short {
    attempt* a;
    void operator()() const noexcept { a->stop_waiting(); }
  };

  template <class Timer>
  struct retrying : Timer::entry {
    explicit retrying(attempt* of) noexcept : Timer::entry(&passed), self(of) {}
    ~retrying() {}
    static void passed(typename Timer::entry& e) noexcept { static_cast<retrying&>(e).self->wait_has_passed(); }

    attempt* self;
    exponential_backoff::delays delays = exponential_backoff().start(0);
    std::optional<error_type> error;  // the last attempt's
    std::exception_ptr exception;     // the same, where that is what it failed with
    std::exception_ptr thrown;        // by an initiator that had given its handle away
    union {
      stop_callback<cut_short> link;  // lives while a retry waits
    };
  };

  // After the last party has left a failed attempt.
  void go_on() noexcept {
    if (wants_another()) run();
  }
  // The frame of an attempt that is not inside the branch's start holds the operation: its initiator must outlive its own call.
  void run() noexcept {
    Op& op = *op_;
    [[maybe_unused]] const bool held = op.try_hold();
    FANOUT_ASSERT(held, "an operation was drained before one of its branches had reported");
    while (again() && wants_another()) {}
    op.release_hold();
  }

  // True: this thread is to start another attempt. False: the branch has reported, or waits.
  bool wants_another() noexcept {
    if (!is_worth_it() || token_.stop_requested()) return report_failure();
    const auto delay = retrying_.delays.next();
    if (delay == exponential_backoff::duration::max()) {
      count(&tallies::exhausted_);
      return report_failure();
    }
    return delay > exponential_backoff::duration::zero() ? wait(delay) : pays();
  }
  bool is_worth_it() noexcept {
    if constexpr (options::selects) {
      static_assert(
          noexcept(static_cast<bool>(with_->options().retry_if.f(std::as_const(*retrying_.error)))),
          "fanout: .retry_if(f) calls f(error), which must be noexcept: it runs on a completing thread, where "
          "nobody could catch");
      return static_cast<bool>(with_->options().retry_if.f(std::as_const(*retrying_.error)));
    } else {
      return true;
    }
  }
  bool pays() noexcept {
    if constexpr (pays_by_budget) {
      if (!retry().budget->try_withdraw()) {
        count(&tallies::refused_);
        return report_failure();
      }
    }
    count(&tallies::retried_);
    return true;
  }

  // As `wants_another`. The timer may fire, and a stop come, before this function is through: so it is a party.
  bool wait(exponential_backoff::duration delay) noexcept {
    auto& timer = *retry().timer;
    using duration = typename std::remove_reference_t<decltype(timer)>::duration;
    op_->keep_storage();  // the timer's
    parties_.store(2, std::memory_order_relaxed);
    ::new (static_cast<void*>(&retrying_.link)) stop_callback<cut_short>(token_, cut_short{this});
    timer.arm(retrying_, later(timer, std::chrono::ceil<duration>(delay)));
    unsigned leaving = 1;
    // A stop that came before the arming found nothing to cancel.
    if (token_.stop_requested() && timer.cancel(retrying_)) {
      op_->drop_storage();
      leaving = 2;
    }
    return leave(leaving) && wait_is_over();
  }
  // By the last party.
  bool wait_is_over() noexcept {
    std::destroy_at(&retrying_.link);
    if (!token_.stop_requested()) return pays();
    typename Op::branch real = std::move(real_);
    with_->give(*this);
    real.set_stopped();
    return false;
  }
  void stop_waiting() noexcept {
    if (!retry().timer->cancel(retrying_)) return;  // not armed yet, or it comes: they look for the stop
    op_->drop_storage();
    if (leave(1)) wait_is_over();
  }
  void wait_has_passed() noexcept {
    Op& op = *op_;
    if (leave(1) && wait_is_over()) run();
    op.drop_storage();
  }

  FANOUT_COLD bool report_failure() noexcept {
    typename Op::branch real = std::move(real_);
    error_type error = *std::move(retrying_.error);
    retrying_.error.reset();
    std::exception_ptr exception = std::exchange(retrying_.exception, nullptr);
    if (!exception) exception = std::exchange(retrying_.thrown, nullptr);
    outcome_ = outcome::reported;
    with_->give(*this);
    if (exception) {
      real.set_error(std::move(exception));
    } else {
      real.set_error(std::move(error));
    }
    return false;
  }

  // Spreads branches, operations and processes.
  std::uint64_t seed() noexcept {
    const auto now = static_cast<std::uint64_t>(retry().timer->now().time_since_epoch().count());
    return (now ^ reinterpret_cast<std::uintptr_t>(op_)) + 0x9e3779b97f4a7c15 * (real_.index() + 1);
  }

  // ---- state -----------------------------------------------------------------------------------------------------------

  static constexpr bool pays_by_budget = requires(options& o) { o.retry.budget->deposit(); };

  auto& timeout() const noexcept { return with_->options().timeout; }
  auto& retry() const noexcept { return with_->options().retry; }
  using tallies = basic_attempt_counts<platform>;
  void count([[maybe_unused]] typename tallies::number tallies::* which) noexcept {
    if constexpr (options::counts) {
      (with_->options().count.to->*which).fetch_add(1, std::memory_order_relaxed);  // relaxed: a statistic
    }
  }

  /// The element, for further attempts and the hook: where it lies, or a copy if it was made on the way.
  class stable_element {
   public:
    void keep(element& e) noexcept { at_ = std::addressof(e); }
    std::remove_reference_t<element>& get() noexcept { return *at_; }
    template <class F>
    void lend(F& f) {
      f(*at_);
    }

   private:
    std::remove_reference_t<element>* at_ = nullptr;
  };
  class copied_element {
    static_assert(
        !keeps_element || std::is_copy_constructible_v<plain_element>,
        "fanout: what the range makes on the way is kept for .retry and .cancel_with, and each attempt gets a "
        "copy: its elements must be copyable, or lie in the range");

   public:
    void keep(element& e) { kept_.emplace(static_cast<element&&>(e)); }
    plain_element& get() noexcept { return *kept_; }
    template <class F>
    void lend(F& f) {
      plain_element copy(*kept_);
      f(static_cast<element&&>(copy));
    }

   private:
    std::optional<plain_element> kept_;
  };
  template <bool Wanted, class T>
  using only_if = std::conditional_t<Wanted, T, absent>;
  template <template <class> class Part, class Option>
  struct part_of {
    using type = absent;
  };
  template <template <class> class Part, class Option>
    requires requires(Option& o) { o.timer; }
  struct part_of<Part, Option> {
    using type = Part<std::remove_pointer_t<decltype(Option::timer)>>;
  };
  With* with_;
  Op* op_;
  stop_token_type token_;                     // the operation's
  typename Op::branch real_;                  // the branch's own handle, until it reports
  atomic<std::uint32_t> parties_{0};          // #parties that have not left; see above
  atomic<const void*> frame_{nullptr};        // the thread that is in the initiator's call, or null
  cell<outcome> outcome_{outcome::reported};  // written by the handle before it leaves
  cell<bool> handle_is_gone_{false};          // not made yet, or dropped inside the frame; the frame's
  [[no_unique_address]] only_if<keeps_element,
                                std::conditional_t<With::element_is_stable, stable_element, copied_element>> element_;
  [[no_unique_address]] only_if<opens_c_doors, std::optional<stored_type>>
      out_{};                                              // the C out-parameter, while a C door is open
  [[no_unique_address]] only_if<hooks, void*> context_{};  // and what the C function was given
  [[no_unique_address]] only_if<hooks, basic_cancel_hook<platform, cancel>> hook_;
  [[no_unique_address]] typename part_of<timing, decltype(options::timeout)>::type timing_;
  [[no_unique_address]] typename part_of<retrying, decltype(options::retry)>::type retrying_;
};

}  // namespace fanout::detail

#endif
