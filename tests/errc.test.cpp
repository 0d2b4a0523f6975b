// SPDX-License-Identifier: BSL-1.0

// Constructed before anything in the header, so destroyed after everything in it.
struct asks_at_the_very_end {
  ~asks_at_the_very_end();
} const last;

#include "fanout/errc.hpp"

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <set>
#include <string>
#include <system_error>
#include <type_traits>

#include "catch.hpp"

namespace {

using fanout::errc;

static_assert(std::is_same_v<std::underlying_type_t<errc>, int>);
static_assert(std::is_error_code_enum_v<errc> && !std::is_error_condition_enum_v<errc>);
static_assert(std::is_nothrow_constructible_v<std::error_code, errc> && std::is_convertible_v<errc, std::error_code>);
static_assert(noexcept(fanout::error_category()));
static_assert(errc{} != errc::abandoned, "zero is no error");

// The category is there before any constructor of a static object runs.
constinit const std::error_category* const at_compile_time = &fanout::detail::the_category.value;

struct row {
  errc code;
  std::errc condition;
};

// In the order of their numbers, which are part of the ABI.
constexpr errc all[] = {
    errc::abandoned,      errc::not_issued, errc::issuer_threw,    errc::initiator_threw, errc::policy_threw,
    errc::stopped,        errc::deadline,   errc::no_candidates,   errc::unreachable,     errc::closed,
    errc::would_deadlock, errc::too_many,   errc::already_started, errc::no_such_branch,  errc::duplicate_completion,
    errc::out_of_memory,  errc::no_value,
};
constexpr row conditions[] = {
    {errc::stopped, std::errc::operation_canceled},
    {errc::deadline, std::errc::timed_out},
    {errc::closed, std::errc::operation_not_permitted},
    {errc::would_deadlock, std::errc::resource_deadlock_would_occur},
    {errc::too_many, std::errc::value_too_large},
    {errc::already_started, std::errc::connection_already_in_progress},
    {errc::no_such_branch, std::errc::invalid_argument},
    {errc::out_of_memory, std::errc::not_enough_memory},
};

TEST_CASE("errors are numbered from one, without a gap", "[errc]") {
  int number = 0;
  for (errc e : all) CHECK(static_cast<int>(e) == ++number);
}

TEST_CASE("an errc converts to a std::error_code that is an error", "[errc]") {
  for (errc e : all) {
    const std::error_code code = e;
    CHECK(code);
    CHECK(code == e);
    CHECK(code.value() == static_cast<int>(e));
    CHECK(&code.category() == &fanout::error_category());
    CHECK(code == make_error_code(e));
  }
  CHECK(std::error_code(errc::stopped) != errc::deadline);
}

TEST_CASE("the category is one object with a name, and constant-initialised", "[errc]") {
  CHECK(std::string(fanout::error_category().name()) == "fanout");
  CHECK(&fanout::error_category() == at_compile_time);
  CHECK(fanout::error_category() != std::generic_category());
}

TEST_CASE("every message is a sentence of its own that says what happened and what to do", "[errc]") {
  std::set<std::string> messages;
  for (errc e : all) {
    const std::string message = std::error_code(e).message();
    INFO(message);
    CHECK(message.size() > 40);
    CHECK(message.size() < 120);
    CHECK(message.find(": ") != std::string::npos);
    CHECK(message.find("not an error of fanout") == std::string::npos);
    CHECK(messages.insert(message).second);
  }
}

TEST_CASE("a number that is no errc has a message that says so, and no condition but its own", "[errc]") {
  for (int number : {0, -1, static_cast<int>(std::size(all)) + 1, 1000}) {
    const std::error_code code(number, fanout::error_category());
    CHECK(code.message().find("not an error of fanout") != std::string::npos);
    CHECK(code.default_error_condition() == std::error_condition(number, fanout::error_category()));
  }
}

TEST_CASE("errors equal the portable conditions that mean the same", "[errc]") {
  for (const row& r : conditions) {
    INFO(std::error_code(r.code).message());
    CHECK(std::error_code(r.code) == r.condition);
    CHECK(std::error_code(r.code).default_error_condition() == std::make_error_condition(r.condition));
  }
}

TEST_CASE("errors without a portable equivalent equal no portable condition", "[errc]") {
  for (errc e : all) {
    bool portable = false;
    for (const row& r : conditions) portable = portable || r.code == e;
    const std::error_code code = e;
    INFO(code.message());
    CHECK((code.default_error_condition().category() == std::generic_category()) == portable);
  }
}

TEST_CASE("a deadline is not a stop, and neither is another system's", "[errc]") {
  CHECK(std::error_code(errc::deadline) != std::errc::operation_canceled);
  CHECK(std::error_code(errc::stopped) != std::errc::timed_out);
  CHECK(std::error_code(errc::deadline) != std::make_error_code(std::errc::timed_out));
}

#if defined(__cpp_exceptions)
TEST_CASE("a std::system_error made of an errc carries the sentence", "[errc]") {
  const std::system_error error(errc::closed);
  CHECK(std::string(error.what()).find(std::error_code(errc::closed).message()) != std::string::npos);
}
#endif

}  // namespace

// Also after every static object is gone. Nobody is left to report to: it ends the program.
asks_at_the_very_end::~asks_at_the_very_end() {
  const std::error_code code = errc::stopped;
  if (fanout::error_category().name() == std::string("fanout") &&
      code.message() == fanout::detail::sentence(errc::stopped) && code == std::errc::operation_canceled)
    return;
  std::fputs("errc: the category was destroyed before a static object that needs it\n", stderr);
  std::abort();
}
