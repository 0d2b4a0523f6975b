// SPDX-License-Identifier: BSL-1.0
// needs: explorer
// Bug 1: the count begins at N instead of N + 1. Then the last callback frees the operation while the code that
// issues is still using it. A test does not see it as long as the callbacks are slower than the issuing code. The
// explorer stops at the first thing that nothing orders: what the completion reads, the issuing code may still be
// writing. A step later, the write goes to freed memory.
#include "every_order.hpp"

int main() { return every_order::compare<bug::seed_n>("the count begins at N", "it begins at N + 1", {0, 0}) ? 0 : 1; }
