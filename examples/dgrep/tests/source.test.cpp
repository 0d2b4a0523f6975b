// SPDX-License-Identifier: BSL-1.0
#include "../source.hpp"

#include <bzlib.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "catch.hpp"

using namespace std::string_literals;
using dgrep::source;
using dgrep::trouble;

namespace {

/// A folder of its own for each test, gone with it.
class folder {
 public:
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "dgrep.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream out(path_ / name, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

source opened(const std::string& path) {
  auto made = source::open(path);
  if (const auto* t = std::get_if<trouble>(&made)) FAIL("not opened: " << t->text);
  return std::get<source>(std::move(made));
}

std::string refusal(const std::string& path) {
  auto made = source::open(path);
  const auto* const t = std::get_if<trouble>(&made);
  return t != nullptr ? t->text : "opened";
}

struct content {
  std::string bytes{};
  std::string wrong{};
};

content all_of(source& s, std::size_t at_once) {
  content c;
  std::string buffer(at_once, '\0');
  for (;;) {
    std::size_t got = at_once + 1;
    const auto r = s.read(buffer.data(), at_once, &got);
    if (got > at_once) FAIL("says that it has read more than there is room for");
    c.bytes.append(buffer, 0, got);
    if (const auto* t = std::get_if<trouble>(&r)) {
      c.wrong = t->text;
      const auto again = s.read(buffer.data(), at_once, &got);
      if (got != 0 || !std::holds_alternative<trouble>(again)) FAIL("goes on after trouble");
      return c;
    }
    if (got != at_once) return c;
  }
}

content read(const std::string& path, std::size_t at_once = 1000) {
  source s = opened(path);
  return all_of(s, at_once);
}

std::string gzip(std::string_view bytes) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, bytes.size()), '\0');
  std::string in(bytes);
  z.next_in = static_cast<Bytef*>(static_cast<void*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = static_cast<Bytef*>(static_cast<void*>(out.data()));
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string bzip2(std::string_view bytes) {
  std::string in(bytes);
  auto size = static_cast<unsigned int>(bytes.size() + bytes.size() / 100 + 600);
  std::string out(size, '\0');
  REQUIRE(BZ2_bzBuffToBuffCompress(out.data(), &size, in.data(), static_cast<unsigned int>(in.size()), 1, 0, 0) ==
          BZ_OK);
  out.resize(size);
  return out;
}

std::string zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_CCtx* const z = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
  const std::size_t size = ZSTD_compress2(z, out.data(), out.size(), bytes.data(), bytes.size());
  ZSTD_freeCCtx(z);
  REQUIRE(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

struct packer {
  const char* name;
  std::string (*pack)(std::string_view);
};
const packer packers[] = {{"gz", gzip}, {"bz2", bzip2}, {"zst", zstd}};

std::string some_log(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string text;
  while (text.size() < size)
    text +=
        "2026-01-01 12:00:" + std::to_string(random() % 60) + " INFO request " + std::to_string(random()) + " done\n";
  text.resize(size);
  return text;
}

}  // namespace

TEST_CASE("a file is read as it is, in parts of any size", "[dgrep][source]") {
  const folder f;
  for (const std::size_t size : {0U, 1U, 2U, 3U, 999U, 1000U, 1001U, 300'000U}) {
    const std::string text = some_log(size);
    const std::string path = f.write("plain", text);
    for (const std::size_t at_once : {1U, 7U, 1000U, 1'000'000U}) {
      if (size > 10'000 && at_once < 100) continue;
      const content c = read(path, at_once);
      CHECK(c.bytes == text);
      CHECK(c.wrong.empty());
    }
  }
}

TEST_CASE("what is packed is unpacked, whatever the file is called", "[dgrep][source]") {
  const folder f;
  for (const packer& p : packers) {
    for (const std::size_t size : {0U, 1U, 1000U, 65536U, 3'000'000U}) {
      const std::string text = some_log(size), packed = p.pack(text);
      const std::string path = f.write("log.txt", packed);
      for (const std::size_t at_once : {1U, 1000U, 1U << 19, 1U << 23}) {
        if (size > 10'000 && at_once < 100) continue;
        INFO(p.name << " " << size << " " << at_once);
        source s = opened(path);
        const content c = all_of(s, at_once);
        CHECK(c.bytes == text);
        CHECK(c.wrong.empty());
        CHECK(s.consumed() == packed.size());
        CHECK(s.about().size == packed.size());
      }
    }
  }
}

TEST_CASE("members that follow one another are one text", "[dgrep][source]") {
  const folder f;
  for (const packer& p : packers) {
    INFO(p.name);
    std::string packed, text;
    for (const std::size_t size : {0U, 1U, 70'000U, 0U, 0U, 5U, 300'000U, 1U, 0U}) {
      packed += p.pack(some_log(size));
      text += some_log(size);
    }
    content c = read(f.write("members", packed));
    CHECK(c.bytes == text);
    CHECK(c.wrong.empty());

    c = read(f.write("zeros", packed + std::string(100'000, '\0')));
    CHECK(c.bytes == text);
    CHECK(c.wrong.empty());

    for (const std::string& garbage : {"x"s, "\x1f"s, "garbage, and a lot of it"s, "\0\0x"s, "\0"s + p.pack("x"), "BZ"s,
                                       std::string(70'000, '\0') + "x"}) {
      c = read(f.write("garbage", packed + garbage));
      CHECK(c.bytes == text);
      CHECK(c.wrong.find("something else behind") != c.wrong.npos);
    }
  }
  SECTION("wherever one ends and the next begins") {
    for (const packer& p : packers) {
      INFO(p.name);
      const std::string one = p.pack("x\n");
      std::string packed, text;
      while (packed.size() < 800'000) {
        packed += one;
        text += "x\n";
      }
      const content c = read(f.write("members", packed), 100'000);
      CHECK(c.bytes.size() == text.size());
      CHECK(c.bytes == text);
      CHECK(c.wrong.empty());
    }
  }
  SECTION("of one format") {
    const content c = read(f.write("two", gzip("one\n") + zstd("two\n")));
    CHECK(c.bytes == "one\n");
    CHECK(!c.wrong.empty());
  }
}

TEST_CASE("a packed file that ends early is trouble, and what is before that is there", "[dgrep][source]") {
  const folder f;
  for (const packer& p : packers) {
    const std::string text = some_log(500), packed = p.pack(text);
    for (std::size_t size = 4; size != packed.size(); ++size) {
      const content c = read(f.write("cut", packed.substr(0, size)), 64);
      INFO(p.name << " " << size << " of " << packed.size() << ": " << c.wrong);
      CHECK(c.wrong == "ends early: the last part of its packed data is missing");
      CHECK(text.substr(0, c.bytes.size()) == c.bytes);
    }
    const std::string twice = packed + packed;
    for (std::size_t size = packed.size() + 1; size != twice.size(); ++size) {
      const content c = read(f.write("cut", twice.substr(0, size)));
      INFO(p.name << " " << size << " of " << twice.size() << ": " << c.wrong);
      CHECK(!c.wrong.empty());
      CHECK(c.bytes.size() >= text.size());
      CHECK((text + text).substr(0, c.bytes.size()) == c.bytes);
    }
    // Of a large one, most is there.
    const std::string large = some_log(3'000'000), packed_large = p.pack(large);
    const content c = read(f.write("cut", packed_large.substr(0, packed_large.size() / 2)), 1 << 20);
    CHECK(c.bytes.size() > 700'000);
    CHECK(large.substr(0, c.bytes.size()) == c.bytes);
    CHECK(c.wrong.find("ends early") != c.wrong.npos);
  }
}

TEST_CASE("damage in a packed file is trouble", "[dgrep][source]") {
  const folder f;
  for (const packer& p : packers) {
    const std::string text = some_log(600), packed = p.pack(text);
    std::size_t unseen = 0;
    for (std::size_t at = 0; at != packed.size(); ++at) {
      std::string damaged = packed;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      const content c = read(f.write("damaged", damaged));
      INFO(p.name << " " << at << " of " << packed.size() << ": " << c.wrong);
      if (c.wrong.empty() && c.bytes != damaged) {
        // In gzip's header there is what does not matter: a time, the system, the level.
        CHECK(c.bytes == text);
        ++unseen;
      }
    }
    CHECK(unseen <= 8);
  }
}

TEST_CASE("texts that begin like something packed are texts", "[dgrep][source]") {
  const folder f;
  for (const std::string& text : {"BZh"s, "BZh9"s + "1 is a line\n", "BZhello\n"s, "\x1f"s, "\x1f\x8b\x07 text"s,
                                  "\x28\xb5\x2f"s, "PK\x03\x04"s, "P*M\n"s, "B"s, "\0\0\0"s}) {
    const content c = read(f.write("text", text));
    CHECK(c.bytes == text);
    CHECK(c.wrong.empty());
  }
}

TEST_CASE("a zstd file may have frames to be skipped, but no window without bounds", "[dgrep][source]") {
  const folder f;
  const std::string skipped = "\x50\x2a\x4d\x18\x03\x00\x00\x00"s + "abc";
  content c = read(f.write("skipped", skipped + zstd("one\n") + skipped + zstd("two\n")));
  CHECK(c.bytes == "one\ntwo\n");
  CHECK(c.wrong.empty());

  // A header that asks for a window of 2 GiB.
  c = read(f.write("window", "\x28\xb5\x2f\xfd\x00\xa8"s + std::string(100, '\0')));
  CHECK(c.bytes.empty());
  CHECK(c.wrong.find("128 MiB") != c.wrong.npos);
}

TEST_CASE("what is no file is named as such, and not waited for", "[dgrep][source]") {
  const folder f;
  CHECK(refusal(f.path("missing")) == "cannot be opened: No such file or directory");
  CHECK(refusal("") == "cannot be opened: No such file or directory");
  CHECK(refusal(f.path("")) == "is a folder");
  CHECK(refusal("/dev/null") == "is a device, not a file");

  REQUIRE(::mkfifo(f.path("pipe").c_str(), 0600) == 0);
  CHECK(refusal(f.path("pipe")) == "is a named pipe, not a file");

  REQUIRE(::symlink("nowhere", f.path("broken").c_str()) == 0);
  CHECK(refusal(f.path("broken")) == "is a link to nothing");
  REQUIRE(::symlink("loop", f.path("loop").c_str()) == 0);
  CHECK(refusal(f.path("loop")) == "is a link that leads back to itself");
  f.write("file", "text\n");
  REQUIRE(::symlink("file", f.path("link").c_str()) == 0);
  CHECK(read(f.path("link")).bytes == "text\n");
  CHECK(refusal(f.path("file") + "/x") == "cannot be opened: Not a directory");
  CHECK(refusal(f.path("file") + "\0x"s) == "cannot be opened: its name has a NUL in it");

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = f.path("socket");
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(server, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address) == 0);
  CHECK(refusal(path) == "is a socket, not a file");
  ::close(server);

  if (::geteuid() == 0) {
    WARN("skipped: nothing is denied to root");
  } else {
    REQUIRE(::chmod(f.path("file").c_str(), 0) == 0);
    CHECK(refusal(f.path("file")) == "cannot be opened: Permission denied");
  }
}

TEST_CASE("a file that is cut while it is read is trouble", "[dgrep][source]") {
  const folder f;
  const std::string text = some_log(2'000'000);
  std::string buffer(500'000, '\0');
  std::size_t got = 0;
  SECTION("plain") {
    const std::string path = f.write("log", text);
    source s = opened(path);
    CHECK(std::holds_alternative<std::monostate>(s.read(buffer.data(), buffer.size(), &got)));
    CHECK(got == buffer.size());
    REQUIRE(::truncate(path.c_str(), 0) == 0);
    const auto r = s.read(buffer.data(), buffer.size(), &got);
    CHECK(got == 0);
    REQUIRE(std::holds_alternative<trouble>(r));
    CHECK(std::get<trouble>(r).text.find("shorter") != std::string::npos);
  }
  SECTION("packed") {
    for (const packer& p : packers) {
      const std::string path = f.write("log", p.pack(text));
      source s = opened(path);
      CHECK(std::holds_alternative<std::monostate>(s.read(buffer.data(), buffer.size(), &got)));
      REQUIRE(::truncate(path.c_str(), 1) == 0);
      const content c = all_of(s, 100'000);
      CHECK(c.wrong.find("shorter") != c.wrong.npos);
      CHECK(text.substr(got, c.bytes.size()) == c.bytes);
    }
  }
  SECTION("but it may grow") {
    const std::string path = f.write("log", text);
    source s = opened(path);
    CHECK(std::holds_alternative<std::monostate>(s.read(buffer.data(), buffer.size(), &got)));
    std::ofstream(path, std::ios::app) << "more\n";
    const content c = all_of(s, 100'000);
    CHECK(c.bytes == text.substr(got) + "more\n");
    CHECK(c.wrong.empty());
    CHECK(s.about().size == text.size());
    CHECK(s.consumed() == text.size() + 5);
  }
}

TEST_CASE("facts about a file are those of the file that was opened", "[dgrep][source]") {
  const folder f;
  const std::string path = f.write("log", "text\n");
  const timespec times[] = {{1, 0}, {1'700'000'000, 123'456'789}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  struct stat s;
  REQUIRE(::stat(path.c_str(), &s) == 0);
  source opened_one = opened(path);
  REQUIRE(::rename(path.c_str(), f.path("log.1").c_str()) == 0);
  f.write("log", "another\n");
  const source::facts& known = opened_one.about();
  CHECK(known.id.device == s.st_dev);
  CHECK(known.id.inode == s.st_ino);
  CHECK(known.id == dgrep::id_of(f.path("log.1")));
  CHECK(known.id != dgrep::id_of(path));
  CHECK_FALSE(dgrep::id_of(f.path("nowhere")));
  CHECK(known.size == 5);
  CHECK(known.written_at == 1'700'000'000'123'456'789);
  source moved = std::move(opened_one);
  CHECK(all_of(moved, 100).bytes == "text\n");
}
