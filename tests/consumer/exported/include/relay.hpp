// SPDX-License-Identifier: BSL-1.0
#ifndef RELAY_HPP
#define RELAY_HPP

#include <fanout/fanout.hpp>

namespace relay {

inline constexpr int fanout_version = fanout::version;

}  // namespace relay

#endif  // RELAY_HPP
