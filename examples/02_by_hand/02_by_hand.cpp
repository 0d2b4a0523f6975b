// SPDX-License-Identifier: BSL-1.0
// The seed by hand, and the same with the library: by_hand.hpp and with_fanout.hpp, run side by side. They agree.
// What goes wrong by hand is in the programs beside this one, 02_seed_n, 02_racy_error and 02_touch_after.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "by_hand.hpp"
#include "with_fanout.hpp"

namespace {

/// Shards that complete in every way there is: the first inline, the second on a thread that has called back before
/// the call returns, the third on a thread that calls back when everything has been asked, the fourth with an error,
/// if told so.
class shards {
 public:
  explicit shards(int last_error) : last_error_(last_error) {}
  ~shards() {
    for (std::thread& t : threads_) t.join();
  }

  int count_one(std::size_t i, int* rows, callback* done, void* context) {
    const auto answer = [rows, done, context] {
      *rows = 10;
      done(0, context);
    };
    switch (i) {
      case 0:
        *rows = 10;
        return 0;
      case 1:
        std::thread(answer).join();
        return -EINPROGRESS;
      case 2:
        threads_.emplace_back([this, answer] {
          everything_asked_.wait(false);
          answer();
        });
        return -EINPROGRESS;
      default:
        *rows = 10;
        return last_error_;
    }
  }

  void everything_is_asked() {
    everything_asked_ = true;
    everything_asked_.notify_one();
  }

 private:
  int last_error_;
  std::atomic<bool> everything_asked_{false};
  std::vector<std::thread> threads_;
};

void called_back(int err, void* context) {
  auto* answer = static_cast<std::atomic<int>*>(context);
  answer->store(err);
}

template <class Way>
void count(const char* name, int last_error) {
  std::atomic<int> err{-EINPROGRESS};
  row_count counted;
  {
    shards remote(last_error);
    const auto count_one = [&](std::size_t i, int* rows, callback* done, void* context) {
      return remote.count_one(i, rows, done, context);
    };
    Way::count_rows(4, count_one, &counted, &called_back, &err);
    remote.everything_is_asked();
  }  // joins the threads
  if (err == 0) {
    std::printf("%s %d rows in %d shards\n", name, counted.rows, counted.shards);
  } else {
    std::printf("%s %s\n", name, std::generic_category().message(-err).c_str());
  }
}

}  // namespace

int main() {
  using by_hand_here = by_hand<fanout::std_platform, std::allocator<std::byte>>;
  using with_fanout_here = with_fanout<fanout::std_platform, std::allocator<std::byte>>;
  for (const int last_error : {0, -EIO}) {
    count<by_hand_here>("by hand:    ", last_error);
    count<with_fanout_here>("with fanout:", last_error);
  }
}
