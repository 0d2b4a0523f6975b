// SPDX-License-Identifier: BSL-1.0
// The main function of every Catch2 executable, compiled once: Catch2 2.13 puts its whole implementation in this file.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

int main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
