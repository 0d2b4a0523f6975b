// SPDX-License-Identifier: BSL-1.0
// Counts the atomic read-modify-writes of whole operations while they run: a parent process single-steps a child and
// decodes each instruction. A branch that completes inside start must cost none, any other one, and the seal at most
// one. Linux on x86-64; compiled with -O2 -DNDEBUG.
#include <fanout/fanout.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <utility>

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {
[[gnu::noinline]] void region_begins() { asm volatile("" ::: "memory"); }
[[gnu::noinline]] void region_ends() { asm volatile("nop" ::: "memory"); }
}

namespace {

/// Memory that costs no instruction worth counting, so that malloc's are not counted.
template <class T>
struct arena {
  using value_type = T;
  arena() = default;
  template <class U>
  arena(const arena<U>&) noexcept {}
  T* allocate(std::size_t n) noexcept {
    std::byte* const here = next;
    next += (n * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(here);
  }
  void deallocate(T*, std::size_t) noexcept {}
  friend bool operator==(arena, arena) noexcept { return true; }

  alignas(64) inline static std::byte memory[1 << 16];
  inline static std::byte* next = memory;
};
static_assert(alignof(std::max_align_t) <= 64);

// ---- what is measured: each runs one operation between the two marks and says whether it came out right -------------

template <class T, class Callback = fanout::handler, class Refcount = fanout::refcount::atomic>
auto eight(auto combine, int& seen) {
  const auto completion = [&seen](auto outcome) noexcept { seen = outcome ? static_cast<int>(outcome->size()) : -1; };
  return fanout::embedded<T, 8, decltype(combine), std::remove_const_t<decltype(completion)>, Callback, Refcount>(
      std::move(combine), completion);
}

bool all_inside() {
  int seen = 0;
  auto op = eight<int>(fanout::combine::all, seen);
  region_begins();
  {
    auto issuer = op.issue();
    for (std::size_t i = 0; i != 8; ++i) issuer.start(i, [](auto branch) { branch.set_value(1); });
  }
  region_ends();
  return seen == 8;
}

bool settle_inside() {
  int seen = 0;
  auto op = eight<int>(fanout::combine::settle, seen);
  region_begins();
  {
    auto issuer = op.issue();
    for (std::size_t i = 0; i != 8; ++i) issuer.start(i, [](auto branch) { branch({}, 1); });
  }
  region_ends();
  return seen == 8;
}

bool c_return_value() {
  int seen = 0;
  auto op = eight<int, fanout::errno_callback>(fanout::combine::all, seen);
  region_begins();
  {
    auto issuer = op.issue();
    for (std::size_t i = 0; i != 8; ++i) {
      issuer.start_c(i, [](int* out, auto, void*) {
        *out = 1;
        return 0;
      });
    }
  }
  region_ends();
  return seen == 8;
}

bool c_callback_inside() {
  int seen = 0;
  auto op = eight<int, fanout::errno_callback>(fanout::combine::all, seen);
  region_begins();
  {
    auto issuer = op.issue();
    for (std::size_t i = 0; i != 8; ++i) {
      issuer.start_c(i, [](int* out, auto callback, void* context) {
        *out = 1;
        callback(0, context);
        return -EINPROGRESS;
      });
    }
  }
  region_ends();
  return seen == 8;
}

bool rest_not_issued() {
  int seen = 0;
  auto op = eight<int>(fanout::combine::settle, seen);
  region_begins();
  {
    auto issuer = op.issue();
    for (std::size_t i = 0; i != 3; ++i) issuer.start(i, [](auto branch) { branch.set_value(1); });
  }
  region_ends();
  return seen == 8;
}

bool width_unknown() {
  int seen = 0;
  region_begins();
  {
    auto issuer = fanout::issue<int>(
        fanout::combine::all, [&seen](auto outcome) noexcept { seen = static_cast<int>(outcome->size()); },
        arena<std::byte>());
    for (std::size_t i = 0; i != 100; ++i) issuer.start([](auto branch) { branch.set_value(1); });
  }
  region_ends();
  return seen == 100;
}

bool algorithm() {
  int seen = 0;
  std::array<int, 8> elements{};
  region_begins();
  fanout::all<int>(std::ref(elements), [](int& element, auto branch) { branch.set_value(element); })
      .allocate_with(arena<std::byte>())
      .then([&seen](auto outcome) noexcept { seen = static_cast<int>(outcome->size()); });
  region_ends();
  return seen == 8;
}

// `late` of the eight complete after start has returned.
template <std::size_t Late, bool Sealed>
bool some_later() {
  int seen = 0;
  auto op = eight<int>(fanout::combine::all, seen);
  using branch = typename decltype(op)::issuer::branch;
  std::array<branch, 8> kept;
  region_begins();
  {
    auto issuer = op.issue();
    for (std::size_t i = 0; i != 8; ++i) {
      issuer.start(i, [&](branch b) {
        if (i < Late) {
          kept[i] = std::move(b);
        } else {
          b.set_value(1);
        }
      });
    }
    if constexpr (Sealed) std::move(issuer).seal();
    for (std::size_t i = 0; i != Late; ++i) kept[i].set_value(1);
  }
  region_ends();
  return seen == 8;
}

bool one_thread() {
  int seen = 0;
  auto op = eight<int, fanout::handler, fanout::refcount::local>(fanout::combine::all, seen);
  using branch = typename decltype(op)::issuer::branch;
  std::array<branch, 8> kept;
  region_begins();
  {
    auto issuer = op.issue();
    for (std::size_t i = 0; i != 8; ++i) issuer.start(i, [&](branch b) { kept[i] = std::move(b); });
    for (branch& b : kept) b.set_value(1);
  }
  region_ends();
  return seen == 8;
}

struct measured {
  const char* name;
  bool (*run)();
  int expected;
};

constexpr measured operations[] = {
    {"eight branches inside start", all_inside, 0},
    {"eight branches inside start, settle", settle_inside, 0},
    {"eight C initiators that return 0", c_return_value, 0},
    {"eight C callbacks inside start", c_callback_inside, 0},
    {"three branches inside start, five not issued", rest_not_issued, 0},
    {"a hundred branches inside start, N unknown", width_unknown, 0},
    {"all over eight elements, inside start", algorithm, 0},
    {"eight branches later, refcount::local", one_thread, 0},
    {"eight branches between start and seal", some_later<8, false>, 9},
    {"eight branches after the seal", some_later<8, true>, 9},
    {"four branches inside start, four after the seal", some_later<4, true>, 5},
    {"seven branches inside start, one after the seal", some_later<1, true>, 2},
};

// ---- decoding -------------------------------------------------------------------------------------------------------

/// Whether the instruction locks the bus or fences: a lock prefix, an exchange with memory (which implies one), an
/// mfence.
bool is_atomic(const unsigned char* p) {
  for (bool prefix = true; prefix;) {
    switch (*p) {
      case 0xF0:
        return true;
      case 0x66:
      case 0x67:
      case 0x2E:
      case 0x36:
      case 0x3E:
      case 0x26:
      case 0x64:
      case 0x65:
      case 0xF2:
      case 0xF3:
        ++p;
        break;
      default:
        prefix = false;
    }
  }
  if ((*p & 0xF0) == 0x40) ++p;  // REX
  const bool on_memory = p[1] < 0xC0;
  if (p[0] == 0x86 || p[0] == 0x87) return on_memory;
  return p[0] == 0x0F && p[1] == 0xAE && (p[2] & 0xF8) == 0xF0;
}

constexpr int cannot_trace = 77;

enum class verdict { right, wrong, skipped };

verdict measure(const measured& operation) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(cannot_trace);
    operation.run();  // so that what is done once per thread is done: a first access to thread-local storage
    raise(SIGSTOP);
    _exit(operation.run() ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return verdict::skipped;

  // The child is a fork of this process, so that its instructions lie here too, at the same addresses.
  const auto begin = reinterpret_cast<std::uintptr_t>(&region_begins);
  const auto end = reinterpret_cast<std::uintptr_t>(&region_ends);
  bool inside = false;
  int steps = 0, atomics = 0;
  while (true) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) return verdict::skipped;
    if (registers.rip == end) break;
    if (registers.rip == begin) inside = true;
    if (inside) {
      ++steps;
      atomics += is_atomic(reinterpret_cast<const unsigned char*>(registers.rip));
    }
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) return verdict::skipped;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
      std::printf("%s: ended before its region did\n", operation.name);
      return verdict::wrong;
    }
  }
  ptrace(PTRACE_CONT, child, nullptr, nullptr);
  waitpid(child, &status, 0);
  const bool came_out_right = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const bool ok = inside && came_out_right && atomics == operation.expected;
  std::printf("%-52s %5d instructions, %d atomic%s%s\n", operation.name, steps, atomics, ok ? "" : ": WRONG",
              came_out_right ? "" : ", and its outcome is wrong");
  if (atomics != operation.expected) std::printf("  expected: %d\n", operation.expected);
  return ok ? verdict::right : verdict::wrong;
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  bool all_right = true;
  for (const measured& operation : operations) {
    switch (measure(operation)) {
      case verdict::right:
        break;
      case verdict::wrong:
        all_right = false;
        break;
      case verdict::skipped:
        std::puts("SKIPPED: this process may not trace its children");
        return all_right ? 0 : 1;
    }
  }
  return all_right ? 0 : 1;
}
