// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_CONSUMER_LAYOUT_HPP
#define FANOUT_TESTS_CONSUMER_LAYOUT_HPP

#include <cstddef>

/// What one translation unit knows about one type.
struct layout {
  const char* name;
  std::size_t size;
  std::size_t alignment;
};

/// The layouts of one translation unit: ends with an entry whose name is null. One function per way to compile it.
const layout* layout_cxx20();
const layout* layout_cxx23();
const layout* layout_ndebug();
const layout* layout_no_exceptions();

#endif  // FANOUT_TESTS_CONSUMER_LAYOUT_HPP
