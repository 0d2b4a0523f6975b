// SPDX-License-Identifier: BSL-1.0
#include "distributed_grep.h"

#include <vector>

#include "fanout/fanout.hpp"

namespace {

// What a branch completes with. grep_one_host writes its result right here, in the branch's slot.
struct answer {
  grep_result* lines = nullptr;
  ~answer() { grep_free(lines); }
};

errno_t errno_of(const std::error_code& code) noexcept {
  const std::error_condition plain = code.default_error_condition();
  return plain.category() == std::generic_category() ? -plain.value() : -EIO;
}

// All or nothing: run by the last host to answer, if every one has succeeded.
grep_result* combine_all(fanout::values<answer> answers) {
  std::vector<grep_result*> inputs;
  for (answer& a : answers) inputs.push_back(a.lines);
  return grep_combine_and_sort(inputs.data(), static_cast<int>(inputs.size()));
}

// A combine policy of our own: who failed, and what the others found.
struct combine_some {
  using value_type = answer;
  using error_type = std::error_code;
  static constexpr bool keeps_errors = true;
  errno_t* errors;
  grep_result* result(fanout::results<answer> answers) {
    std::vector<grep_result*> inputs(answers.size());
    for (auto a : answers) errors[a.index()] = a ? 0 : errno_of(a.error());
    for (auto a : answers) inputs[a.index()] = a ? a->lines : nullptr;
    return grep_combine_and_sort(inputs.data(), static_cast<int>(inputs.size()));
  }
};

// Tells the caller. It lies in the operation until then.
struct reply {
  grep_result** result;
  grep_callback* callback;
  void* context;
  grep_effort effort{};
  void operator()(fanout::result<grep_result*, fanout::failure<>> outcome) && noexcept {
    if (!outcome) return callback(errno_of(outcome.error().cause), context);
    *result = *outcome;
    (*result)->effort = effort;
    callback(0, context);
  }
};

errno_t grep_hosts(const char* filter, const char** hosts, int num_hosts, auto combine, reply to) {
  const auto n = static_cast<std::size_t>(num_hosts);
  auto issuer = fanout::try_issue<answer, fanout::errno_callback>(n, combine, std::move(to));
  if (!issuer) return errno_of(issuer.error());
  for (std::size_t i = 0; i != n; ++i)
    issuer->start_c(i, [&](answer* out, grep_callback* callback, void* context) {
      return grep_one_host(filter, hosts[i], &out->lines, callback, context);
    });
  // All hosts may have answered by now. The operation waits for its issuer all the same, so that this is safe:
  issuer->completion().effort = {num_hosts, grep_hosts_at_work()};
  return -EINPROGRESS;  // and here the issuer lets go
}

}  // namespace

errno_t distributed_grep(const char* filter, const char** hosts, int num_hosts, grep_result** result,
                         grep_callback* callback, void* context) {
  return grep_hosts(filter, hosts, num_hosts, fanout::combine::with(combine_all), {result, callback, context});
}

errno_t distributed_grep_settle(const char* filter, const char** hosts, int num_hosts, errno_t* errors,
                                grep_result** result, grep_callback* callback, void* context) {
  return grep_hosts(filter, hosts, num_hosts, combine_some{errors}, {result, callback, context});
}
