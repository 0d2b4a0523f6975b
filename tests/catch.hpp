// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_CATCH_HPP
#define FANOUT_TESTS_CATCH_HPP

// Catch2 as every test includes it: version 3 where it is installed, else the single header of version 2.13.
// A test uses only macros that both have: no SKIP, no STATIC_CHECK, none of the matchers that are new in version 3.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#else
#include <catch2/catch.hpp>
#endif

// Catch2's macros number the test cases with __COUNTER__, which newer Clang reports as an extension where they are used.
#if defined(__clang__)
#if __has_warning("-Wc2y-extensions")
#pragma clang diagnostic ignored "-Wc2y-extensions"
#endif
#endif

#endif  // FANOUT_TESTS_CATCH_HPP
