// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_NUMBERS_HPP
#define FANOUT_TESTS_SUPPORT_NUMBERS_HPP

#include <cstddef>
#include <iterator>

namespace support {

/// Counts to 100 and can be walked once, so that nobody knows before how many there are.
class numbers {
 public:
  struct iterator {
    using iterator_concept = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int at = 0;
    int operator*() const { return at; }
    iterator& operator++() {
      ++at;
      return *this;
    }
    void operator++(int) { ++at; }
    bool operator==(std::default_sentinel_t) const { return at == 100; }
  };
  iterator begin() const { return {}; }
  std::default_sentinel_t end() const { return {}; }
};

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_NUMBERS_HPP
