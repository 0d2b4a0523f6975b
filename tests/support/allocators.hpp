// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_SUPPORT_ALLOCATORS_HPP
#define FANOUT_TESTS_SUPPORT_ALLOCATORS_HPP

#include <cstddef>
#include <new>
#include <type_traits>

namespace support {

/// What went through an allocator. One thread at a time.
struct tally {
  int allocations = 0;
  int deallocations = 0;
  std::size_t live_bytes = 0;
  int refuse_from = -1;  // the allocation with this number, from 0, and all later ones fail; -1: none does
};

/// Stateful and counting. Without exceptions, it says that there is no memory by a null pointer.
template <class T>
class counting_allocator {
 public:
  using value_type = T;

  explicit counting_allocator(tally& counts) noexcept : counts_(&counts) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : counts_(other.counts_) {}

  T* allocate(std::size_t n) {
    if (counts_->refuse_from >= 0 && counts_->allocations >= counts_->refuse_from) {
#if defined(__cpp_exceptions)
      throw std::bad_alloc();
#else
      return nullptr;
#endif
    }
    ++counts_->allocations;
    counts_->live_bytes += n * sizeof(T);
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(alignof(T))));
  }
  void deallocate(T* p, std::size_t n) noexcept {
    ++counts_->deallocations;
    counts_->live_bytes -= n * sizeof(T);
    ::operator delete(p, std::align_val_t(alignof(T)));
  }

  template <class U>
  bool operator==(const counting_allocator<U>& other) const noexcept {
    return counts_ == other.counts_;
  }

 private:
  template <class>
  friend class counting_allocator;

  tally* counts_;
};

/// A pointer that is no pointer, as allocators for shared memory have.
template <class T>
class fancy_pointer {
 public:
  using element_type = T;
  using difference_type = std::ptrdiff_t;
  template <class U>
  using rebind = fancy_pointer<U>;

  fancy_pointer() noexcept = default;
  fancy_pointer(std::nullptr_t) noexcept {}
  explicit fancy_pointer(T* p) noexcept : p_(p) {}
  static fancy_pointer pointer_to(T& x) noexcept { return fancy_pointer(&x); }

  T& operator*() const noexcept { return *p_; }
  T* operator->() const noexcept { return p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  bool operator==(const fancy_pointer&) const noexcept = default;

 private:
  T* p_ = nullptr;
};

template <class T>
class fancy_allocator : counting_allocator<T> {
 public:
  using value_type = T;
  using pointer = fancy_pointer<T>;
  template <class U>
  struct rebind {
    using other = fancy_allocator<U>;
  };

  explicit fancy_allocator(tally& counts) noexcept : counting_allocator<T>(counts) {}
  template <class U>
  fancy_allocator(const fancy_allocator<U>& other) noexcept
      : counting_allocator<T>(static_cast<const counting_allocator<U>&>(other)) {}

  pointer allocate(std::size_t n) { return pointer(counting_allocator<T>::allocate(n)); }
  void deallocate(pointer p, std::size_t n) noexcept { counting_allocator<T>::deallocate(p.operator->(), n); }

  bool operator==(const fancy_allocator&) const noexcept = default;

 private:
  template <class>
  friend class fancy_allocator;
};

}  // namespace support

#endif  // FANOUT_TESTS_SUPPORT_ALLOCATORS_HPP
