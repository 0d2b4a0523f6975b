// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_ERRC_HPP
#define FANOUT_ERRC_HPP

#include <system_error>
#include <type_traits>

// The category is one object per program only if the dynamic linker may merge the copies of all shared objects, also of
// those that were compiled with -fvisibility=hidden. A Windows DLL has its own; compare with conditions there.
#if defined(__GNUC__) && !defined(_WIN32)
#define FANOUT_ONE_PER_PROGRAM [[gnu::visibility("default")]]
#else
#define FANOUT_ONE_PER_PROGRAM
#endif

// A constant that is never destroyed and so needs no guard: a constexpr destructor says it to GCC and MSVC, this
// attribute to clang, which up to version 19 does not accept the former in C++20.
#if defined(__clang__)
#define FANOUT_IMMORTAL [[clang::no_destroy]] inline constinit const
#else
#define FANOUT_IMMORTAL inline constexpr
#endif

namespace fanout {

/// What can go wrong with a fan-out itself. A branch's own errors are never translated into these.
///
/// Converts to std::error_code. Zero is not used, so that no errc looks like success. The numbers are part of the ABI:
/// new ones are added at the end.
enum class errc : int {
  abandoned = 1,         ///< a branch was dropped without completing
  not_issued,            ///< issuing ended before this branch was started
  issuer_threw,          ///< code between two starts threw
  initiator_threw,       ///< the initiator of this branch threw
  policy_threw,          ///< a combine or completion policy threw
  stopped,               ///< stopped on request
  deadline,              ///< the deadline passed before the outcome was decided; distinct from stopped
  no_candidates,         ///< a choice was to be made from no branches
  unreachable,           ///< too few branches can still succeed
  closed,                ///< a branch or child was added after the seal, or after close
  would_deadlock,        ///< the work that was waited for runs the code that waits
  too_many,              ///< more branches than an operation can count
  already_started,       ///< start was called twice for one index
  no_such_branch,        ///< the index is not below N
  duplicate_completion,  ///< a branch completed a second time
  out_of_memory,         ///< there was no memory for the operation or its next branch
  no_value,              ///< a branch reported success, but no value
};

namespace detail {

/// The message of an errc: what happened, then what to do.
constexpr const char* sentence(errc e) noexcept {
  switch (e) {
    case errc::abandoned:
      return "a branch was dropped without completing: complete it with a value, an error or stopped on every path";
    case errc::not_issued:
      return "this branch was never started because issuing ended early: see the operation's cause";
    case errc::issuer_threw:
      return "the code between two starts threw before the seal: handle the exception that left the issuing code";
    case errc::initiator_threw:
      return "the initiator threw: see the failure's exception, or let it complete the branch with an error instead";
    case errc::policy_threw:
      return "a combine or completion policy threw and its result is lost: see the failure's exception";
    case errc::stopped:
      return "the work was stopped on request before it finished: start it again if the result is still wanted";
    case errc::deadline:
      return "the deadline passed before the outcome was decided: allow more time or accept partial results";
    case errc::no_candidates:
      return "there was no branch to choose from: give at least one candidate";
    case errc::unreachable:
      return "too few branches can still succeed: look at the causes of those that failed or require fewer";
    case errc::closed:
      return "no branch can be added any more: add all of them before the operation is sealed or the scope closed";
    case errc::would_deadlock:
      return "this wait could never end because the awaited work runs the code that waits: wait outside of that work";
    case errc::too_many:
      return "one operation cannot count that many branches: split the work or use a window";
    case errc::already_started:
      return "this branch was started before, and the second start did nothing: start each index once";
    case errc::no_such_branch:
      return "the index is not below the number of branches, so nothing was started: use 0 to N - 1";
    case errc::duplicate_completion:
      return "this branch had completed before, and the second completion was ignored: call each callback once";
    case errc::no_value:
      return "this branch was called as branch(error) with no error and no value: call branch(error, value) or "
             "set_value";
    case errc::out_of_memory:
      return "there was no memory for the operation or its next branch, and nothing was started: free some or use a "
             "window";
  }
  return "this number is not an error of fanout: make error codes from fanout::errc only";
}

class FANOUT_ONE_PER_PROGRAM errc_category final : public std::error_category {
 public:
  constexpr errc_category() noexcept = default;

  const char* name() const noexcept override { return "fanout"; }

  std::string message(int value) const override { return sentence(static_cast<errc>(value)); }

  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<errc>(value)) {
      case errc::stopped:
        return std::errc::operation_canceled;
      case errc::deadline:
        return std::errc::timed_out;
      case errc::closed:
        return std::errc::operation_not_permitted;
      case errc::would_deadlock:
        return std::errc::resource_deadlock_would_occur;
      case errc::too_many:
        return std::errc::value_too_large;
      case errc::already_started:  // EALREADY, "operation already in progress": only its C++ name speaks of connections
        return std::errc::connection_already_in_progress;
      case errc::no_such_branch:
        return std::errc::invalid_argument;
      case errc::out_of_memory:
        return std::errc::not_enough_memory;
      default:  // nothing in std::errc says it: a condition of its own
        return {value, *this};
    }
  }
};

/// Holds the category and never destroys it: the destructors of static objects may still print an error.
/// `unused` makes the union a literal type. It is a template so that `constexpr` on the destructor is a wish: a
/// compiler that cannot grant it for a category drops it without an error.
template <class Category>
union FANOUT_ONE_PER_PROGRAM immortal {
  char unused;
  Category value;

  constexpr immortal() noexcept : value{} {}
  constexpr ~immortal() {}
};

FANOUT_ONE_PER_PROGRAM FANOUT_IMMORTAL immortal<errc_category> the_category{};

}  // namespace detail

/// The category of fanout's own errors, named "fanout". One object per program, alive from the first instruction to the
/// last. Codes compare equal to these conditions: stopped to operation_canceled, deadline to timed_out, closed to
/// operation_not_permitted, would_deadlock to resource_deadlock_would_occur, too_many to value_too_large,
/// already_started to connection_already_in_progress, no_such_branch to invalid_argument, out_of_memory to
/// not_enough_memory.
[[nodiscard]] inline const std::error_category& error_category() noexcept { return detail::the_category.value; }

/// Found by argument-dependent lookup, so that an errc can be used wherever a std::error_code is expected.
[[nodiscard]] inline std::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), error_category()};
}

}  // namespace fanout

template <>
struct std::is_error_code_enum<fanout::errc> : std::true_type {};

#undef FANOUT_ONE_PER_PROGRAM
#undef FANOUT_IMMORTAL

#endif  // FANOUT_ERRC_HPP
