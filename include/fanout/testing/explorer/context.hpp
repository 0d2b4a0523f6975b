// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_CONTEXT_HPP
#define FANOUT_TESTING_EXPLORER_CONTEXT_HPP

#include "fanout/testing/explorer/config.hpp"
#if FANOUT_HAS_EXPLORER

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(FANOUT_EXPLORER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace fanout::testing::explorer::detail {

/// The exceptions that a thread is handling, as the Itanium C++ ABI lays them out: every fiber has its own.
struct exception_state {
  void* caught = nullptr;
  unsigned uncaught = 0;
};

// Declared here because <cxxabi.h> of libc++ does not, and under a name of ours because that of libstdc++ does.
#if defined(__APPLE__)
extern "C" void* fanout_explorer_exception_state() noexcept __asm__("___cxa_get_globals");
#else
extern "C" void* fanout_explorer_exception_state() noexcept __asm__("__cxa_get_globals");
#endif

#if defined(__x86_64__)
/// Saves what the System V ABI makes the callee keep, and continues on another stack. (swapcontext would add a system
/// call for the signal mask to each switch: with it a step costs ten times as much.)
[[gnu::naked, gnu::noinline]] inline void switch_stack([[maybe_unused]] void** from, [[maybe_unused]] void* to) {
  __asm__(
      "pushq %rbp\n\t pushq %rbx\n\t pushq %r12\n\t pushq %r13\n\t pushq %r14\n\t pushq %r15\n\t"
      "movq %rsp, (%rdi)\n\t movq %rsi, %rsp\n\t"
      "popq %r15\n\t popq %r14\n\t popq %r13\n\t popq %r12\n\t popq %rbx\n\t popq %rbp\n\t ret");
}
#endif

/// A stack, and the place on it where its fiber stopped. One that was never prepared stands for the caller's own stack.
class context {
 public:
  using entry_point = void (*)();

  /// Drops whatever was on the stack: the next switch to this context calls `entry`, which must never return.
  void prepare(std::size_t stack_size, entry_point entry) {
    if (!stack_) {
      size_ = stack_size & ~std::size_t{15};
      stack_ = std::make_unique_for_overwrite<std::byte[]>(size_ + 16);
      bottom_ = stack_.get() + (16 - reinterpret_cast<std::uintptr_t>(stack_.get()) % 16);
    }
#if defined(FANOUT_EXPLORER_ASAN)
    __asan_unpoison_memory_region(bottom_, size_);  // frames that were dropped leave their red zones behind
#endif
#if defined(__x86_64__)
    // six saved registers, the address to return to, and what a debugger takes for the end of the stack
    const std::uintptr_t frame[8] = {0, 0, 0, 0, 0, 0, reinterpret_cast<std::uintptr_t>(entry), 0};
    top_ = bottom_ + size_ - sizeof frame;
    std::memcpy(top_, frame, sizeof frame);
#else
    getcontext(&machine_);
    machine_.uc_stack.ss_sp = bottom_;
    machine_.uc_stack.ss_size = size_;
    machine_.uc_link = nullptr;
    makecontext(&machine_, entry, 0);
#endif
  }

  /// Leaves `from` and continues `to`. Returns when `from` is continued; never if it is left for ever.
  static void go(context& from, context& to, [[maybe_unused]] bool for_ever = false) {
    exception_state mine;
    std::memcpy(&mine, fanout_explorer_exception_state(), sizeof mine);
#if defined(FANOUT_EXPLORER_ASAN)
    void* frames = nullptr;
    __sanitizer_start_switch_fiber(for_ever ? nullptr : &frames, to.bottom_, to.size_);
#endif
#if defined(__x86_64__)
    switch_stack(&from.top_, to.top_);
#else
    swapcontext(&from.machine_, &to.machine_);
#endif
#if defined(FANOUT_EXPLORER_ASAN)
    __sanitizer_finish_switch_fiber(frames, nullptr, nullptr);
#endif
    std::memcpy(fanout_explorer_exception_state(), &mine, sizeof mine);
  }

  /// The first thing that an entry point does; `from` is where it was switched to from.
  static void arrived([[maybe_unused]] context& from) noexcept {
#if defined(FANOUT_EXPLORER_ASAN)
    const void* bottom = nullptr;
    __sanitizer_finish_switch_fiber(nullptr, &bottom, &from.size_);
    from.bottom_ = static_cast<std::byte*>(const_cast<void*>(bottom));
#endif
    const exception_state none;
    std::memcpy(fanout_explorer_exception_state(), &none, sizeof none);
  }

 private:
  std::unique_ptr<std::byte[]> stack_;  // null: the caller's own stack
  std::byte* bottom_ = nullptr;
  std::size_t size_ = 0;
#if defined(__x86_64__)
  void* top_ = nullptr;  // the stack pointer while the context is not running
#else
  ucontext_t machine_{};
#endif
};

}  // namespace fanout::testing::explorer::detail

#endif
#endif
