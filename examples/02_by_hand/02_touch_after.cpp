// SPDX-License-Identifier: BSL-1.0
// needs: explorer
// Bug 3: the count is decremented, and then read. Between the two, somebody else may take it to zero and free the
// operation. Only the decrement's own result may decide; after it, the operation is not to be touched by those who
// were not the last.
#include "every_order.hpp"

int main() {
  return every_order::compare<bug::touch_after>("decrement, then look at the count", "the decrement's result decides",
                                                {0, 0})
             ? 0
             : 1;
}
