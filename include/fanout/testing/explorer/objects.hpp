// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTING_EXPLORER_OBJECTS_HPP
#define FANOUT_TESTING_EXPLORER_OBJECTS_HPP

// The part of `execution` that knows which objects and which memory are there, and who sleeps on them.
#include "fanout/testing/explorer/execution.hpp"
#if FANOUT_HAS_EXPLORER

namespace fanout::testing::explorer::detail {

inline epoch execution::tick() noexcept {
  if (alone()) return {};
  const auto t = static_cast<std::uint32_t>(thread_number());
  const std::uint32_t now = ++running_->now.happened.at[t];
  running_->now.known.at[t] = now;
  return {now, t};
}

inline std::uint32_t execution::create(void* address, object_kind kind, value_format format, std::uint64_t bits) {
  if (const quarantine::block* b = memory_.find(address); b != nullptr && b->freed && in_fiber())
    fail("use after free: construction in freed memory");
  if (object_count_ == objects_.size()) objects_.emplace_back();
  object& o = objects_[object_count_];
  o.address = address;
  o.number = object_count_;
  o.name = nullptr;
  o.kind = kind;
  o.state = object_state::alive;
  o.format = format;
  o.flag = false;
  o.touched = {};
  o.message = {};
  o.history.clear();
  o.written = tick();
  if (kind == object_kind::atomic) {
    detail::store& first = o.history.emplace_back();
    first.bits = bits;
    first.first_access.at[o.written.thread] = o.written.tick;
  }
  note(o, [&] { return "construct" + (format != value_format::none ? " " + print(o, bits) : std::string()); });
  return object_count_++;
}

inline std::uint32_t execution::locate(const reference& where) {
  if (where.index != 0 && where.index < object_count_ && objects_[where.index].address == where.address)
    return where.index;
  if (!in_fiber()) return 0;
  // The object's memory was overwritten, by the poison of the quarantine or by whatever lives there now.
  for (std::uint32_t i = object_count_; i-- > 1;) {
    if (objects_[i].address == where.address) {
      if (objects_[i].state == object_state::alive)
        fail("memory overwritten: an object that is still alive lost its contents");
      return i;
    }
  }
  const quarantine::block* b = memory_.find(where.address);
  if (b != nullptr && b->freed) fail("use after free: memory that never held this object");
  fail("use of an object that was not constructed in this execution");
  return 0;
}

inline void execution::late(const object& o) {
  static constexpr const char* destroyed[] = {
      "use after destruction: atomic", "use after destruction: cell", "use after destruction: mutex",
      "use after destruction: condition variable", "use after destruction: event"};
  static constexpr const char* freed[] = {"use after free: atomic", "use after free: cell", "use after free: mutex",
                                          "use after free: condition variable", "use after free: event"};
  note(o, [] { return std::string("late access"); });
  fail((o.state == object_state::freed ? freed : destroyed)[static_cast<std::size_t>(o.kind)], o.name);
}

inline object& execution::enter(std::uint32_t index) {
  object& o = objects_[index];
  if (!in_fiber()) return o;
  if (o.state != object_state::alive) late(o);
  const epoch now = tick();
  if (o.kind != object_kind::cell) {
    if (!o.written.happened_before(self().now.happened))
      fail("data race: use of an object not ordered after its construction", o.name);
    o.touched.at[now.thread] = std::max(o.touched.at[now.thread], now.tick);
  }
  return o;
}

inline object& execution::reach(const reference& where, operation next) {
  next.object = locate(where);
  announce(next);
  return enter(next.object);
}

inline object& execution::access(const reference& where) { return enter(locate(where)); }

/// For the trace: whose accesses do not happen before what the running thread does now.
inline std::string execution::unordered(const object& o) {
  const vector_clock& now = self().now.happened;
  std::string threads;
  for (std::uint32_t t = 0; t != max_threads; ++t) {
    const bool written = o.written.thread == t && !o.written.happened_before(now);
    if (written || o.touched.at[t] > now.at[t]) threads += " " + std::to_string(t);
  }
  return ", not ordered after thread" + threads;
}

inline void execution::end_of_life(object& o, object_state state) {
  const vector_clock& now = self().now.happened;
  if (!now.covers(o.touched) || !o.written.happened_before(now)) {
    note(o, [&] { return (state == object_state::freed ? "free" : "destroy") + unordered(o); });
    fail("destroyed while another thread's access is not ordered before it", o.name);
  }
  if (o.kind == object_kind::mutex && o.flag) fail("destroyed while locked: mutex", o.name);
  for (const fiber& f : fibers_) {
    if (f.live && f.sleeping_on == o.number && !f.woken) fail("destroyed while a thread waits for it", o.name);
  }
  o.state = state;
  o.flag = o.kind == object_kind::event;  // lets those in who wait: their access is reported
}

inline void execution::destroy(const reference& where) {
  if (!in_fiber()) return;
  object& o = objects_[locate(where)];
  if (o.state == object_state::destroyed) fail("destroyed twice", to_string(o.kind));
  if (o.state == object_state::freed) fail("destroyed after its memory was freed", to_string(o.kind));
  tick();
  end_of_life(o, object_state::destroyed);
}

inline void execution::cell_read(const reference& where, std::uint64_t bits) {
  object& o = access(where);
  if (!in_fiber()) return;
  if (!o.written.happened_before(self().now.happened)) {
    note(o, [&] { return "read" + unordered(o); });
    fail("data race: read of a cell not ordered after its last write", o.name);
  }
  if (!alone()) {
    const auto t = static_cast<std::size_t>(thread_number());
    o.touched.at[t] = self().now.happened.at[t];
  }
  note(o, [&] { return "read " + print(o, bits); });
}

inline void execution::cell_write(const reference& where, std::uint64_t bits) {
  object& o = access(where);
  if (!in_fiber()) return;
  const char* race = nullptr;
  if (!o.written.happened_before(self().now.happened))
    race = "data race: write of a cell not ordered after its last write";
  else if (!self().now.happened.covers(o.touched))
    race = "data race: write of a cell not ordered after an earlier read";
  note(o, [&] { return "write " + print(o, bits) + (race != nullptr ? unordered(o) : ""); });
  if (race != nullptr) fail(race, o.name);
  if (alone()) return;
  const auto t = static_cast<std::uint32_t>(thread_number());
  o.written = {self().now.happened.at[t], t};
}

// ---- sleeping

inline void execution::fall_asleep(const reference& where) {
  object& o = reach(where, {});
  note(o, [] { return std::string("wait"); });
  self().sleeping_on = o.number;
  self().woken = false;
}

inline bool execution::sleep(const reference& where, bool timed) {
  fiber& f = self();
  operation next{.what = timed ? action::timed_sleep : action::write, .object = f.sleeping_on, .spurious_wakeup = true};
  if (!timed) next.gate = &f.woken;
  announce(next);
  if (!in_fiber()) return true;
  const object& o = f.woken ? objects_[f.sleeping_on] : access(where);  // after a notification it may be gone
  // One that is notified only after its deadline may find both true: it has used up the notification and reports a timeout.
  const bool in_time = !timed || (f.woken && choose(2) == 0);
  note(o, [&] { return std::string(!in_time ? "times out" : f.woken ? "wakes up" : "wakes up spuriously"); });
  f.sleeping_on = 0;
  return in_time;
}

/// Which of several sleepers `notify_one` wakes is a choice.
inline void execution::wake(const reference& where, bool all) {
  object& o = reach(where, {});
  note(o, [&] { return std::string(all ? "notify_all" : "notify_one"); });
  std::array<fiber*, max_threads> asleep{};
  int sleepers = 0;
  for (fiber& f : fibers_) {
    if (f.live && f.sleeping_on == o.number && !f.woken) asleep[static_cast<std::size_t>(sleepers++)] = &f;
  }
  if (!all && sleepers != 0) asleep[static_cast<std::size_t>(choose(sleepers))]->woken = true;
  for (int i = 0; all && i != sleepers; ++i) asleep[static_cast<std::size_t>(i)]->woken = true;
}

// ---- memory

inline void* execution::allocate(std::size_t size, std::size_t alignment) {
  quarantine::block& b = memory_.allocate(size, alignment);
  if (trace_.on) {
    trace_.line(step_, thread_number(),
                "allocate block " + std::to_string(memory_.number(b)) + ": " + std::to_string(size) + " bytes");
  }
  return b.begin;
}

inline void execution::deallocate(void* p, std::size_t size) {
  quarantine::block* b = memory_.find(p);
  if (!in_fiber()) return;
  if (b == nullptr || b->begin != p) return fail("free of memory that the explorer's allocator did not hand out");
  if (b->freed) return fail("double free");
  if (b->size != size) return fail("free with a size that is not the allocated one");
  if (trace_.on) trace_.line(step_, thread_number(), "free block " + std::to_string(memory_.number(*b)));
  tick();
  for (std::uint32_t i = 1; i != object_count_; ++i) {  // an object whose destructor is trivial in production ends here
    object& o = objects_[i];
    if (o.state == object_state::alive && memory_.find(o.address) == b) end_of_life(o, object_state::freed);
    else if (o.state == object_state::destroyed && memory_.find(o.address) == b) o.state = object_state::freed;
  }
  quarantine::poison(*b);
}

}  // namespace fanout::testing::explorer::detail

#endif
#endif
