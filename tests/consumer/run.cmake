# SPDX-License-Identifier: BSL-1.0
# Configures, builds and then runs or installs the project in SOURCE, in an empty folder BINARY. See CMakeLists.txt.
set(said "")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message("${output}")
  if(NOT result STREQUAL "0")
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}")
  endif()
  set(said "${said}${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${BINARY})
list(TRANSFORM DEFINE PREPEND "-D")
set(ENV{CMAKE_PREFIX_PATH} "${PREFIX}")
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
  "-DCMAKE_CXX_FLAGS=${FLAGS}" -DCMAKE_BUILD_TYPE=${BUILD_TYPE}
  -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF ${DEFINE})
run(${CMAKE_COMMAND} --build ${BINARY})
if(INSTALL_TO)
  file(REMOVE_RECURSE ${INSTALL_TO})
  run(${CMAKE_COMMAND} --install ${BINARY} --prefix ${INSTALL_TO})
endif()
if(PROGRAM)
  run(${BINARY}/${PROGRAM})
endif()
if(NOT said MATCHES "${EXPECT}")
  message(FATAL_ERROR "the output does not match: ${EXPECT}")
endif()
