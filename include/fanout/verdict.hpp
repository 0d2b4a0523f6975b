// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_VERDICT_HPP
#define FANOUT_VERDICT_HPP

namespace fanout {

/// What a combine policy makes of one branch's report.
enum class verdict : unsigned char {
  go_on,    // nothing is decided by it
  decided,  // the outcome is fixed: the other branches are asked to stop
};

}  // namespace fanout

#endif
