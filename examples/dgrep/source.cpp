// SPDX-License-Identifier: BSL-1.0
#include "source.hpp"

#include <bzlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace dgrep {
namespace {

using std::string_view_literals::operator""sv;

enum class format : std::uint8_t { plain, gzip, bzip2, zstd };

constexpr char out_of_memory[] = "has no memory";  // short enough to need none itself

std::string message(int code) { return std::generic_category().message(code); }

bool has(std::string_view bytes, std::string_view expected) noexcept {
  return bytes.substr(0, expected.size()) == expected.substr(0, bytes.size());
}

// What these first bytes, as many as there are, are the begin of. A text may begin with "BZh": more than that is
// looked at.
format format_of(std::string_view first) noexcept {
  if (first.size() >= 2 && has(first, "\x1f\x8b\x08"sv)) return format::gzip;
  if (first.size() >= 4 && has(first, "BZh") && first[3] >= '1' && first[3] <= '9') {
    const std::string_view rest = first.substr(4);  // a block, or the end
    if (has(rest, "\x31\x41\x59\x26\x53\x59"sv) || has(rest, "\x17\x72\x45\x38\x50\x90"sv)) return format::bzip2;
  }
  if (first.size() >= 4 && has(first, "\x28\xb5\x2f\xfd"sv)) return format::zstd;
  // A frame to be skipped, as some packers write first.
  if (first.size() >= 4 && (static_cast<unsigned char>(first[0]) & 0xf0U) == 0x50 &&
      has(first.substr(1), "\x2a\x4d\x18"sv))
    return format::zstd;
  return format::plain;
}
constexpr std::size_t longest_sign = 10;

// What one call of an unpacker has done.
struct step {
  enum class kind : std::uint8_t { more, end_of_member, damaged, too_large, no_memory } is = kind::more;
  std::size_t taken = 0, given = 0;
};

class unpacker {
 public:
  virtual ~unpacker() = default;
  unpacker() = default;
  unpacker(const unpacker&) = delete;
  unpacker& operator=(const unpacker&) = delete;

  /// Begins a member, the first or the next.
  virtual bool begin() noexcept = 0;
  virtual step run(const char* from, std::size_t size, char* to, std::size_t room) noexcept = 0;
};

unsigned int limited(std::size_t n) noexcept {
  return static_cast<unsigned int>(std::min<std::size_t>(n, std::numeric_limits<unsigned int>::max() / 2));
}

class gzip_unpacker final : public unpacker {
 public:
  ~gzip_unpacker() override {
    if (is_made_) inflateEnd(&z_);
  }
  bool begin() noexcept override {
    constexpr int gzip_only = 16;
    if (is_made_) return inflateReset(&z_) == Z_OK;
    return is_made_ = inflateInit2(&z_, MAX_WBITS + gzip_only) == Z_OK;
  }
  step run(const char* from, std::size_t size, char* to, std::size_t room) noexcept override {
    // zlib does not write to what it is given; its C interface lacks the const in places.
    z_.next_in = static_cast<Bytef*>(static_cast<void*>(const_cast<char*>(from)));
    z_.avail_in = limited(size);
    z_.next_out = static_cast<Bytef*>(static_cast<void*>(to));
    z_.avail_out = limited(room);
    const uInt in = z_.avail_in, out = z_.avail_out;
    const int code = inflate(&z_, Z_NO_FLUSH);
    step s;
    s.taken = in - z_.avail_in;
    s.given = out - z_.avail_out;
    if (code == Z_STREAM_END) {
      s.is = step::kind::end_of_member;
    } else if (code == Z_MEM_ERROR) {
      s.is = step::kind::no_memory;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {  // the latter: there was nothing to do
      s.is = step::kind::damaged;
    }
    return s;
  }

 private:
  z_stream z_{};
  bool is_made_ = false;
};

class bzip2_unpacker final : public unpacker {
 public:
  ~bzip2_unpacker() override { end(); }
  bool begin() noexcept override {
    end();
    z_ = bz_stream{};
    return is_made_ = BZ2_bzDecompressInit(&z_, 0, 0) == BZ_OK;
  }
  step run(const char* from, std::size_t size, char* to, std::size_t room) noexcept override {
    z_.next_in = const_cast<char*>(from);  // as with zlib
    z_.avail_in = limited(size);
    z_.next_out = to;
    z_.avail_out = limited(room);
    const unsigned int in = z_.avail_in, out = z_.avail_out;
    const int code = BZ2_bzDecompress(&z_);
    step s;
    s.taken = in - z_.avail_in;
    s.given = out - z_.avail_out;
    if (code == BZ_STREAM_END) {
      s.is = step::kind::end_of_member;
    } else if (code == BZ_MEM_ERROR) {
      s.is = step::kind::no_memory;
    } else if (code != BZ_OK) {
      s.is = step::kind::damaged;
    }
    return s;
  }

 private:
  void end() noexcept {
    if (is_made_) BZ2_bzDecompressEnd(&z_);
    is_made_ = false;
  }
  bz_stream z_{};
  bool is_made_ = false;
};

class zstd_unpacker final : public unpacker {
 public:
  ~zstd_unpacker() override { ZSTD_freeDCtx(z_); }
  bool begin() noexcept override {
    if (z_ == nullptr) {
      z_ = ZSTD_createDCtx();
      return z_ != nullptr && ZSTD_isError(ZSTD_DCtx_setParameter(z_, ZSTD_d_windowLogMax, largest_window)) == 0;
    }
    return ZSTD_isError(ZSTD_DCtx_reset(z_, ZSTD_reset_session_only)) == 0;
  }
  step run(const char* from, std::size_t size, char* to, std::size_t room) noexcept override {
    ZSTD_inBuffer in{from, size, 0};
    ZSTD_outBuffer out{to, room, 0};
    const std::size_t code = ZSTD_decompressStream(z_, &out, &in);
    step s;
    s.taken = in.pos;
    s.given = out.pos;
    if (ZSTD_isError(code) != 0) {
      switch (ZSTD_getErrorCode(code)) {
        case ZSTD_error_frameParameter_windowTooLarge:
          s.is = step::kind::too_large;
          break;
        case ZSTD_error_memory_allocation:
          s.is = step::kind::no_memory;
          break;
        default:
          s.is = step::kind::damaged;
          break;
      }
    } else if (code == 0) {
      s.is = step::kind::end_of_member;
    }
    return s;
  }

 private:
  static constexpr int largest_window = 27;  // 128 MiB: what the zstd program takes unless told otherwise
  ZSTD_DCtx* z_ = nullptr;
};

std::unique_ptr<unpacker> unpacker_for(format f) {
  switch (f) {
    case format::gzip:
      return std::make_unique<gzip_unpacker>();
    case format::bzip2:
      return std::make_unique<bzip2_unpacker>();
    case format::zstd:
      return std::make_unique<zstd_unpacker>();
    case format::plain:
      break;
  }
  return nullptr;
}

const char* other_than_a_file(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "is a folder";
  if (S_ISFIFO(mode)) return "is a named pipe, not a file";
  if (S_ISSOCK(mode)) return "is a socket, not a file";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "is a device, not a file";
  return "is not a file";
}

trouble not_opened(const std::string& path, int code) {
  struct stat link;
  if (code == ENOENT && ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) return {"is a link to nothing"};
  if (code == ELOOP) return {"is a link that leads back to itself"};
  return {"cannot be opened: " + message(code)};
}

std::optional<file_id> id_of(int folder, const char* path, int flags) {
  struct statx s;
  if (::statx(folder, path, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &s) != 0 || !S_ISREG(s.stx_mode)) return {};
  file_id id{makedev(s.stx_dev_major, s.stx_dev_minor), s.stx_ino, 0};
  if ((s.stx_mask & STATX_BTIME) != 0)
    id.made_at = std::int64_t{s.stx_btime.tv_sec} * 1'000'000'000 + s.stx_btime.tv_nsec;
  return id;
}

}  // namespace

std::optional<file_id> id_of(int descriptor) { return id_of(descriptor, "", AT_EMPTY_PATH); }
std::optional<file_id> id_of(const std::string& path) { return id_of(AT_FDCWD, path.c_str(), 0); }

struct source::state {
  using outcome = std::optional<trouble>;

  int file = -1;
  facts known;
  std::uint64_t consumed = 0;
  std::string failed{};  // with what, from when on nothing is read any more; empty: with nothing

  // Packed files only.
  format packed = format::plain;
  std::unique_ptr<unpacker> unpack{};
  bool is_in_member = false;
  bool is_at_end = false;
  bool saw_zeros = false;
  std::size_t begin = 0, end = 0;  // what is left in `input`
  std::unique_ptr<char[]> input{};
  static constexpr std::size_t input_size = std::size_t{1} << 16;

  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() {
    if (file != -1) ::close(file);
  }

  outcome read_some(char* to, std::size_t size, std::size_t* got);
  outcome check_length() const;
  outcome read_plain(char* to, std::size_t size, std::size_t* got);
  outcome read_packed(char* to, std::size_t size, std::size_t* got);
  outcome refill();
  outcome next_member();
};

// As many bytes as there are at once; 0 at the end.
source::state::outcome source::state::read_some(char* to, std::size_t size, std::size_t* got) {
  *got = 0;
  for (;;) {
    const ssize_t n = ::read(file, to, std::min<std::size_t>(size, std::size_t{1} << 30));
    if (n >= 0) {
      *got = static_cast<std::size_t>(n);
      consumed += *got;
      return std::nullopt;
    }
    if (errno != EINTR) return trouble{"cannot be read: " + message(errno)};
  }
}

// At the end of what was read: is it the end of the file, or was the file cut meanwhile?
source::state::outcome source::state::check_length() const {
  struct stat now;
  if (::fstat(file, &now) != 0) return trouble{"cannot be read: " + message(errno)};
  if (static_cast<std::uint64_t>(now.st_size) < consumed)
    return trouble{"is shorter than what was read of it: it was cut meanwhile, and a part may be missing"};
  return std::nullopt;
}

source::state::outcome source::state::read_plain(char* to, std::size_t size, std::size_t* got) {
  while (*got != size) {
    std::size_t n = 0;
    if (outcome o = read_some(to + *got, size - *got, &n)) return o;
    if (n == 0) return check_length();
    *got += n;
  }
  return std::nullopt;
}

// Moves what is left to the front and reads behind it.
source::state::outcome source::state::refill() {
  std::memmove(input.get(), input.get() + begin, end - begin);
  end -= begin;
  begin = 0;
  std::size_t n = 0;
  outcome o = read_some(input.get() + end, input_size - end, &n);
  end += n;
  if (!o && n == 0) {
    is_at_end = true;
    o = check_length();
  }
  return o;
}

// Behind a member: another one, zeros up to the end (a tape's last block), or the end.
source::state::outcome source::state::next_member() {
  for (;;) {
    while (begin != end && input[begin] == '\0') {
      ++begin;
      saw_zeros = true;
    }
    if (end - begin >= longest_sign || is_at_end) break;
    if (outcome o = refill()) return o;
  }
  if (begin == end) return std::nullopt;
  const std::string_view rest(input.get() + begin, std::min(end - begin, longest_sign));
  if (saw_zeros || format_of(rest) != packed)
    return trouble{"has something else behind its packed data, which was not read"};
  is_in_member = true;
  if (!unpack->begin()) return trouble{"cannot be unpacked: " + message(ENOMEM)};
  return std::nullopt;
}

source::state::outcome source::state::read_packed(char* to, std::size_t size, std::size_t* got) {
  while (*got != size) {
    if (!is_in_member) {
      if (outcome o = next_member()) return o;
      if (!is_in_member) return std::nullopt;
    }
    if (begin == end && !is_at_end) {
      if (outcome o = refill()) return o;
    }
    const step s = unpack->run(input.get() + begin, end - begin, to + *got, size - *got);
    begin += s.taken;
    *got += s.given;
    switch (s.is) {
      case step::kind::end_of_member:
        is_in_member = false;
        break;
      case step::kind::more:
        if (s.taken != 0 || s.given != 0) break;
        if (is_at_end && begin == end) return trouble{"ends early: the last part of its packed data is missing"};
        if (begin != end) return trouble{"cannot be unpacked: its packed data is damaged"};
        break;
      case step::kind::damaged:
        return trouble{"cannot be unpacked: its packed data is damaged"};
      case step::kind::too_large:
        return trouble{
            "cannot be unpacked: it was packed with a window of more than 128 MiB; pack it again without --long"};
      case step::kind::no_memory:
        return trouble{"cannot be unpacked: " + message(ENOMEM)};
    }
  }
  return std::nullopt;
}

source::source(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
source::~source() = default;
source::source(source&&) noexcept = default;
source& source::operator=(source&&) noexcept = default;

std::variant<source, trouble> source::open(const std::string& path) try {
  if (path.find('\0') != path.npos) return trouble{"cannot be opened: its name has a NUL in it"};
  // Looked at before it is opened, because to open a device may already do something; and after, because it may be
  // another by then.
  struct stat s;
  if (::stat(path.c_str(), &s) != 0) return not_opened(path, errno);
  if (!S_ISREG(s.st_mode)) return trouble{other_than_a_file(s.st_mode)};
  auto made = std::make_unique<state>();
  do {
    made->file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  } while (made->file == -1 && errno == EINTR);
  if (made->file == -1) return not_opened(path, errno);
  if (::fstat(made->file, &s) != 0) return trouble{"cannot be opened: " + message(errno)};
  if (!S_ISREG(s.st_mode)) return trouble{other_than_a_file(s.st_mode)};
  if (const auto id = id_of(made->file)) made->known.id = *id;
  made->known.size = static_cast<std::uint64_t>(s.st_size);
  made->known.written_at = std::int64_t{s.st_mtim.tv_sec} * 1'000'000'000 + s.st_mtim.tv_nsec;
  static_cast<void>(::posix_fadvise(made->file, 0, 0, POSIX_FADV_SEQUENTIAL));  // advice: it may fail

  std::array<char, longest_sign> first{};
  ssize_t n;
  do {
    n = ::pread(made->file, first.data(), first.size(), 0);
  } while (n == -1 && errno == EINTR);
  if (n == -1) return trouble{"cannot be read: " + message(errno)};
  made->packed = format_of({first.data(), static_cast<std::size_t>(n)});
  if (made->packed != format::plain) {
    made->unpack = unpacker_for(made->packed);
    made->input = std::make_unique_for_overwrite<char[]>(state::input_size);
  }
  return source(std::move(made));
} catch (const std::bad_alloc&) {
  return trouble{out_of_memory};
}

const source::facts& source::about() const noexcept { return state_->known; }
std::uint64_t source::consumed() const noexcept { return state_->consumed; }

std::variant<std::monostate, trouble> source::read(char* to, std::size_t size, std::size_t* got) try {
  *got = 0;
  if (!state_->failed.empty()) return trouble{state_->failed};
  auto o = state_->packed == format::plain ? state_->read_plain(to, size, got) : state_->read_packed(to, size, got);
  if (!o) return std::monostate();
  state_->failed = o->text;
  return *std::move(o);
} catch (const std::bad_alloc&) {  // for a sentence
  state_->failed = out_of_memory;
  return trouble{out_of_memory};
}

}  // namespace dgrep
