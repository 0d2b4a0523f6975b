// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_IMPORTANCE_HPP
#define FANOUT_IMPORTANCE_HPP

namespace fanout {

/// What a branch's report means for its operation.
enum class importance : unsigned char {
  required,     // its failure is the operation's, and has the others asked to stop
  optional,     // its failure stands beside its index in the outcome, and that is all; its value is a value
  best_effort,  // is no part of the outcome, only drained; asked to stop when all others have reported
};

}  // namespace fanout

#endif
