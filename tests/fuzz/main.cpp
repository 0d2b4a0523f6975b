// SPDX-License-Identifier: BSL-1.0
// Plays inputs without libFuzzer:
//
//   fuzz replay <file>       every line of the file: an input in hexadecimal; what follows `#` is for readers
//   fuzz random <n> [seed]   n inputs of a pseudo-random generator
//   fuzz show <input>        one, and says every step as it is taken
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "session.hpp"

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}
bool read_line(const std::string& line, std::vector<std::uint8_t>& input) {
  input.clear();
  for (std::size_t i = 0; i < line.size() && line[i] != '#' && line[i] != ' '; i += 2) {
    const int high = digit(line[i]), low = i + 1 < line.size() ? digit(line[i + 1]) : -1;
    if (high < 0 || low < 0) return false;
    input.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return true;
}

int replay(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::vector<std::uint8_t> input;
  int played = 0;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (!read_line(line, input)) {
      std::fprintf(stderr, "not hexadecimal: %s\n", line.c_str());
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
  if (argc == 3 && std::strcmp(argv[1], "show") == 0 && read_line(argv[2], input)) {
    fuzz::says_all = true;
    fuzz::play(input.data(), input.size());
    return 0;
  }
  std::fprintf(stderr, "fuzz replay <file> | random <n> [seed] | show <input>\n");
  return 2;
}
