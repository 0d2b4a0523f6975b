// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_BENCH_HARNESS_OPTIONS_HPP
#define FANOUT_BENCH_HARNESS_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/patterns.hpp"
#include "harness/registry.hpp"

namespace fanout::bench {

/// What the program was asked to do.
struct options {
  std::vector<std::size_t> threads;
  std::vector<std::size_t> branches;
  std::vector<std::uint64_t> work;      // none: the default of each setting
  std::vector<std::string> contenders;  // names or regular expressions; none: all
  std::vector<std::string> patterns;    // names, families or family/name; none: all
  std::string json;
  bool quick = false;
  bool list = false;
  bool help = false;
  bool callgrind = false;
  std::vector<std::string> benchmark;  // for Google Benchmark
};

/// What is wrong, in one sentence that says what to do instead; empty: nothing.
using complaint = std::string;

complaint parse(int argc, char** argv, options& into);

/// Checks what can be checked before anything runs: names, numbers, the machine, the file to write.
complaint check(const options& o, const std::vector<entry>& known);

/// The settings and contenders that were asked for. A pattern for a fixed number of threads runs with that many, whatever was
/// asked for; one that needs more than were asked for does not run.
struct planned {
  const entry* who;
  setting what;
  std::string name() const;
};
complaint plan(const options& o, const std::vector<entry>& known, std::vector<planned>& into);

extern const char* const help_text;

}  // namespace fanout::bench

#endif
