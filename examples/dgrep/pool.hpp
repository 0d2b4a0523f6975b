// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_POOL_HPP
#define DGREP_POOL_HPP

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "fanout/executor.hpp"

namespace dgrep {

/// Threads that run what is posted, oldest first. What is posted lies in whoever posts it, so that posting does not allocate.
class pool {
 public:
  /// pre: threads != 0
  explicit pool(std::size_t threads);
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  /// Runs what is queued, and waits for it.
  ~pool();

  /// Leaves the threads to themselves: one hangs in a read that does not end. Nothing else is run.
  void abandon() && noexcept;

  void post(fanout::work& w) noexcept { queue_->post(w); }

  /// Something waits for a thread. Any thread.
  bool is_wanted() const noexcept { return queue_->is_wanted(); }

  /// One more, because another may not come back. If there is none to be had, those that are there must do. Any thread.
  void add_thread() noexcept;

 private:
  // What the threads share. It outlives the pool if that is abandoned.
  struct queue {
    void post(fanout::work& w) noexcept;
    bool is_wanted() const noexcept;
    void run();
    void close(bool drop) noexcept;

    mutable std::mutex mutex;
    std::condition_variable posted;
    fanout::work* first = nullptr;
    fanout::work* last = nullptr;
    bool closed = false;
  };

  std::shared_ptr<queue> queue_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;  // guarded by mutex_
};

}  // namespace dgrep

#endif
