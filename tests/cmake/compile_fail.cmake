# SPDX-License-Identifier: BSL-1.0
# Runs the compiler command COMPILE twice: as it is it must fail with a diagnostic that REGEX matches, and with
# -DFANOUT_EXPECT_OK it must succeed.
set(ENV{LC_ALL} C)  # plain quotation marks in diagnostics
execute_process(COMMAND ${COMPILE} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
message("${output}")
if(result STREQUAL "0")
  message(FATAL_ERROR "ACCEPTED: the source compiles, but must not")
elseif(NOT output MATCHES "${REGEX}")
  message(FATAL_ERROR "WRONG DIAGNOSTIC: the source is rejected, but not with: ${REGEX}")
endif()

execute_process(COMMAND ${COMPILE} -DFANOUT_EXPECT_OK
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result STREQUAL "0")
  message("${output}")
  message(FATAL_ERROR "TWIN REJECTED: with -DFANOUT_EXPECT_OK the source must compile")
endif()
message("rejected as promised: ${REGEX}")
