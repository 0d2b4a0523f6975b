// SPDX-License-Identifier: BSL-1.0
#include "run.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <set>
#include <system_error>
#include <utility>

#include "fanout/algorithm/each.hpp"
#include "fanout/algorithm/future.hpp"
#include "fanout/algorithm/merge.hpp"
#include "fanout/algorithm/settle.hpp"
#include "revocable.hpp"

namespace dgrep {

namespace fs = std::filesystem;

namespace {

/// What lies in a host's folder, in the order of names; a folder that cannot be read is named in `refused`, and the rest goes on.
std::vector<std::unique_ptr<file>> files_of(const host& h, std::size_t index, std::vector<std::string>& refused) {
  std::vector<std::unique_ptr<file>> files;
  const auto add = [&](std::string name, std::string path) {
    auto f = std::make_unique<file>();
    if (const auto id = id_of(path)) f->facts.about.id = *id;  // by this it is found again if it is rotated meanwhile
    f->host = index;
    f->name = std::move(name);
    f->path = std::move(path);
    files.push_back(std::move(f));
  };
  std::error_code error;
  const fs::path top(h.folder);
  const fs::file_status status = fs::status(top, error);
  if (!fs::exists(status)) {
    refused.push_back(h.folder + ": " + (error ? error.message() : std::string("there is no such folder")));
    return files;
  }
  if (!fs::is_directory(status)) {
    add(top.filename().string(), h.folder);
    return files;
  }
  std::vector<fs::path> folders{top};
  while (!folders.empty()) {
    const fs::path folder = std::move(folders.back());
    folders.pop_back();
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      std::error_code unknown;
      const bool is_link = entries->is_symlink(unknown);
      const fs::file_status kind = entries->status(unknown);
      if (fs::is_directory(kind)) {
        if (!is_link) folders.push_back(entries->path());  // a link could lead round in circles
      } else if (is_link || fs::is_regular_file(kind) || !fs::exists(kind)) {
        add(entries->path().lexically_relative(top).string(), entries->path().string());
      }
    }
    if (error) refused.push_back(folder.string() + ": " + error.message());
    error.clear();
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  return files;
}

std::string what_was_thrown() noexcept {
  try {
    throw;
  } catch (const std::exception& e) {
    try {
      return e.what();
    } catch (...) {}
  } catch (...) {}
  return "cannot say";  // short enough to need no memory
}

fanout::monitor monitor_of(const std::vector<host>& hosts) {
  return fanout::monitor([&hosts](std::size_t i) -> std::string_view { return hosts[i].name; });
}
fanout::monitor monitor_of(const std::vector<host>& hosts, const std::vector<file*>& files) {
  return fanout::monitor([&](std::size_t i) { return hosts[files[i]->host].name + '/' + files[i]->name; });
}

}  // namespace

/// The search of one file, in which a thread may hang; and what is known of it when none does.
class search::file_search {
 public:
  file_search(std::shared_ptr<state> s, file& of) : state_(std::move(s)), file_(&of) {}

  state& shared() const noexcept { return *state_; }
  file& of() const noexcept { return *file_; }

  // ---- here a thread may hang -------------------------------------------------------------------------------------------

  /// The next block. True: there is more.
  bool step() noexcept {
    found.clear();
    try {
      if (!scan_ && !begin()) return false;
      stepped = scan_->step(found);
      if (stepped.trouble) why_ = std::move(stepped.trouble->text);
      return !stepped.done;
    } catch (...) {
      found.clear();  // what it holds may lie in the buffer still
      why_ = what_was_thrown();
      return false;
    }
  }
  /// Its head.
  bool look() noexcept {
    try {
      auto opened = open(&source::open);
      if (auto* t = std::get_if<trouble>(&opened)) {
        why_ = std::move(t->text);
      } else {
        seen_ = look_at(std::get<source>(std::move(opened)), state_->what.what);
      }
    } catch (...) {
      why_ = what_was_thrown();
    }
    return why_.empty();
  }

  // ---- here none does ---------------------------------------------------------------------------------------------------

  /// Says how far it is.
  void note_progress() noexcept {
    if (!scan_) return;
    const scan::findings& now = scan_->so_far();
    // relaxed: numbers for whoever watches
    state_->bytes.fetch_add(now.bytes - file_->found.bytes, std::memory_order_relaxed);
    state_->matches.fetch_add(now.matches - file_->found.matches, std::memory_order_relaxed);
    file_->found = now;
  }
  void note_end(progress how) noexcept {
    note_progress();
    file_->end(how, std::move(why_));
  }
  void note_revoked(bool is_away) noexcept {
    if (is_away) state_->note_away();
    file_->end(how_stopped());
  }
  /// After a look that went well.
  void note_seen() noexcept { file_->facts = *seen_; }
  progress how_stopped() const noexcept { return state_->how_stopped(file_->host); }
  fanout::inplace_stop_token host_stop() const noexcept { return state_->hosts[file_->host]->give_up.get_token(); }
  void begin_work() noexcept { state_->begin(file_->thread); }
  void end_work() noexcept { state_->end(file_->thread, file_->host); }
  progress how() const noexcept { return why_.empty() ? progress::complete : progress::failed; }

  scan::stepped stepped{};
  std::vector<line> found{};

 private:
  // The file is opened by the one that begins to read it.
  template <class Open>
  std::variant<source, trouble> open(const Open& open_it) const {
    auto opened = open_it(file_->path);
    if (file_->facts.about.id == file_id()) return opened;  // no regular file when it was listed
    if (const auto* from = std::get_if<source>(&opened); from == nullptr || !is_listed(*from)) {
      // Rotated since it was listed? Then its lines lie under another name, and what was made in its place is younger than the search.
      auto renamed = find_renamed(open_it);
      if (from != nullptr || std::holds_alternative<source>(renamed)) opened = std::move(renamed);
    }
    return opened;
  }
  bool begin() {
    auto opened = open(state_->what.open);
    if (auto* t = std::get_if<trouble>(&opened)) {
      why_ = std::move(t->text);
      return false;
    }
    auto& from = std::get<source>(opened);
    file_facts facts = file_->facts;
    if (from.about().size < facts.about.size) why_ = "was cut after it had been listed: a part may be missing";
    facts.about = from.about();
    scan_.emplace(state_->what.what, std::move(from), facts);
    return true;
  }
  bool is_listed(const source& s) const noexcept { return s.about().id == file_->facts.about.id; }
  template <class Open>
  std::variant<source, trouble> find_renamed(const Open& open_it) const {
    std::error_code error;
    fs::directory_iterator entries(fs::path(file_->path).parent_path(), error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      if (id_of(entries->path().string()) != file_->facts.about.id) continue;
      auto opened = open_it(entries->path().string());
      if (const auto* s = std::get_if<source>(&opened); s != nullptr && is_listed(*s)) return opened;
    }
    return trouble{"was replaced by another file after it had been listed, and is not there any more"};
  }

  std::shared_ptr<state> state_;
  file* file_;
  std::optional<scan> scan_{};
  std::optional<file_facts> seen_{};
  std::string why_{};
};

search::state::state(job j, pool& p, fanout::inplace_stop_token s) : what(std::move(j)), threads(&p), stop(s) {
  for (std::size_t h = 0; h != what.hosts.size(); ++h) hosts.push_back(std::make_unique<host_state>());
}

std::chrono::nanoseconds search::state::time_left(std::chrono::nanoseconds now) const {
  using std::chrono::nanoseconds;
  return what.timeout ? std::max(*what.timeout - now, nanoseconds::zero()) : nanoseconds::max();
}

progress search::state::how_stopped(std::size_t host) const {
  const bool is_late =
      hosts[host]->give_up.stop_requested() || time_left(what.elapsed()) == std::chrono::nanoseconds::zero();
  return is_late && !is_over() ? progress::timed_out : progress::stopped;
}

// A host that has taken too much of the threads' time is given up as a whole: the next file would take the next thread.
void search::state::give_up_on_hosts() {
  if (!what.host_timeout) return;
  const std::chrono::nanoseconds now = what.elapsed();
  std::vector<std::chrono::nanoseconds> spent;
  for (const auto& h : hosts) {
    spent.emplace_back(h->spent.load(std::memory_order_relaxed));
    spent.back() += h->listing.so_far(now);
  }
  for (const auto& f : files) spent[f->host] += f->thread.so_far(now);
  for (std::size_t h = 0; h != hosts.size(); ++h) {
    if (spent[h] >= *what.host_timeout) hosts[h]->give_up.request_stop();
  }
}

void search::state::note_away() noexcept {
  {
    const std::lock_guard guard(mutex);
    ++away;
  }
  // In its place, for the other hosts.
  if (!is_over() && time_left(what.elapsed()) != std::chrono::nanoseconds::zero()) threads->add_thread();
}

void search::state::note_back() noexcept {
  const std::lock_guard guard(mutex);
  --away;
  came_back.notify_all();
}

/// Finds the files of one host.
template <class Branch>
class search::listing_task final : revocable<Branch> {
  using base = revocable<Branch>;
  using use = typename base::use;

 public:
  static void start(std::shared_ptr<state> s, const host& of, Branch branch, fanout::inplace_stop_token stop) {
    auto* const self = new listing_task(std::move(s), of, std::move(branch));
    self->revoke_on(stop, self->about().give_up.get_token());
    if (!self->lend(use::waits)) return self->finish().set_stopped();
    self->state_->threads->post(*self);
  }

 private:
  listing_task(std::shared_ptr<state> s, const host& of, Branch branch)
      : base(std::move(branch)), state_(std::move(s)), host_(&of) {
    this->run = [](fanout::work* w) noexcept { static_cast<listing_task*>(w)->all(); };
  }
  std::size_t index() const noexcept { return static_cast<std::size_t>(host_ - state_->what.hosts.data()); }
  host_state& about() const noexcept { return *state_->hosts[index()]; }
  void all() noexcept {
    if (!this->take_back(use::waits)) return this->leave();
    if (!this->lend(use::away)) return this->finish().set_stopped();
    listing found;
    state_->begin(about().listing);
    try {
      found.files = files_of(*host_, index(), found.refused);
    } catch (...) {
      try {
        found.refused.push_back(host_->folder + ": " + what_was_thrown());
      } catch (...) {
        found.refused.emplace_back();
      }
    }
    state_->end(about().listing, index());
    if (!this->take_back(use::away)) {
      state_->note_back();
      return this->leave();
    }
    this->finish().set_value(std::move(found));
  }
  void revoked(bool is_away) noexcept override {
    if (is_away) state_->note_away();
  }

  std::shared_ptr<state> state_;
  const host* host_;
};

/// Work on one file, as `Derived` does it: `go_on()` with the branch in use, and `report(branch, how)` at last.
template <class Derived, class Branch>
class search::file_task : public revocable<Branch> {
  using use = typename revocable<Branch>::use;

 protected:
  file_task(std::shared_ptr<state> s, file& of, Branch branch)
      : revocable<Branch>(std::move(branch)), search_(std::move(s), of) {
    this->run = [](fanout::work* w) noexcept {
      auto* const self = static_cast<file_task*>(w);
      if (!self->take_back(use::waits)) return self->leave();
      static_cast<Derived*>(self)->go_on();
    };
  }

  void begin(fanout::inplace_stop_token token) {
    this->revoke_on(token, search_.host_stop());
    go_on_later();
  }
  void go_on_later() noexcept {
    pool& threads = *search_.shared().threads;
    if (!this->lend(use::waits)) return end(search_.how_stopped());
    threads.post(*this);
  }
  /// Calls f, in which the thread may hang. False: it is over, and this may be gone.
  template <class F>
  bool away(F f) noexcept {
    if (!this->lend(use::away)) return end(search_.how_stopped()), false;
    search_.begin_work();
    f();
    search_.end_work();
    if (this->take_back(use::away)) return true;
    search_.shared().note_back();
    this->leave();
    return false;
  }
  void end(progress how) noexcept {
    search_.note_end(how);
    Derived::report(this->finish(), how);
  }

  file_search search_;

 private:
  void revoked(bool is_away) noexcept override { search_.note_revoked(is_away); }
};

/// Looks at the head of a file.
template <class Branch>
class search::looking final : file_task<looking<Branch>, Branch> {
  using base = file_task<looking<Branch>, Branch>;
  friend base;

 public:
  static void start(std::shared_ptr<state> s, file& of, Branch branch, fanout::inplace_stop_token stop) {
    (new looking(std::move(s), of, std::move(branch)))->begin(stop);
  }

 private:
  using base::base;
  void go_on() noexcept {
    bool is_well = false;
    if (!this->away([&] { is_well = this->search_.look(); })) return;
    if (!is_well) return this->end(progress::failed);
    this->search_.note_seen();
    this->finish().set_value();  // it is still under way
  }
  static void report(Branch branch, progress how) noexcept {
    if (how == progress::failed) return branch.set_value();  // why, the file says
    branch.set_stopped();
  }
};

/// Emits what it finds, and waits while others are behind.
template <class Branch>
class search::streaming final : file_task<streaming<Branch>, Branch> {
  using base = file_task<streaming<Branch>, Branch>;
  friend base;

 public:
  static void start(std::shared_ptr<state> s, file& of, Branch branch, fanout::inplace_stop_token stop) {
    auto* const self = new streaming(std::move(s), of, std::move(branch));
    // So that others need not wait until this one is opened.
    const instant first = of.facts.first.value_or(of.facts.about.written_at);
    self->branch().watermark(first - self->search_.shared().what.what.reorder);
    self->begin(stop);
  }

 private:
  using base::base;
  void go_on() noexcept {
    file_search& search = this->search_;
    for (;;) {
      bool more = false;
      if (!this->away([&] { more = search.step(); })) return;
      search.note_progress();
      auto wish = fanout::flow::go;
      if (!search.found.empty()) wish = this->branch().emit(search.found);
      if (wish != fanout::flow::stop && more) wish = this->branch().watermark(search.stepped.bound);
      if (wish == fanout::flow::stop) return this->end(search.how_stopped());
      if (!more) return this->end(search.how());
      if (wish == fanout::flow::pause) {
        std::vector<line>().swap(search.found);  // its memory would wait, too
        this->branch().on_resume([this]() noexcept { this->go_on_later(); });
        return;  // another thread may be at it already
      }
      // The next ones, so that all come forward: the last of them decides what is final.
      if (search.shared().threads->is_wanted()) return this->go_on_later();
    }
  }
  static void report(Branch branch, progress how) noexcept {
    switch (how) {
      case progress::complete:
        return branch.set_value();
      case progress::failed:
        // The reason is in the file. The merge is to know only that its lines are not all.
        return branch.set_error(std::make_error_code(std::errc::io_error));
      default:
        return branch.set_stopped();
    }
  }
};

/// Only counts.
template <class Branch>
class search::counting final : file_task<counting<Branch>, Branch> {
  using base = file_task<counting<Branch>, Branch>;
  friend base;

 public:
  static void start(std::shared_ptr<state> s, file& of, Branch branch, fanout::inplace_stop_token stop) {
    (new counting(std::move(s), of, std::move(branch)))->begin(stop);
  }

 private:
  using base::base;
  void go_on() noexcept {
    for (bool more = true; more;) {
      if (!this->away([&] { more = this->search_.step(); })) return;
      this->search_.note_progress();
    }
    this->end(this->search_.how());
  }
  static void report(Branch branch, progress) noexcept {
    branch.set_value();  // also if it failed: what was counted counts
  }
};

search::search(job what, pool& threads, fanout::inplace_stop_token stop, std::function<void(const search&)> meanwhile)
    : state_(std::make_shared<state>(std::move(what), threads, stop)), meanwhile_(std::move(meanwhile)) {
  if (!state_->what.elapsed) {
    state_->what.elapsed = [begun = std::chrono::steady_clock::now()] {
      return std::chrono::nanoseconds(std::chrono::steady_clock::now() - begun);
    };
  }
}

bool search::is_stuck() const {
  using namespace std::chrono_literals;
  std::unique_lock lock(state_->mutex);
  // Some are in a read that ends in a moment.
  return !state_->came_back.wait_for(lock, 200ms, [&] { return state_->away == 0; });
}

std::vector<file*> search::under_way() const {
  std::vector<file*> files;
  for (const auto& f : state_->files) {
    if (f->ended() == progress::under_way) files.push_back(f.get());
  }
  return files;
}

// Each branch has what is left of the time. When it is up, it is over, whatever its thread waits for: so everybody reports, and there
// is no need to deliver before the last one has.
template <class Description>
auto search::wait(Description what) {
  using namespace std::chrono_literals;
  using time_point = fanout::timer::manual_timer::time_point;
  const std::chrono::nanoseconds begun = elapsed();
  state_->timer.run_until(time_point(begun));  // which the timeout counts from
  auto future = fanout::async(
      std::move(what).timeout(state_->time_left(begun), state_->timer).stop_on(state_->stop).monitor(outstanding_));
  const auto next = [&] {
    const auto due = state_->timer.next_expiry() - time_point(elapsed());
    return std::clamp<std::chrono::nanoseconds>(due, 1ms, 50ms);
  };
  for (;;) {
    state_->timer.run_until(time_point(elapsed()));
    state_->give_up_on_hosts();
    if (future.wait_for(next()) == std::future_status::ready) break;
    meanwhile_(*this);
  }
  auto outcome = future.get();
  if (!outcome && outcome.error().cause != fanout::errc::stopped) broken_ = outcome.error().cause.message();
  return outcome;
}

void search::list(const std::function<void()>& between) {
  find_files();
  between();
  look_at_files();
  forget_doubles();
}

void search::find_files() {
  const std::vector<host>& hosts = state_->what.hosts;
  const auto start = [s = state_](const host& h, auto branch, fanout::inplace_stop_token stop) {
    listing_task<decltype(branch)>::start(s, h, std::move(branch), stop);
  };
  outstanding_ = monitor_of(hosts);
  auto listed = wait(fanout::settle<listing>(std::cref(hosts), start));
  for (std::size_t h = 0; h != hosts.size(); ++h) {
    if (!listed || !(*listed)[h]) {
      state_->hosts[h]->refused.push_back(
          hosts[h].folder + ": " + (state_->how_stopped(h) == progress::stopped ? "stopped" : "the deadline came") +
          " before its files were listed");
      cut_short_ = true;
      continue;
    }
    listing& one = *(*listed)[h];
    std::move(one.files.begin(), one.files.end(), std::back_inserter(state_->files));
    state_->hosts[h]->refused = std::move(one.refused);
  }
  for (const auto& f : state_->files) {
    if (state_->what.output && f->facts.about.id == *state_->what.output)
      f->end(progress::failed, "is where the output goes: it was not searched");
  }
}

void search::look_at_files() {
  const auto start = [s = state_](file* f, auto branch, fanout::inplace_stop_token stop) {
    looking<decltype(branch)>::start(s, *f, std::move(branch), stop);
  };
  state_->todo = under_way();
  outstanding_ = monitor_of(state_->what.hosts, state_->todo);
  static_cast<void>(wait(fanout::settle<void>(state_->todo, start)));
}

// A file that goes by two names is searched once.
void search::forget_doubles() {
  std::set<std::pair<std::size_t, file_id>> known;
  std::erase_if(state_->files, [&](const std::unique_ptr<file>& f) {
    return f->ended() == progress::under_way && !known.insert({f->host, f->facts.about.id}).second;
  });
}

void search::merge(std::function<bool(const file&, line&&)> show) {
  auto sink = [s = state_, show = std::move(show)](std::size_t i, line&& l) {
    // Nobody knows what would have come between: what was final has been shown.
    if (s->stop.stop_requested()) return fanout::verdict::decided;
    if (show(*s->todo[i], std::move(l))) return fanout::verdict::go_on;
    s->is_enough.store(true, std::memory_order_relaxed);
    return fanout::verdict::decided;
  };
  const auto start = [s = state_](file* f, auto branch, fanout::inplace_stop_token stop) {
    streaming<decltype(branch)>::start(s, *f, std::move(branch), stop);
  };
  state_->todo = under_way();
  outstanding_ = monitor_of(state_->what.hosts, state_->todo);
  auto how = fanout::combine::merge<line>(std::move(sink), &line::at).tolerate().buffer(state_->what.buffered);
  static_cast<void>(wait(fanout::merge<line>(state_->todo, start, std::move(how))));
}

void search::count(std::function<bool(const file&)> show) {
  auto sink = [s = state_, show = std::move(show)](std::size_t i, const auto&) {
    if (show(*s->todo[i])) return fanout::verdict::go_on;
    s->is_enough.store(true, std::memory_order_relaxed);
    return fanout::verdict::decided;
  };
  const auto start = [s = state_](file* f, auto branch, fanout::inplace_stop_token stop) {
    counting<decltype(branch)>::start(s, *f, std::move(branch), stop);
  };
  state_->todo = under_way();
  outstanding_ = monitor_of(state_->what.hosts, state_->todo);
  static_cast<void>(wait(fanout::each<void>(state_->todo, start, std::move(sink))));
}

}  // namespace dgrep
