// SPDX-License-Identifier: BSL-1.0
#ifndef BY_HAND_HPP
#define BY_HAND_HPP

#include <cerrno>
#include <cstddef>
#include <memory>

/// The three bugs that this kind of code tends to have. Each is one line, and each passes most tests.
enum class bug {
  none,
  seed_n,       // count the branches only: the issuing code has no reference of its own
  racy_error,   // keep the error in a plain field
  touch_after,  // decrement, then look at the count once more
};

/// What the caller gets.
struct row_count {
  int rows = 0;    // in all shards
  int shards = 0;  // how many were asked
};

/// The caller's callback, and the remote library's.
using callback = void(int err, void* context);

/// The seed, written by hand: counts the rows of all shards. `count_one(i, out, callback, context)` counts those of
/// one. It returns -EINPROGRESS if it calls back, and otherwise the result: zero, or an error with a minus in front.
///
/// Platform is where atomics and shared fields come from: std's, or those of fanout's interleaving explorer, which
/// watches every access. The explorer tries every order; that is how the bugs are shown here. See 02_seed_n.cpp and
/// its neighbours.
template <class Platform, class Allocator, bug Planted = bug::none>
struct by_hand {
  template <class T>
  using atomic = typename Platform::template atomic<T>;
  template <class T>
  using cell = typename Platform::template cell<T>;

  static constexpr std::size_t max_shards = 8;

  // The context that all callbacks share.
  struct operation {
    row_count* result;  // the caller's, as are the next two
    callback* caller;
    void* caller_context;
    std::size_t num_shards;
    cell<int> rows[max_shards];  // one per shard, written by its callback
    cell<int> shards{0};         // written by the issuing code
    atomic<int> error{0};        // the first one
    cell<int> racy{0};           // the same, as bug::racy_error has it
    atomic<int> references;      // #callbacks to come + (1 while issuing)

    explicit operation(int seed) : references(seed) {}
  };
  using allocator = typename std::allocator_traits<Allocator>::template rebind_alloc<operation>;

  template <class CountOne>
  static int count_rows(std::size_t num_shards, CountOne count_one, row_count* result, callback* caller,
                        void* context) {
    if (num_shards > max_shards) return -E2BIG;
    allocator memory;
    const int seed = static_cast<int>(num_shards) + (Planted == bug::seed_n ? 0 : 1);
    operation* op = std::construct_at(memory.allocate(1), seed);
    op->result = result;
    op->caller = caller;
    op->caller_context = context;
    op->num_shards = num_shards;

    for (std::size_t i = 0; i != num_shards; ++i) {
      const int err = count_one(i, &op->rows[i], &one_is_done, op);
      if (err != -EINPROGRESS) one_is_done(err, op);
    }

    // All callbacks may have come by now. The extra reference is what makes it right to write this:
    op->shards = static_cast<int>(num_shards);
    if (Planted != bug::seed_n) release(op);
    return -EINPROGRESS;
  }

  static void one_is_done(int err, void* context) {
    auto* op = static_cast<operation*>(context);
    if (err != 0) {
      if (Planted == bug::racy_error) {
        op->racy = err;
      } else {
        int none = 0;
        op->error.compare_exchange_strong(none, err);
      }
    }
    release(op);
  }

  static void release(operation* op) {
    if (Planted == bug::touch_after) {
      op->references.fetch_sub(1);
      if (op->references.load() == 0) complete(op);
    } else {
      if (op->references.fetch_sub(1) == 1) complete(op);
    }
  }

  static void complete(operation* op) {
    const int err = Planted == bug::racy_error ? static_cast<int>(op->racy) : op->error.load();
    if (err == 0) {
      op->result->shards = op->shards;
      for (std::size_t i = 0; i != op->num_shards; ++i) op->result->rows += op->rows[i];
    }
    callback* const caller = op->caller;
    void* const caller_context = op->caller_context;
    allocator memory;
    std::destroy_at(op);
    memory.deallocate(op, 1);
    caller(err, caller_context);
  }
};

#endif
