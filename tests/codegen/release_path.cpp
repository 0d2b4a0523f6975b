// SPDX-License-Identifier: BSL-1.0
// The path that every branch takes, as functions that a disassembly names. Compiled with -O2 -DNDEBUG and looked at by
// run.cmake; never run.
#include <fanout/fanout.hpp>

#include <cstddef>
#include <utility>

struct completion {
  template <class Outcome>
  void operator()(Outcome&& outcome) const noexcept {
    *seen = outcome ? static_cast<int>(outcome->size()) : -1;
  }
  int* seen;
};

using issuer = decltype(fanout::issue<int, fanout::errno_callback>(0, fanout::combine::all, completion{nullptr}));
using branch = issuer::branch;
using open_issuer = decltype(fanout::issue<int>(fanout::combine::all, completion{nullptr}));

extern "C" {

issuer* release_path_make(std::size_t n, int* seen) {
  return new issuer(fanout::issue<int, fanout::errno_callback>(n, fanout::combine::all, completion{seen}));
}

// Emits the C callback: fanout::errno_callback::function.
void release_path_c_door(branch& b, void (**callback)(int, void*), void** context) {
  const auto door = b.release();
  *callback = door.callback;
  *context = door.context;
}

void release_path_set_value(branch& b, int value) { b.set_value(value); }
void release_path_handler(branch& b, int error, int value) { b(error, value); }
void release_path_seal(issuer& i) { std::move(i).seal(); }
void release_path_seal_open(open_issuer& i) { std::move(i).seal(); }
}
