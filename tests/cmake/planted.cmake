# SPDX-License-Identifier: BSL-1.0
# Runs PROGRAM, a model check with a planted bug, and succeeds only if the check found the bug and named it: exit code 1
# and REASON in the output. A crash, a timeout or a sanitizer's own exit is a failure of the check, not a find.
execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
message("${output}")
if(result STREQUAL "0")
  message(FATAL_ERROR "NOT FOUND: the program accepts its planted bug")
elseif(NOT result STREQUAL "1" OR output MATCHES "Sanitizer|runtime error:")
  message(FATAL_ERROR "CRASHED: the program ended with ${result}, which is no verdict")
endif()
string(FIND "${output}" "${REASON}" position)
if(position EQUAL -1)
  message(FATAL_ERROR "WRONG REASON: the program fails, but does not say: ${REASON}")
endif()
message("found as planted: ${REASON}")
