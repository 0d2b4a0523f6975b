// SPDX-License-Identifier: BSL-1.0
// A callback of a shape that fanout does not know: no context argument of its own. It travels inside the request,
// together with the result, as in libuv. What it takes is `request_callback`, a policy of 15 lines.
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"

// ---- somebody else's library: a loop that looks up the sizes of things ----------------------------------------------

struct request {
  void* data;  // the caller's
  long size;   // the result
  int status;  // zero, or an errno value with a minus in front
  void (*done)(request*, int status);
};

class loop {
 public:
  // Zero: `done` will be called by run(). Otherwise the request is refused, and it will not.
  int look_up(request* r, const char* name, void (*done)(request*, int status)) {
    if (name[0] == '\0') return -EINVAL;
    r->done = done;
    r->size = 0;
    for (const char* c = name; *c != '\0'; ++c) r->size += 100;
    r->status = name[0] == '?' ? -ENOENT : 0;
    waiting_.push_back(r);
    return 0;
  }

  // The last request first: nobody promised an order.
  void run() {
    while (!waiting_.empty()) {
      request* r = waiting_.back();
      waiting_.pop_back();
      r->done(r, r->status);
    }
  }

 private:
  std::vector<request*> waiting_;
};

// ---- the policy -----------------------------------------------------------------------------------------------------

struct request_callback : fanout::handler {
  template <class Door>
  static void function(request* r, int status) noexcept {
    if (status != 0) return Door::set_error(r->data, fanout::errno_error(status));
    Door::value(r->data) = r->size;
    Door::set_value(r->data);
  }

  // What the initiator's return value means. It reports nothing but refusals.
  static constexpr bool completes_later(int status) noexcept { return status == 0; }
  static constexpr bool succeeded(int) noexcept { return false; }
  static std::error_code error(int status) noexcept { return fanout::errno_error(status); }
};
static_assert(fanout::c_initiator_policy<request_callback>);

// ---- the program ----------------------------------------------------------------------------------------------------

int main() {
  const std::vector<const char*> names{"ant", "", "elephant", "?", "bee"};
  std::vector<request> requests(names.size());
  loop events;

  {
    auto issuer =
        fanout::issue<long, request_callback>(names.size(), fanout::combine::settle, [&](auto outcome) noexcept {
          for (auto size : *outcome) {
            if (size) {
              std::printf("%s: %ld\n", names[size.index()], *size);
            } else {
              std::printf("'%s' failed: %s\n", names[size.index()], size.error().message().c_str());
            }
          }
        });
    for (std::size_t i = 0; i != names.size(); ++i) {
      issuer.start_c(i, [&](long*, auto callback, void* context) {
        requests[i].data = context;
        return events.look_up(&requests[i], names[i], callback);
      });
    }
    std::printf("%zu requests\n", issuer.started());
  }
  events.run();
  std::puts("done");
}
