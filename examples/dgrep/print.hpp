// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_PRINT_HPP
#define DGREP_PRINT_HPP

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pattern.hpp"
#include "run.hpp"

namespace dgrep {

struct print_options {
  bool json = false;
  bool color = false;
  bool has_context = false;                 // groups are set apart by "--"
  std::uint64_t after = 0;                  // lines of context that follow a matching line
  std::uint64_t limit = ~std::uint64_t{0};  // matching lines
  std::optional<std::uint64_t> tail{};      // only so many of the last matching lines
  int descriptor = 1;
};

/// Writes lines as grep does, or as JSON. Keeps what is written back until there is enough of it, or `flush`.
class printer {
 public:
  printer(const print_options& options, const std::vector<host>& hosts, const pattern* highlighted);

  /// False: it needs no more, or nobody reads it any more.
  bool show(const file& of, line&& l);
  /// As -c and -l do.
  void show_count(const file& of);
  void show_name(const file& of);
  /// The last record of --json.
  void show_summary(const search& s, bool complete);

  /// What is going on, on stderr, until the next line is written or there is something else to say.
  void show_status(std::string_view what);
  void clear_status();

  /// False: nobody reads it.
  bool flush();
  /// As much of it as can be written without waiting for whoever reads.
  void flush_some();
  /// Why it could not be written, in a sentence; empty: it could, or nobody reads it any more, which is no mistake.
  std::string trouble() const;
  /// Prints what --tail has kept.
  void finish();

 private:
  struct kept {
    const file* of = nullptr;
    line l{};
    std::string text{};
  };

  void write(const file& of, const line& l);
  void write_prefix(const file& of, std::uint64_t number, char separator);
  void write_colored(std::string_view what, const char* color);
  void write_text(const line& l);
  void write_json(const file& of, const line& l);
  void keep(const file& of, line&& l);
  void wipe_status();
  bool drain();
  bool write_some(std::size_t& done, std::size_t size);

  print_options options_;
  const std::vector<host>* hosts_;
  const pattern* highlighted_;

  std::mutex mutex_;  // the one who waits flushes, too
  std::string out_;
  bool broken_ = false;
  int error_ = 0;
  bool has_status_ = false;
  std::uint64_t shown_ = 0;          // matching lines
  std::deque<kept> tail_;            // groups: a matching line and its context
  std::uint64_t kept_ = 0;           // matching lines among them
  const file* last_file_ = nullptr;  // for "--"
  std::uint64_t last_number_ = 0;
};

}  // namespace dgrep

#endif
