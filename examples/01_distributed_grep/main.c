/* SPDX-License-Identifier: BSL-1.0 */
/*
 * A grep over a cluster, in C: what calls distributed_grep.
 *
 *   01_distributed_grep [-a] [-v] [-e PATTERN] DIR...
 *
 *   DIR          a host: a folder of log files
 *   -e PATTERN   a POSIX extended regular expression; without it, ERROR|WARN
 *   -a           all or nothing: one host that fails fails the whole grep, as in the article
 *   -v           tells how the operation went
 *
 * The exit status is grep's: 0 if something was found, 1 if nothing was, 2 if anything failed, be it only one host.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "distributed_grep.h"

static const char program[] = "01_distributed_grep";

/* Where the callback leaves what it was told, and wakes main. */
static struct {
  errno_t err;
  sem_t delivered;
} answer;

static void delivered(errno_t err, void* context) {
  (void)context; /* a program with several operations under way would tell them apart by it */
  answer.err = err;
  sem_post(&answer.delivered);
}

/* The last component of a path. */
static const char* last_name(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

/* Hosts go by the last component of their paths, or by the whole path where two would have the same name. */
static bool names_differ(const char** hosts, int num_hosts) {
  for (int i = 0; i < num_hosts; ++i) {
    for (int j = 0; j < i; ++j) {
      if (strcmp(last_name(hosts[i]), last_name(hosts[j])) == 0) return false;
    }
  }
  return true;
}

static int usage(void) {
  fprintf(stderr, "usage: %s [-a] [-v] [-e PATTERN] DIR...\nEach DIR is a host: a folder of log files.\n", program);
  return 2;
}

int main(int argc, char** argv) {
  const char* filter = "ERROR|WARN";
  bool all_or_nothing = false;
  bool verbose = false;
  for (int option; (option = getopt(argc, argv, "ave:")) != -1;) {
    switch (option) {
      case 'a':
        all_or_nothing = true;
        break;
      case 'v':
        verbose = true;
        break;
      case 'e':
        filter = optarg;
        break;
      default:
        return usage();
    }
  }
  const int num_hosts = argc - optind;
  if (num_hosts == 0) return usage();
  const char** hosts = (const char**)(argv + optind);
  for (int i = 0; i < num_hosts; ++i) { /* "logs/kafka0/" is kafka0 */
    char* path = argv[optind + i];
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/';) path[--n] = '\0';
  }
  const bool short_names = names_differ(hosts, num_hosts);

  char why[256];
  if (grep_check_filter(filter, why, sizeof why) != 0) {
    fprintf(stderr, "%s: '%s' is not a regular expression: %s\n", program, filter, why);
    return 2;
  }

  errno_t* errors = calloc((size_t)num_hosts, sizeof *errors);
  if (errors == NULL || sem_init(&answer.delivered, 0, 0) != 0) {
    perror(program);
    free(errors);
    return 2;
  }

  grep_result* result = NULL;
  errno_t err = all_or_nothing ? distributed_grep(filter, hosts, num_hosts, &result, &delivered, NULL)
                               : distributed_grep_settle(filter, hosts, num_hosts, errors, &result, &delivered, NULL);
  if (err == -EINPROGRESS) {
    while (sem_wait(&answer.delivered) != 0) continue; /* a signal came first */
    err = answer.err;
  }
  if (err != 0) {
    fprintf(stderr, "%s: the grep failed: %s\n", program, strerror(-err));
    free(errors);
    return 2;
  }

  for (size_t i = 0; i < result->num_lines; ++i) {
    const grep_line* line = &result->lines[i];
    printf("%s: %s\n", short_names ? last_name(line->host) : line->host, line->text);
  }
  fflush(stdout); /* before what is to be said on the other stream */

  int failed = 0;
  for (int i = 0; i < num_hosts; ++i) {
    if (errors[i] == 0) continue;
    ++failed;
    fprintf(stderr, "%s: %s did not answer: %s\n", program, short_names ? last_name(hosts[i]) : hosts[i],
            strerror(-errors[i]));
  }
  if (result->num_lines == 0 && failed < num_hosts) {
    fprintf(stderr, "%s: no line matches '%s' on the hosts that answered (%d of %d)\n", program, filter,
            num_hosts - failed, num_hosts);
  }
  if (verbose) {
    fprintf(stderr, "%s: asked %d hosts; when the last one had been asked, %d still had to answer\n", program,
            result->effort.hosts_asked, result->effort.hosts_at_work);
  }

  const bool found = result->num_lines != 0;
  grep_free(result);
  free(errors);
  if (failed != 0) return 2;
  return found ? 0 : 1;
}
