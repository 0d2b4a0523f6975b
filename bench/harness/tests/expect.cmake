# SPDX-License-Identifier: BSL-1.0
# cmake -DCOMMAND=<program;argument…> -DCODE=<exit status> -DSAYS=<regular expression> -P expect.cmake
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(NOT code STREQUAL CODE)
  message(FATAL_ERROR "ended with ${code} instead of ${CODE}:\n${text}")
endif()
if(NOT text MATCHES "${SAYS}")
  message(FATAL_ERROR "did not say '${SAYS}':\n${text}")
endif()
