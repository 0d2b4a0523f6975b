// SPDX-License-Identifier: BSL-1.0
#include <cstddef>
#include <cstdint>

#include "session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::play(data, size);
  return 0;
}
