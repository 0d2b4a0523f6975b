// SPDX-License-Identifier: BSL-1.0
// A distributed grep: see docs/dgrep.md.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pattern.hpp"
#include "print.hpp"
#include "run.hpp"
#include "time.hpp"

namespace {

using namespace dgrep;

enum exit_status : int { found = 0, none = 1, error = 2, incomplete = 3 };

struct arguments {
  std::vector<std::string> expressions, words;
  pattern_options how{};
  query what{};
  print_options print{};
  bool count = false, names = false, quiet = false, statistics = false;
  std::size_t context = 0;
  std::string since, until, reorder, timeout, host_timeout, zone_name = "local", color = "auto", expression_file;
  std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
};

int complain(const std::string& sentence) {
  std::fprintf(stderr, "dgrep: %s\n", sentence.c_str());
  return exit_status::error;
}

instant now() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

void describe(CLI::App& app, arguments& a) {
  app.description(
      "Searches the logs of several hosts, a folder each, and prints matching lines in the order of their times, as "
      "host:file:line:text.");
  app.footer(
      "Exit status: 0 lines were found, 1 none, 2 nothing was searched, 3 not everything was searched: stderr says "
      "what.\n"
      "PATTERN is an expression as RE2 has them: no look-around and no back-references, but never slow.");
  app.add_option("words", a.words, "PATTERN, unless there is -e or -f; then HOST=DIR, or DIR, whose name is the host's")
      ->type_name("PATTERN HOST=DIR...");
  app.add_option("-e,--regexp", a.expressions, "A pattern; lines that match one of them match")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option("-f,--file", a.expression_file, "Patterns, a line each")->type_name("FILE");
  app.add_flag("-F,--fixed-strings", a.how.fixed, "Patterns are texts, not expressions");
  app.add_flag("-i,--ignore-case", a.how.ignore_case, "Upper and lower case are the same");
  app.add_flag("-w,--word-regexp", a.how.whole_word, "Matches are whole words");
  app.add_flag("-v,--invert-match", a.what.invert, "Lines that do not match");
  app.add_flag("-c,--count", a.count, "How many lines, of each file");
  app.add_flag("-l,--files-with-matches", a.names, "Which files");
  app.add_flag("-q,--quiet", a.quiet, "Print nothing, and end with the first line that is found");
  const auto number = [&app](const char* name, auto& to, const char* what) {
    app.add_option(name, to, what)->type_name("N")->check(CLI::NonNegativeNumber);
  };
  number("-m,--max-count", a.what.most, "At most so many matching lines of each file");
  number("-A,--after-context", a.what.after, "And N lines after each");
  number("-B,--before-context", a.what.before, "And N lines before each");
  number("-C,--context", a.context, "And N lines around each");
  app.add_option("--since", a.since, "No earlier lines: a time, or how long ago: 2h, 30m, 7d")->type_name("T");
  app.add_option("--until", a.until, "No later lines")->type_name("T");
  number("--tail", a.print.tail, "Only the last N, printed oldest first");
  number("--limit", a.print.limit, "Only the first N, and end then");
  app.add_flag("--json", a.print.json, "A JSON object per line, the last one a summary");
  app.add_option("--color", a.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  app.add_option("--reorder", a.reorder, "Lines may be so far out of order within a file: 2s")->type_name("D");
  app.add_option("--zone", a.zone_name, "Of times that name none: local, utc, +02:00")->type_name("ZONE");
  app.add_option("--time-format", a.what.time_format, "How lines begin: of strptime, and %L %f %N for ms, us, ns")
      ->type_name("FORMAT");
  app.add_option("--timeout", a.timeout, "Print what there is then, and name what is missing: 30s")->type_name("D");
  app.add_option("--host-timeout", a.host_timeout, "Go on without hosts that take so much of the threads' time")
      ->type_name("D");
  app.add_option("-j,--threads", a.threads, "That search")->check(CLI::Range(1, 1024))->type_name("N");
  app.add_flag("--stats", a.statistics, "How much was searched, and how fast, on stderr");
}

// The first SIGINT or SIGTERM stops the search, the second the program; SIGUSR1 asks what it waits for. A thread of its own looks at
// them, since any other may wait for a file, or for a reader. Made before there are others, so that all inherit what is blocked.
class interrupts {
 public:
  interrupts() {
    sigemptyset(&signals_);
    for (const int one : {SIGINT, SIGTERM, SIGUSR1, enough}) sigaddset(&signals_, one);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    signal(SIGPIPE, SIG_IGN);
    thread_ = std::thread([this] { watch(); });
  }
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;
  ~interrupts() {
    pthread_kill(thread_.native_handle(), enough);
    thread_.join();
  }
  fanout::inplace_stop_token stop() const noexcept { return stop_.get_token(); }
  bool came() const noexcept { return stop_.stop_requested(); }
  bool was_asked() noexcept { return asked_.exchange(false, std::memory_order_relaxed); }

 private:
  static constexpr int enough = SIGUSR2;
  void watch() noexcept {
    for (int one = 0; sigwait(&signals_, &one) == 0 && one != enough;) {
      if (one == SIGUSR1) {
        asked_.store(true, std::memory_order_relaxed);
      } else if (!stop_.request_stop()) {
        _exit(130);
      }
    }
  }

  sigset_t signals_;
  fanout::inplace_stop_source stop_;
  std::atomic<bool> asked_{false};
  std::thread thread_;
};

// On a terminal, what it is doing; else nothing.
void show_progress(const search& s, printer& out) {
  const double seconds = std::chrono::duration<double>(s.elapsed()).count();
  if (seconds < 0.3) return;
  const fanout::progress files = s.outstanding().progress();
  const double megabytes = static_cast<double>(s.bytes()) / 1e6;
  std::string text(160, '\0');
  const int size =
      std::snprintf(text.data(), text.size(), "%zu of %zu files, %.0f MB, %.0f MB/s, %llu lines", files.finished,
                    files.started, megabytes, megabytes / seconds, static_cast<unsigned long long>(s.matches()));
  text.resize(static_cast<std::size_t>(size));
  if (files.outstanding() == 1) {
    s.outstanding().for_each_outstanding([&](const auto& last) { text.append("; waiting for ").append(last.label()); });
  }
  out.show_status(text);
}

// As many open files as the system lets us have: a file that waits for others' lines stays open.
void raise_limits() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool was_read(const file& f) {
  return f.ended() == progress::complete || (f.ended() != progress::under_way && f.found.bytes != 0);
}

// Names what was not searched, and why. True if there is nothing to name.
bool report(const search& s, bool enough) {
  bool complete = true;
  const auto say = [&](const std::string& host, const std::string& what) {
    std::fprintf(stderr, "dgrep: %s: %s\n", host.c_str(), what.c_str());
  };
  for (std::size_t h = 0; h != s.what().hosts.size(); ++h) {
    const std::string& host = s.what().hosts[h].name;
    for (const std::string& why : s.refused(h)) {
      say(host, why);
      complete = false;
    }
    std::size_t late = 0, stopped = 0;
    const file* a_late_one = nullptr;
    for (const auto& f : s.files()) {
      if (f->host != h) continue;
      switch (f->ended()) {
        case progress::complete:
          break;
        case progress::failed:
          say(host, f->name + ": " + f->why);
          complete = false;
          break;
        case progress::timed_out:
          ++late;
          a_late_one = f.get();
          break;
        case progress::stopped:
        case progress::under_way:  // not begun
          ++stopped;
          break;
      }
      if (f->ended() == progress::under_way) continue;
      if (f->found.cut_lines != 0) {
        const std::string which =
            f->found.first_cut != 0 ? "line " + std::to_string(f->found.first_cut) + " is" : "a line is";
        const std::uint64_t others = f->found.cut_lines - 1;
        say(host, f->name + ": " + which + " longer than 1 MiB" +
                      (others != 0 ? ", as are " + std::to_string(others) + " others" : "") +
                      ": only its first MiB was searched");
        complete = false;
      }
      if (f->found.has_nul) say(host, f->name + ": has NUL bytes: is it a log?");
    }
    if (late != 0) {
      say(host, "the deadline came before the end of " + a_late_one->name +
                    (late > 1 ? " and of " + std::to_string(late - 1) + " other files" : ""));
      complete = false;
    }
    if (stopped != 0 && !enough) {
      say(host, "stopped before the end of " + std::to_string(stopped) + (stopped > 1 ? " files" : " file"));
      complete = false;
    }
  }
  if (!s.broken().empty()) {
    std::fprintf(stderr, "dgrep: %s\n", s.broken().c_str());
    complete = false;
  }
  return complete;
}

std::optional<std::string> read_hosts(const std::vector<std::string>& words, std::vector<host>& hosts) {
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    host h;
    // What has a '/' before the '=' is a path with a '=' in it.
    if (equals == std::string::npos || word.find('/') < equals) {
      h.folder = word;
      const auto path = std::filesystem::path(word).lexically_normal();
      h.name = path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
      if (h.name.empty() || h.name == "." || h.name == "..") h.name = word;
    } else {
      h.name = word.substr(0, equals);
      h.folder = word.substr(equals + 1);
    }
    if (h.name.empty() || h.folder.empty()) return "'" + word + "' is not HOST=DIR, such as web1=/var/log";
    for (const host& other : hosts) {
      if (other.name == h.name) return "two hosts are called '" + h.name + "': write HOST=DIR to tell them apart";
    }
    hosts.push_back(std::move(h));
  }
  return {};
}

std::optional<std::string> read_times(arguments& a, job& j) {
  const auto z = zone::parse(a.zone_name);
  if (!z) return "'" + a.zone_name + "' is no zone: write local, utc or a distance such as +02:00";
  j.what.assumed_zone = *z;
  const auto moment = [&](const std::string& text, std::optional<instant>& to) -> std::optional<std::string> {
    if (text.empty()) return {};
    to = parse_moment(text, *z, j.what.now);
    if (to) return {};
    return "'" + text + "' is no time: write 2016-12-19T18:30, 18:30 for today, or 2h for two hours ago";
  };
  const auto duration = [&](const std::string& text, auto& to) -> std::optional<std::string> {
    if (text.empty()) return {};
    const auto d = parse_duration(text);
    if (!d || *d < 0) return "'" + text + "' is no duration: write 200ms, 30s, 5m or 2h";
    to = std::decay_t<decltype(to)>(*d);
    return {};
  };
  if (!a.what.time_format.empty()) {
    if (auto wrong = check_time_format(a.what.time_format)) return wrong;
  }
  if (auto wrong = moment(a.since, j.what.since)) return wrong;
  if (auto wrong = moment(a.until, j.what.until)) return wrong;
  if (auto wrong = duration(a.reorder, j.what.reorder)) return wrong;
  if (auto wrong = duration(a.timeout, j.timeout)) return wrong;
  if (auto wrong = duration(a.host_timeout, j.host_timeout)) return wrong;
  return {};
}

// No argument has a NUL in it.
constexpr char hidden = '\0';
void show_again(std::string& text) {
  if (text.starts_with(hidden)) text.erase(0, 1);
}

int run(arguments& a) {
  if (!a.expression_file.empty()) {
    std::ifstream from(a.expression_file);
    if (!from) return complain("cannot read patterns from '" + a.expression_file + "'");
    for (std::string one; std::getline(from, one);) a.expressions.push_back(one);
    if (from.bad()) return complain("cannot read patterns from '" + a.expression_file + "'");
  } else if (a.expressions.empty()) {
    if (a.words.empty()) return complain("no pattern: write dgrep PATTERN HOST=DIR, or see dgrep --help");
    a.expressions.push_back(a.words.front());
    a.words.erase(a.words.begin());
  }
  if (a.words.empty()) return complain("no host to search: write HOST=DIR, such as web1=/var/log");

  auto compiled = pattern::compile(a.expressions, a.how);
  if (auto* wrong = std::get_if<pattern::error>(&compiled)) return complain(wrong->text);

  job j;
  j.what = a.what;
  j.what.pattern = &std::get<pattern>(compiled);
  j.what.now = now();
  j.what.before = std::min(std::max(a.what.before, a.context), most_context);
  j.what.after = std::min(std::max(a.what.after, a.context), most_context);
  const bool lines = !a.count && !a.names && !a.quiet;
  j.what.only_count = !lines;
  j.what.by_time = lines;
  if (a.names || a.quiet) j.what.most = std::min<std::uint64_t>(j.what.most, 1);
  if (auto wrong = read_hosts(a.words, j.hosts)) return complain(*wrong);
  if (auto wrong = read_times(a, j)) return complain(*wrong);
  if (a.print.limit == 0 || a.what.most == 0 || a.print.tail == 0) return exit_status::none;
  j.output = id_of(STDOUT_FILENO);

  a.print.after = j.what.after;
  a.print.has_context = j.what.before + j.what.after != 0;
  a.print.color = a.color == "always" || (a.color == "auto" && isatty(STDOUT_FILENO) && !a.print.json);

  interrupts signals;
  raise_limits();
  const bool shows_progress = isatty(STDERR_FILENO) && !a.quiet;
  const std::vector<host> hosts = j.hosts;
  printer out(a.print, hosts, a.what.invert ? nullptr : j.what.pattern);
  auto threads = std::make_unique<pool>(a.threads);
  std::atomic<bool> any{false};

  search s(std::move(j), *threads, signals.stop(), [&](const search& of) {
    if (signals.was_asked()) of.outstanding().dump_outstanding(stderr);
    out.flush_some();
    if (shows_progress) show_progress(of, out);
  });
  s.list();
  bool enough = false;
  if (lines) {
    s.merge([&](const file& f, line&& l) {
      if (l.matches()) any.store(true, std::memory_order_relaxed);
      enough = !out.show(f, std::move(l));
      return !enough;
    });
    out.finish();
  } else {
    s.count([&](const file& f) {
      if (f.found.matches != 0) any.store(true, std::memory_order_relaxed);
      enough = a.quiet && f.found.matches != 0;
      return !enough;
    });
    for (const auto& f : s.files()) {
      if (a.quiet || f->ended() == progress::under_way) continue;
      if (a.count) {
        if (!was_read(*f)) continue;
        out.show_count(*f);
      } else if (f->found.matches != 0) {
        out.show_name(*f);
      }
    }
  }
  out.clear_status();
  out.flush();
  bool complete = (a.quiet && any) || report(s, enough && !signals.came());
  out.show_summary(s, complete);
  out.flush();
  if (const std::string wrong = out.trouble(); !wrong.empty()) {
    complain(wrong);
    complete = false;
  }
  if (a.statistics) {
    const double seconds = std::chrono::duration<double>(s.elapsed()).count();
    std::fprintf(stderr, "%zu files, %llu bytes, %.3f s, %.0f MB/s\n", s.files().size(),
                 static_cast<unsigned long long>(s.bytes()), seconds, static_cast<double>(s.bytes()) / 1e6 / seconds);
  }
  // Or was to be, had there been time.
  const bool is_searched = s.is_cut_short() || std::any_of(s.files().begin(), s.files().end(), [](const auto& f) {
                             return f->ended() != progress::failed || was_read(*f);
                           });
  const int status = !complete ? (is_searched ? exit_status::incomplete : exit_status::error)
                     : any     ? exit_status::found
                               : exit_status::none;
  if (s.is_stuck()) {
    std::move(*threads).abandon();
    std::fflush(stderr);
    _exit(status);  // a thread still reads
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  arguments a;
  describe(app, a);
  try {
    // Last one first, as it wants them. It takes a positional argument in brackets for a list, whose ends are something else
    // to us: so they are hidden from it.
    std::vector<std::string> words(argv + 1, argv + argc);
    for (std::string& word : words) {
      if (word.starts_with('[')) word.insert(0, 1, hidden);
    }
    std::reverse(words.begin(), words.end());
    app.parse(std::move(words));
    for (auto* texts : {&a.words, &a.expressions}) {
      for (std::string& text : *texts) show_again(text);
    }
    for (std::string* text : {&a.what.time_format, &a.expression_file}) show_again(*text);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_status::error;
  }
  try {
    return run(a);
  } catch (const std::exception& e) {
    return complain(e.what());
  }
}
