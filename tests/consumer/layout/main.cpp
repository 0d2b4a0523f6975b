// SPDX-License-Identifier: BSL-1.0
// Compares the layouts that differently compiled files of this one program see, type by type.
#include <cstdio>

#include "layout.hpp"

namespace {

int differences(const char* how, const layout* expected, const layout* actual) {
  int found = 0;
  for (; expected->name != nullptr; ++expected, ++actual) {
    if (expected->size != actual->size || expected->alignment != actual->alignment) {
      std::printf("%s: sizeof %zu, alignof %zu in C++20, but sizeof %zu, alignof %zu %s\n", expected->name,
                  expected->size, expected->alignment, actual->size, actual->alignment, how);
      ++found;
    }
  }
  return found;
}

}  // namespace

int main() {
  const layout* const expected = layout_cxx20();
  const int found = differences("in C++23", expected, layout_cxx23()) +
                    differences("with NDEBUG", expected, layout_ndebug()) +
                    differences("without exceptions and RTTI", expected, layout_no_exceptions());
  return found == 0 ? 0 : 1;
}
