// SPDX-License-Identifier: BSL-1.0
// A remote grep without a network: a host is a folder, and what takes time runs on a thread per host. It knows
// nothing of fanout. It answers in every way that its interface allows, so that whoever calls it meets all of them:
//
//   - a folder that cannot be read        an error code, returned
//   - up to 1 KiB of logs                 done inline, 0 returned
//   - up to 16 KiB                        on another thread, which has called back before the call returns
//   - more                                on another thread, whenever it is done
//
// Out of memory ends the program here.
#include "remote_grep.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr off_t inline_bytes = 1024;
constexpr off_t quick_bytes = 16 * 1024;

std::atomic<int> at_work{0};  // #threads that have not begun to call back

// What the lines point into travels with them.
struct owning_result : grep_result {
  owning_result() noexcept : grep_result{} {}
  std::vector<grep_line> found;
  std::vector<std::unique_ptr<char[]>> texts;

  void publish() noexcept {
    lines = found.data();
    num_lines = found.size();
  }
};

owning_result& owning(grep_result* result) noexcept { return static_cast<owning_result&>(*result); }

// Lines of the same time keep their order.
void sort_by_time(std::vector<grep_line>& lines) {
  std::vector<std::pair<std::int64_t, std::size_t>> order;
  for (const grep_line& line : lines) order.emplace_back(line.time, order.size());
  std::sort(order.begin(), order.end());
  std::vector<grep_line> sorted;
  for (const auto& [time, i] : order) sorted.push_back(lines[i]);
  lines.swap(sorted);
}

// ---- time stamps ----------------------------------------------------------------------------------------------------

// Takes exactly `digits` digits.
std::optional<int> number(const char*& at, int digits) noexcept {
  int value = 0;
  for (int i = 0; i != digits; ++i, ++at) {
    if (*at < '0' || *at > '9') return {};
    value = value * 10 + (*at - '0');
  }
  return value;
}

bool take(const char*& at, const char* any_of) noexcept {
  if (*at == '\0' || std::strchr(any_of, *at) == nullptr) return false;
  ++at;
  return true;
}

// The time that a line begins with: "[2016-12-19 16:31:47,437]", "2016-12-19T16:31:47.437+0100". Without a zone it is
// UTC.
std::optional<std::int64_t> time_of(const char* at) noexcept {
  using namespace std::chrono;
  take(at, "[");
  const auto y = number(at, 4);
  if (!y || !take(at, "-")) return {};
  const auto mo = number(at, 2);
  if (!mo || !take(at, "-")) return {};
  const auto d = number(at, 2);
  if (!d || !take(at, " T")) return {};
  const auto h = number(at, 2);
  if (!h || !take(at, ":")) return {};
  const auto mi = number(at, 2);
  if (!mi || !take(at, ":")) return {};
  const auto s = number(at, 2);
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  // Beyond these years nanoseconds do not fit.
  if (!s || !date.ok() || *y < 1700 || *y > 2200 || *h > 23 || *mi > 59 || *s > 60) return {};

  nanoseconds fraction{0};
  if (take(at, ",.")) {
    for (nanoseconds digit{100'000'000}; *at >= '0' && *at <= '9'; ++at, digit /= 10) fraction += (*at - '0') * digit;
  }
  minutes zone{0};
  if (*at == '+' || *at == '-') {
    const int sign = *at++ == '-' ? -1 : 1;
    if (const auto hours_east = number(at, 2)) {
      take(at, ":");
      zone = sign * (hours{*hours_east} + minutes{number(at, 2).value_or(0)});
    }
  }
  const auto local = sys_days{date}.time_since_epoch() + hours{*h} + minutes{*mi} + seconds{*s} + fraction;
  return duration_cast<nanoseconds>(local - zone).count();
}

// ---- one host -------------------------------------------------------------------------------------------------------

struct request {
  request(const char* filter, const char* name) : host(name) {
    compiled = regcomp(&pattern, filter, REG_EXTENDED | REG_NOSUB) == 0;
  }
  request(const request&) = delete;
  request& operator=(const request&) = delete;
  ~request() {
    if (compiled) regfree(&pattern);
  }

  errno_t list_files() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(host.c_str()), &closedir);
    if (!folder) return -errno;
    errno = 0;
    while (const dirent* entry = readdir(folder.get())) {
      struct stat status{};
      const std::string path = host + '/' + entry->d_name;
      if (stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
        files.push_back(path);
        bytes += status.st_size;
      }
      errno = 0;
    }
    std::sort(files.begin(), files.end());
    return -errno;
  }

  errno_t grep(grep_result** to) {
    auto made = std::make_unique<owning_result>();
    auto name = std::make_unique<char[]>(host.size() + 1);
    std::memcpy(name.get(), host.c_str(), host.size() + 1);
    for (const std::string& file : files) {
      if (const errno_t err = grep_file(file, name.get(), *made)) return err;
    }
    made->texts.push_back(std::move(name));
    sort_by_time(made->found);
    made->publish();
    *to = made.release();
    return 0;
  }

  errno_t grep_file(const std::string& path, const char* name, owning_result& to) {
    std::size_t size = 0;
    std::unique_ptr<char[]> text;
    if (const errno_t err = read_file(path, text, size)) return err;

    std::vector<grep_line>& found = to.found;
    const std::size_t before = found.size();
    std::size_t event = before;  // where the current event begins
    bool matches = false;
    auto time = std::numeric_limits<std::int64_t>::min();
    bool timed = false;
    for (char *line = text.get(), *end = line + size; line != end;) {
      char* stop = std::find(line, end, '\n');
      char* next = stop == end ? end : stop + 1;
      *stop = '\0';  // there is room for it behind the end, too
      if (stop != line && stop[-1] == '\r') stop[-1] = '\0';

      const auto stamp = time_of(line);
      if (stamp || !timed) {  // lines before the first time stamp are events of their own
        if (!matches) found.resize(event);
        event = found.size();
        matches = false;
        timed = stamp.has_value();
        if (stamp) time = *stamp;
      }
      found.push_back({name, line, time});
      if (!matches) matches = regexec(&pattern, line, 0, nullptr, 0) == 0;
      line = next;
    }
    if (!matches) found.resize(event);
    if (found.size() != before) to.texts.push_back(std::move(text));
    return 0;
  }

  // The whole file, and one byte more.
  static errno_t read_file(const std::string& path, std::unique_ptr<char[]>& text, std::size_t& size) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    struct stat status{};
    errno_t err = fstat(file, &status) == 0 ? 0 : -errno;
    if (err == 0) {
      const auto want =
          static_cast<std::size_t>(status.st_size);  // what is appended meanwhile is not part of this grep
      text.reset(new char[want + 1]);
      while (size != want) {
        const ssize_t got = read(file, text.get() + size, want - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) err = -errno;
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
      }
    }
    close(file);
    return err;
  }

  std::string host;
  std::vector<std::string> files;
  off_t bytes = 0;
  regex_t pattern;
  bool compiled;

  // Where to answer, if not by returning.
  grep_result** result = nullptr;
  grep_callback* callback = nullptr;
  void* context = nullptr;
};

extern "C" void* run_request(void* argument) {
  std::unique_ptr<request> asked(static_cast<request*>(argument));
  const errno_t err = asked->grep(asked->result);
  grep_callback* const callback = asked->callback;
  void* const context = asked->context;
  asked.reset();
  at_work.fetch_sub(1);
  callback(err, context);
  return nullptr;
}

}  // namespace

errno_t grep_one_host(const char* filter, const char* host, grep_result** result, grep_callback* callback,
                      void* callback_context) {
  auto asked = std::make_unique<request>(filter, host);
  if (!asked->compiled) return -EINVAL;
  if (const errno_t err = asked->list_files()) return err;
  if (asked->bytes <= inline_bytes) return asked->grep(result);

  asked->result = result;
  asked->callback = callback;
  asked->context = callback_context;
  const bool quick = asked->bytes <= quick_bytes;
  pthread_t thread;
  at_work.fetch_add(1);
  if (const int err = pthread_create(&thread, nullptr, &run_request, asked.get())) {
    at_work.fetch_sub(1);
    return -err;
  }
  asked.release();  // the thread's now
  if (quick) {
    pthread_join(thread, nullptr);
  } else {
    pthread_detach(thread);
  }
  return -EINPROGRESS;
}

grep_result* grep_combine_and_sort(grep_result** inputs, int count) {
  auto all = std::make_unique<owning_result>();
  for (int i = 0; i != count; ++i) {
    if (inputs[i] == nullptr) continue;
    owning_result& input = owning(inputs[i]);
    all->found.insert(all->found.end(), input.found.begin(), input.found.end());
    std::move(input.texts.begin(), input.texts.end(), std::back_inserter(all->texts));
    input.found.clear();
    input.publish();
  }
  sort_by_time(all->found);
  all->publish();
  return all.release();
}

void grep_free(grep_result* result) {
  if (result != nullptr) delete &owning(result);
}

int grep_hosts_at_work(void) { return at_work.load(); }

errno_t grep_check_filter(const char* filter, char* why, size_t size) {
  regex_t pattern;
  const int err = regcomp(&pattern, filter, REG_EXTENDED | REG_NOSUB);
  if (err == 0) {
    regfree(&pattern);
    return 0;
  }
  regerror(err, &pattern, why, size);
  return -EINVAL;
}
