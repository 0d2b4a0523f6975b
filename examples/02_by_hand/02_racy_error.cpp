// SPDX-License-Identifier: BSL-1.0
// needs: explorer
// Bug 2: every callback that fails assigns to one plain field, `ctx->err = err`. Two that fail at once race.
// (`volatile` does not help: it orders nothing between threads.)
#include <cerrno>

#include "every_order.hpp"

int main() {
  return every_order::compare<bug::racy_error>("the error is a plain field", "the first error wins a compare-exchange",
                                               {-EIO, -ENOENT})
             ? 0
             : 1;
}
