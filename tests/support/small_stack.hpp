// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_SMALL_STACK_HPP
#define FANOUT_TESTS_SUPPORT_SMALL_STACK_HPP

#include <cstddef>

#include "catch.hpp"

#if __has_include(<pthread.h>)
#include <pthread.h>
#define FANOUT_HAS_SMALL_STACK 1

namespace support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

/// Runs f on a thread with a stack of 64 KiB; a larger one under a sanitizer, whose own frames fill that.
template <class F>
void on_small_stack(F f) {
  if (sanitized)
    WARN("SKIPPED: the limit of 64 KiB. A sanitizer's frames are larger: this run only checks the results");
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, (sanitized ? 1024 : 64) * std::size_t{1024}) == 0);
  pthread_t thread;
  const int made = pthread_create(
      &thread, &attributes,
      [](void* run) -> void* {
        (*static_cast<F*>(run))();
        return nullptr;
      },
      &f);
  REQUIRE(made == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  REQUIRE(pthread_attr_destroy(&attributes) == 0);
}

}  // namespace support

#else
#define FANOUT_HAS_SMALL_STACK 0
#endif

#endif  // FANOUT_TESTS_SUPPORT_SMALL_STACK_HPP
