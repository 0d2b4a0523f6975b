// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_REFCOUNT_CONCEPT_HPP
#define FANOUT_REFCOUNT_CONCEPT_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace fanout::refcount {

/// Bytes that a strategy wants in the operation's one allocation, beyond its own members. The alignment is the same for any
/// number of branches, and for more of them there are not fewer bytes. An alignment above that of any new memory (16) makes every
/// operation come from the aligned operator new, which is several times slower: rather ask for more bytes and round up inside.
struct storage_layout {
  std::size_t bytes = 0;
  std::size_t align = 1;
};

/// The weight of the issuer's reference in a flat count. A branch weighs 1 and a hold twice as much as the issuer, so that one
/// load tells how many branches are left, whether the operation is sealed, and that holds are not taken for branches.
inline constexpr std::uint64_t issuer_weight = std::uint64_t{1} << 32;
inline constexpr std::uint64_t hold_weight = std::uint64_t{1} << 33;

/// What a count can tell at a glance.
struct references_left {
  std::uint64_t branches;  // not released
  bool sealed;             // the issuer's is released
};
constexpr references_left references_of(std::uint64_t flat_count) noexcept {
  return {flat_count & (issuer_weight - 1), (flat_count & issuer_weight) == 0};
}

/// The largest number of branches of one operation (E20). It stays below `issuer_weight`, and 2^31 - 1 holds fit above it.
inline constexpr std::uint64_t max_branches = std::uint64_t{1} << 31;

/// How the count is kept.
///
/// What an implementer promises, for `n` branches and one issuer:
///  - construction from (n, storage) seeds the count; nothing is shared yet. It is noexcept, and so is the destructor; `storage_for`
///    is constexpr. `storage` points to at least
///    `storage_for(n).bytes` bytes of that alignment, and is null where that is zero; it lives as long as the strategy.
///  - `release(first, k)` drops the references of branches [first, first + k); `release_issuer(inline_done, not_started)`
///    drops the issuer's together with those of the branches that completed inline or were never started. Each branch is
///    dropped exactly once. **Exactly one** call of all returns true: the one after which no reference is left.
///  - everything that happens before any of these calls happens before the return of the one that returned true: release
///    on each path, acquire on each path that can be last.
///  - after a call that returned false the strategy may be gone: it decides from its own read-modify-write's result and
///    from locals only, and touches neither itself nor `storage` afterwards.
///  - none of them throws, blocks or allocates. (`checked`, which is for finding mistakes, takes a lock when it is made and destroyed.)
template <class S>
concept strategy = requires(S& count, std::size_t n, std::byte* storage, std::size_t first, std::uint64_t k) {
  typename S::platform;
  { S::storage_for(n) } -> std::same_as<storage_layout>;
  typename std::integral_constant<std::size_t, S::storage_for(0).align>;  // which is to be known when it is compiled
  S(n, storage);
  requires std::is_nothrow_constructible_v<S, std::size_t, std::byte*>;
  { count.release(first, k) } noexcept -> std::same_as<bool>;
  { count.release_issuer(k, k) } noexcept -> std::same_as<bool>;
};

/// Can take a reference for somebody who does not hold one: a stop callback, a deadline, a monitor. `try_hold()` increments
/// unless the count is zero (never from zero: that would complete twice) and says whether it did; `release_hold()` drops it
/// and is one more call that may be the last.
template <class S>
concept holdable = strategy<S> && requires(S& count) {
  { count.try_hold() } noexcept -> std::same_as<bool>;
  { count.release_hold() } noexcept -> std::same_as<bool>;
};

/// Can be looked at while it counts, N known: how many branches are left. Until the seal that includes branches that completed
/// inline, which the operation counts itself; whoever wants to know reads this first (acquire), then that. It may say more than there
/// are, for an instant; it never says fewer. Called with a hold.
template <class S>
concept observable = strategy<S> && requires(const S& count) {
  { count.references() } noexcept -> std::same_as<references_left>;
};

/// N unknown, counted up: `add(k)` adds the references of k more branches. Called through the issuing right only, before
/// those branches are started.
template <class S>
concept addable = strategy<S> && requires(S& count, std::uint64_t k) {
  { count.add(k) } noexcept -> std::same_as<void>;
};

/// N unknown, corrected once: seeded for n = 0 with a bias that no number of releases can reach, and told at the seal how
/// many branches there were. `correct(started, inline_done)` replaces `release_issuer`.
template <class S>
concept correctable = strategy<S> && requires(S& count, std::uint64_t k) {
  { count.correct(k, k) } noexcept -> std::same_as<bool>;
};

/// Does not care which branches are released together: `release_any(k)` drops the references of any k branches, where
/// `release(first, k)` needs them to be neighbours. A flat count can; one that is kept in parts, by index, cannot, and what a
/// batch has put together is released run by run there: a call for each [first, first + k).
template <class S>
concept anonymous = strategy<S> && requires(S& count, std::uint64_t k) {
  { count.release_any(k) } noexcept -> std::same_as<bool>;
};

/// Releases inside a batch scope wait for its end: see refcount::batched. A type, too, so that nobody else pays for the
/// question whether there is one.
template <class S>
concept joins_batches = strategy<S> && S::is_batched;

/// Each branch is to be released by its own index, those that complete inside their own start and those that were never started too,
/// which the issuer counts otherwise and releases together: for a strategy that keeps account of who has been released.
template <class S>
concept wants_each_branch = strategy<S> && S::wants_each;

/// Wants to hear of a C callback that comes a second time for branch `i`, while the operation lives: otherwise it is ignored where
/// assertions are off. (A handle completes once by its type.) The branch was released before, so nothing is to be counted.
template <class S>
concept wants_duplicates = strategy<S> && requires(S& count, std::size_t i) {
  { count.completed_again(i) } noexcept;
};

/// Counts the branches only: the issuing code has no reference. `release_issuer` is called only if some branches were not started, or
/// there are none; otherwise the operation is the branches' from the last start on.
template <class S>
concept without_issuer_reference = strategy<S> && !S::has_issuer_reference;

/// Never leaves one thread, which is a promise of the type's user: a type, never a run-time guess. The operation then
/// asks for no thread-local extent: a plain decrement is as cheap as an inline count.
template <class S>
concept single_threaded = strategy<S> && S::is_single_threaded;

}  // namespace fanout::refcount

#endif
