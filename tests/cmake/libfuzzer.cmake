# SPDX-License-Identifier: BSL-1.0
# fanout_find_libfuzzer(<variable> <flags>): whether the compiler has libFuzzer, with address and undefined behaviour sanitizers, and
# the flags for it. Not where there are other sanitizers already.
include(CheckCXXSourceCompiles)

function(fanout_find_libfuzzer variable flags)
  set(${flags} -fsanitize=fuzzer,address,undefined PARENT_SCOPE)
  set(${variable} OFF PARENT_SCOPE)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
    return()
  endif()
  set(CMAKE_REQUIRED_FLAGS -fsanitize=fuzzer,address,undefined)
  check_cxx_source_compiles("
    #include <cstddef>
    #include <cstdint>
    extern \"C\" int LLVMFuzzerTestOneInput(const std::uint8_t*, std::size_t) { return 0; }" fanout_has_libfuzzer)
  set(${variable} ${fanout_has_libfuzzer} PARENT_SCOPE)
endfunction()
