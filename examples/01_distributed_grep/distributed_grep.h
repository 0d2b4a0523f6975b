/* SPDX-License-Identifier: BSL-1.0 */
#ifndef DISTRIBUTED_GREP_H
#define DISTRIBUTED_GREP_H

#include "remote_grep.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Runs grep_one_host on every host at once, and combines what they find in chronological order. All or nothing: if a
 * host fails, `err` is the first failure, and what the others found is dropped.
 *
 * Returns -EINPROGRESS if it has called `callback` or is going to, when every host has answered: on the thread of the
 * last one, or before this call returns. Any other value means that it could not begin and will not call back. On
 * success `*result` is the caller's to free. The strings need not outlive the call.
 */
errno_t distributed_grep(const char* filter, const char** hosts, int num_hosts, grep_result** result,
                         grep_callback* callback, void* callback_context);

/*
 * The same, but takes what it can get. `errors[i]` tells how host i did, and `*result` combines what the others found.
 * `errors` must live until the callback.
 */
errno_t distributed_grep_settle(const char* filter, const char** hosts, int num_hosts, errno_t* errors,
                                grep_result** result, grep_callback* callback, void* callback_context);

#ifdef __cplusplus
}
#endif

#endif
