// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_TRACKED_HPP
#define FANOUT_TESTING_EXPLORER_TRACKED_HPP

#include "fanout/testing/explorer/execution.hpp"
#if FANOUT_HAS_EXPLORER

namespace fanout::testing::explorer {

namespace detail {

/// The base of all modelled objects: enters the object into the current execution, and its destruction too.
template <object_kind Kind>
class tracked {
 public:
  tracked(const tracked&) = delete;
  tracked& operator=(const tracked&) = delete;

 protected:
  explicit tracked(value_format format = value_format::none, std::uint64_t bits = 0)
      : index_(execution::required().create(this, Kind, format, bits)) {}
  ~tracked() {
    if (execution* e = execution::current()) e->destroy(me());  // none: outlived its execution
  }

  reference me() const noexcept { return {this, index_, Kind}; }
  static execution& world() noexcept { return execution::required(); }

 private:
  template <object_kind Any>
  friend void set_name(const tracked<Any>& o, const char* name);

  std::uint32_t index_;
};

template <object_kind Any>
void set_name(const tracked<Any>& o, const char* name) {
  execution::required().set_name(o.me(), name);
}

}  // namespace detail

/// Gives an atomic, cell, mutex, ... the name under which failures and traces speak of it. The text is not copied.
template <class Object>
void name(const Object& object, const char* text) {
  detail::set_name(object, text);
}

}  // namespace fanout::testing::explorer

#endif
#endif
