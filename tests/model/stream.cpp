// SPDX-License-Identifier: BSL-1.0
// Stream branches: what they emit is folded in order before their report, chunks come back, and a producer that pauses is resumed
// once.

#include "model/model.hpp"

#include <optional>
#include <utility>

#include "fanout/callback/handler.hpp"
#include "fanout/fanout_op.hpp"
#include "fanout/refcount/atomic.hpp"

namespace {

using namespace model;
using fanout::flow;

constexpr std::size_t streams = 2;

// An item, watched for races.
struct piece : number {
  piece(int v) noexcept : number(v) {}
  piece(piece&& other) noexcept : number(static_cast<int>(other)) {}
};

// Nothing here is synchronised but by the baton.
struct tape {
  cell<int> items[streams] = {};  // of each, which must come as 1, 2, …
  cell<int> ended[streams] = {};
  int all_ended() const { return ended[0] + ended[1]; }
  cell<int> gave_up{0};
  cell<int> kept{0};  // chunks
};

// Keeps the chunks of stream 0 until a watermark of stream 1's, where it `holds`; gives back all others at once.
struct record_on {
  using value_type = void;
  using error_type = std::error_code;
  using item_type = piece;
  using key_type = int;
  using chunk = fanout::stream_chunk<piece>;
  static constexpr bool keeps_errors = false;
  static constexpr bool folds = true;

  tape* to;
  bool holds = false;
  chunk* kept = nullptr;

  fanout::stream_limits limits() const noexcept { return {1, 0}; }
  bool on_streams(std::size_t) noexcept { return true; }
  fanout::verdict on_all_streams() noexcept { return fanout::verdict::go_on; }
  fanout::verdict on_items(std::size_t i, chunk& c) noexcept {
    for (const piece& x : c) {
      to->items[i] = to->items[i] + 1;
      require(x == to->items[i], "an item was lost, doubled or out of order");
    }
    if (!holds || i != 0) {
      c.give_back();
    } else {
      c.next = kept;
      kept = &c;
      to->kept = to->kept + 1;
    }
    return fanout::verdict::go_on;
  }
  fanout::verdict on_watermark(std::size_t, int) noexcept {
    give_back();
    return fanout::verdict::go_on;
  }
  void on_value(std::size_t i, fanout::detail::unit&&) noexcept { to->ended[i] = to->ended[i] + 1; }
  fanout::verdict on_not_issued(std::size_t) noexcept { return fanout::verdict::go_on; }
  void give_up() noexcept {
    to->gave_up = to->gave_up + 1;
    give_back();
  }
  int result() noexcept { return to->all_ended(); }

  void give_back() noexcept {
    to->kept = 0;
    while (kept != nullptr) std::exchange(kept, kept->next)->give_back();
  }
};

struct outcome_seen {
  cell<int> runs{0};
  std::error_code cause;
};
struct note_outcome {
  outcome_seen* seen;
  void operator()(fanout::result<int, fanout::failure<>> outcome) noexcept {
    ++seen->runs;
    if (!outcome) seen->cause = outcome.error().cause;
  }
};
// Somebody else who holds the operation's memory.
struct shown_to {
  void** op;
  outcome_seen* seen;
  static constexpr bool keeps_storage = true;
  template <class Op>
  void connect(Op& o) noexcept {
    o.keep_storage();
    *op = &o;
  }
  void operator()(fanout::result<int, fanout::failure<>> outcome) noexcept { note_outcome{seen}(std::move(outcome)); }
};

using strategy = fanout::refcount::basic_atomic<platform>;
template <class Completion>
using op_of = fanout::fanout_op<fanout::handler, record_on, Completion, strategy, booked_bytes>;

template <class Completion>
struct scene {
  using op = op_of<Completion>;
  std::optional<typename op::branch> handles[streams];
  std::optional<typename op::issuer> issuer;
  void* shown = nullptr;
  ledger book;
  tape folded;
  outcome_seen seen;

  void start(Completion completion, bool holds = false) {
    issuer.emplace(*op::make(streams, {&folded, holds}, std::move(completion), booked_bytes(book)));
    for (std::size_t i = 0; i != streams; ++i) {
      issuer->start(i, [this, i](typename op::branch branch) { handles[i] = std::move(branch); });
    }
  }
  auto& operator[](std::size_t i) { return *handles[i]; }
  void check() const {
    require(seen.runs == 1, "the completion did not run exactly once");
    require(folded.gave_up == 1, "the policy was not asked to give up exactly once");
    book.check();
  }
};
using plain_scene = scene<note_outcome>;

// Two producers, and the seal: every item before its stream's report, all before the completion; chunks are used again.
enum class sealed { before, by_the_second, meanwhile };
void emitted_and_folded(test& t, int each, sealed how) {
  auto& x = t.make<plain_scene>();
  x.start(note_outcome{&x.seen});
  if (how == sealed::before) std::move(*x.issuer).seal();
  if (how == sealed::meanwhile) t.thread([&x] { std::move(*x.issuer).seal(); });
  for (std::size_t i = 0; i != streams; ++i) {
    t.thread([&x, i, each, how] {
      for (int n = 1; n <= (i == 0 ? each : 1); ++n) require(x[i].emit(piece(n)) != flow::stop, "stopped by nobody");
      x[i].set_value();
      if (i == 1 && how == sealed::by_the_second) std::move(*x.issuer).seal();
    });
  }
  t.finally([&x, each] {
    require(x.folded.items[0] == each && x.folded.items[1] == 1, "delivered before everything was folded");
    require(x.folded.all_ended() == 2, "a stream's end was lost");
    x.check();
  });
}

// One pauses; its items are taken by the other's thread. Whatever the order, it is resumed, once, and goes on.
void paused_and_resumed(test& t, int times) {
  struct producer : plain_scene {
    cell<int> next{1};
    cell<int> resumed{0};
    int times = 1;
    void run() noexcept {
      for (;;) {
        const int n = next;
        if (n > times) break;
        next = n + 1;
        if ((*this)[0].emit(piece(n)) != flow::pause) continue;
        return (*this)[0].on_resume([this]() noexcept {
          resumed = resumed + 1;
          run();
        });
      }
      (*this)[0].set_value();
    }
  };
  auto& x = t.make<producer>();
  x.times = times;
  x.start(note_outcome{&x.seen}, true);
  std::move(*x.issuer).seal();
  t.thread([&x] { x.run(); });
  t.thread([&x] {
    x[1].watermark(1);
    x[1].watermark(2);
    x[1].set_value();
  });
  t.finally([&x, times] {
    // What is still kept when the other stream has ended stays so.
    if (x.seen.runs == 0) {
      require(x.folded.kept != 0, "not resumed although its items were taken");
      x[0].set_value();
    }
    require(x.resumed <= times, "resumed more than once");
    require(x.folded.all_ended() == 2, "a stream's end was lost");
    x.check();
  });
}

// The items are taken before the other stream ends, which it does not before the first one has paused.
void resumed_in_any_case(test& t) {
  struct state : plain_scene {
    explorer::event paused;
    cell<int> resumed{0};
  };
  auto& x = t.make<state>();
  x.start(note_outcome{&x.seen}, true);
  std::move(*x.issuer).seal();
  t.thread([&x] {
    require(x[0].emit(piece(1)) == flow::pause, "enough is waiting");
    x.paused.set();
    x[0].on_resume([&x]() noexcept {
      x.resumed = x.resumed + 1;
      x[0].set_value();
    });
  });
  t.thread([&x] {
    x.paused.wait();
    x[1].watermark(1);
    x[1].set_value();
  });
  t.finally([&x] {
    require(x.resumed == 1, "not resumed exactly once");
    x.check();
  });
}

// A producer that does not wait for the end of its pause: what it left behind is dropped, and never called later.
void completes_without_waiting(test& t) {
  struct state : plain_scene {
    cell<int> resumed{0};
  };
  auto& x = t.make<state>();
  x.start(note_outcome{&x.seen}, true);
  std::move(*x.issuer).seal();
  t.thread([&x] {
    require(x[0].emit(piece(1)) != flow::stop, "stopped by nobody");
    x[0].on_resume([&x]() noexcept {
      require(x.folded.ended[0] == 0, "resumed after its end");
      x.resumed = x.resumed + 1;
    });
    x[0].set_value();
  });
  t.thread([&x] {
    x[1].watermark(1);
    x[1].set_value();
  });
  t.finally([&x] {
    require(x.resumed <= 1, "resumed more than once");
    x.check();
  });
}

// A stop request resumes who is paused, or is there first, and then emit says so.
void stopped_while_paused(test& t) {
  using scene = scene<shown_to>;
  struct state : scene {
    cell<int> resumed{0};
  };
  auto& x = t.make<state>();
  x.start({&x.shown, &x.seen}, true);
  std::move(*x.issuer).seal();
  t.thread([&x] {
    const flow f = x[0].emit(piece(1));
    if (f == flow::stop) return x[0].set_stopped();
    require(f == flow::pause, "enough is waiting");
    x[0].on_resume([&x]() noexcept {
      x.resumed = x.resumed + 1;
      require(x[0].emit(piece(2)) == flow::stop, "resumed without a reason");
      x[0].set_stopped();
    });
  });
  t.thread([&x] {
    auto& late = *static_cast<scene::op*>(x.shown);
    require(late.try_hold(), "a branch is outstanding");
    late.request_stop();
    late.release_hold();
    late.drop_storage();
  });
  t.finally([&x] {
    require(x.seen.runs == 0, "a branch is outstanding");
    require(!*x.handles[0], "not resumed by the stop request");
    x[1].set_stopped();
    require(x.seen.cause == fanout::errc::stopped, "not stopped");
    x.check();
  });
}

}  // namespace

int main() {
  const explorer::options plain{.spurious = 0, .stale_failures = false};
  const bool full = full_depth();
  check("emitted and folded", [](test& t) { emitted_and_folded(t, 1, sealed::before); }, 0, plain);
  check("chunks are used again", [](test& t) { emitted_and_folded(t, 2, sealed::before); }, 0, plain);
  check("sealed at last", [](test& t) { emitted_and_folded(t, 1, sealed::by_the_second); }, 0, plain);
  check("resumed in any case", resumed_in_any_case, 0, plain);
  check("paused and resumed", [](test& t) { paused_and_resumed(t, 1); }, 0, plain);
  check("completes without waiting", completes_without_waiting, 0, plain);
  check("stopped while paused", stopped_while_paused, 0, plain);
  if (full) {
    check("paused and resumed twice", [](test& t) { paused_and_resumed(t, 2); }, 0, plain);
    check("chunks are used again, thrice", [](test& t) { emitted_and_folded(t, 3, sealed::before); }, 0, plain);
    check("the seal races", [](test& t) { emitted_and_folded(t, 1, sealed::meanwhile); }, 0, plain);
  }
  return exit_code;
}
