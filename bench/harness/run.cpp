// SPDX-License-Identifier: BSL-1.0
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "harness/builtin.hpp"
#include "harness/harness.hpp"
#include "harness/machine.hpp"
#include "harness/options.hpp"
#include "harness/team.hpp"
#include "harness/watchdog.hpp"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_DUMP_STATS_AT(name) static_cast<void>(name)
#endif

extern "C" [[gnu::noinline]] bool fanout_bench_measured(bool (*run)(void*), void* what) {
  const bool right = run(what);
  asm volatile("");  // not a tail call: callgrind must see this function return
  return right;
}

namespace fanout::bench {
namespace {

constexpr std::chrono::seconds counting_takes{60};  // under callgrind: far longer

int refuse(const complaint& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return 2;
}

void add_builtin() {
  add_standard();
  add_library();
  add_asio();
  add_tbb();
  add_stdexec();
  add_unifex();
  add_folly();
}

// Tries the strategies, and asks those who vouch for them.
complaint conform_all(std::vector<entry>& known) {
  const auto refused = [](const std::string& name, const std::string& wrong) {
    return "the strategy '" + name + "' is refused: " + wrong +
           "; mend it, fanout/refcount/concept.hpp says what it promises";
  };
  for (const entry& e : known) {
    if (e.conforms == nullptr) continue;
    if (const std::string wrong = e.conforms(); !wrong.empty()) return refused(e.name, wrong);
  }
  for (const voucher& v : vouchers()) {
    if (std::none_of(known.begin(), known.end(), [&](const entry& e) { return e.identity == v.identity; }))
      return "'" + v.name + "' is declared as checked but was not added: write FANOUT_BENCH_STRATEGY(" + v.name + ")";
    const verdict_on_strategy said = v.check != nullptr ? v.check() : verdict_on_strategy{};
    if (!said.wrong.empty()) return refused(v.name, said.wrong);
    if (!said.left_out.empty()) {
      std::fprintf(stderr, "'%s' is not checked in full: %s\n", v.name.c_str(), said.left_out.c_str());
      continue;
    }
    for (entry& e : known) e.checked = e.checked || e.identity == v.identity;
  }
  return {};
}

void list(const std::vector<entry>& known) {
  for (const family f : {family::strategy, family::operation}) {
    std::printf("%s\n  patterns:  ", std::string(name_of(f)).c_str());
    for (const pattern_info& p : patterns) {
      if (p.of == f) std::printf(" %s", std::string(p.name).c_str());
    }
    std::printf("\n  contenders:");
    for (const entry& e : known) {
      if (e.in == f) std::printf(" %s", e.shown().c_str());
    }
    std::printf("\n");
  }
}

// Of a round in which nobody has anything to do: it is in every figure of so many threads.
double hand_over_ns(std::size_t threads) {
  using clock = std::chrono::steady_clock;
  team all(threads);
  auto nothing = [](std::size_t) noexcept {};
  std::vector<double> took(2001);
  for (double& one : took) {
    const clock::time_point start = clock::now();
    all.launch(nothing);
    all.join();
    one = std::chrono::duration<double, std::nano>(clock::now() - start).count();
  }
  return median(took);
}
// The same by threads: "2:812 4:1630".
std::string hand_over_ns() {
  std::string text;
  const std::size_t most = processors();
  for (std::size_t threads = 2; threads <= most; threads = threads < most ? std::min(2 * threads, most) : most + 1) {
    text += (text.empty() ? "" : " ") + std::to_string(threads) + ':' +
            std::to_string(static_cast<long>(hand_over_ns(threads)));
  }
  return text;
}

void describe_machine() {
  using ::benchmark::AddCustomContext;
  AddCustomContext("fanout_compiler", FANOUT_BENCH_COMPILER);
  AddCustomContext("fanout_flags", FANOUT_BENCH_FLAGS);
  AddCustomContext("fanout_machine", machine_name());
  AddCustomContext("fanout_processors", std::to_string(processors()));
  // Between the first two processors, and between the first and the last: lower quartile, median, upper quartile.
  const auto transfer = [](const char* key, std::size_t other) {
    const transfer_cost ns = cache_line_transfer_ns(0, other);
    char text[96];
    std::snprintf(text, sizeof text, "%.1f %.1f %.1f", ns.lower_quartile, ns.median, ns.upper_quartile);
    AddCustomContext(key, text);
  };
  if (processors() > 1) transfer("fanout_cache_line_transfer_ns", 1);
  if (processors() > 1) AddCustomContext("fanout_hand_over_ns", hand_over_ns());
  if (processors() > 2) transfer("fanout_cache_line_transfer_far_ns", processors() - 1);
}

int count_instructions(const std::vector<planned>& all) {
  if (std::none_of(all.begin(), all.end(), [](const planned& p) { return p.what.threads == 1; }))
    return refuse(
        "nothing is left to count: these patterns need several threads, which wait by spinning; ask for others");
  for (const planned& p : all) {
    // Threads wait by spinning: what that takes is no figure.
    if (p.what.threads != 1) continue;
    const std::string name = p.name();
    const watchdog::on_duty guarded(name, counting_takes);
    const bool right = p.who->count(p.what);
    CALLGRIND_DUMP_STATS_AT(name.c_str());
    std::printf("%s%s\n", name.c_str(), right ? "" : " ERROR OCCURRED: wrong result");
    if (!right) note_wrong_result();
  }
  return any_wrong_result() ? 1 : 0;
}

int time(const options& o, const std::vector<planned>& all, char* program) {
  std::vector<std::string> words{program, std::string("--benchmark_repetitions=") + (o.quick ? "5" : "9"),
                                 std::string("--benchmark_min_time=") + (o.quick ? "0.01" : "0.02"),
                                 "--benchmark_enable_random_interleaving=true",
                                 "--benchmark_display_aggregates_only=true"};
  if (!o.json.empty()) {
    words.push_back("--benchmark_out=" + o.json);
    words.push_back("--benchmark_out_format=json");
  }
  words.insert(words.end(), o.benchmark.begin(), o.benchmark.end());  // later ones win
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  int count = static_cast<int>(arguments.size());
  ::benchmark::Initialize(&count, arguments.data());
  if (::benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  describe_machine();
  for (const planned& p : all) {
    ::benchmark::RegisterBenchmark(p.name().c_str(),
                                   [p](::benchmark::State& state) { p.who->measure(state, p.what, *p.who); });
  }
  if (::benchmark::RunSpecifiedBenchmarks() == 0)
    return refuse("no benchmark matches --benchmark_filter; --benchmark_list_tests=true lists them");
  ::benchmark::Shutdown();
  if (!o.json.empty())
    std::printf("Written: %s; a report of it: python3 bench/report/report.py %s --output DIR\n", o.json.c_str(),
                o.json.c_str());
  return any_wrong_result() ? 1 : 0;
}

}  // namespace

int run(int argc, char** argv) {
  const watchdog awake;
  add_builtin();
  options asked;
  if (const complaint wrong = parse(argc, argv, asked); !wrong.empty()) return refuse(wrong);
  if (asked.help) return std::fputs(help_text, stdout), 0;
  std::vector<entry>& known = entries();
  if (const complaint wrong = check(asked, known); !wrong.empty()) return refuse(wrong);
  if (const complaint wrong = conform_all(known); !wrong.empty()) return refuse(wrong);
  if (asked.list) return list(known), 0;
  std::vector<planned> all;
  if (const complaint wrong = plan(asked, known, all); !wrong.empty()) return refuse(wrong);
  pin_to(0);
  return asked.callgrind ? count_instructions(all) : time(asked, all, argv[0]);
}

}  // namespace fanout::bench
