// SPDX-License-Identifier: BSL-1.0
#include "run.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <latch>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "files.hpp"

namespace {

using namespace dgrep;
using namespace std::chrono_literals;

constexpr instant a_millisecond = a_second / 1000;
constexpr instant noon = 1'482'148'800 * a_second;  // 2016-12-19T12:00Z

std::string stamp(instant t) { return to_string(t).substr(0, 23) + "Z"; }

pattern compiled(const std::string& p) {
  auto made = pattern::compile({p}, {});
  REQUIRE(std::holds_alternative<pattern>(made));
  return std::move(std::get<pattern>(made));
}

/// A line of the output.
struct shown {
  std::string host, name;
  std::uint64_t number;
  std::string text;
  bool matches;
  friend bool operator==(const shown&, const shown&) = default;
};

struct fixture {
  temporary_folder folder;
  job j;
  std::size_t threads = 2;
  std::size_t enough = ~std::size_t{0};
  fanout::inplace_stop_source stop;
  std::vector<shown> lines;
  std::function<void(std::size_t)> shows = [](std::size_t) {};  // with how many lines there are
  std::function<void()> meanwhile = [] {};
  std::function<void()> listed = [] {};  // and not looked at yet
  bool counts = false;

  explicit fixture(const pattern& p) {
    j.what.pattern = &p;
    j.what.assumed_zone = zone::utc();
  }
  void host(const std::string& name) {
    std::filesystem::create_directories(folder.at(name));
    j.hosts.push_back({name, folder.at(name)});
  }

  template <class Look>
  void run(Look&& look) {
    pool p(threads);
    search s(j, p, stop.get_token(), [&](const search&) { meanwhile(); });
    s.list(listed);
    if (counts) {
      s.count([](const file&) { return true; });
    } else {
      s.merge([&](const file& f, line&& l) {
        lines.push_back({j.hosts[f.host].name, f.name, l.number, std::string(l.view()), l.matches()});
        shows(lines.size());
        return lines.size() < enough;
      });
    }
    look(s);
  }
  void run() {
    run([](const search&) {});
  }
};

const file* find(const search& s, std::string_view name) {
  for (const auto& f : s.files()) {
    if (f->name == name) return f.get();
  }
  return nullptr;
}

}  // namespace

TEST_CASE("lines of several hosts come in the order of time, host, file and line", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.host("b");
  f.host("a");
  f.folder.write("b/1.log", stamp(noon) + " x1\n" + stamp(noon + 2 * a_second) + " x2\n");
  f.folder.write("b/2.log", stamp(noon) + " x3\n");
  f.folder.write("a/1.log",
                 stamp(noon - a_second) + " x4\n" + stamp(noon) + " x5\n" + stamp(noon + a_second) + " x6\n");
  f.run();
  std::vector<std::string> texts;
  for (const shown& l : f.lines) texts.push_back(l.host + l.name[0] + l.text.substr(l.text.size() - 2));
  CHECK(texts == std::vector<std::string>{"a1x4", "b1x1", "b2x3", "a1x5", "a1x6", "b1x2"});
}

TEST_CASE("the order is that of a reference sort, whatever the blocks, threads and buffers", "[dgrep]") {
  const pattern p = compiled("ERROR");
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random()) % n; };
  for (int round = 0; round != 60; ++round) {
    fixture f(p);
    f.threads = 1 + below(4);
    f.j.buffered = 1 + below(40);
    f.j.what.block = 1 + below(round % 2 != 0 ? 4000 : 100);
    std::vector<std::tuple<instant, std::size_t, std::string, std::uint64_t, shown>> expected;
    const unsigned hosts = 1 + below(4);
    for (unsigned h = 0; h != hosts; ++h) {
      const std::string host = "host" + std::to_string(h);
      f.host(host);
      const unsigned files = below(4);
      for (unsigned k = 0; k != files; ++k) {
        const std::string name = std::to_string(k) + ".log";
        std::string content;
        instant clock = noon + static_cast<instant>(below(2000)) * a_millisecond, greatest = before_all;
        const unsigned lines = below(200);
        for (unsigned n = 1; n <= lines; ++n) {
          std::string text = below(3) == 0 ? "ERROR " : "fine ";
          text += std::to_string(n);
          if (n == 1 || below(4) != 0) {
            clock += static_cast<instant>(below(30)) * a_millisecond;
            const instant t = clock - static_cast<instant>(below(10) == 0 ? below(50) : 0) * a_millisecond;
            greatest = std::max(greatest, t);
            text = stamp(t) + " " + text;
          } else {
            text = "  at " + text;
          }
          content += text;
          if (n != lines || below(2) == 0) content += '\n';
          if (text.find("ERROR") != std::string::npos) {
            expected.push_back({greatest, h, name, n, {host, name, n, text, true}});
          }
        }
        f.folder.write(host + "/" + name, content);
      }
    }
    std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) {
      return std::tie(std::get<0>(a), std::get<1>(a), std::get<2>(a), std::get<3>(a)) <
             std::tie(std::get<0>(b), std::get<1>(b), std::get<2>(b), std::get<3>(b));
    });
    std::vector<shown> sorted;
    for (auto& e : expected) sorted.push_back(std::get<4>(e));
    f.run();
    REQUIRE(f.lines == sorted);
  }
}

TEST_CASE("context stays with its line", "[dgrep]") {
  const pattern p = compiled("HIT");
  for (const std::size_t block : {1u, 7u, 60u, 5000u}) {
    fixture f(p);
    f.j.what.block = block;
    f.j.what.before = f.j.what.after = 1;
    f.host("a");
    f.host("b");
    std::string text;
    for (int i = 1; i <= 9; ++i) {
      text += stamp(noon + i * a_second) + (i == 3 || i == 4 || i == 8 ? " HIT\n" : " -\n");
    }
    f.folder.write("a/log", text);
    f.folder.write("b/log", stamp(noon + 2500 * a_millisecond) + " HIT b\n");
    f.run();
    std::vector<std::pair<std::string, std::uint64_t>> order;
    for (const shown& l : f.lines) order.push_back({l.host, l.number});
    using pair = std::pair<std::string, std::uint64_t>;
    CHECK(order == std::vector<pair>{{"b", 1}, {"a", 2}, {"a", 3}, {"a", 4}, {"a", 5}, {"a", 7}, {"a", 8}, {"a", 9}});
    REQUIRE(f.lines.size() == 8);
    CHECK_FALSE(f.lines[1].matches);
    CHECK(f.lines[2].matches);
  }
}

TEST_CASE("since and until are of the event, and included", "[dgrep]") {
  const pattern p = compiled("");
  fixture f(p);
  f.host("a");
  f.folder.write("a/log", stamp(noon) + " 1\n" + stamp(noon + a_second) + " 2\n  of 2\n" + stamp(noon + 2 * a_second) +
                              " 3\n  of 3\n" + stamp(noon + 3 * a_second) + " 4\n");
  f.j.what.since = noon + a_second;
  f.j.what.until = noon + 2 * a_second;
  f.run();
  std::vector<std::uint64_t> numbers;
  for (const shown& l : f.lines) numbers.push_back(l.number);
  CHECK(numbers == std::vector<std::uint64_t>{2, 3, 4, 5});
}

TEST_CASE("a time in the future does not hold back the others", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.j.what.now = noon + a_second;
  f.host("a");
  f.host("b");
  f.folder.write("a/log", stamp(noon) + " x1\n2096-01-01T00:00:00Z x2\n" + stamp(noon + 2 * a_second) + " x3\n");
  f.folder.write("b/log", stamp(noon + a_second) + " x4\n");
  f.run();
  std::vector<std::string> texts;
  for (const shown& l : f.lines) texts.push_back(l.text.substr(l.text.size() - 2));
  CHECK(texts == std::vector<std::string>{"x1", "x2", "x4", "x3"});
}

TEST_CASE("what is shuffled within a file by no more than --reorder is sorted", "[dgrep]") {
  const pattern p = compiled("x");
  std::mt19937 random(3);
  for (const std::size_t block : {50u, 700u, 100000u}) {
    fixture f(p);
    f.j.what.reorder = 2 * a_second;
    f.j.what.block = block;
    f.host("a");
    std::string text;
    instant clock = noon;
    for (int i = 0; i != 500; ++i) {
      clock += static_cast<instant>(random() % 300) * a_millisecond;
      text += stamp(clock - static_cast<instant>(random() % 1900) * a_millisecond) + " x" + std::to_string(i) + "\n";
    }
    f.folder.write("a/log", text);
    f.run();
    REQUIRE(f.lines.size() == 500);
    CHECK(std::is_sorted(f.lines.begin(), f.lines.end(), [](const shown& l, const shown& r) {
      return std::pair(l.text.substr(0, 24), l.number) < std::pair(r.text.substr(0, 24), r.number);
    }));
  }
}

TEST_CASE("enough is enough: the others are stopped", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.enough = 3;
  f.j.what.block = 100;
  f.host("a");
  f.host("b");
  std::string text;
  for (int i = 0; i != 10'000; ++i) text += stamp(noon + i * a_second) + " x\n";
  f.folder.write("a/log", text);
  f.folder.write("b/log", text);
  f.run();
  CHECK(f.lines.size() == 3);
}

TEST_CASE("what cannot be searched is named, and the rest is searched", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.host("good");
  f.host("gone");
  f.host("odd");
  f.folder.write("good/log", stamp(noon) + " x\n");
  std::filesystem::remove(f.folder.at("gone"));
  std::filesystem::create_symlink("nowhere", f.folder.at("odd/broken"));
  f.folder.write("odd/packed", std::string("\x1f\x8b\x08\x00 this is no gzip file", 25));
  f.run([](const search& s) {
    CHECK(s.refused(0).empty());
    REQUIRE(s.refused(1).size() == 1);
    CHECK_THAT(s.refused(1)[0], Catch::Matchers::Contains("o such"));
    REQUIRE(find(s, "broken") != nullptr);
    CHECK(find(s, "broken")->ended() == progress::failed);
    CHECK_FALSE(find(s, "broken")->why.empty());
    CHECK(find(s, "packed")->ended() == progress::failed);
    CHECK(find(s, "log")->ended() == progress::complete);
  });
  CHECK(std::any_of(f.lines.begin(), f.lines.end(), [](const shown& l) { return l.host == "good"; }));
}

TEST_CASE("a file that vanishes after it was listed is named", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.host("a");
  f.folder.write("a/1.log", stamp(noon) + " x\n");
  f.folder.write("a/2.log", stamp(noon) + " x\n");
  f.j.open = [&](const std::string& path) {
    if (path.ends_with("2.log")) std::filesystem::remove(path);
    return source::open(path);
  };
  f.run([](const search& s) {
    CHECK(find(s, "1.log")->ended() == progress::complete);
    CHECK(find(s, "2.log")->ended() == progress::failed);
  });
  CHECK(f.lines.size() == 1);
}

// A clock that a test moves, and files that hang until it lets them go.
struct hands {
  std::atomic<std::int64_t> time{0};
  std::atomic<bool> hanging{false};
  std::latch let_go{1};

  explicit hands(job& j) {
    j.elapsed = [this] { return std::chrono::nanoseconds(time.load()); };
    j.open = [this](const std::string& path) {
      if (path.find("stuck") != std::string::npos) {
        hanging = true;
        let_go.wait();
      }
      return source::open(path);
    };
  }
};

TEST_CASE("one that never ends does not keep the deadline from showing the others' lines", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  hands by_hand(f.j);
  f.j.timeout = 1h;
  f.host("a");
  f.host("stuck");
  f.folder.write("a/log", stamp(noon - a_second) + " x0\n" + stamp(noon + a_second) + " x1\n" +
                              stamp(noon + 2 * a_second) + " x2\n");
  f.folder.write("stuck/log", stamp(noon) + " x3\n");
  // What comes before the line that nobody can read is final, and shown before the time is up.
  std::atomic<bool> is_one_shown{false};
  f.shows = [&](std::size_t) { is_one_shown = true; };
  f.meanwhile = [&] {
    if (is_one_shown && by_hand.hanging) by_hand.time = std::chrono::nanoseconds(1h).count();
  };
  f.run([&](const search& s) {
    CHECK(s.is_stuck());
    CHECK(s.files()[0]->ended() == progress::complete);
    CHECK(s.files()[1]->ended() == progress::timed_out);
    CHECK(f.lines.size() == 3);
    by_hand.let_go.count_down();  // so that the pool can be joined
    CHECK_FALSE(s.is_stuck());
  });
}

TEST_CASE("a host that hangs is given up, and another thread searches in the place of its", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  hands by_hand(f.j);
  f.threads = 1;
  f.j.host_timeout = 1min;
  f.host("stuck");
  f.host("a");
  f.folder.write("stuck/1", stamp(noon) + " x\n");
  f.folder.write("stuck/2", stamp(noon) + " x\n");
  f.folder.write("a/log", stamp(noon + a_second) + " x1\n" + stamp(noon + 2 * a_second) + " x2\n");
  f.meanwhile = [&] {
    if (by_hand.hanging) by_hand.time = std::chrono::nanoseconds(1h).count();
  };
  SECTION("when lines are shown") {
    f.run([&](const search& s) {
      CHECK(s.is_stuck());
      CHECK(find(s, "1")->ended() == progress::timed_out);
      CHECK(find(s, "2")->ended() == progress::timed_out);
      CHECK(find(s, "log")->ended() == progress::complete);
      by_hand.let_go.count_down();
    });
    CHECK(f.lines.size() == 2);
  }
  SECTION("when they are counted") {
    f.counts = true;
    f.j.what.only_count = true;
    f.run([&](const search& s) {
      CHECK(find(s, "1")->ended() == progress::timed_out);
      CHECK(find(s, "log")->ended() == progress::complete);
      CHECK(find(s, "log")->found.matches == 2);
      by_hand.let_go.count_down();
    });
  }
}

TEST_CASE("a stop request does not wait for one that hangs", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  hands by_hand(f.j);
  f.host("stuck");
  f.folder.write("stuck/log", stamp(noon) + " x\n");
  f.meanwhile = [&] {
    if (by_hand.hanging) f.stop.request_stop();
  };
  SECTION("when lines are shown") {
    f.run([&](const search& s) {
      CHECK(find(s, "log")->ended() == progress::stopped);
      by_hand.let_go.count_down();
    });
  }
  SECTION("when they are counted") {
    f.counts = true;
    f.j.what.only_count = true;
    f.run([&](const search& s) {
      CHECK(find(s, "log")->ended() == progress::stopped);
      by_hand.let_go.count_down();
    });
  }
  CHECK(f.lines.empty());
}

TEST_CASE("a file that is rotated after it was listed is searched under its new name", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.host("a");
  f.folder.write("a/log", stamp(noon) + " x old\n");
  f.j.open = [&](const std::string& path) {
    const std::string name = f.folder.at("a/log");
    if (path == name && !std::filesystem::exists(name + ".1")) {
      std::filesystem::rename(name, name + ".1");
      f.folder.write("a/log", stamp(noon) + " x new\n");
    }
    return source::open(path);
  };
  f.run([](const search& s) { CHECK(find(s, "log")->ended() == progress::complete); });
  REQUIRE(f.lines.size() == 1);
  CHECK(f.lines[0].text.ends_with("x old"));
}

TEST_CASE("a file that is replaced after it was listed is named", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  bool is_replaced = false;
  f.host("a");
  f.folder.write("a/log", stamp(noon) + " x old\n");
  f.j.open = [&](const std::string& path) {
    if (!std::exchange(is_replaced, true)) {
      f.folder.write("a/new", stamp(noon) + " x new\n");
      std::filesystem::rename(f.folder.at("a/new"), f.folder.at("a/log"));
    }
    return source::open(path);
  };
  f.run([](const search& s) {
    CHECK(find(s, "log")->ended() == progress::failed);
    CHECK_THAT(find(s, "log")->why, Catch::Matchers::Contains("replaced"));
  });
  CHECK(f.lines.empty());
}

TEST_CASE("a file that is cut while it is read is named, and what came before is shown", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.j.what.block = 4096;
  f.j.buffered = 16;
  f.host("a");
  std::string text;
  for (int i = 0; i != 5000; ++i) text += stamp(noon + i * a_second) + " x\n";
  f.folder.write("a/log", text);
  f.shows = [&](std::size_t n) {
    if (n == 1) std::filesystem::resize_file(f.folder.at("a/log"), 10);
  };
  f.run([](const search& s) {
    CHECK(find(s, "log")->ended() == progress::failed);
    CHECK_THAT(find(s, "log")->why, Catch::Matchers::Contains("shorter"));
  });
  CHECK_FALSE(f.lines.empty());
  CHECK(f.lines.size() < 5000);
}

TEST_CASE("a file that is cut after it was listed is named, and what is left of it is searched", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.host("a");
  const std::string line = stamp(noon) + " x\n";
  f.folder.write("a/log", line + line);
  f.j.open = [&](const std::string& path) {
    std::filesystem::resize_file(path, line.size());
    return source::open(path);
  };
  f.run([](const search& s) {
    CHECK(find(s, "log")->ended() == progress::failed);
    CHECK_THAT(find(s, "log")->why, Catch::Matchers::Contains("cut"));
  });
  CHECK(f.lines.size() == 1);
}

TEST_CASE("what is written to is not searched", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.host("a");
  f.folder.write("a/log", stamp(noon) + " x\n");
  f.folder.write("a/out", stamp(noon) + " x\n");
  f.j.output = id_of(f.folder.at("a/out"));
  REQUIRE(f.j.output);
  f.run([](const search& s) {
    CHECK(find(s, "out")->ended() == progress::failed);
    CHECK_THAT(find(s, "out")->why, Catch::Matchers::Contains("output"));
  });
  CHECK(f.lines.size() == 1);
}

TEST_CASE("a file that is rotated after it was listed, before it was looked at, is not lost", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.threads = 1;
  f.host("a");
  f.folder.write("a/log", stamp(noon + a_second) + " x A\n");
  f.folder.write("a/log.1", stamp(noon) + " x B\n");
  bool is_rotated = false;
  f.listed = [&] {
    if (std::exchange(is_rotated, true)) return;
    const std::string log = f.folder.at("a/log");
    std::filesystem::rename(log + ".1", log + ".2");
    std::filesystem::rename(log, log + ".1");
    f.folder.write("a/log", stamp(noon) + " x C\n");
  };
  f.run();
  REQUIRE(f.lines.size() == 2);
  CHECK(f.lines[0].text.ends_with("x B"));
  CHECK(f.lines[1].text.ends_with("x A"));
}

TEST_CASE("what may not be read is named", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.host("a");
  f.folder.write("a/log", stamp(noon) + " x\n");
  f.folder.write("a/secret", stamp(noon) + " x\n");
  f.folder.write("a/closed/log", stamp(noon) + " x\n");
  std::filesystem::permissions(f.folder.at("a/secret"), std::filesystem::perms::none);
  std::filesystem::permissions(f.folder.at("a/closed"), std::filesystem::perms::none);
  // Root may read everything: be somebody else for a while.
  std::filesystem::permissions(f.folder.at(""), std::filesystem::perms(0755));
  const bool is_root = geteuid() == 0;
  if (is_root) REQUIRE(seteuid(65534) == 0);
  f.run([&](const search& s) {
    if (is_root) REQUIRE(seteuid(0) == 0);
    std::filesystem::permissions(f.folder.at("a/closed"), std::filesystem::perms(0700));
    REQUIRE(s.refused(0).size() == 1);
    CHECK_THAT(s.refused(0)[0], Catch::Matchers::Contains("closed: Permission denied"));
    CHECK(find(s, "secret")->ended() == progress::failed);
    CHECK_THAT(find(s, "secret")->why, Catch::Matchers::Contains("Permission denied"));
    CHECK(find(s, "log")->ended() == progress::complete);
  });
  CHECK(f.lines.size() == 1);
}

TEST_CASE("a stop request ends every search within a block", "[dgrep]") {
  const pattern p = compiled("x");
  fixture f(p);
  f.j.what.block = 64;
  f.host("a");
  std::string text;
  for (int i = 0; i != 20'000; ++i) text += stamp(noon + i * a_second) + " x\n";
  f.folder.write("a/log", text);
  f.threads = 1;
  pool threads(1);
  search s(f.j, threads, f.stop.get_token(), [](const search&) {});
  s.list();
  std::size_t n = 0, after = 0;
  s.merge([&](const file&, line&&) {
    if (n > 100) ++after;
    if (++n == 100) f.stop.request_stop();
    return true;
  });
  CHECK(n == 100);
  CHECK(after == 0);
  CHECK(find(s, "log")->ended() == progress::stopped);
  CHECK(find(s, "log")->found.bytes < text.size() / 10);
}

TEST_CASE("counting needs no lines, and honours -m, -v and the times", "[dgrep]") {
  const pattern p = compiled("x");
  temporary_folder folder;
  std::string text;
  for (int i = 0; i != 1000; ++i) text += stamp(noon + i * a_second) + (i % 10 == 0 ? " x\n" : " y\n");
  folder.write("a/log", text);
  const auto count = [&](auto&& change) {
    job j;
    j.what.pattern = &p;
    j.what.only_count = true;
    j.what.by_time = false;
    j.what.block = 777;
    j.hosts.push_back({"a", folder.at("a")});
    change(j.what);
    pool threads(2);
    fanout::inplace_stop_source stop;
    search s(j, threads, stop.get_token(), [](const search&) {});
    s.list();
    std::uint64_t n = 0;
    s.count([&](const file& f) {
      n += f.found.matches;
      return true;
    });
    return n;
  };
  CHECK(count([](query&) {}) == 100);
  CHECK(count([](query& q) { q.invert = true; }) == 900);
  CHECK(count([](query& q) { q.most = 7; }) == 7);
  CHECK(count([](query& q) { q.since = noon + 990 * a_second; }) == 1);
  CHECK(count([](query& q) {
          q.until = noon + 9 * a_second;
          q.invert = true;
        }) == 9);
}

TEST_CASE("a line of more than a MiB is searched so far, and counted", "[dgrep]") {
  const pattern p = compiled("x|z");
  fixture f(p);
  f.host("a");
  f.folder.write("a/log", "x1\n" + std::string(longest_line / 2, 'y') + 'x' + std::string(longest_line * 3, 'y') +
                              "z\nx3\n" + std::string(longest_line + 1, 'z'));
  f.run([](const search& s) {
    const file* const log = find(s, "log");
    CHECK(log->found.cut_lines == 2);
    CHECK(log->found.first_cut == 2);
  });
  REQUIRE(f.lines.size() == 4);
  CHECK(f.lines[1].number == 2);
  CHECK(f.lines[1].text.size() == longest_line);
  CHECK(f.lines[2].text == "x3");
  CHECK(f.lines[2].number == 3);
  CHECK(f.lines[3].number == 4);
}
