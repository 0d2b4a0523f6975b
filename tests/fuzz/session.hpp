// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_TESTS_FUZZ_SESSION_HPP
#define FANOUT_TESTS_FUZZ_SESSION_HPP

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <fanout/detail/config.hpp>
#include <fanout/executor.hpp>
#include <fanout/stop_token.hpp>
#include <fanout/stream.hpp>
#include <fanout/testing/manual_executor.hpp>
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

/// How an operation comes about. Those that are not plain have a stop token and a deadline; what is posted completes on an
/// executor, and starts branches through a C interface.
enum class front { plain, connected, open, posted, pulled_plain, pulled, pulled_uncounted, pulled_posted };
inline constexpr int fronts = 8;
constexpr bool is_described(front f) noexcept { return f >= front::pulled_plain; }
constexpr bool is_posted(front f) noexcept { return f == front::posted || f == front::pulled_posted; }
constexpr bool is_connected(front f) noexcept { return f != front::plain && f != front::pulled_plain; }
/// With which policy. `_now`: delivered at decided.
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
  each_now,
  merge,
  merge_tolerant,
  merge_now
};
inline constexpr int kinds = 18;
constexpr bool at_decided(kind k) noexcept {
  return (k >= kind::first_success_now && k <= kind::each_now) || k == kind::merge_now;
}

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
/// What a stream does when it is resumed, and a sink may have another one do.
enum class resume_with : unsigned char { nothing, emit, mark, wait, value, error, stopped, stop };

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

/// What a stream emits: says where it comes from, and tells the session when it is born and when it dies.
class item {
 public:
  item(session& of, const piece& what) noexcept;
  item(item&& other) noexcept : of_(std::exchange(other.of_, nullptr)), what_(other.what_) {}
  item& operator=(item&&) = delete;
  ~item();
  const piece& what() const noexcept { return what_; }
  int key() const noexcept { return what_.key; }

 private:
  session* of_;
  piece what_;
};

/// What a stream is resumed with: says that it was called, or dropped.
class resumption {
 public:
  resumption(session& of, int i) noexcept;
  resumption(resumption&& other) noexcept : of_(std::exchange(other.of_, nullptr)), i_(other.i_) {}
  resumption& operator=(resumption&&) = delete;
  ~resumption();
  void operator()() const noexcept;

 private:
  session* of_;
  int i_;
};

/// A branch of any operation, as a handle or as a C callback and its context.
class held_branch {
 public:
  using c_callback = void (*)(int, void*) noexcept;

  template <class Branch>
  void hold(Branch branch) noexcept {
    static_assert(sizeof(Branch) == sizeof(void*));
    ::new (static_cast<void*>(word_)) Branch(std::move(branch));
    calls_ = &calls_of<Branch>;
    door_ = {};
  }
  void hold(cargo* out, c_callback callback, void* context) noexcept { door_ = {out, callback, context}; }
  bool is_c() const noexcept { return door_.callback != nullptr; }
  void call_back(int status);

  void complete(session& s, int i, way w);
  // Streams only:
  flow emit(item&& one) { return calls_->emit_one(word_, std::move(one)); }
  flow emit(std::span<item> items) { return calls_->emit(word_, items); }
  flow watermark(int bound) { return calls_->watermark(word_, bound); }
  void on_resume(resumption r) { calls_->on_resume(word_, std::move(r)); }

 private:
  struct calls {
    void (*complete)(std::byte*, session&, int, way);
    flow (*emit_one)(std::byte*, item&&);
    flow (*emit)(std::byte*, std::span<item>);
    flow (*watermark)(std::byte*, int);
    void (*on_resume)(std::byte*, resumption);
  };
  template <class Branch>
  static Branch& in(std::byte* word) noexcept {
    return *std::launder(reinterpret_cast<Branch*>(word));
  }
  template <class Branch>
  static void complete_with(std::byte* word, [[maybe_unused]] session& s, int i, way w) {
    Branch b(std::move(in<Branch>(word)));
    std::destroy_at(&in<Branch>(word));
    if constexpr (std::is_void_v<typename Branch::value_type>) {
      if (w == way::value) b.set_value();
    } else {
      if (w == way::value) b.set_value(s, i);
      if (w == way::bad_value) b.set_value(s, cargo::bad());
    }
    if (w == way::error) b.set_error(std::error_code(own_error(i), std::generic_category()));
    if (w == way::stopped) b.set_stopped();
  }
  template <class Branch>
  static constexpr calls calls_of = [] {
    calls c{};
    c.complete = &complete_with<Branch>;
    if constexpr (std::is_void_v<typename Branch::value_type>) {
      c.emit_one = [](std::byte* word, item&& one) { return in<Branch>(word).emit(std::move(one)); };
      c.emit = [](std::byte* word, std::span<item> items) { return in<Branch>(word).emit(items); };
      c.watermark = [](std::byte* word, int bound) { return in<Branch>(word).watermark(bound); };
      c.on_resume = [](std::byte* word, resumption r) { in<Branch>(word).on_resume(std::move(r)); };
    }
    return c;
  }();

  struct door {
    cargo* out = nullptr;
    c_callback callback = nullptr;
    void* context = nullptr;
  };
  alignas(void*) std::byte word_[sizeof(void*)];
  const calls* calls_ = nullptr;
  door door_;
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

  /// Runs work when the input says so.
  struct executor_type {
    session* of;
    void post(fanout::work& w) const noexcept { of->posted(w); }
    bool operator==(const executor_type&) const noexcept = default;
  };

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
  executor_type executor() noexcept { return {this}; }
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
    tokens_[at(i)] = token;
    if (is_.merges() && emits_at_start_[at(i)]) emit(i);
    run(i, how, token);
    if (how == start_with::keep_and_throw || how == start_with::value_and_throw) throw_something();
  }
  /// The same through a C interface that returns what it has come to.
  int initiate_c(int i, cargo* out, held_branch::c_callback callback, void* context, token_type token);
  void element(int i);
  void last_element();
  void posted(fanout::work& w) noexcept;
  /// A stream may go on; or what it waits with is dropped.
  void resumed(int i) noexcept;
  void resumption_counts(int n) noexcept { resumptions_ += n; }
  /// A merge's sink is given an item. Whether it has seen enough.
  bool item_sink(item&& x, bool can_decide);

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
  void item_counts(int n) noexcept { items_ += n; }
  void allocated(int n) noexcept { allocations_ += n; }

 protected:
  // ---- the operation -----------------------------------------------------------------------------------------------------

  enum class ending { seal, abandon, exception };
  /// Makes it; a description starts at once.
  virtual void make() = 0;
  virtual void start(int i, bool in_order) = 0;
  virtual void start_c(int i, bool in_order) = 0;
  virtual bool try_start(int i, bool in_order) = 0;
  virtual void end(ending how) = 0;
  virtual void ask_to_stop() = 0;
  /// As the issuer says.
  struct standing {
    int started;
    bool stop_requested, decided;
    int awaited = nobody;  // merge
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
  bool calls_back_at_once(int i) const noexcept;
  bool reports_on_return(int i) const noexcept;
  void initiated(int i);
  bool can_complete(int i) const noexcept { return model_.is_running(i) && !emits_[at(i)]; }
  void complete(int i, way w);
  void complete_lowest(way w);
  void acts(fold_with how);
  void stop_arrives(int i) noexcept;
  void stop_from_outside();
  void tick();
  void react(int i);
  bool can_emit(int i) const noexcept { return can_complete(i) && !model_.is_waiting(i); }
  void emit(int i);
  void mark(int i);
  void hears(int i, flow said);
  void wait(int i);
  void run_work();
  void start_by_hand(int i, bool tries);
  void end_issuing(ending how);
  void event(int e);
  bool stream_event(int e);
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
  std::array<resume_with, most_branches> resumes_{};
  std::array<bool, most_branches> emits_at_start_{}, in_c_{};
  int on_completion_ = 0;
  bool combine_throws_ = false, stopped_before_ = false;

  fanout::inplace_stop_source outer_;
  timer_type timer_;
  fanout::testing::manual_executor executor_;
  int now_ = 0;

  model model_;
  outcome expected_;
  std::unique_ptr<any_outcome> outcome_;
  bool has_issuer_ = false, in_order_ = true, made_ = false;
  int initiators_ = 0, calls_of_sink_ = 0, expects_initiator_ = nobody;
  bool sink_decides_ = false, starting_ = false, executes_ = false;

  std::array<held_branch, most_branches> branches_;
  std::array<token_type, most_branches> tokens_{};
  std::array<std::optional<fanout::inplace_stop_callback<on_stop>>, most_branches> callbacks_;
  std::array<int, most_branches> told_{}, born_{}, died_{}, late_{};
  int allocations_ = 0;

  std::array<bool, most_branches> emits_{};         // it is inside a call of its own
  std::array<int, most_branches> keys_{}, sent_{};  // the last one's key, and how many
  int items_ = 0, resumptions_ = 0, calls_of_resumptions_ = 0, expects_late_callbacks_ = 0;

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
std::unique_ptr<session> merging(bytes in, front from, kind which);

inline cargo::cargo(session& of, int id) noexcept : of_(&of), id_(id) { of.born(id); }
inline cargo::~cargo() {
  if (id_ != nobody) of_->dies(id_);
}
inline item::item(session& of, const piece& what) noexcept : of_(&of), what_(what) { of.item_counts(1); }
inline item::~item() {
  if (of_ != nullptr) of_->item_counts(-1);
}
inline resumption::resumption(session& of, int i) noexcept : of_(&of), i_(i) { of.resumption_counts(1); }
inline resumption::~resumption() {
  if (of_ != nullptr) of_->resumption_counts(-1);
}
inline void resumption::operator()() const noexcept { of_->resumed(i_); }
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
