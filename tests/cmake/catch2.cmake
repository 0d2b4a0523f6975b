# SPDX-License-Identifier: BSL-1.0
# Catch2 3 where it is installed, else 2.13 (what Debian 12 has), else a download that somebody has allowed.
find_package(Catch2 3 CONFIG QUIET)
if(NOT Catch2_FOUND)
  find_package(Catch2 2.13 CONFIG QUIET)
endif()

if(NOT Catch2_FOUND AND FANOUT_FETCH_DEPENDENCIES)
  include(FetchContent)
  FetchContent_Declare(Catch2 SYSTEM  # not as the last argument: CMake 3.25 misreads the rest
    GIT_REPOSITORY https://github.com/catchorg/Catch2.git
    GIT_TAG fa43b77429ba76c462b1898d6cd2f2d7a9416b14)  # v3.7.1
  # Our warnings are for our code.
  get_directory_property(fanout_own_options COMPILE_OPTIONS)
  set_directory_properties(PROPERTIES COMPILE_OPTIONS "")
  FetchContent_MakeAvailable(Catch2)
  set_directory_properties(PROPERTIES COMPILE_OPTIONS "${fanout_own_options}")
endif()

if(NOT TARGET Catch2::Catch2)
  message(FATAL_ERROR
    "fanout's tests need Catch2, version 2.13 or 3. On Debian and Ubuntu: apt install catch2. "
    "To download it instead: -DFANOUT_FETCH_DEPENDENCIES=ON. To build no tests: -DFANOUT_BUILD_TESTS=OFF.")
endif()
