// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_MONITOR_HPP
#define FANOUT_MONITOR_HPP

#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/completion/monitored.hpp"
#include "fanout/detail/assert.hpp"
#include "fanout/detail/block.hpp"
#include "fanout/detail/config.hpp"
#include "fanout/detail/platform.hpp"

namespace fanout {

/// A branch that had not reported when a monitor was asked.
class outstanding_branch {
 public:
  static constexpr std::size_t max_label = 64;  // bytes; what is longer is cut off, between two characters of UTF-8

  outstanding_branch(std::size_t index, std::chrono::nanoseconds age) noexcept : index_(index), age_(age) {}

  [[nodiscard]] std::size_t index() const noexcept { return index_; }
  /// How long ago it was started.
  [[nodiscard]] std::chrono::nanoseconds age() const noexcept { return age_; }
  /// Empty where nobody has named it. Control characters are replaced, so that it never ends a line.
  [[nodiscard]] std::string_view label() const noexcept { return {label_, label_size_}; }

  void set_label(std::string_view label) noexcept {
    std::size_t size = label.size() < max_label ? label.size() : max_label;
    // Not within a character: the first byte that is left out must not continue one.
    while (size != 0 && size != label.size() && (static_cast<unsigned char>(label[size]) & 0xC0) == 0x80) --size;
    for (std::size_t i = 0; i != size; ++i) {
      const auto c = static_cast<unsigned char>(label[i]);
      label_[i] = c < 0x20 || c == 0x7F ? '?' : label[i];
    }
    label_size_ = size;
  }

 private:
  std::size_t index_;
  std::chrono::nanoseconds age_;
  std::size_t label_size_ = 0;
  char label_[max_label];  // the first label_size_
};

/// How far an operation was when its monitor was asked. finished >= failed, started >= finished.
struct progress {
  std::size_t started;   // also those that were not run because stop had been requested; not those that were not issued
  std::size_t finished;  // that have reported: a value, an error, or that they were stopped
  std::size_t failed;    // of these, with an error
  [[nodiscard]] std::size_t outstanding() const noexcept { return started - finished; }
};

namespace detail {

/// What a monitor's handles share with the operation that they look at. Written by the operation's threads, read by any.
template <class Clock, class Platform, class Allocator>
class watch {
  template <class T>
  using atomic = typename Platform::template atomic<T>;
  template <class T>
  using cell = typename Platform::template cell<T>;
  using nanoseconds = std::chrono::nanoseconds;

 public:
  using label_function = void(const watch&, std::size_t, outstanding_branch&);
  using destroy_function = void(watch*) noexcept;

  explicit watch(destroy_function* destroy, label_function* label) noexcept : destroy_(destroy), label_(label) {}
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;

  // relaxed: who takes a reference has one
  void hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept {
    // release: this holder's last access; acquire: all others', by the last.
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy_(this);
  }

  // ---- the operation's side ---------------------------------------------------------------------------------------------

  /// False if another operation has begun.
  bool claim() noexcept { return life_.exchange(life::begun, std::memory_order_relaxed) == life::unused; }

  /// Takes memory for what will be known of `width` branches. Open: N is unknown, and `width` is how many can be in flight; if
  /// it grows as well, that is all of them.
  bool begin(bool open, bool grows, std::size_t width, bool with_labels) noexcept {
    keeps_ = grows ? keeping::growing : open ? keeping::in_flight : keeping::one_each;
    width_ = width;
    with_labels_ = with_labels && label_ == nullptr;
    began_ = since_epoch();
    std::size_t room = width;
    if (keeps_ == keeping::growing) room = first_of_growing;
    // A table at most half full, in which a branch is found near the place that its index says.
    if (keeps_ == keeping::in_flight) room = std::bit_ceil(2 * (width != 0 ? width : 1));
    room_ = room;
    const bool made = room == 0 || make_array(0);
    life_.store(life::watching, std::memory_order_release);  // release: all of the above, to whoever asks
    return made;
  }

  /// The issuing right's. False if there is no memory to note it.
  bool started(std::size_t i, std::string_view label) noexcept {
    // relaxed: the report's release publishes it as well
    started_.store(started_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (keeps_ == keeping::growing && !has_room_for(i)) return false;
    record* const r = free_record(i);
    if (r == nullptr) return false;
    // release, here and for the label: who reads these and then still the same branch has not read those of the next.
    r->since.store(since_epoch() - began_, std::memory_order_release);
    if (with_labels_) write_label(i, *r, label);
    r->who.store((i + 1) * 2, std::memory_order_release);  // release: all of the record
    return true;
  }
  /// Before `reported(i)`, on the same thread.
  void failing(std::size_t i) noexcept {
    if (record* const r = find(i)) r->who.store((i + 1) * 2 + 1, std::memory_order_relaxed);
  }
  void reported(std::size_t i) noexcept {
    bool failed = false;
    if (record* const r = find(i)) {
      failed = r->who.load(std::memory_order_relaxed) % 2 != 0;
      r->who.store(nobody, std::memory_order_release);  // release: to the next branch's start, that it comes later
    }
    // release: that this branch was started, and before it all that its starter had started.
    progress_.fetch_add(failed ? one_finished + one_failed : one_finished, std::memory_order_release);
  }
  void delivered() noexcept { life_.store(life::delivered, std::memory_order_release); }

  // ---- the asking side --------------------------------------------------------------------------------------------------

  progress ask() const noexcept {
    // acquire, and first: whatever has finished will be found started.
    const std::uint64_t done = progress_.load(std::memory_order_acquire);
    const std::uint64_t started = started_.load(std::memory_order_relaxed);
    return {static_cast<std::size_t>(started), static_cast<std::size_t>(done % one_failed),
            static_cast<std::size_t>(done / one_failed)};
  }
  // acquire: what the completion did
  bool is_delivered() const noexcept { return life_.load(std::memory_order_acquire) == life::delivered; }
  std::optional<std::size_t> branches() const noexcept {
    const life now = life_.load(std::memory_order_acquire);  // acquire: what begin wrote
    if (now == life::unused || now == life::begun || keeps_ != keeping::one_each) return std::nullopt;
    return static_cast<std::size_t>(width_);
  }

  template <class F>
  void for_each_outstanding(F&& f) const {
    for (std::size_t k = 0; k != max_arrays; ++k) {
      const record* const array =
          arrays_[k].load(std::memory_order_acquire);  // acquire: its records, and what begin wrote
      if (array == nullptr) return;
      const std::int64_t now = since_epoch() - began_;
      for (const record *r = array, *end = array + size(k); r != end; ++r) {
        const std::uint64_t who = r->who.load(std::memory_order_acquire);  // acquire: the record
        if (who == nobody) continue;
        const std::int64_t since = r->since.load(std::memory_order_acquire);  // acquire, here and below: see started
        const auto index = static_cast<std::size_t>(who / 2 - 1);
        outstanding_branch one(index, nanoseconds(now > since ? now - since : 0));
        if (with_labels_) read_label(array, size(k), *r, one);
        if (r->who.load(std::memory_order_relaxed) / 2 != who / 2) continue;  // it has reported meanwhile
        if (label_ != nullptr) label_(*this, index, one);
        f(static_cast<const outstanding_branch&>(one));
      }
    }
  }

 protected:
  ~watch() {
    for (std::size_t k = 0; k != max_arrays; ++k) {
      record* const array = arrays_[k].load(std::memory_order_relaxed);  // relaxed: the last holder's
      if (array == nullptr) break;
      std::destroy_n(array, size(k));
      if (with_labels_) std::destroy_n(labels_of(array, size(k)), size(k));
      memory::deallocate(Allocator(), array, bytes(k));
    }
  }

 private:
  enum class life : unsigned char { unused, begun, watching, delivered };
  enum class keeping : unsigned char {
    one_each,   // N is known: a record per branch
    growing,    // N is unknown: the same, in arrays that double
    in_flight,  // N is unknown, and slots are used again: a record per branch in flight, in a table
  };

  static constexpr std::uint64_t nobody = 0;
  struct record {
    atomic<std::uint64_t> who{
        nobody};                    // 2 * (index + 1), + 1 while it is reporting a failure; or nobody: not outstanding
    atomic<std::int64_t> since{0};  // when it was started, in ns since `began_`
  };
  // In words, since a record of the table may be written for the next branch while somebody reads.
  struct label_text {
    static constexpr std::size_t words = outstanding_branch::max_label / sizeof(std::uint64_t);
    atomic<std::uint64_t> text[words];  // filled up with zeros
  };

  static constexpr std::size_t first_of_growing = 32;
  static constexpr std::size_t max_arrays = 27;  // 32 + 32 + 64 + … + 32 * 2^25 = 2^31
  static constexpr std::uint64_t one_finished = 1, one_failed = std::uint64_t{1} << 32;

  using memory = block_memory<larger(alignof(record), alignof(label_text)), Allocator>;

  static std::int64_t since_epoch() noexcept {
    return std::chrono::duration_cast<nanoseconds>(Clock::now().time_since_epoch()).count();
  }

  // ---- records ----------------------------------------------------------------------------------------------------------

  // Array 0 has room_ records; where it grows, array k > 0 those from room_ * 2^(k - 1) on, as many.
  std::size_t size(std::size_t k) const noexcept {
    const std::size_t room = room_;
    return k == 0 ? room : room << (k - 1);
  }
  std::size_t bytes(std::size_t k) const noexcept {
    return labels_offset(size(k)) + (with_labels_ ? size(k) * sizeof(label_text) : 0);
  }
  static std::size_t labels_offset(std::size_t n) noexcept { return round_up(n * sizeof(record), alignof(label_text)); }
  static label_text* labels_of(const record* array, std::size_t n) noexcept {
    auto* block = reinterpret_cast<std::byte*>(const_cast<record*>(array));
    return std::launder(reinterpret_cast<label_text*>(block + labels_offset(n)));
  }

  FANOUT_COLD bool make_array(std::size_t k) noexcept {
    const std::size_t n = size(k);
    if (n > static_cast<std::size_t>(-1) / 2 / (sizeof(record) + sizeof(label_text))) return false;
    std::byte* const block = memory::allocate(Allocator(), bytes(k));
    if (block == nullptr) return false;
    auto* const array = reinterpret_cast<record*>(block);
    for (std::size_t i = 0; i != n; ++i) ::new (static_cast<void*>(array + i)) record;
    if (with_labels_) {
      auto* const labels = reinterpret_cast<label_text*>(block + labels_offset(n));
      for (std::size_t i = 0; i != n; ++i) ::new (static_cast<void*>(labels + i)) label_text{};
    }
    arrays_[k].store(array, std::memory_order_release);  // release: the records
    return true;
  }

  static std::size_t array_of(std::size_t i) noexcept {
    return static_cast<std::size_t>(std::bit_width(i / first_of_growing));
  }
  bool has_room_for(std::size_t i) noexcept {
    const std::size_t k = array_of(i);
    // relaxed, here and in `find`: the issuing right's, and who knows of the branch knows of its array.
    if (arrays_[k].load(std::memory_order_relaxed) != nullptr) return true;
    // No gaps: if the one before could not be had, the operation has failed, and this one's branches do not run.
    return k != 0 && arrays_[k - 1].load(std::memory_order_relaxed) != nullptr && make_array(k);
  }

  record* free_record(std::size_t i) noexcept {
    if (keeps_ != keeping::in_flight) return find(i);
    record* const table = arrays_[0].load(std::memory_order_relaxed);
    if (table == nullptr) return nullptr;
    const std::size_t mask = room_ - 1;
    // There is one: at most half of them are in use. acquire: the report that made it free.
    std::size_t at = i & mask;
    while (table[at].who.load(std::memory_order_acquire) != nobody) at = (at + 1) & mask;
    return table + at;
  }
  // Null where there was no memory for it.
  record* find(std::size_t i) noexcept {
    switch (static_cast<keeping>(keeps_)) {
      case keeping::one_each: {
        record* const array = arrays_[0].load(std::memory_order_relaxed);
        return array != nullptr ? array + i : nullptr;
      }
      case keeping::growing: {
        const std::size_t k = array_of(i);
        record* const array = arrays_[k].load(std::memory_order_relaxed);
        return array != nullptr ? array + (k == 0 ? i : i - size(k)) : nullptr;
      }
      case keeping::in_flight: {
        record* const table = arrays_[0].load(std::memory_order_relaxed);
        if (table == nullptr) return nullptr;
        const std::size_t mask = room_ - 1;
        std::size_t at = i & mask;
        // It is there. relaxed: this branch's start wrote it, which happens before its report; what others write is not it.
        while (table[at].who.load(std::memory_order_relaxed) / 2 != i + 1) at = (at + 1) & mask;
        return table + at;
      }
    }
    return nullptr;
  }

  // ---- labels -----------------------------------------------------------------------------------------------------------

  void write_label(std::size_t i, record& r, std::string_view label) noexcept {
    outstanding_branch one(0, {});
    one.set_label(label);
    char text[outstanding_branch::max_label] = {};
    std::memcpy(text, one.label().data(), one.label().size());
    const std::size_t k = keeps_ == keeping::growing ? array_of(i) : 0;
    const record* const array = arrays_[k].load(std::memory_order_relaxed);
    label_text& to = labels_of(array, size(k))[&r - array];
    for (std::size_t w = 0; w != label_text::words; ++w) {
      std::uint64_t word;
      std::memcpy(&word, text + w * sizeof word, sizeof word);
      to.text[w].store(word, std::memory_order_release);  // release: see started
    }
  }
  static void read_label(const record* array, std::size_t n, const record& r, outstanding_branch& one) noexcept {
    const label_text& from = labels_of(array, n)[&r - array];
    char text[outstanding_branch::max_label + 1] = {};
    for (std::size_t w = 0; w != label_text::words; ++w) {
      const std::uint64_t word = from.text[w].load(std::memory_order_acquire);
      std::memcpy(text + w * sizeof word, &word, sizeof word);
    }
    one.set_label(text);
  }

  atomic<std::uint32_t> holders_{1};
  destroy_function* const destroy_;
  label_function* const label_;  // null: nobody has given one
  atomic<life> life_{life::unused};
  // Written by begin, which the stores of arrays_[0] and life_ publish.
  cell<keeping> keeps_{keeping::growing};
  cell<std::size_t> width_{0};
  cell<std::size_t> room_{0};
  cell<bool> with_labels_{false};
  cell<std::int64_t> began_{0};
  atomic<record*> arrays_[max_arrays]{};  // the first ones are set
  atomic<std::uint64_t> started_{0};      // #branches started; the issuing right's
  atomic<std::uint64_t> progress_{0};     // one_finished * #reports + one_failed * #failures
};

}  // namespace detail

/// Looks at one operation while it runs, and afterwards, from any thread: how many branches are outstanding, which, and for how
/// long (E19). A handle; copies look at the same. Made first, then given to the operation: `.monitor(m)` of a description, or
/// `fanout::completion::monitored(m, completion)`; to one operation only.
///
///     fanout::monitor m;
///     fanout::all<row>(hosts, read).label(&host::name).monitor(m).then(completion);
///     …
///     m.dump_outstanding(stderr);  // fanout: 1 of 64 branches outstanding, 63 finished, 0 failed
///                                  //   branch 17 "db-3" outstanding for 12.345 s
///
/// It has memory of its own: it keeps neither the operation nor a branch, changes nothing in when they complete, and asking is safe
/// at any time. All of it is safe to be called by any number of threads, never blocks, and, but for `outstanding_branches`, allocates
/// nothing.
///
/// What an answer promises. Numbers: each was true at some moment during the call; finished <= started and failed <= finished, and
/// what happened before the call is counted. Lists: a branch that is outstanding during all of the call is listed, once, with its own
/// age and label; one whose report happened before the call is not; one that starts or reports meanwhile may be either. So a branch
/// that is stuck is always seen. Numbers and lists of different calls need not agree.
///
/// Labels come from the operation (`.label(f)`, when the branch is started) or from a function that the monitor is made with, which is
/// asked by whoever asks and must allow being called concurrently.
///
/// Memory: where N is known, 16 bytes per branch (80 with the operation's labels), taken when the operation is made; N unknown:
/// the same, in arrays that double; where slots are used again in a window (reduce, each), for the branches in flight only.
///
///   Clock      what ages are measured by: static now()
///   Allocator  of the monitor's memory; default constructible, all of them equal
template <class Clock = std::chrono::steady_clock, class Platform = std_platform,
          class Allocator = std::allocator<std::byte>>
class basic_monitor {
  using watch = detail::watch<Clock, Platform, Allocator>;

 public:
  /// Takes memory. If there is none, the operation that the monitor is given to fails with errc::out_of_memory.
  basic_monitor() noexcept : watch_(make<unlabelled>(nullptr)) {}

  /// `label(index)` names a branch: anything that converts to std::string_view. Called by whoever asks, concurrently.
  template <class Label>
    requires(!std::is_same_v<std::remove_cvref_t<Label>, basic_monitor> &&
             std::is_invocable_v<const std::decay_t<Label>&, std::size_t>)
  explicit basic_monitor(Label&& label) noexcept(std::is_nothrow_constructible_v<std::decay_t<Label>, Label>)
      : watch_(nullptr) {
    using function = std::decay_t<Label>;
    static_assert(
        std::is_convertible_v<std::invoke_result_t<const function&, std::size_t>, std::string_view>,
        "fanout: a monitor's label function is called with an index and returns what converts to std::string_view");
    static_assert(std::is_nothrow_move_constructible_v<function>,
                  "fanout: a monitor's label function must be movable without throwing");
    function kept(std::forward<Label>(label));
    watch_ = make<labelled<function>>(&labelled<function>::label, std::move(kept));
  }

  basic_monitor(const basic_monitor& other) noexcept : watch_(other.watch_) {
    if (watch_ != nullptr) watch_->hold();
  }
  /// A monitor that was moved from answers as if it had never been given to an operation.
  basic_monitor(basic_monitor&& other) noexcept : watch_(std::exchange(other.watch_, nullptr)) {}
  basic_monitor& operator=(basic_monitor other) noexcept {
    std::swap(watch_, other.watch_);
    return *this;
  }
  ~basic_monitor() {
    if (watch_ != nullptr) watch_->drop();
  }

  /// N, where the operation knows it.
  [[nodiscard]] std::optional<std::size_t> branches() const noexcept {
    return watch_ != nullptr ? watch_->branches() : std::nullopt;
  }
  /// All the numbers at once, so that they agree.
  [[nodiscard]] fanout::progress progress() const noexcept {
    return watch_ != nullptr ? watch_->ask() : fanout::progress{};
  }
  [[nodiscard]] std::size_t started() const noexcept { return progress().started; }
  [[nodiscard]] std::size_t finished() const noexcept { return progress().finished; }
  [[nodiscard]] std::size_t failed() const noexcept { return progress().failed; }
  [[nodiscard]] std::size_t outstanding() const noexcept { return progress().outstanding(); }

  /// Whether the completion has run; where it hands the outcome to another thread, that is about to happen, so that it is true for
  /// whoever was woken. Delivered at *decided*, there may be branches outstanding. It does not say when memory may go: that is
  /// what the completion is for.
  [[nodiscard]] bool is_delivered() const noexcept { return watch_ != nullptr && watch_->is_delivered(); }

  /// Calls `f(const outstanding_branch&)` for each that is, on this thread. It may take its time: nothing waits for it.
  template <class F>
  void for_each_outstanding(F&& f) const {
    if (watch_ != nullptr) watch_->for_each_outstanding(f);
  }
  [[nodiscard]] std::vector<outstanding_branch> outstanding_branches() const {
    std::vector<outstanding_branch> all;
    for_each_outstanding([&](const outstanding_branch& one) { all.push_back(one); });
    return all;
  }

  /// Calls `sink(std::string_view line)` for each outstanding branch, without a line's end.
  template <class Sink>
    requires std::is_invocable_v<Sink&, std::string_view>
  void dump_outstanding(Sink&& sink) const {
    for_each_outstanding([&](const outstanding_branch& one) {
      char line[line_size];
      sink(one_line(line, one));
    });
  }
  /// Writes how far the operation is, and a line for each outstanding branch.
  void dump_outstanding(std::FILE* to) const {
    char line[line_size];
    const auto put = [to](std::string_view text) {
      std::fprintf(to, "%.*s\n", static_cast<int>(text.size()), text.data());
    };
    put(summary(line));
    for_each_outstanding([&](const outstanding_branch& one) {
      char indented[line_size + 2] = {' ', ' '};
      put({indented, one_line(indented + 2, one).size() + 2});
    });
  }
  /// The same into memory, ended by a zero if size > 0. Returns how many characters there are; where it is not less than `size`, the
  /// rest was left out.
  std::size_t dump_outstanding(char* to, std::size_t size) const {
    std::size_t length = 0;
    const auto put = [&](std::string_view text) {
      for (const char c : text) {
        if (length + 1 < size) to[length] = c;
        ++length;
      }
    };
    char line[line_size];
    put(summary(line));
    put("\n");
    for_each_outstanding([&](const outstanding_branch& one) {
      put("  ");
      put(one_line(line, one));
      put("\n");
    });
    if (size != 0) to[length < size ? length : size - 1] = '\0';
    return length;
  }

 private:
  template <class, class>
  friend class completion::monitored;

  static constexpr std::size_t line_size = outstanding_branch::max_label + 96;

  std::string_view summary(char (&line)[line_size]) const noexcept {
    const fanout::progress now = progress();
    const std::optional<std::size_t> all = branches();
    const int n = std::snprintf(line, line_size, "fanout: %zu of %zu branches outstanding, %zu finished, %zu failed%s",
                                now.outstanding(), all ? *all : now.started, now.finished, now.failed,
                                is_delivered() ? ", delivered" : "");
    return {line, static_cast<std::size_t>(n)};
  }
  static std::string_view one_line(char* line, const outstanding_branch& one) noexcept {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(one.age()).count();
    const std::string_view label = one.label();
    const char* const quote = label.empty() ? "" : "\"";
    const int n = std::snprintf(line, line_size, "branch %zu%s%s%.*s%s outstanding for %lld.%03d s", one.index(),
                                label.empty() ? "" : " ", quote, static_cast<int>(label.size()), label.data(), quote,
                                static_cast<long long>(ms / 1000), static_cast<int>(ms % 1000));
    return {line, static_cast<std::size_t>(n)};
  }

  struct unlabelled : watch {
    using watch::watch;
  };
  template <class F>
  struct labelled : watch {
    template <class D, class L>
    labelled(D* destroy, L* name, F&& function) noexcept : watch(destroy, name), f(std::move(function)) {}
    static void label(const watch& self, std::size_t i, outstanding_branch& one) {
      decltype(auto) text = static_cast<const labelled&>(self).f(i);
      one.set_label(text);
    }
    F f;
  };

  template <class Watch, class... F>
  static watch* make(typename watch::label_function* label, F&&... f) noexcept {
    using memory = detail::block_memory<alignof(Watch), Allocator>;
    std::byte* const block = memory::allocate(Allocator(), sizeof(Watch));
    if (block == nullptr) return nullptr;
    constexpr typename watch::destroy_function* destroy = [](watch* w) noexcept {
      auto* const self = static_cast<Watch*>(w);
      self->~Watch();
      memory::deallocate(Allocator(), self, sizeof(Watch));
    };
    return ::new (static_cast<void*>(block)) Watch(destroy, label, std::forward<F>(f)...);
  }

  // ---- what `completion::monitored` tells; not told anything where there was no memory, or the monitor had been given away ---

  template <bool Open, bool Grows>
  bool begin(std::size_t width, bool with_labels) noexcept {
    if (watch_ == nullptr) return false;
    if (!watch_->claim()) {
      FANOUT_ASSERT(false, "a monitor looks at one operation: make another one");
      std::exchange(watch_, nullptr)->drop();
      return true;
    }
    return watch_->begin(Open, Grows, width, with_labels);
  }
  bool started(std::size_t i, std::string_view label) noexcept {
    return watch_ == nullptr || watch_->started(i, label);
  }
  void failing(std::size_t i) noexcept {
    if (watch_ != nullptr) watch_->failing(i);
  }
  void reported(std::size_t i) noexcept {
    if (watch_ != nullptr) watch_->reported(i);
  }
  void delivered() noexcept {
    if (watch_ != nullptr) watch_->delivered();
  }

  watch* watch_;  // null: no memory, moved from, or given to a second operation
};

using monitor = basic_monitor<>;

}  // namespace fanout

#endif
