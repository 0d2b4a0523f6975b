// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_DETAIL_CONFIG_HPP
#define FANOUT_DETAIL_CONFIG_HPP

// Errors, drops, misuse and delivery live out of line, so that the path that every branch takes stays short.
#if defined(__GNUC__)
#define FANOUT_COLD [[gnu::noinline, gnu::cold]]
#define FANOUT_NOINLINE [[gnu::noinline]]
#define FANOUT_ALWAYS_INLINE [[gnu::always_inline]] inline
#else
#define FANOUT_COLD
#define FANOUT_NOINLINE
#define FANOUT_ALWAYS_INLINE inline
#endif

// Exceptions may be switched off. Nothing but control flow depends on it: no layout, no signature.
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define FANOUT_TRY try
#define FANOUT_CATCH_ALL catch (...)
#define FANOUT_HAS_EXCEPTIONS 1
#else
#define FANOUT_TRY if constexpr (true)
#define FANOUT_CATCH_ALL else
#define FANOUT_HAS_EXCEPTIONS 0
#endif

#endif
