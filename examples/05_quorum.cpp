// SPDX-License-Identifier: BSL-1.0
// Two of five replicas are enough, and nobody waits for the slow ones: a quorum with a deadline, delivered as soon as it is
// decided, which says who had not answered by then.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "fanout/timer/manual.hpp"

namespace {

struct replica {
  std::string name;
  int milliseconds;  // until it answers; 0: it refuses at once
};

}  // namespace

int main() {
  using namespace std::chrono_literals;

  // A clock that is moved by hand, so that this always prints the same. <fanout/timer/default_service.hpp> has a real one:
  // .deadline(50ms) is enough then.
  fanout::timer::manual_timer clock;

  const std::vector<replica> replicas{{"amber", 5}, {"brown", 0}, {"coral", 80}, {"denim", 20}, {"ebony", 90}};

  for (const std::size_t enough : {2u, 3u}) {
    // The network: what has been asked answers when its time has come.
    std::vector<std::pair<int, std::function<void()>>> network;
    auto write = [&](const replica& r, auto branch) {
      if (r.milliseconds == 0) return branch(std::make_error_code(std::errc::connection_refused), 0);
      auto kept = std::make_shared<decltype(branch)>(std::move(branch));
      network.emplace_back(r.milliseconds, [kept, &r] { (*kept)({}, r.milliseconds); });
    };

    fanout::quorum<int>(enough, replicas, write)
        .deadline(50ms, clock)
        .on_deadline(fanout::partial)
        .deliver_at(fanout::decided)
        .label([](const replica& r) { return r.name; })
        .then([&](auto outcome) noexcept {
          if (!outcome) return std::puts(outcome.error().cause.message().c_str()), void();
          std::printf("%zu wanted, %zu written (%s):", enough, outcome->size(), to_string(outcome->why()));
          for (auto ack : *outcome) std::printf(" %s", outcome->label(ack.index()).c_str());
          for (auto refusal : outcome->failures()) std::printf("; %s refused", outcome->label(refusal.index()).c_str());
          for (std::size_t i : outcome->missing()) std::printf("; no answer from %s", outcome->label(i).c_str());
          std::puts("");
        });

    for (int t = 1; t <= 100; ++t) {
      clock.advance(1ms);
      for (auto& [at, answer] : network) {
        if (at == t) answer();
      }
    }
  }
}
