// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_CONFIG_HPP
#define FANOUT_TESTING_EXPLORER_CONFIG_HPP

#if defined(__SANITIZE_THREAD__)
#define FANOUT_EXPLORER_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define FANOUT_EXPLORER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FANOUT_EXPLORER_TSAN 1
#elif __has_feature(address_sanitizer)
#define FANOUT_EXPLORER_ASAN 1
#endif
#endif

/// 1 where the explorer exists, else 0 and its headers declare nothing: it needs fibers and the Itanium C++ ABI, and
/// ThreadSanitizer would take its fibers for one thread.
#if __has_include(<ucontext.h>) && __has_include(<cxxabi.h>) && !defined(FANOUT_EXPLORER_TSAN)
#define FANOUT_HAS_EXPLORER 1
#else
#define FANOUT_HAS_EXPLORER 0
#endif

#endif
