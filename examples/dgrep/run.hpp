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

#include "fanout/stop_token.hpp"
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

/// One file of a host, and what its search comes to.
struct file {
  std::size_t host = 0;  // its index
  std::string name{};    // below the host's folder
  std::string path{};
  file_facts facts{};

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
  std::optional<std::chrono::nanoseconds> host_timeout{};  // for each host, from the beginning
  std::size_t buffered = 4096;                             // lines of one file that may wait for those of others
  std::function<std::variant<source, trouble>(const std::string& path)> open = &source::open;
};

/// A search: what is to be done, how far it is, what it came to. Shared with the threads that search, since one of them may be stuck
/// in a read that does not end when everybody else has gone.
class search {
 public:
  /// `meanwhile` is called on the thread that waits, every so often.
  search(job what, pool& threads, fanout::inplace_stop_token stop, std::function<void(const search&)> meanwhile);

  /// Finds the files of all hosts, and looks at their heads.
  void list();

  /// Shows matching lines and their context in the order of (time, host, file, line), as they become final; on the pool's threads, one
  /// call at a time. False: enough.
  void merge(std::function<bool(const file&, line&&)> show);

  /// Searches file by file, and shows each as it ends; otherwise like `merge`.
  void count(std::function<bool(const file&)> show);

  const job& what() const noexcept { return state_->what; }
  /// By host, then by name.
  const std::vector<std::unique_ptr<file>>& files() const noexcept { return state_->files; }
  /// What of a host could not even be listed, in sentences.
  const std::vector<std::string>& refused(std::size_t host) const noexcept { return state_->refused[host]; }
  /// The time was up before the end.
  bool timed_out() const noexcept { return timed_out_; }
  /// Why it failed as a whole; empty: it did not.
  const std::string& broken() const noexcept { return broken_; }
  /// A thread did not come back: the pool must be abandoned.
  bool is_stuck() const noexcept;

  std::uint64_t bytes() const noexcept { return state_->bytes.load(std::memory_order_relaxed); }
  std::uint64_t matches() const noexcept { return state_->matches.load(std::memory_order_relaxed); }
  std::size_t files_done() const noexcept { return state_->done.load(std::memory_order_relaxed); }

 private:
  struct state {
    job what;
    pool* threads;
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
    std::vector<std::unique_ptr<file>> files{};
    std::vector<std::vector<std::string>> refused{};
    std::vector<file*> todo{};                        // by the index of their branches
    std::atomic<std::uint64_t> bytes{0}, matches{0};  // so far
    std::atomic<std::size_t> done{0};                 // #files
    std::mutex mutex{};
    std::condition_variable ended{};  // one more file has
  };
  class task;
  template <class Branch>
  class streaming;
  template <class Branch>
  class counting;

  std::vector<file*> under_way() const;
  bool is_under_way() const noexcept;
  std::chrono::nanoseconds time_left() const;
  template <class Future>
  auto wait(Future future);
  void wait_for_searches();

  std::shared_ptr<state> state_;
  fanout::inplace_stop_token stop_;
  std::function<void(const search&)> meanwhile_;
  bool timed_out_ = false;
  std::string broken_{};
};

}  // namespace dgrep

#endif
