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
#include "fanout/timer/default_service.hpp"

namespace dgrep {

namespace {

/// Runs f(branch) on the pool.
template <class Branch, class F>
void run_on(pool& threads, Branch branch, F f) {
  struct posted : fanout::work {
    posted(Branch b, F g) : branch(std::move(b)), run_it(std::move(g)) {
      this->run = [](fanout::work* w) noexcept {
        const std::unique_ptr<posted> self(static_cast<posted*>(w));
        try {
          self->run_it(std::move(self->branch));
        } catch (...) {
          // Its branch is dropped, which is its report.
        }
      };
    }
    Branch branch;
    F run_it;
  };
  threads.post(*new posted(std::move(branch), std::move(f)));
}

/// What lies in a host's folder, in the order of names; a folder that cannot be read is named in `refused`, and the rest goes on.
std::vector<std::unique_ptr<file>> files_of(const host& h, std::size_t index, std::vector<std::string>& refused) {
  namespace fs = std::filesystem;
  std::vector<std::unique_ptr<file>> files;
  const auto add = [&](std::string name, std::string path) {
    auto f = std::make_unique<file>();
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

}  // namespace

/// A search of one file, on whichever thread of the pool takes it up. Owns itself.
class search::task : public fanout::work {
 protected:
  task(std::shared_ptr<state> s, file& of) : state_(std::move(s)), file_(&of) {}
  task(const task&) = delete;
  task& operator=(const task&) = delete;
  ~task() = default;

  // The file is opened by the one that begins to read it. False: the file has failed.
  bool open() {
    if (scan_) return true;
    auto opened = state_->what.open(file_->path);
    if (auto* t = std::get_if<trouble>(&opened)) {
      why_ = std::move(t->text);
      return false;
    }
    auto& from = std::get<source>(opened);
    file_facts facts = file_->facts;
    facts.about = from.about();
    scan_.emplace(state_->what.what, std::move(from), facts);
    return true;
  }
  // The next block. True: there is more.
  bool step() {
    const scan::findings before = scan_->so_far();
    stepped_ = scan_->step(found_);
    const scan::findings& now = scan_->so_far();
    // relaxed: numbers for whoever watches
    state_->bytes.fetch_add(now.bytes - before.bytes, std::memory_order_relaxed);
    state_->matches.fetch_add(now.matches - before.matches, std::memory_order_relaxed);
    if (stepped_.trouble) why_ = std::move(stepped_.trouble->text);
    return !stepped_.done;
  }
  bool is_late() const {
    const auto& limit = state_->what.host_timeout;
    return limit && std::chrono::steady_clock::now() - state_->begun > *limit;
  }
  progress how() const noexcept { return why_.empty() ? progress::complete : progress::failed; }
  void note_end(progress how) noexcept {
    if (scan_) file_->found = scan_->so_far();
    const std::lock_guard guard(state_->mutex);
    state_->done.fetch_add(1, std::memory_order_relaxed);
    file_->end(how, std::move(why_));
    state_->ended.notify_all();
  }
  void note_exception() noexcept {
    try {
      throw;
    } catch (const std::exception& e) {
      try {
        why_ = e.what();
      } catch (...) {}
    }
    if (why_.empty()) why_ = "?";
  }

  std::shared_ptr<state> state_;
  file* file_;
  std::optional<scan> scan_;
  scan::stepped stepped_;
  std::vector<line> found_;
  std::string why_;
};

/// Emits what it finds, and waits while others are behind.
template <class Branch>
class search::streaming final : task {
 public:
  /// pre: nothing has been emitted by the branch
  static void start(std::shared_ptr<state> s, file& of, Branch branch, fanout::inplace_stop_token stop) {
    auto* const self = new streaming(std::move(s), of, std::move(branch), stop);
    // So that others need not wait until this one is opened.
    self->branch_.watermark(of.facts.first.value_or(of.facts.about.written_at));
    self->state_->threads->post(*self);
  }

 private:
  streaming(std::shared_ptr<state> s, file& of, Branch branch, fanout::inplace_stop_token stop)
      : task(std::move(s), of), branch_(std::move(branch)), stop_(stop) {
    this->run = [](fanout::work* w) noexcept { static_cast<streaming*>(w)->go_on(); };
  }

  void go_on() noexcept {
    try {
      if (!this->open()) return end(progress::failed);
      for (;;) {
        if (stop_.stop_requested()) return end(progress::stopped);
        if (this->is_late()) return end(progress::timed_out);
        this->found_.clear();
        const bool more = this->step();
        auto wish = fanout::flow::go;
        if (!this->found_.empty()) wish = branch_.emit(this->found_);
        if (wish != fanout::flow::stop && more) wish = branch_.watermark(this->stepped_.bound);
        if (wish == fanout::flow::stop) return end(progress::stopped);
        if (!more) return end(this->how());
        if (wish == fanout::flow::pause) {
          branch_.on_resume([this]() noexcept { this->state_->threads->post(*this); });
          return;  // another thread may be at it already
        }
      }
    } catch (...) {
      this->note_exception();
      end(progress::failed);
    }
  }
  void end(progress how) noexcept {
    this->note_end(how);
    Branch branch = std::move(branch_);
    delete this;
    switch (how) {
      case progress::complete:
        return branch.set_value();
      case progress::stopped:
        return branch.set_stopped();
      default:
        // The reason is in the file. The merge is to know only that its lines are not all.
        return branch.set_error(std::make_error_code(std::errc::io_error));
    }
  }

  Branch branch_;
  fanout::inplace_stop_token stop_;
};

/// Only counts.
template <class Branch>
class search::counting final : task {
 public:
  static void start(std::shared_ptr<state> s, file& of, Branch branch, fanout::inplace_stop_token stop) {
    auto* const self = new counting(std::move(s), of, std::move(branch), stop);
    self->state_->threads->post(*self);
  }

 private:
  counting(std::shared_ptr<state> s, file& of, Branch branch, fanout::inplace_stop_token stop)
      : task(std::move(s), of), branch_(std::move(branch)), stop_(stop) {
    this->run = [](fanout::work* w) noexcept { static_cast<counting*>(w)->all(); };
  }
  void all() noexcept {
    progress how = progress::failed;
    try {
      if (this->open()) {
        do {
          how = stop_.stop_requested() ? progress::stopped : this->is_late() ? progress::timed_out : progress::complete;
        } while (how == progress::complete && this->step());
        if (how == progress::complete) how = this->how();
      }
    } catch (...) {
      this->note_exception();
      how = progress::failed;
    }
    this->note_end(how);
    Branch branch = std::move(branch_);
    delete this;
    branch.set_value();  // also if it failed: what was counted counts
  }

  Branch branch_;
  fanout::inplace_stop_token stop_;
};

search::search(job what, pool& threads, fanout::inplace_stop_token stop, std::function<void(const search&)> meanwhile)
    : state_(std::make_shared<state>(std::move(what), &threads)), stop_(stop), meanwhile_(std::move(meanwhile)) {
  state_->refused.resize(state_->what.hosts.size());
}

bool search::is_stuck() const noexcept { return timed_out_ && is_under_way(); }

bool search::is_under_way() const noexcept {
  return std::any_of(state_->files.begin(), state_->files.end(),
                     [](const auto& f) { return f->ended() == progress::under_way; });
}

std::vector<file*> search::under_way() const {
  std::vector<file*> files;
  for (const auto& f : state_->files) {
    if (f->ended() == progress::under_way) files.push_back(f.get());
  }
  return files;
}

std::chrono::nanoseconds search::time_left() const {
  const auto& limit = state_->what.timeout;
  if (!limit) return std::chrono::nanoseconds::max();
  return *limit - (std::chrono::steady_clock::now() - state_->begun);
}

template <class Future>
auto search::wait(Future future) {
  using namespace std::chrono_literals;
  while (future.wait_for(50ms) != std::future_status::ready) meanwhile_(*this);
  auto outcome = future.get();
  if (!outcome) {
    const auto& failed = outcome.error();
    if (failed.cause == fanout::errc::deadline) {
      timed_out_ = true;
    } else if (failed.cause != fanout::errc::stopped) {
      broken_ = failed.cause.message();
    }
  }
  return outcome;
}

// Delivered at decided, because one may never end. Whoever can, ends within a block.
void search::wait_for_searches() {
  using namespace std::chrono_literals;
  while (is_under_way()) {
    if (time_left() <= 0ns) {
      timed_out_ = true;
      return;
    }
    {
      std::unique_lock lock(state_->mutex);
      state_->ended.wait_for(lock, 50ms, [&] { return !is_under_way(); });
    }
    meanwhile_(*this);
  }
}

void search::list() {
  struct listing {
    std::vector<std::unique_ptr<file>> files;
    std::vector<std::string> refused;
  };
  const auto list_one = [s = state_](const host& h, auto branch) {
    run_on(*s->threads, std::move(branch), [&h, s](auto b) {
      listing l;
      l.files = files_of(h, static_cast<std::size_t>(&h - s->what.hosts.data()), l.refused);
      b.set_value(std::move(l));
    });
  };
  auto listed = wait(fanout::async(fanout::settle<listing>(std::ref(state_->what.hosts), list_one).stop_on(stop_)));
  if (!listed) return;
  for (std::size_t h = 0; h != state_->what.hosts.size(); ++h) {
    auto one = (*listed)[h];
    if (!one) {
      state_->refused[h].push_back(state_->what.hosts[h].folder + ": " + one.error().message());
      continue;
    }
    std::move(one->files.begin(), one->files.end(), std::back_inserter(state_->files));
    state_->refused[h] = std::move(one->refused);
  }

  const auto look = [s = state_](file* f, auto branch, fanout::inplace_stop_token stop) {
    run_on(*s->threads, std::move(branch), [&f = *f, s, stop](auto b) {
      if (stop.stop_requested()) {
        f.end(progress::stopped);
        return b.set_stopped();
      }
      auto seen = look_at(f.path, s->what.what);
      if (auto* t = std::get_if<trouble>(&seen)) {
        f.end(progress::failed, std::move(t->text));
      } else {
        f.facts = std::get<file_facts>(seen);
      }
      b.set_value();
    });
  };
  state_->todo = under_way();
  static_cast<void>(wait(fanout::async(fanout::settle<void>(state_->todo, look).stop_on(stop_))));

  // A file that goes by two names, or was renamed meanwhile, is searched once.
  std::set<std::tuple<std::size_t, std::uint64_t, std::uint64_t>> known;
  std::erase_if(state_->files, [&](const std::unique_ptr<file>& f) {
    const source::facts& about = f->facts.about;
    return f->ended() == progress::under_way && !known.insert({f->host, about.device, about.inode}).second;
  });
}

void search::merge(std::function<bool(const file&, line&&)> show) {
  state_->todo = under_way();
  auto sink = [s = state_, stop = stop_, show = std::move(show)](std::size_t i, line&& l) {
    // Nobody knows what would have come between: what was final has been shown.
    if (stop.stop_requested()) return fanout::verdict::decided;
    return show(*s->todo[i], std::move(l)) ? fanout::verdict::go_on : fanout::verdict::decided;
  };
  const auto start = [s = state_](file* f, auto branch, fanout::inplace_stop_token stop) {
    streaming<decltype(branch)>::start(s, *f, std::move(branch), stop);
  };
  auto how = fanout::combine::merge<line>(std::move(sink), &line::at).tolerate().buffer(state_->what.buffered);
  static_cast<void>(wait(fanout::async(fanout::merge<line>(state_->todo, start, std::move(how))
                                           .stop_on(stop_)
                                           .deadline(time_left())
                                           .on_deadline(fanout::partial)
                                           .deliver_at(fanout::decided))));
  wait_for_searches();
}

void search::count(std::function<bool(const file&)> show) {
  state_->todo = under_way();
  auto sink = [s = state_, show = std::move(show)](std::size_t i, const auto&) {
    return show(*s->todo[i]) ? fanout::verdict::go_on : fanout::verdict::decided;
  };
  const auto start = [s = state_](file* f, auto branch, fanout::inplace_stop_token stop) {
    counting<decltype(branch)>::start(s, *f, std::move(branch), stop);
  };
  static_cast<void>(wait(fanout::async(fanout::each<void>(state_->todo, start, std::move(sink))
                                           .stop_on(stop_)
                                           .deadline(time_left())
                                           .deliver_at(fanout::decided))));
  wait_for_searches();
}

}  // namespace dgrep
