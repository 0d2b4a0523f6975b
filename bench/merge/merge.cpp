// SPDX-License-Identifier: BSL-1.0
// The merge of k sorted streams in memory, as `merge_<data>/<contender>/k`: 640 000 items in all, copied into one array, which
// is then verified. The contenders:
//
//   bare           a loser tree over vectors, written for exactly this and nothing else: the yardstick
//   fanout         detail::merge_core, fed with chunks of 512 items
//   fanout_order   the same with a comparison of the user's, which might be any
//   operation      combine::merge, through a whole operation: one thread emits for all streams in turn, 512 items at a time, and
//                  leaves out those that are paused. It may win: what it merges has just been copied, chunk by chunk, into
//                  memory that is used again and again, while the others read from as many places as there are streams
//   priority_queue std::priority_queue over vectors
//
// All are stable. The data: `interleaved`, where the next item may come from any stream; `ties`, the same with ten items to a
// key, as in logs that count seconds; `bursts`, where a stream has about a hundred items in a row.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <queue>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fanout/combine/merge.hpp"
#include "fanout/detail/merge_core.hpp"
#include "fanout/issue.hpp"
#include "merge/bare.hpp"

namespace bench::merge {
namespace {

#if defined(__OPTIMIZE__)
constexpr std::size_t total = 640'000;
#else
constexpr std::size_t total = 64'000;  // only to see that it works
#endif
constexpr std::size_t items_per_chunk = 512;

struct item {
  std::uint64_t time;
  std::uint32_t a, b;  // its stream, and its position there
};

struct streams {
  std::vector<std::vector<item>> in;
  std::vector<item> out;  // all of them, by (time, stream, position)
};

enum class kind { interleaved, ties, bursts };
const char* name_of(kind what) {
  return what == kind::interleaved ? "interleaved" : what == kind::ties ? "ties" : "bursts";
}

streams make(kind what, std::size_t k) {
  const std::size_t each = total / k;
  std::mt19937_64 random(k);
  streams made;
  made.in.resize(k);
  for (std::size_t s = 0; s != k; ++s) {
    std::uint64_t burst = 0;
    for (std::size_t i = 0; i != each; ++i) {
      std::uint64_t time = random() >> 1;
      if (what == kind::ties) time %= total / 10;
      if (what == kind::bursts) {
        if (i % 100 == 0) burst = time;
        time = burst + i % 100;
      }
      made.in[s].push_back({time, static_cast<std::uint32_t>(s), 0});
    }
    const auto by_time = [](const item& x, const item& y) { return x.time < y.time; };
    std::sort(made.in[s].begin(), made.in[s].end(), by_time);
    for (std::size_t i = 0; i != each; ++i) made.in[s][i].b = static_cast<std::uint32_t>(i);
    made.out.insert(made.out.end(), made.in[s].begin(), made.in[s].end());
  }
  std::sort(made.out.begin(), made.out.end(),
            [](const item& x, const item& y) { return std::tie(x.time, x.a, x.b) < std::tie(y.time, y.a, y.b); });
  return made;
}

// Made when first asked for.
const streams& data(kind what, std::size_t k) {
  static std::map<std::pair<kind, std::size_t>, streams> all;
  const auto found = all.find({what, k});
  return found != all.end() ? found->second : all.emplace(std::pair(what, k), make(what, k)).first->second;
}

class priority_queue {
 public:
  explicit priority_queue(const streams& data) : in_(data.in) {}

  void run(item* out) {
    struct head {
      std::uint64_t time;
      std::uint32_t stream;
    };
    const auto later = [](const head& x, const head& y) {
      return y.time < x.time || (y.time == x.time && y.stream < x.stream);
    };
    std::vector<head> room;
    room.reserve(in_.size());
    std::priority_queue<head, std::vector<head>, decltype(later)> heads(later, std::move(room));
    std::vector<const item*> next, end;
    for (const auto& stream : in_) {
      heads.push({stream.front().time, static_cast<std::uint32_t>(next.size())});
      next.push_back(stream.data());
      end.push_back(stream.data() + stream.size());
    }
    while (!heads.empty()) {
      const std::uint32_t s = heads.top().stream;
      heads.pop();
      *out++ = *next[s];
      if (++next[s] != end[s]) heads.push({next[s]->time, s});
    }
  }

 private:
  const std::vector<std::vector<item>>& in_;
};

class bare {
 public:
  explicit bare(const streams& data) {
    for (const auto& stream : data.in) in_.emplace_back(stream);
  }

  void run(item* out) {
    bare_merge<const item>(
        in_, [](const item& x) { return x.time; }, [&out](std::size_t, const item& x) { *out++ = x; });
  }

 private:
  std::vector<std::span<const item>> in_;
};

template <class Order>
class with_fanout {
  struct chunk {
    const item* first;
    const item* last;
    chunk* next = nullptr;
    const item* begin() const { return first; }
    const item* end() const { return last; }
  };
  struct by_time {
    std::uint64_t operator()(const item& x) const noexcept { return x.time; }
  };

 public:
  explicit with_fanout(const streams& data) {
    for (const auto& stream : data.in) {
      auto& made = chunks_.emplace_back();
      for (std::size_t i = 0; i < stream.size(); i += items_per_chunk) {
        made.push_back({stream.data() + i, stream.data() + std::min(i + items_per_chunk, stream.size())});
      }
    }
  }

  void run(item* out) {
    fanout::detail::merge_core<chunk, by_time, Order> core;
    if (!core.try_reserve(chunks_.size())) return;
    for (auto& stream : chunks_) {
      const std::size_t index = core.join();
      for (chunk& c : stream) core.push(index, c);
      core.end(index);
    }
    core.pump([&](std::size_t, const item& x) noexcept { *out++ = x; }, [](std::size_t, chunk&) noexcept {});
  }

 private:
  std::vector<std::vector<chunk>> chunks_;
};

// What is emitted is copied into chunks, which is what a producer that reads from a socket into a buffer of its own does too.
class operation {
 public:
  explicit operation(const streams& data) : in_(data.in) {}

  void run(item* out) {
    const auto sink = [&out](item&& x) noexcept { *out++ = x; };
    const auto ignore = [](const auto&) noexcept {};
    auto issuer = fanout::issue<void>(in_.size(), fanout::combine::merge<item>(sink, &item::time), ignore);
    using branch = decltype(issuer)::branch;
    struct producer {
      branch to;
      const item* next;
      const item* end;
      bool paused = false;
    };
    std::vector<producer> producers;
    producers.reserve(in_.size());
    for (const auto& stream : in_) {
      issuer.start(producers.size(), [&](branch to) {
        producers.push_back({std::move(to), stream.data(), stream.data() + stream.size()});
      });
    }
    std::move(issuer).seal();
    for (std::size_t open = producers.size(); open != 0;) {
      for (producer& p : producers) {
        if (p.paused || !p.to) continue;
        const std::size_t n = std::min(items_per_chunk, static_cast<std::size_t>(p.end - p.next));
        p.paused = p.to.emit(std::span(p.next, n)) == fanout::flow::pause;
        p.next += n;
        if (p.paused) p.to.on_resume([&p]() noexcept { p.paused = false; });
        if (p.next != p.end) continue;
        p.to.set_value();
        --open;
      }
    }
  }

 private:
  const std::vector<std::vector<item>>& in_;
};

struct any_order {
  bool operator()(std::uint64_t x, std::uint64_t y) const { return x < y; }
};

template <class Contender>
void measure(benchmark::State& state, kind what) {
  const streams& d = data(what, static_cast<std::size_t>(state.range(0)));
  std::vector<item> out(d.out.size());
  Contender contender(d);
  for ([[maybe_unused]] auto once : state) {
    contender.run(out.data());
    benchmark::ClobberMemory();
  }
  const auto same = [](const item& x, const item& y) { return x.time == y.time && x.a == y.a && x.b == y.b; };
  if (!std::equal(out.begin(), out.end(), d.out.begin(), d.out.end(), same)) {
    state.SkipWithError("what came out is not the sorted whole");
    return;
  }
  state.counters["per_item"] = benchmark::Counter(
      static_cast<double>(d.out.size()), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class Contender>
void enter(const char* contender) {
  for (const kind what : {kind::interleaved, kind::ties, kind::bursts}) {
    const std::string name = std::string("merge_") + name_of(what) + '/' + contender;
    auto* const family = benchmark::RegisterBenchmark(
        name.c_str(), [what](benchmark::State& state) { measure<Contender>(state, what); });
    for (const int k : {2, 64, 1000}) family->Arg(k);
    family->Unit(benchmark::kMillisecond);
  }
}

const bool registered = [] {
  enter<bare>("bare");
  enter<with_fanout<fanout::detail::ascending>>("fanout");
  enter<with_fanout<any_order>>("fanout_order");
  enter<operation>("operation");
  enter<priority_queue>("priority_queue");
  return true;
}();

}  // namespace
}  // namespace bench::merge
