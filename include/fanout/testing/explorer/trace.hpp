// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_TRACE_HPP
#define FANOUT_TESTING_EXPLORER_TRACE_HPP

#include <atomic>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fanout/testing/explorer/quarantine.hpp"
#include "fanout/testing/explorer/record.hpp"

namespace fanout::testing::explorer::detail {

constexpr const char* to_string(std::memory_order order) noexcept {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
      return "consume";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      return "seq_cst";
  }
  return "";
}

/// `atomic 3 "count"`
inline std::string title(const object& o) {
  std::string text = std::string(to_string(o.kind)) + " " + std::to_string(o.number);
  if (o.name != nullptr) text += std::string(" \"") + o.name + "\"";
  return text;
}

/// A value as its type would be printed; a pointer into the quarantine as block and offset.
inline std::string value(value_format format, std::uint64_t bits, quarantine& memory) {
  switch (format) {
    case value_format::none:
      return "...";
    case value_format::boolean:
      return bits != 0 ? "true" : "false";
    case value_format::signed_integer:
      return std::to_string(static_cast<std::int64_t>(bits));
    case value_format::unsigned_integer:
      return std::to_string(bits);
    case value_format::pointer:
      break;
  }
  if (bits == 0) return "null";
  if (const quarantine::block* b = memory.find(reinterpret_cast<const void*>(static_cast<std::uintptr_t>(bits)))) {
    const std::uint64_t offset = bits - reinterpret_cast<std::uintptr_t>(b->begin);
    return "block " + std::to_string(memory.number(*b)) + (offset == 0 ? "" : " + " + std::to_string(offset));
  }
  char digits[16];
  return "0x" + std::string(digits, std::to_chars(digits, digits + sizeof digits, bits, 16).ptr);
}

/// What the threads did, one line per operation: step, thread, operation.
struct trace {
  bool on = false;
  std::string text{};

  void line(std::uint32_t step, int thread, std::string_view what) {
    std::string number = std::to_string(step);
    text.append(number.size() < 5 ? 5 - number.size() : 0, ' ').append(number);
    text +=
        thread < 0 || thread == max_threads ? std::string("  scenario  ") : "  thread " + std::to_string(thread) + "  ";
    text.append(what).append("\n");
  }
};

}  // namespace fanout::testing::explorer::detail

#endif
