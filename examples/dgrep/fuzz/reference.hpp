// SPDX-License-Identifier: BSL-1.0
#ifndef DGREP_FUZZ_REFERENCE_HPP
#define DGREP_FUZZ_REFERENCE_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "scan.hpp"

/// What is to be found in a file, as docs/dgrep.md says: line by line, slowly.
namespace reference {

using dgrep::instant;

struct line {
  instant key;  // of its match
  bool late;    // so is its match: further behind than --reorder allows
  std::uint64_t number;
  std::string_view text;
  bool matches, cut;
  instant time;
};
struct file {
  std::optional<instant> first;
  std::vector<line> lines;  // in the order of the file
  std::uint64_t matches = 0, cut_lines = 0, first_cut = 0;
};

/// `written_at`: that it was.
file search(const dgrep::query& what, const std::function<bool(std::string_view)>& hits, std::string_view content,
            instant written_at);

}  // namespace reference

#endif
