# SPDX-License-Identifier: BSL-1.0
# Writes a header with a planted bug: HEADER below INCLUDE, with the text FROM, which must be there exactly once, replaced by
# TO, to the same place below OUTPUT. A bug that no longer applies is an error: it would be a check of nothing.
#
# planted_header(<file> <include> <output>): reads a description, tests/planted/*.txt, in this form:
#
#   model: count                       the model check that must find it
#   header: fanout/refcount/atomic.hpp
#   reason: data race                  what it must say
#   --- instead of
#   …
#   --- there is
#   …
#   ---
#
# There may be several pairs; a `header:` line before a pair changes the header.
function(planted_header file include output)
  file(READ ${file} text)
  string(REGEX MATCH "model: ([a-z_]+)" ignore "${text}")
  set(model ${CMAKE_MATCH_1})
  string(REGEX MATCH "reason: ([^\n]+)" ignore "${text}")
  set(reason "${CMAKE_MATCH_1}")
  set(headers)
  set(rest "${text}")
  while(TRUE)
    string(FIND "${rest}" "--- instead of\n" from_at)
    if(from_at EQUAL -1)
      break()
    endif()
    string(SUBSTRING "${rest}" 0 ${from_at} before)
    if(before MATCHES "header: ([a-z_/.]+)")
      set(header ${CMAKE_MATCH_1})
    endif()
    math(EXPR from_at "${from_at} + 15")
    string(SUBSTRING "${rest}" ${from_at} -1 rest)
    string(FIND "${rest}" "--- there is\n" to_at)
    string(SUBSTRING "${rest}" 0 ${to_at} from)
    math(EXPR to_at "${to_at} + 13")
    string(SUBSTRING "${rest}" ${to_at} -1 rest)
    string(FIND "${rest}" "---\n" end)
    string(SUBSTRING "${rest}" 0 ${end} to)
    math(EXPR end "${end} + 4")
    string(SUBSTRING "${rest}" ${end} -1 rest)

    if(NOT header IN_LIST headers)
      list(APPEND headers ${header})
      file(READ ${include}/${header} content_of_${header})
    endif()
    string(FIND "${content_of_${header}}" "${from}" first)
    string(FIND "${content_of_${header}}" "${from}" last REVERSE)
    if(first EQUAL -1 OR NOT first EQUAL last)
      message(FATAL_ERROR "${file}: this is not in ${header}, or more than once:\n${from}")
    endif()
    string(REPLACE "${from}" "${to}" content_of_${header} "${content_of_${header}}")
  endwhile()
  if("${headers}" STREQUAL "" OR "${reason}" STREQUAL "" OR "${model}" STREQUAL "")
    message(FATAL_ERROR "${file}: it does not say what to plant, which model finds it, or what that says")
  endif()
  set(planted_model ${model} PARENT_SCOPE)
  set(planted_reason "${reason}" PARENT_SCOPE)
  # What an earlier version of the description has written would still be found.
  file(GLOB_RECURSE stale RELATIVE ${output} ${output}/*)
  list(REMOVE_ITEM stale ${headers})
  foreach(one IN LISTS stale)
    file(REMOVE ${output}/${one})
  endforeach()
  foreach(header IN LISTS headers)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${include}/${header})
    set(present "")
    if(EXISTS ${output}/${header})
      file(READ ${output}/${header} present)
    endif()
    if(NOT present STREQUAL content_of_${header})  # else nothing is built again
      file(WRITE ${output}/${header} "${content_of_${header}}")
    endif()
  endforeach()
endfunction()
