// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_RUN_HPP
#define DGREP_RUN_HPP

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fanout/monitor.hpp"
#include "fanout/stop_token.hpp"
#include "fanout/timer/manual.hpp"
#include "line.hpp"
#include "pool.hpp"
#include "scan.hpp"
#include "source.hpp"

namespace dgrep {

struct host {
  std::string name;
  std::string folder;  // or one file
};

/// How far the search of a file has come; and, if it went no further, for what kind of reason.
enum class progress : unsigned char {
  under_way,
  complete,
  failed,
  timed_out,
  stopped,  // by the user, or because enough was found
};

/// Since when a thread has been at it, for whoever wonders whether it hangs.
class at_work {
 public:
  // relaxed: a number for whoever watches
  void begin(std::chrono::nanoseconds now) noexcept { since_.store(now.count(), std::memory_order_relaxed); }
  /// How long it has been.
  std::chrono::nanoseconds end(std::chrono::nanoseconds now) noexcept {
    const std::chrono::nanoseconds been = so_far(now);
    since_.store(never, std::memory_order_relaxed);
    return been;
  }
  std::chrono::nanoseconds so_far(std::chrono::nanoseconds now) const noexcept {
    const std::int64_t since = since_.load(std::memory_order_relaxed);
    return std::chrono::nanoseconds(since == never ? 0 : now.count() - since);
  }

 private:
  static constexpr std::int64_t never = -1;
  std::atomic<std::int64_t> since_{never};
};

/// One file of a host, and what its search comes to.
struct file {
  std::size_t host = 0;  // its index
  std::string name{};    // below the host's folder
  std::string path{};
  file_facts facts{};
  at_work thread{};

  // By whoever searches it: `why` and `found`, then `state`. The others look at them only once it is no longer under way.
  std::atomic<progress> state{progress::under_way};
  std::string why{};
  scan::findings found{};

  progress ended() const noexcept { return state.load(std::memory_order_acquire); }
  void end(progress as, std::string because = {}) noexcept {
    why = std::move(because);
    state.store(as, std::memory_order_release);
  }
};

/// What is to be done.
struct job {
  query what;
  std::vector<host> hosts;
  std::optional<std::chrono::nanoseconds> timeout{};       // for everything
  std::optional<std::chrono::nanoseconds> host_timeout{};  // of the threads' time, for each host
  std::optional<file_id> output{};                         // of the file that is written to, which is not searched
  std::size_t buffered = 4096;                             // lines of one file that may wait for those of others

  // What a test replaces.
  std::function<std::variant<source, trouble>(const std::string& path)> open = &source::open;
  std::function<std::chrono::nanoseconds()> elapsed{};  // since the beginning; by default by the steady clock
};

/// A search: what is to be done, how far it is, what it came to. Its functions are called by one thread, one after the other. What it
/// is made of is shared with the threads that search, since one of them may hang in a read when everybody else has gone.
class search {
 public:
  /// `meanwhile` is called on the thread that waits, every so often.
  search(job what, pool& threads, fanout::inplace_stop_token stop, std::function<void(const search&)> meanwhile);

  /// Finds the files of all hosts, and looks at their heads. `between`: for a test.
  void list(const std::function<void()>& between = [] {});

  /// Shows matching lines and their context in the order of (time, host, file, line), as they become final; on the pool's threads, one
  /// call at a time. False: enough.
  void merge(std::function<bool(const file&, line&&)> show);

  /// Searches file by file, and shows each as it ends; otherwise like `merge`.
  void count(std::function<bool(const file&)> show);

  const job& what() const noexcept { return state_->what; }
  /// By host, then by name.
  const std::vector<std::unique_ptr<file>>& files() const noexcept { return state_->files; }
  /// What of a host could not even be listed, in sentences.
  const std::vector<std::string>& refused(std::size_t host) const noexcept { return state_->hosts[host]->refused; }
  /// There was no time, or no wish, to list the files of all hosts.
  bool is_cut_short() const noexcept { return cut_short_; }
  /// Why it failed as a whole; empty: it did not.
  const std::string& broken() const noexcept { return broken_; }
  /// A thread has not come back, though it was given some time: the pool must be abandoned.
  bool is_stuck() const;

  // At any time, for whoever watches.
  std::uint64_t bytes() const noexcept { return state_->bytes.load(std::memory_order_relaxed); }
  std::uint64_t matches() const noexcept { return state_->matches.load(std::memory_order_relaxed); }
  std::chrono::nanoseconds elapsed() const { return state_->what.elapsed(); }
  /// What is outstanding, of the step that it is at.
  const fanout::monitor& outstanding() const noexcept { return outstanding_; }

 private:
  struct listing {
    std::vector<std::unique_ptr<file>> files{};
    std::vector<std::string> refused{};
  };
  struct state;
  class file_search;
  template <class Derived, class Branch>
  class file_task;
  template <class Branch>
  class listing_task;
  template <class Branch>
  class looking;
  template <class Branch>
  class streaming;
  template <class Branch>
  class counting;

  struct host_state {
    fanout::inplace_stop_source give_up{};
    at_work listing{};
    std::atomic<std::int64_t> spent{0};  // of the threads' time, in ns
    std::vector<std::string> refused{};
  };

  /// What is shared.
  struct state {
    state(job j, pool& p, fanout::inplace_stop_token s);

    job what;
    pool* threads;
    fanout::inplace_stop_token stop;      // the user's
    std::atomic<bool> is_enough{false};   // nobody wants more
    fanout::timer::manual_timer timer{};  // moved on by the thread that waits
    std::vector<std::unique_ptr<file>> files{};
    std::vector<std::unique_ptr<host_state>> hosts{};
    std::vector<file*> todo{};                        // by the index of their branches
    std::atomic<std::uint64_t> bytes{0}, matches{0};  // so far

    std::mutex mutex{};
    std::condition_variable came_back{};
    std::size_t away = 0;  // #threads that have not come back and whose branch was revoked; guarded by mutex

    bool is_over() const noexcept { return stop.stop_requested() || is_enough.load(std::memory_order_relaxed); }
    std::chrono::nanoseconds time_left(std::chrono::nanoseconds now) const;
    progress how_stopped(std::size_t host) const;
    // Around what may hang, or take too long.
    void begin(at_work& one) const {
      if (what.host_timeout) one.begin(what.elapsed());
    }
    void end(at_work& one, std::size_t host) const {
      if (what.host_timeout) hosts[host]->spent.fetch_add(one.end(what.elapsed()).count(), std::memory_order_relaxed);
    }
    void give_up_on_hosts();
    void note_away() noexcept;
    void note_back() noexcept;
  };

  void find_files();
  void look_at_files();
  void forget_doubles();
  std::vector<file*> under_way() const;
  template <class Description>
  auto wait(Description what);

  std::shared_ptr<state> state_;
  std::function<void(const search&)> meanwhile_;
  fanout::monitor outstanding_;
  bool cut_short_ = false;
  std::string broken_{};
};

}  // namespace dgrep

#endif
