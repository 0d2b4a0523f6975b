// SPDX-License-Identifier: BSL-1.0
// How fast dgrep merges: 64 files whose lines interleave, found and in memory, through fanout::merge and dgrep's printer to
// /dev/null; against a loser tree written for nothing else (bench/merge/bare.hpp) through the same printer. One thread. Prints
// the medians of nine runs in turns, and the ratios of these and of the fastest; fails if the two do not print the same lines in the same order.
//
// usage: merge [LINES]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "fanout/combine/merge.hpp"
#include "fanout/issue.hpp"
#include "line.hpp"
#include "merge/bare.hpp"
#include "print.hpp"
#include "run.hpp"

namespace {

using namespace dgrep;

constexpr std::size_t files = 64;
constexpr std::size_t width = 119;                                       // bytes of a line
constexpr std::size_t lines_of_block = (std::size_t{32} << 10) / width;  // that are found at once, where each line is
constexpr std::size_t buffered = 4096;                                   // as in dgrep
constexpr double at_least = 0.9;                                         // of the loser tree's rate

struct data {
  std::string texts;
  std::vector<std::vector<line>> streams;
  std::vector<host> hosts;
  std::vector<std::unique_ptr<file>> of;
};

data make(std::size_t lines) {
  data d;
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i != lines * width; ++i) d.texts += static_cast<char>('a' + random() % 26);
  d.streams.resize(files);
  for (std::size_t i = 0; i != lines; ++i) {
    std::vector<line>& stream = d.streams[i < files ? i : random() % files];
    line l;
    l.at = static_cast<instant>(i / 3) * 1000;  // some are as old as others
    l.number = l.match = stream.size() + 1;
    l.text = d.texts.data() + i * width;
    l.size = width;
    stream.push_back(std::move(l));
  }
  for (std::size_t f = 0; f != files; ++f) {
    d.hosts.push_back({"host" + std::to_string(f), "/"});
    d.of.push_back(std::make_unique<file>());
    d.of.back()->host = f;
    d.of.back()->name = "server.log";
  }
  return d;
}

line again(const line& l) {
  line copy;
  copy.at = l.at;
  copy.number = copy.match = l.number;
  copy.text = l.text;
  copy.size = l.size;
  return copy;
}

// Prints, and keeps of the order what tells it from any other.
class sink {
 public:
  sink(const data& d, int descriptor) : data_(&d), out_(options(descriptor), d.hosts, nullptr) {}
  void show(std::size_t f, line&& l) {
    order_ = (order_ ^ (f << 32 ^ l.number)) * 0x9E3779B97F4A7C15;
    out_.show(*data_->of[f], std::move(l));
  }
  std::uint64_t order() const { return order_; }

 private:
  static print_options options(int descriptor) {
    print_options o;
    o.descriptor = descriptor;
    return o;
  }
  const data* data_;
  printer out_;
  std::uint64_t order_ = 1;
};

void with_loser_tree(data& d, sink& to) {
  std::vector<std::span<line>> in(d.streams.begin(), d.streams.end());
  bench::merge::bare_merge<line>(
      in, [](const line& l) { return static_cast<std::uint64_t>(l.at); },
      [&](std::size_t f, line& l) { to.show(f, std::move(l)); });
}

void with_fanout(data& d, sink& to) {
  auto show = [&to](std::size_t f, line&& l) noexcept { to.show(f, std::move(l)); };
  auto issuer = fanout::issue<void>(files, fanout::combine::merge<line>(show, &line::at).tolerate().buffer(buffered),
                                    [](const auto&) noexcept {});
  using branch = decltype(issuer)::branch;
  struct producer {
    branch to;
    line* next;
    line* end;
    bool paused = false;
  };
  std::vector<producer> producers;
  producers.reserve(files);
  for (auto& stream : d.streams) {
    issuer.start(producers.size(),
                 [&](branch b) { producers.push_back({std::move(b), stream.data(), stream.data() + stream.size()}); });
  }
  std::move(issuer).seal();
  for (std::size_t open = files; open != 0;) {
    for (producer& p : producers) {
      if (p.paused || !p.to) continue;
      const std::size_t n = std::min(lines_of_block, static_cast<std::size_t>(p.end - p.next));
      p.paused = p.to.emit(std::span(p.next, n)) == fanout::flow::pause;
      p.next += n;
      if (p.next != p.end) {
        if (p.paused) p.to.on_resume([&p]() noexcept { p.paused = false; });
        continue;
      }
      p.to.set_value();
      --open;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t lines = argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 1'000'000;
  if (lines < files) {
    std::fprintf(stderr, "merge: give it at least %zu lines, one for each file\n", files);
    return 2;
  }
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const data original = make(lines);
  std::vector<double> seconds[2];
  std::uint64_t order[2] = {};
  for (int run = 0; run != 9; ++run) {
    for (const int who : {0, 1}) {
      data d;
      d.hosts = original.hosts;
      for (const auto& stream : original.streams) {
        auto& copy = d.streams.emplace_back();
        copy.reserve(stream.size());
        for (const line& l : stream) copy.push_back(again(l));
      }
      sink to(original, nowhere);
      const auto before = std::chrono::steady_clock::now();
      (who == 0 ? with_loser_tree : with_fanout)(d, to);
      seconds[who].push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count());
      order[who] = to.order();
    }
  }
  if (order[0] != order[1]) {
    std::fputs("merge: the two have not printed the same lines in the same order\n", stderr);
    return 1;
  }
  double rate[2];
  for (const int who : {0, 1}) {
    std::sort(seconds[who].begin(), seconds[who].end());
    rate[who] = static_cast<double>(lines) / seconds[who][4] / 1e6;
  }
  const double ratio = rate[1] / rate[0];
  const double fastest = seconds[0][0] / seconds[1][0];
  std::printf(
      "merging %zu files, printed: %.1f million lines/s, a bare loser tree %.1f: %.2f times, by the fastest runs %.2f "
      "(at least %.1f)%s\n",
      files, rate[1], rate[0], ratio, fastest, at_least, std::max(ratio, fastest) >= at_least ? "" : "  BELOW");
}
