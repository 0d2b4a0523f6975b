// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_VERSION_HPP
#define FANOUT_VERSION_HPP

// The version of the library, written here and nowhere else: the build reads these three lines.
#define FANOUT_VERSION_MAJOR 0
#define FANOUT_VERSION_MINOR 1
#define FANOUT_VERSION_PATCH 0

/// The version as one number for `#if`: 10000 * major + 100 * minor + patch, so 0.1.0 is 100.
#define FANOUT_VERSION (FANOUT_VERSION_MAJOR * 10000 + FANOUT_VERSION_MINOR * 100 + FANOUT_VERSION_PATCH)

namespace fanout {

/// The version of the headers that this translation unit was compiled with; the same number as `FANOUT_VERSION`.
inline constexpr int version = FANOUT_VERSION;

}  // namespace fanout

#endif  // FANOUT_VERSION_HPP
