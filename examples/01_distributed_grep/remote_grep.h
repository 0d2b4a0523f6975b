/* SPDX-License-Identifier: BSL-1.0 */
/* The "remote grep" library of the article, as a C interface. A host is a folder of log files here. */
#ifndef REMOTE_GREP_H
#define REMOTE_GREP_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero, or one of errno's values with a minus in front. */
typedef int errno_t;

/* One line that was found. */
typedef struct {
  const char* host; /* as it was given to grep_one_host */
  const char* text; /* without its newline */
  int64_t time;     /* of its event, in nanoseconds since 1970; INT64_MIN where the file had not told a time yet */
} grep_line;

/* What it took to grep several hosts. */
typedef struct {
  int hosts_asked;
  int hosts_at_work; /* how many of them had not answered yet when the last one had been asked */
} grep_effort;

/* What a grep has found. All of it belongs to the result, and goes with grep_free. */
typedef struct {
  grep_line* lines;
  size_t num_lines;
  grep_effort effort; /* zero for a single host */
} grep_result;

/* Tells that an operation has completed. Called once, on any thread. */
typedef void grep_callback(errno_t err, void* context);

/*
 * Finds the events in the log files of `host` that match `filter`, a POSIX extended regular expression, in
 * chronological order. An event is a line that begins with a time stamp, "[2016-12-19 16:31:47,437]" or
 * "2016-12-19T16:31:47.437Z", and the lines without one that follow it, such as a stack trace. It matches if one of
 * its lines does, and comes whole.
 *
 * Returns -EINPROGRESS if it has called `callback` or is going to, on a thread of its own, perhaps before this call
 * returns. Otherwise it is done, does not call back, and returns 0 or what went wrong. On success `*result` is the
 * caller's to free; on failure it is untouched. The arguments but `result` need not outlive the call.
 */
errno_t grep_one_host(const char* filter, const char* host, grep_result** result, grep_callback* callback,
                      void* callback_context);

/*
 * All lines of the inputs in chronological order; where the time is the same, in the order of the inputs and, within
 * one, in its own order. Takes the lines out of the inputs, which remain to be freed. Null entries count as empty.
 */
grep_result* grep_combine_and_sort(grep_result** inputs, int count);

void grep_free(grep_result* result);

/* How many hosts are at work: those that are still to call back. */
int grep_hosts_at_work(void);

/* Returns 0 if `filter` can be used; otherwise -EINVAL, and a sentence in `why`. */
errno_t grep_check_filter(const char* filter, char* why, size_t size);

#ifdef __cplusplus
}
#endif

#endif
