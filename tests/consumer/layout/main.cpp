// SPDX-License-Identifier: BSL-1.0
// One program of differently compiled files: they agree about every layout, exchange results, and complete the branches of
// one operation together.
#include <array>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <utility>

#include "layout.hpp"

namespace {

int disagreements = 0;

void check(bool holds, const unit& u, const char* what) {
  if (holds) return;
  std::printf("the file compiled %s: %s\n", u.how, what);
  ++disagreements;
}

void compare_layouts(const unit& expected, const unit& actual) {
  const layout* e = expected.layouts;
  for (const layout* a = actual.layouts; e->name != nullptr; ++e, ++a) {
    if (e->size == a->size && e->alignment == a->alignment) continue;
    std::printf("%s: size %zu, alignment %zu in the file compiled %s, but size %zu, alignment %zu %s\n", e->name,
                e->size, e->alignment, expected.how, a->size, a->alignment, actual.how);
    ++disagreements;
  }
}

// The C context is the slot, so these are the offsets within one, and its distance from the next.
void compare_slots(const unit& expected, const unit& actual) {
  int sum = 0;
  auto issuer = expected.issue(2, &sum);
  std::array<c_branch, 2> slots;
  issuer.start(0, [&](sum_branch branch) { slots[0] = expected.release(std::move(branch)); });
  issuer.start(1, [&](sum_branch branch) { slots[1] = actual.release(std::move(branch)); });
  expected.seal(std::move(issuer));
  const auto at = [](const void* p) { return static_cast<const std::byte*>(p); };
  check(at(slots[0].out) - at(slots[0].context) == at(slots[1].out) - at(slots[1].context), actual,
        "a branch's value lies elsewhere in its slot");
  *slots[0].out = 3;
  *slots[1].out = 4;
  // Each through the other file's function.
  slots[1].callback(0, slots[0].context);
  slots[0].callback(0, slots[1].context);
  check(sum == 7, actual, "values that C callbacks of two files left do not add up");
}

// One file makes the operation, another starts and completes its branches, a third seals it.
void work_together(const unit& makes, const unit& completes, const unit& seals) {
  int sum = 0;
  auto issuer = makes.issue(3, &sum);
  sum_branch kept;
  issuer.start(0, [&](sum_branch branch) { completes.complete(std::move(branch), 1); });
  issuer.start(1, [&](sum_branch branch) { kept = std::move(branch); });
  issuer.start(2, [&](sum_branch branch) {
    const c_branch c = completes.release(std::move(branch));
    *c.out = 4;
    c.callback(0, c.context);
  });
  seals.seal(std::move(issuer));
  completes.complete(std::move(kept), 2);
  check(sum == 7, completes, "the branches that it completed of another file's operation do not add up");
}

void listen_together(const unit& u) {
  fanout::inplace_stop_source source;
  int told = 0;
  void* const told_first = u.listen(source.get_token(), &told);
  void* const forgotten = u.listen(source.get_token(), &told);
  u.forget(forgotten);
  check(!u.stop_requested(source.get_token()), u, "its stop token says too much");
  source.request_stop();
  check(u.stop_requested(source.get_token()) && told == 1, u, "a request to stop does not arrive there");
  u.forget(told_first);
}

}  // namespace

int main() {
  const unit* const units[] = {&cxx20, &cxx23, &ndebug, &no_exceptions};
  for (const unit* u : units) compare_layouts(cxx20, *u);
  if (disagreements != 0) return 1;  // working together on what they disagree about could only crash

  for (const unit* u : units) {
    check(u->value(7) == 7, *u, "its value of a result reads differently here");
    check(u->error().error() == fanout::errc::deadline, *u, "its error category is not the one of this file");
    const int_values values = u->wait(5, 6);
    check(values && values->size() == 2 && (*values)[0] == 5 && (*values)[1] == 6, *u,
          "its values read differently here");
    listen_together(*u);
    for (const unit* other : units) {
      compare_slots(*u, *other);
      for (const unit* third : units) work_together(*u, *other, *third);
    }
  }

  int sum = 0;
  {
    auto issuer = issue_sum(std::size(units), &sum);
    for (std::size_t i = 0; i != std::size(units); ++i) {
      issuer.start(i, [u = units[i]](sum_branch branch) { u->complete(std::move(branch), 1); });
    }
  }
  check(sum == 4, cxx20, "four branches that four files completed do not add up");
  return disagreements == 0 ? 0 : 1;
}
