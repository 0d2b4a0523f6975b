// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_SOURCE_HPP
#define DGREP_SOURCE_HPP

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace dgrep {

/// What went wrong with a file: a sentence without its name, such as "cannot be opened: Permission denied".
struct trouble {
  std::string text;
};

/// What tells a file from any other, also from one that has its inode later.
struct file_id {
  std::uint64_t device = 0, inode = 0;
  std::int64_t made_at = 0;  // ns since the epoch; 0: not known

  auto operator<=>(const file_id&) const = default;
};
/// Of an open file, or of what lies at a path; nothing if there is no saying, or it is no regular file.
std::optional<file_id> id_of(int descriptor);
std::optional<file_id> id_of(const std::string& path);

/// The bytes of a file, unpacked if it is a gzip, bzip2 or zstd file, which its first bytes say and not its name.
/// Members that follow one another are read as one; zeros behind the last are left out, as gzip does. Different
/// sources may be used by different threads at once. Memory: 64 KiB for what is packed, and the window of its format:
/// 32 KiB with gzip, 4 MiB with bzip2, with zstd what the file asks for, as a rule 8 MiB or less, and at most 128
/// MiB.
class source {
 public:
  struct facts {
    file_id id;
    std::uint64_t size = 0;       // as it lies there, packed
    std::int64_t written_at = 0;  // ns since the epoch
  };

  /// Regular files, and what links to them; a broken link, a folder or a device is named as such, and not waited for.
  static std::variant<source, trouble> open(const std::string& path);

  ~source();
  source(source&&) noexcept;
  source& operator=(source&&) noexcept;

  const facts& about() const noexcept;

  /// Fills `to` as far as the file goes: fewer than `size` bytes only at its end. Signals are not mistaken for
  /// errors. Trouble (the packed data is damaged or ends early, an I/O error, the file is shorter than what was read
  /// of it): what came before it is in `to`, and `*got` says how much; from then on there is nothing but this
  /// trouble.
  std::variant<std::monostate, trouble> read(char* to, std::size_t size, std::size_t* got);

  /// Bytes read of the file as it lies there.
  std::uint64_t consumed() const noexcept;

 private:
  struct state;
  explicit source(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

}  // namespace dgrep

#endif
