// SPDX-License-Identifier: BSL-1.0
// Boost.Asio's parallel_group over a range, waiting for all.
#include "harness/builtin.hpp"

#if FANOUT_BENCH_HAS_ASIO

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "harness/harness.hpp"

namespace fanout::bench {
namespace {

namespace asio = boost::asio;

class asio_group {
 public:
  asio_group(std::size_t n, answer& to) noexcept : n_(n), to_(&to) {}

  template <class Start>
  void issue(Start start) {
    const auto operation = [&start](std::size_t i) {
      return asio::async_initiate<const asio::deferred_t, void(int, int)>(
          [i, &start](auto handler) { start(i, std::move(handler)); }, asio::deferred);
    };
    std::vector<decltype(operation(0))> all;
    all.reserve(n_);
    for (std::size_t i = 0; i != n_; ++i) all.push_back(operation(i));
    asio::experimental::make_parallel_group(std::move(all))
        .async_wait(asio::experimental::wait_for_all(),
                    [to = to_](const std::vector<std::size_t>&, const std::vector<int>& errors,
                               const std::vector<int>& values) {
                      std::int64_t sum = 0;
                      for (std::size_t i = 0; i != values.size(); ++i) sum += errors[i] == 0 ? values[i] : -1;
                      to->deliver(sum);
                    });
  }

 private:
  const std::size_t n_;
  answer* const to_;
};

}  // namespace

void add_asio() { add_contender<asio_group>("asio_parallel_group"); }

}  // namespace fanout::bench

#else

void fanout::bench::add_asio() {}

#endif
