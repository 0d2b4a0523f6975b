// SPDX-License-Identifier: BSL-1.0
// Plays inputs without libFuzzer:
//
//   fuzz replay <folder>     every file in it is an input
//   fuzz random <n> [seed]   n inputs of a pseudo-random generator
//   fuzz show <input>        one, in hexadecimal as a discrepancy names it, or a file; says every step as it is taken
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "session.hpp"

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}
bool read_hexadecimal(const char* text, std::vector<std::uint8_t>& input) {
  for (input.clear(); *text != 0; text += 2) {
    const int high = digit(text[0]), low = digit(text[1]);
    if (high < 0 || low < 0) return false;
    input.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return true;
}
bool read_file(const std::filesystem::path& path, std::vector<std::uint8_t>& input) {
  std::ifstream file(path, std::ios::binary);
  input.assign(std::istreambuf_iterator<char>(file), {});
  return file.is_open();
}

int replay(const char* folder) {
  std::vector<std::uint8_t> input;
  int played = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!read_file(entry.path(), input)) {
      std::fprintf(stderr, "cannot be read: %s\n", entry.path().c_str());
      return 1;
    }
    fuzz::play(input.data(), input.size());
    ++played;
  }
  std::printf("%d inputs\n", played);
  return played != 0 ? 0 : 1;
}

int random(long rounds, std::uint64_t seed) {
  std::mt19937_64 next(seed);
  std::vector<std::uint8_t> input;
  for (long i = 0; i != rounds; ++i) {
    input.resize(12 + next() % 40);
    for (std::uint8_t& b : input) b = static_cast<std::uint8_t>(next());
    fuzz::play(input.data(), input.size());
  }
  std::printf("%ld inputs\n", rounds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "replay") == 0) return replay(argv[2]);
  if (argc >= 3 && std::strcmp(argv[1], "random") == 0) {
    return random(std::atol(argv[2]), argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  }
  std::vector<std::uint8_t> input;
  if (argc == 3 && std::strcmp(argv[1], "show") == 0 &&
      (read_file(argv[2], input) || read_hexadecimal(argv[2], input))) {
    fuzz::says_all = true;
    fuzz::play(input.data(), input.size());
    return 0;
  }
  std::fprintf(stderr, "fuzz replay <folder> | random <n> [seed] | show <input>\n");
  return 2;
}
