// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_RULES_HPP
#define FANOUT_TESTS_SUPPORT_RULES_HPP

#include <string>
#include <vector>

#ifdef FANOUT_ASSERT
#error "tests/support/rules.hpp must come before the first fanout header"
#endif

// FANOUT_ASSERT that takes a note and goes on. So one test sees both what a debug build says about a breach and what a
// release build does about it, in every build mode.

namespace support {

/// The sentences of the rules that were broken, in order. Used by one thread at a time.
inline std::vector<std::string>& broken_rules() {
  static std::vector<std::string> sentences;
  return sentences;
}

inline void note_broken_rule(const char* sentence) { broken_rules().emplace_back(sentence); }

/// Gives the sentences and forgets them.
inline std::vector<std::string> take_broken_rules() {
  std::vector<std::string> taken;
  taken.swap(broken_rules());
  return taken;
}

/// Whether exactly this one rule was broken since the last look.
inline bool only_broken_rule(const char* sentence) {
  const std::vector<std::string> taken = take_broken_rules();
  return taken.size() == 1 && taken.front() == sentence;
}

}  // namespace support

#define FANOUT_ASSERT(condition, sentence) ((condition) ? void() : ::support::note_broken_rule(sentence))

#endif  // FANOUT_TESTS_SUPPORT_RULES_HPP
