# SPDX-License-Identifier: BSL-1.0
# FILE must have fewer than LIMIT lines.
file(READ ${FILE} text)
string(REGEX REPLACE "[^\n]" "" newlines "${text}")
string(LENGTH "${newlines}" lines)
message("${FILE} has ${lines} lines")
if(NOT lines LESS LIMIT)
  message(FATAL_ERROR "that is not fewer than ${LIMIT}")
endif()
