// SPDX-License-Identifier: BSL-1.0
#include "print.hpp"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <simdjson.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

namespace dgrep {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* reset = "\033[0m";
constexpr const char* of_match = "\033[1;31m";
constexpr const char* of_number = "\033[32m";
constexpr const char* of_file = "\033[35m";
constexpr const char* of_hosts[] = {"\033[36m", "\033[33m", "\033[34m", "\033[32m", "\033[35m", "\033[31m"};

std::string base64(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k != 3; ++k) {
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k != 4; ++k) {
      text += i + k <= bytes.size() ? digits[three >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// Names of files are bytes, too.
void put(json& to, const char* key, std::string_view bytes) {
  if (is_utf8(bytes)) {
    to[key] = bytes;
  } else {
    to[key + std::string("_base64")] = base64(bytes);
  }
}

const char* name_of(progress p) {
  switch (p) {
    case progress::complete:
      return "complete";
    case progress::failed:
      return "failed";
    case progress::timed_out:
      return "deadline";
    default:
      return "stopped";
  }
}

}  // namespace

printer::printer(const print_options& options, const std::vector<host>& hosts, const pattern* highlighted)
    : options_(options), hosts_(&hosts), highlighted_(highlighted) {}

bool printer::show(const file& of, line&& l) {
  const std::lock_guard guard(mutex_);
  if (broken_) return false;
  // What is context of the last one, behind it, is shown.
  if (shown_ >= options_.limit && l.number <= l.match) return false;
  if (l.matches()) ++shown_;
  if (options_.tail) {
    keep(of, std::move(l));
    return true;
  }
  write(of, l);
  if (out_.size() >= std::size_t{64} << 10) drain();
  return !broken_ && (shown_ < options_.limit || l.number < l.match + options_.after);
}

void printer::keep(const file& of, line&& l) {
  if (l.matches() && ++kept_ > *options_.tail) {  // the oldest goes, with its context
    const file* const whose = tail_.front().of;
    const std::uint64_t match = tail_.front().l.match;
    while (!tail_.empty() && tail_.front().of == whose && tail_.front().l.match == match) tail_.pop_front();
    --kept_;
  }
  kept& k = tail_.emplace_back();
  k.of = &of;
  k.text = l.view();
  k.l = std::move(l);
  k.l.memory.reset();
}

void printer::finish() {
  const std::lock_guard guard(mutex_);
  for (kept& k : tail_) {
    k.l.text = k.text.data();
    write(*k.of, k.l);
  }
  tail_.clear();
}

void printer::write(const file& of, const line& l) {
  if (options_.json) return write_json(of, l);
  if (options_.has_context) {
    if (last_file_ != nullptr && (last_file_ != &of || l.number != last_number_ + 1)) out_ += "--\n";
    last_file_ = &of;
    last_number_ = l.number;
  }
  write_prefix(of, l.number, l.matches() ? ':' : '-');
  write_text(l);
  out_ += '\n';
}

void printer::write_colored(std::string_view what, const char* color) {
  if (!options_.color) {
    out_ += what;
    return;
  }
  out_ += color;
  out_ += what;
  out_ += reset;
}

void printer::write_prefix(const file& of, std::uint64_t number, char separator) {
  write_colored((*hosts_)[of.host].name, of_hosts[of.host % std::size(of_hosts)]);
  out_ += separator;
  write_colored(of.name, of_file);
  out_ += separator;
  if (number == 0) return;
  write_colored(std::to_string(number), of_number);
  out_ += separator;
}

void printer::write_text(const line& l) {
  const std::string_view text = l.view();
  if (!options_.color || highlighted_ == nullptr || !l.matches()) {
    out_ += text;
    return;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view match = highlighted_->match_in(text, at);
    const auto begin = static_cast<std::size_t>(match.data() - text.data());
    if (match.empty() && begin >= text.size()) break;
    out_ += text.substr(at, begin - at);
    if (match.empty()) {
      out_ += text[begin];
      at = begin + 1;
    } else {
      write_colored(match, of_match);
      at = begin + match.size();
    }
  }
  if (at < text.size()) out_ += text.substr(at);
}

void printer::write_json(const file& of, const line& l) {
  json record;
  put(record, "host", (*hosts_)[of.host].name);
  put(record, "file", of.name);
  record["line"] = l.number;
  if (l.time != before_all) record["time"] = to_string(l.time);
  if (!l.matches()) record["context"] = true;
  if (l.cut) record["cut"] = true;
  put(record, "text", l.view());
  out_ += record.dump();
  out_ += '\n';
}

void printer::show_count(const file& of) {
  const std::lock_guard guard(mutex_);
  if (options_.json) {
    json record;
    put(record, "host", (*hosts_)[of.host].name);
    put(record, "file", of.name);
    record["count"] = of.found.matches;
    out_ += record.dump();
  } else {
    write_prefix(of, 0, ':');
    out_ += std::to_string(of.found.matches);
  }
  out_ += '\n';
}

void printer::show_name(const file& of) {
  const std::lock_guard guard(mutex_);
  if (options_.json) {
    json record;
    put(record, "host", (*hosts_)[of.host].name);
    put(record, "file", of.name);
    out_ += record.dump();
  } else {
    write_prefix(of, 0, ':');
    out_.pop_back();  // nothing follows
  }
  out_ += '\n';
}

void printer::show_summary(const search& s, bool complete) {
  if (!options_.json) return;
  const std::lock_guard guard(mutex_);
  json hosts = json::array();
  for (std::size_t h = 0; h != hosts_->size(); ++h) {
    json one;
    put(one, "name", (*hosts_)[h].name);
    std::uint64_t files = 0, matches = 0;
    json troubles = json::array();
    for (const std::string& why : s.refused(h)) troubles.push_back(is_utf8(why) ? why : base64(why));
    for (const auto& f : s.files()) {
      if (f->host != h) continue;
      ++files;
      const progress p = f->ended();
      if (p != progress::under_way) matches += f->found.matches;
      if (p == progress::complete || (complete && p == progress::stopped)) continue;  // enough is no trouble
      json t;
      put(t, "file", f->name);
      t["state"] = name_of(p);
      if (p == progress::failed) put(t, "why", f->why);
      troubles.push_back(std::move(t));
    }
    one["files"] = files;
    one["matches"] = matches;
    if (!troubles.empty()) one["incomplete"] = std::move(troubles);
    hosts.push_back(std::move(one));
  }
  json record;
  record["summary"] = {{"complete", complete}, {"bytes", s.bytes()}, {"hosts", std::move(hosts)}};
  out_ += record.dump();
  out_ += '\n';
}

void printer::show_status(std::string_view what) {
  const std::unique_lock guard(mutex_, std::try_to_lock);
  if (!guard) return;  // whoever has it may wait for a reader
  wipe_status();
  std::fprintf(stderr, "%.*s", static_cast<int>(what.size()), what.data());
  has_status_ = true;
}

void printer::clear_status() {
  const std::lock_guard guard(mutex_);
  wipe_status();
}

void printer::wipe_status() {
  if (std::exchange(has_status_, false)) std::fputs("\r\033[K", stderr);
}

bool printer::flush() {
  const std::lock_guard guard(mutex_);
  return drain();
}

void printer::flush_some() {
  const std::unique_lock guard(mutex_, std::try_to_lock);
  if (!guard) return;
  std::size_t done = 0;
  // So much a pipe takes at once when it takes anything.
  for (pollfd to{options_.descriptor, POLLOUT, 0}; done != out_.size() && ::poll(&to, 1, 0) == 1;) {
    if (done == 0) wipe_status();
    if (!write_some(done, std::min<std::size_t>(out_.size() - done, PIPE_BUF))) break;
  }
  out_.erase(0, done);
}

bool printer::drain() {
  if (!out_.empty()) wipe_status();
  std::size_t done = 0;
  while (done != out_.size() && write_some(done, out_.size() - done)) {}
  out_.clear();
  return !broken_;
}

// False: nobody reads it any more.
bool printer::write_some(std::size_t& done, std::size_t size) {
  if (broken_) return false;
  const ssize_t n = ::write(options_.descriptor, out_.data() + done, size);
  if (n >= 0) {
    done += static_cast<std::size_t>(n);
  } else if (errno == EAGAIN) {  // somebody has made it so; it is no error
    pollfd to{options_.descriptor, POLLOUT, 0};
    ::poll(&to, 1, -1);
  } else if (errno != EINTR) {
    broken_ = true;
    error_ = errno;
  }
  return !broken_;
}

std::string printer::trouble() const {
  if (!broken_ || error_ == EPIPE) return {};
  return "cannot write what was found: " + std::generic_category().message(error_);
}

}  // namespace dgrep
