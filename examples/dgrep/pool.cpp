// SPDX-License-Identifier: BSL-1.0
#include "pool.hpp"

#include <utility>

namespace dgrep {

pool::pool(std::size_t threads) : queue_(std::make_shared<queue>()) {
  threads_.emplace_back([q = queue_] { q->run(); });
  while (--threads != 0) add_thread();
}

void pool::add_thread() noexcept {
  const std::lock_guard guard(mutex_);
  try {
    threads_.emplace_back([q = queue_] { q->run(); });
  } catch (...) {}
}

pool::~pool() {
  queue_->close(false);
  for (std::thread& t : threads_) t.join();
}

void pool::abandon() && noexcept {
  queue_->close(true);
  for (std::thread& t : threads_) t.detach();
  threads_.clear();
}

void pool::queue::post(fanout::work& w) noexcept {
  w.next = nullptr;
  const std::lock_guard guard(mutex);
  (first == nullptr ? first : last->next) = &w;
  last = &w;
  posted.notify_one();
}

bool pool::queue::is_wanted() const noexcept {
  const std::lock_guard guard(mutex);
  return first != nullptr;
}

void pool::queue::run() {
  std::unique_lock guard(mutex);
  for (;;) {
    if (first != nullptr) {
      fanout::work* const w = std::exchange(first, first->next);
      guard.unlock();
      w->run(w);
      guard.lock();
    } else if (closed) {
      return;
    } else {
      posted.wait(guard);
    }
  }
}

void pool::queue::close(bool drop) noexcept {
  const std::lock_guard guard(mutex);
  closed = true;
  if (drop) first = nullptr;
  posted.notify_all();
}

}  // namespace dgrep
