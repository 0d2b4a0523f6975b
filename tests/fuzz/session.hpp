// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_FUZZ_SESSION_HPP
#define FANOUT_TESTS_FUZZ_SESSION_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <fanout/detail/config.hpp>
#include <fanout/stop_token.hpp>
#include <fanout/timer/manual.hpp>

#include "model.hpp"

namespace fuzz {

/// Bytes of an input, 0 beyond its end: so the empty input is the simplest one.
class bytes {
 public:
  bytes(const std::uint8_t* data, std::size_t size) noexcept : at_(data), left_(size) {}
  int next() noexcept {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }
  int below(int n) noexcept { return next() % n; }
  bool empty() const noexcept { return left_ == 0; }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

/// How an operation comes about.
enum class front { plain, connected, open, pulled_plain, pulled, pulled_uncounted };
inline constexpr int fronts = 6;
/// With which policy. From `first_success_now` on: delivered at decided.
enum class kind {
  all,
  settle,
  with,
  in_order,
  first_success,
  first,
  quorum,
  errors,
  reduce,
  each,  //
  first_success_now,
  quorum_now,
  errors_now,
  reduce_now,
  each_now
};
inline constexpr int kinds = 15;

/// What is told: a sentence, and whom it concerns.
struct entry {
  const char* what;
  int i;
};

/// What a branch is completed with, or how its initiator ends.
enum class way : unsigned char { value, error, stopped, dropped, bad_value };
enum class start_with : unsigned char {
  keep,
  value,
  error,
  stopped,
  dropped,
  throw_and_drop,
  keep_and_throw,
  value_and_throw
};
enum class fold_with : unsigned char { nothing, decide, throws, value, error, stopped, dropped, stop, tick };

#if FANOUT_HAS_EXCEPTIONS
inline constexpr bool can_throw = true;
[[noreturn]] inline void throw_something() { throw 1; }
#else
inline constexpr bool can_throw = false;
inline void throw_something() {}
#endif

class session;

/// A branch's value: says who it is, and tells the session when it is born and when it dies.
class cargo {
 public:
  struct bad {};  // cannot be made

  cargo() noexcept = default;  // a winner has a value
  cargo(session& of, int id) noexcept;
  cargo(session&, bad) { throw_something(); }
  cargo(cargo&& other) noexcept : of_(other.of_), id_(std::exchange(other.id_, nobody)) {}
  cargo& operator=(cargo&& other) noexcept {
    cargo taken(std::move(other));
    std::swap(of_, taken.of_);
    std::swap(id_, taken.id_);
    return *this;
  }
  ~cargo();
  int id() const noexcept { return id_; }

 private:
  session* of_ = nullptr;
  int id_ = nobody;
};

/// A branch of any operation.
class held_branch {
 public:
  template <class Branch>
  void hold(Branch branch) noexcept {
    static_assert(sizeof(Branch) == sizeof(void*));
    ::new (static_cast<void*>(word_)) Branch(std::move(branch));
    complete_ = [](std::byte* word, session& s, int i, way w) {
      Branch* const there = std::launder(reinterpret_cast<Branch*>(word));
      Branch b(std::move(*there));
      std::destroy_at(there);
      if (w == way::value) b.set_value(s, i);
      if (w == way::bad_value) b.set_value(s, cargo::bad());
      if (w == way::error) b.set_error(std::error_code(own_error(i), std::generic_category()));
      if (w == way::stopped) b.set_stopped();
    };
  }
  void complete(session& s, int i, way w) { complete_(word_, s, i, w); }

 private:
  alignas(void*) std::byte word_[sizeof(void*)];
  void (*complete_)(std::byte*, session&, int, way) = nullptr;
};

/// Keeps an outcome alive.
struct any_outcome {
  virtual ~any_outcome() = default;
  virtual outcome read() = 0;
};

/// Memory is counted.
template <class T>
struct counting {
  using value_type = T;
  session* of;
  explicit counting(session* s) noexcept : of(s) {}
  template <class U>
  counting(const counting<U>& other) noexcept : of(other.of) {}
  T* allocate(std::size_t n);
  void deallocate(T* p, std::size_t n) noexcept;
  template <class U>
  bool operator==(const counting<U>& other) const noexcept {
    return of == other.of;
  }
};

/// One input, played against one operation and the model.
class session {
 public:
  using timer_type = fanout::timer::manual_timer;
  using token_type = fanout::inplace_stop_token;

  static constexpr int never = 100;

  /// Reads what the operation is like; the rest of the input is what happens to it.
  session(bytes in, front from, kind which);
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  virtual ~session() = default;

  void play();
  void explain(const char* what, int i) const noexcept;

  // ---- what the input says -----------------------------------------------------------------------------------------------

  front from() const noexcept { return from_; }
  kind which() const noexcept { return which_; }
  const rules& is() const noexcept { return is_; }
  int throw_at() const noexcept { return throw_at_; }
  token_type stop_token() noexcept { return outer_.get_token(); }
  timer_type& timer() noexcept { return timer_; }
  timer_type::time_point deadline() const noexcept {
    return deadline_ == never ? timer_type::time_point::max()
                              : timer_type::time_point(std::chrono::milliseconds(deadline_));
  }

  // ---- what the library calls --------------------------------------------------------------------------------------------

  /// An initiator.
  template <class Branch>
  void initiate(int i, Branch branch, token_type token) {
    const in_initiator inside(*this);
    initiated(i);
    const start_with how = starts_[at(i)];
    if (how == start_with::throw_and_drop) {
      model_.reports(i, state::failed, number(errc::initiator_threw));
      throw_something();
      return;
    }
    branches_[at(i)].hold(std::move(branch));
    run(i, how, token);
    if (how == start_with::keep_and_throw || how == start_with::value_and_throw) throw_something();
  }
  void element(int i);

  void sink(int i, state came_to, int error, bool can_decide);
  bool sink_says_decided() const noexcept { return sink_decides_; }
  void combines();
  void late(int i) noexcept;
  template <class Outcome, class Read>
  void completed(Outcome&& outcome, Read read) noexcept {
    struct kept final : any_outcome {
      kept(std::remove_cvref_t<Outcome>&& o, Read r) noexcept : it(std::move(o)), reads(r) {}
      fuzz::outcome read() override { return reads(it); }
      std::remove_cvref_t<Outcome> it;
      Read reads;
    };
    seen(std::make_unique<kept>(std::move(outcome), read));
  }

  void born(int id) noexcept;
  void dies(int id) noexcept;
  void allocated(int n) noexcept { allocations_ += n; }

 protected:
  // ---- the operation -----------------------------------------------------------------------------------------------------

  enum class ending { seal, abandon, exception };
  /// Makes it; a description starts at once.
  virtual void make() = 0;
  virtual void start(int i, bool in_order) = 0;
  virtual bool try_start(int i, bool in_order) = 0;
  virtual void end(ending how) = 0;
  virtual void ask_to_stop() = 0;
  /// {started, stop requested, decided}, as the issuer says.
  struct standing {
    int started;
    bool stop_requested, decided;
  };
  virtual standing ask() = 0;

  void begins_to_throw() { model_.issuer_throws(); }

 private:
  struct in_initiator {
    explicit in_initiator(session& s) noexcept : of(s) { ++of.initiators_; }
    ~in_initiator() { --of.initiators_; }
    session& of;
  };
  struct on_stop {
    session* of;
    int i;
    void operator()() const noexcept { of->stop_arrives(i); }
  };
  static std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

  void note(const char* what, int i = nobody) noexcept;
  void run(int i, start_with how, token_type token);
  void initiated(int i);
  void complete(int i, way w);
  void complete_lowest(way w);
  void stop_arrives(int i) noexcept;
  void stop_from_outside();
  void tick();
  void start_by_hand(int i, bool tries);
  void end_issuing(ending how);
  void event(int e);
  void seen(std::unique_ptr<any_outcome> o) noexcept;
  void look_again();
  void drop_outcome();
  void rest();
  void compare(const outcome& real);

  bytes in_;
  front from_{};
  kind which_{};
  rules is_;
  int deadline_ = never, throw_at_ = nobody;
  std::array<start_with, most_branches> starts_{};
  std::array<int, most_branches> reactions_{};
  std::array<fold_with, most_branches> folds_{};
  int on_completion_ = 0;
  bool combine_throws_ = false, stopped_before_ = false;

  fanout::inplace_stop_source outer_;
  timer_type timer_;
  int now_ = 0;

  model model_;
  outcome expected_;
  std::unique_ptr<any_outcome> outcome_;
  bool has_issuer_ = false, in_order_ = true, made_ = false;
  int initiators_ = 0, calls_of_sink_ = 0, expects_initiator_ = nobody;
  bool sink_decides_ = false, starting_ = false;

  std::array<held_branch, most_branches> branches_;
  std::array<token_type, most_branches> tokens_{};
  std::array<std::optional<fanout::inplace_stop_callback<on_stop>>, most_branches> callbacks_;
  std::array<int, most_branches> told_{}, born_{}, died_{}, late_{};
  int allocations_ = 0;

  std::array<entry, 512> trace_{};
  std::size_t traced_ = 0;
};

/// Makes the operation that the input asks for, and plays.
void play(const std::uint8_t* data, std::size_t size);

/// Every step is said as it is taken, for inputs that crash.
extern bool says_all;

// One per family of policies, so that they compile apart.
std::unique_ptr<session> collecting(bytes in, front from, kind which);
std::unique_ptr<session> voting(bytes in, front from, kind which);
std::unique_ptr<session> folding(bytes in, front from, kind which);

inline cargo::cargo(session& of, int id) noexcept : of_(&of), id_(id) { of.born(id); }
inline cargo::~cargo() {
  if (id_ != nobody) of_->dies(id_);
}
template <class T>
T* counting<T>::allocate(std::size_t n) {
  of->allocated(1);
  return std::allocator<T>().allocate(n);
}
template <class T>
void counting<T>::deallocate(T* p, std::size_t n) noexcept {
  of->allocated(-1);
  std::allocator<T>().deallocate(p, n);
}

}  // namespace fuzz

#endif
