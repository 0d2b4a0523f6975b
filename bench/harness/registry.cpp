// SPDX-License-Identifier: BSL-1.0
#include "harness/registry.hpp"

#include <utility>

namespace fanout::bench {
namespace {
bool wrong_result = false;
}

std::string benchmark_name(const entry& e, const setting& s) {
  return std::string(name_of(e.in)) + '/' + std::string(s.arrival.name) + '/' + e.shown() +
         "/n:" + std::to_string(s.branches) + "/work:" + std::to_string(s.work_ns) +
         "/threads:" + std::to_string(s.threads);
}

// Made when first asked for: contenders are added before main.
std::vector<entry>& entries() {
  static std::vector<entry> all;
  return all;
}
std::vector<voucher>& vouchers() {
  static std::vector<voucher> all;
  return all;
}

bool add_entry(entry e) {
  entries().push_back(std::move(e));
  return true;
}

void note_wrong_result() noexcept { wrong_result = true; }
bool any_wrong_result() noexcept { return wrong_result; }

}  // namespace fanout::bench
