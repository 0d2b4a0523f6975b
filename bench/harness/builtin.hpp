// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_BUILTIN_HPP
#define FANOUT_BENCH_HARNESS_BUILTIN_HPP

namespace fanout::bench {

/// To what ratios are: it runs whatever else is asked for; with the count alone, so does the library's default.
inline constexpr const char* yardstick = "handwritten";
inline constexpr const char* strategy_yardstick = "atomic";

// What is there before anybody adds anything. Those that are not installed add nothing.
void add_standard();
void add_library();
void add_asio();
void add_tbb();
void add_stdexec();
void add_unifex();
void add_folly();

}  // namespace fanout::bench

#endif
