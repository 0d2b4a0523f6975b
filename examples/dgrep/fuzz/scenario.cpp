// SPDX-License-Identifier: BSL-1.0
#include "scenario.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <span>

namespace fuzz {
bool says_all = false;
}

namespace scenario {

namespace {
std::span<const std::uint8_t> played;
}

playing::playing(const std::uint8_t* data, std::size_t size) noexcept { played = {data, size}; }
playing::~playing() { played = {}; }

void wrong(const std::string& what) {
  std::fprintf(stderr, "discrepancy: %s\ninput: ", what.c_str());
  for (const std::uint8_t b : played) std::fprintf(stderr, "%02x", b);
  std::fprintf(stderr, "\n");
  std::abort();
}
void say(const std::string& what) {
  if (fuzz::says_all) std::fprintf(stderr, "- %s\n", what.c_str());
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 200;
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') out += c;
    else out += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
  }
  return out + (text.size() > most ? "'... of " + std::to_string(text.size()) : "'");
}
std::string shown(std::optional<dgrep::instant> t) { return t ? dgrep::to_string(*t) : "none"; }
std::string stamp(dgrep::instant t) { return dgrep::to_string(t).substr(0, 23) + "Z"; }

std::string memory_file(std::string_view content, dgrep::instant written_at) {
  static const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (file == -1 || ::ftruncate(file, 0) != 0) wrong("there is no file in memory");
  for (std::size_t at = 0; at != content.size();) {
    const ssize_t n = ::pwrite(file, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (n <= 0) wrong("a file in memory cannot be written");
    at += static_cast<std::size_t>(n);
  }
  const timespec t{written_at / dgrep::a_second, written_at % dgrep::a_second};
  const timespec times[2] = {t, t};
  if (::futimens(file, times) != 0) wrong("a file in memory cannot be given a time");
  return "/proc/self/fd/" + std::to_string(file);
}

std::string packed(std::string_view content) {
  z_stream z{};
  constexpr int gzip = 16;
  if (deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) wrong("zlib");
  std::string out(deflateBound(&z, content.size()) + 32, '\0');
  z.next_in = static_cast<Bytef*>(static_cast<void*>(const_cast<char*>(content.data())));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = static_cast<Bytef*>(static_cast<void*>(out.data()));
  z.avail_out = static_cast<uInt>(out.size());
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) wrong("zlib");
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

}  // namespace scenario
