// SPDX-License-Identifier: BSL-1.0
#include "figures/operations.hpp"

#include <cerrno>

namespace bench {

namespace {

struct job {
  c_callback callback;
  void* context;
  int* out;
};

job kept_jobs[most_branches];
std::size_t kept_count = 0;

}  // namespace

report null_report{0, 1};

BENCH_OUT_OF_LINE int returns(int* out, c_callback, void*) {
  *out = null_report.value;
  return null_report.error;
}

BENCH_OUT_OF_LINE int calls_back(int* out, c_callback callback, void* context) {
  *out = null_report.value;
  callback(null_report.error, context);
  return -EINPROGRESS;
}

BENCH_OUT_OF_LINE int keeps(int* out, c_callback callback, void* context) {
  kept_jobs[kept_count++] = {callback, context, out};
  return -EINPROGRESS;
}

BENCH_OUT_OF_LINE void complete_kept() {
  for (const job *at = kept_jobs, *end = kept_jobs + kept_count; at != end; ++at) {
    *at->out = null_report.value;
    at->callback(null_report.error, at->context);
  }
  kept_count = 0;
}

}  // namespace bench
