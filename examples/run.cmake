# SPDX-License-Identifier: BSL-1.0
# Runs COMMAND; it must exit with 0 and, where the file EXPECTED exists, write exactly its contents to standard output.
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE result OUTPUT_VARIABLE output)
message("${output}")
if(NOT result STREQUAL "0")
  message(FATAL_ERROR "the example ended with ${result}")
endif()
if(EXISTS ${EXPECTED})
  file(READ ${EXPECTED} expected)
  if(NOT output STREQUAL expected)
    message(FATAL_ERROR "the output above is not what ${EXPECTED} says:\n${expected}")
  endif()
endif()
